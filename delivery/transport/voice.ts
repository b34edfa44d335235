// What a transport says in the log: that it delivers, and to whom; that it does not, and why. Promises: a
// change is said once, and no more than once a minute, however often a connection comes and goes; what was said
// to be broken is said to be mended.

import type { Facts, Log } from '../../base/log.ts';
import { printSpan } from '../../base/units.ts';
import type { Trouble } from './trouble.ts';

const SAY_EVERY_MS = 60_000;

interface Said {
  atMs: number;
  more: number;
}

export class TransportVoice {
  readonly #log: Log;
  readonly #facts: Facts;
  readonly #now: () => number;
  readonly #name: string;
  readonly #said = new Map<string, Said>();
  /** Since when nothing is delivered, and what was said of it; undefined while it is well. */
  #brokenSinceMs: number | undefined;
  #saidWhy: string | undefined;
  #hasDelivered = false;

  constructor(log: Log, name: string, now: () => number) {
    this.#log = log;
    this.#name = name;
    this.#facts = { destination: name };
    this.#now = now;
  }

  delivering(target: string, peer: string, failures: number): void {
    const brokenMs = this.#brokenSinceMs === undefined ? 0 : Math.max(0, this.#now() - this.#brokenSinceMs);
    this.#brokenSinceMs = undefined;
    const isNews = !this.#hasDelivered || this.#saidWhy !== undefined;
    this.#hasDelivered = true;
    this.#saidWhy = undefined;
    if (!isNews) return;
    const tries = failures > 1 ? `${failures} tries` : 'one try';
    const after = failures > 0 ? `, after ${tries} that failed (${printSpan(brokenMs)})` : '';
    this.#log.info(
      `Delivering ${this.#name} to ${target}${target.endsWith(peer) ? '' : ` (${peer})`}${after}.`,
      {
        ...this.#facts,
        event: 'delivering',
      },
    );
  }

  notDelivering(trouble: Trouble): void {
    this.#brokenSinceMs ??= this.#now();
    if (trouble.why === this.#saidWhy) return;
    const mend = trouble.mend === undefined ? '' : ` ${trouble.mend}`;
    const sentence = `Not delivering ${this.#name}: ${trouble.why}; messages wait, and it is tried again.${mend}`;
    if (this.warn('not_delivering', sentence)) this.#saidWhy = trouble.why;
  }

  /** `event` comes from a closed set. False: it has just been said, and was counted. */
  warn(event: 'not_delivering' | 'refused' | 'cut', sentence: string): boolean {
    const nowMs = this.#now();
    const said = this.#said.get(event);
    if (said !== undefined && Math.abs(nowMs - said.atMs) < SAY_EVERY_MS) {
      said.more += 1;
      return false;
    }
    const notSaid = said === undefined || said.more === 0 ? {} : { notSaid: said.more };
    this.#log.warn(sentence, { ...this.#facts, event, ...notSaid });
    this.#said.set(event, { atMs: nowMs, more: 0 });
    return true;
  }
}
