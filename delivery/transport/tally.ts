// What the connections of one destination have done, across all of them: the counts, which records were sent
// before, and which of those that the queue will hand out again need not be sent.

import type { TransportCounts } from './transport.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class Tally {
  readonly counts: Mutable<TransportCounts> = {
    connections: 0,
    failures: 0,
    sentRecords: 0,
    sentBytes: 0,
    resentRecords: 0,
    refusedRecords: 0,
    cutRecords: 0,
  };
  #sentThrough = 0;

  sent(sequence: number, bytes: number): void {
    const { counts } = this;
    counts.sentRecords += 1;
    counts.sentBytes += bytes;
    if (sequence > this.#sentThrough) this.#sentThrough = sequence;
    else counts.resentRecords += 1;
  }
}
