// From a target's host to its addresses. Promises: DNS is asked again for each connection; what hangs there is
// given up after the timeout, and not asked a second time while the first question is under way (getaddrinfo
// holds a thread of Node's pool for as long as it hangs). While DNS does not answer, the addresses of its last
// answer serve; a name that DNS says it does not know serves no longer.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { codeOf } from '../../base/fault.ts';
import type { Resolve } from './transport.ts';
import { nameTrouble, type Trouble } from './trouble.ts';

/** More addresses of one name are not tried. */
const ADDRESSES_MAX = 16;

export type Found =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly trouble: Trouble };

type Answer = { readonly addresses: readonly string[] } | { readonly error: unknown };

async function askSystem(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

const NOT_KNOWN: readonly (string | undefined)[] = ['ENOTFOUND', 'ENODATA'];

/** An answer without an address is an error as well; undefined: there was none in time. */
function errorOf(answer: Answer | undefined): Error | undefined {
  if (answer === undefined) return undefined;
  if (!('error' in answer)) return Object.assign(new Error('no address'), { code: 'ENODATA' });
  return answer.error instanceof Error ? answer.error : new Error(String(answer.error));
}

export class Names {
  readonly #resolve: Resolve;
  readonly #timeoutMs: number;
  readonly #asking = new Map<string, Promise<Answer>>();
  readonly #known = new Map<string, readonly string[]>();

  constructor(resolve: Resolve | undefined, timeoutMs: number) {
    this.#resolve = resolve ?? askSystem;
    this.#timeoutMs = timeoutMs;
  }

  async find(host: string): Promise<Found> {
    if (isIP(host) !== 0) return { ok: true, addresses: [host] };
    const answer = await this.#inTime(this.#ask(host));
    if (answer !== undefined && 'addresses' in answer && answer.addresses.length > 0) {
      this.#known.set(host, answer.addresses);
      return { ok: true, addresses: answer.addresses.slice(0, ADDRESSES_MAX) };
    }
    return this.#without(host, answer);
  }

  #without(host: string, answer: Answer | undefined): Found {
    const error = errorOf(answer);
    if (NOT_KNOWN.includes(codeOf(error))) this.#known.delete(host);
    const addresses = this.#known.get(host);
    if (addresses !== undefined) return { ok: true, addresses: addresses.slice(0, ADDRESSES_MAX) };
    return { ok: false, trouble: nameTrouble(host, error, this.#timeoutMs) };
  }

  #ask(host: string): Promise<Answer> {
    const asking = this.#asking.get(host);
    if (asking !== undefined) return asking;
    const asked = this.#resolve(host)
      .then((addresses): Answer => ({ addresses }))
      .catch((error: unknown): Answer => ({ error }))
      .finally(() => this.#asking.delete(host));
    this.#asking.set(host, asked);
    return asked;
  }

  async #inTime(asked: Promise<Answer>): Promise<Answer | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((done) => {
      timer = setTimeout(done, this.#timeoutMs, undefined);
    });
    try {
      return await Promise.race([asked, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
