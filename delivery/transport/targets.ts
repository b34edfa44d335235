// Which address of a destination is tried next, and when. Promises: each try begins with the first target, in
// the order of the configuration, that is due; a target that has failed is due again after a pause that doubles
// with each failure in a row, up to `maxMs`, spread by chance, so that a thousand agents do not come back at
// once. A connection alone proves nothing: pauses grow until `proved` says that something has arrived.
//
// Refuses: to give up. There is always a next try.

import { assert } from '../../base/assert.ts';
import type { TransportTarget } from './transport.ts';

interface Standing {
  readonly target: TransportTarget;
  failures: number;
  dueMs: number;
}

export interface RetrySpan {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Beyond so many doublings any pause is the longest. */
const DOUBLINGS_MAX = 40;

export class Targets {
  readonly #standings: readonly Standing[];
  readonly #retry: RetrySpan;
  readonly #random: () => number;

  constructor(targets: readonly TransportTarget[], retry: RetrySpan, random: () => number) {
    assert(targets.length > 0, 'a destination has an address');
    this.#standings = targets.map((target) => ({ target, failures: 0, dueMs: -Infinity }));
    this.#retry = retry;
    this.#random = random;
  }

  /** The one to try now; undefined while all pause. */
  due(nowMs: number): TransportTarget | undefined {
    return this.#standings.find(({ dueMs }) => dueMs <= nowMs)?.target;
  }

  /** When the next is due at the latest. */
  get dueMs(): number {
    return Math.min(...this.#standings.map(({ dueMs }) => dueMs));
  }

  failed(target: TransportTarget, nowMs: number): void {
    const standing = this.#of(target);
    standing.failures += 1;
    standing.dueMs = nowMs + this.#pauseMs(standing.failures);
  }

  /** Something has arrived there. */
  proved(target: TransportTarget): void {
    this.#of(target).failures = 0;
  }

  /** Between `minMs` and the doubled pause, each as likely as the other. */
  #pauseMs(failures: number): number {
    const { minMs, maxMs } = this.#retry;
    const longest = Math.min(maxMs, minMs * 2 ** Math.min(failures, DOUBLINGS_MAX));
    return minMs + this.#random() * Math.max(0, longest - minMs);
  }

  #of(target: TransportTarget): Standing {
    const standing = this.#standings.find((one) => one.target === target);
    assert(standing !== undefined, 'a target is one of those that were given');
    return standing;
  }
}
