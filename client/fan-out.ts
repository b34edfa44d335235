// One live input's way to all destinations. What cannot be read again later (a datagram, a line of a socket) is
// offered to each; a destination that has no room holds back nobody else.
//
// Promises: the input is held back only while no destination takes anything, or one is opened anew. What one
// destination takes and another has no room for is lost for the other: counted there by its reason, and said.
// Refuses: to keep records until a destination has room; that is what its queue on disk is for.

import type { RecordBatch } from '../delivery/spool/layout.ts';
import type { InputSink } from './inputs/input.ts';
import type { SpoolSink } from './sink.ts';

/** Where a destination counts what live inputs could not give it. */
export interface Outlet {
  readonly sink: SpoolSink;
  lose(records: number, bytes: number, why: NonNullable<SpoolSink['refusedFor']>): void;
}

export class FanOut implements InputSink {
  taken = 0;
  #outlets: readonly Outlet[];
  readonly #isForNobody: boolean;
  #isHeld = false;

  /** `isForNobody`: it need not lead anywhere, since its input writes a log of its own; what nobody wants is taken. */
  constructor(outlets: readonly Outlet[], isForNobody = false) {
    this.#outlets = outlets;
    this.#isForNobody = isForNobody;
  }

  /** Other destinations from now on. */
  lead(outlets: readonly Outlet[]): void {
    this.#outlets = outlets;
  }

  /** Nothing is taken for a while, and nothing lost: a destination is opened anew. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }

  put(batch: RecordBatch): number {
    if (this.#isHeld) return 0;
    if (this.#outlets.length === 0 && this.#isForNobody) return batch.count;
    const takens = this.#outlets.map(({ sink }) => sink.put(batch));
    const most = Math.max(0, ...takens);
    for (const [i, outlet] of this.#outlets.entries()) {
      const taken = takens[i] as number;
      if (taken === most) continue;
      const { records, bytes } = outlet.sink.drop(batch, taken, most);
      if (records > 0) outlet.lose(records, bytes, outlet.sink.refusedFor ?? 'limit');
    }
    this.taken += most;
    return most;
  }

  /**
   * How much is safe with every destination. Sinks come and go with a reload, each with a count of its own, so
   * this is as sure as can be said: live inputs have no checkpoint that would ask for more.
   */
  safe(): number {
    const unsafe = this.#outlets.map(({ sink }) => sink.taken - sink.safe());
    return Math.max(0, this.taken - Math.max(0, ...unsafe));
  }
}
