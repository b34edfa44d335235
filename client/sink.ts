// One input's way into one destination's queue: takes what the destination wants, and knows how much of what
// it took is safe there.
//
// Promises: `taken` counts records in the order in which they were put; `safe` never runs ahead of what the
// queue's `sync` promises. What is not wanted, and what the queue drops by its policy, counts as taken.
// Refuses: to take anything once it is closed.

import type { Amount, SpoolTrouble } from '../delivery/spool/reasons.ts';
import type { RecordBatch } from '../delivery/spool/layout.ts';
import type { Spool } from '../delivery/spool/spool.ts';
import type { Filter } from './filter.ts';
import type { InputSink } from './inputs/input.ts';

/** Between two syncs there is a mark for each `put`; with more than this, the newest ones become one. */
const MARKS_MAX = 1024;

/** What a sink needs of a spool. */
export type SinkSpool = Pick<Spool, 'append' | 'written' | 'safe'>;

/** When the spool has synced up to `sequence`, so many of the taken records are safe. */
interface Mark {
  taken: number;
  sequence: number;
}

export class SpoolSink implements InputSink {
  taken = 0;
  /** Not wanted by this destination. */
  readonly passedOver: Amount = { records: 0, bytes: 0 };
  /** Why the last `put` took fewer than all. */
  refusedFor: SpoolTrouble | 'closed' | undefined;
  readonly #spool: SinkSpool;
  readonly #filter: Filter | undefined;
  readonly #wanted = new Selection();
  #marks: Mark[] = [];
  #safe = 0;
  #isOpen = true;

  constructor(spool: SinkSpool, filter: Filter | undefined) {
    this.#spool = spool;
    this.#filter = filter;
  }

  put(batch: RecordBatch): number {
    if (!this.#isOpen) {
      this.refusedFor = 'closed';
      return 0;
    }
    const taken = this.#filter === undefined ? this.#append(batch) : this.#putWanted(batch, this.#filter);
    this.#take(taken);
    return taken;
  }

  #append(batch: RecordBatch): number {
    if (batch.count === 0) return 0;
    const { taken, full } = this.#spool.append(batch);
    this.refusedFor = full;
    return taken;
  }

  /** What stands before the first record that was refused is taken, wanted or not. */
  #putWanted(batch: RecordBatch, filter: Filter): number {
    const wanted = this.#wanted;
    wanted.choose(batch, 0, filter);
    const taken = this.#append(wanted);
    const end = taken === wanted.count ? batch.count : (wanted.from[taken] as number);
    for (let i = 0, next = 0; i < end; i += 1) {
      if (next < taken && wanted.from[next] === i) next += 1;
      else count(this.passedOver, batch, i);
    }
    return end;
  }

  #take(taken: number): void {
    if (taken === 0) return;
    this.taken += taken;
    const sequence = this.#spool.written();
    const last = this.#marks.at(-1);
    if (last !== undefined && (last.sequence === sequence || this.#marks.length >= MARKS_MAX)) {
      last.taken = this.taken;
      last.sequence = sequence;
    } else this.#marks.push({ taken: this.taken, sequence });
  }

  /** Lets go of records `from` to `to` of a batch, and says how many of them were wanted. */
  drop(batch: RecordBatch, from: number, to: number): Amount {
    const lost: Amount = { records: 0, bytes: 0 };
    for (let i = from; i < to; i += 1) {
      const isWanted = this.#filter?.wants(batch.bytes, at(batch.starts, i), at(batch.ends, i)) ?? true;
      count(isWanted ? lost : this.passedOver, batch, i);
    }
    this.#take(to - from);
    return lost;
  }

  safe(): number {
    const safe = this.#spool.safe();
    let passed = 0;
    for (let mark = this.#marks[passed]; mark && mark.sequence <= safe; mark = this.#marks[passed]) {
      this.#safe = mark.taken;
      passed += 1;
    }
    if (passed > 0) this.#marks.splice(0, passed);
    return this.#safe;
  }

  /** From now on nothing is taken; what was taken becomes safe as ever. */
  close(): void {
    this.#isOpen = false;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }
}

function at(places: ArrayLike<number>, i: number): number {
  return places[i] as number;
}

function count(amount: Amount, batch: RecordBatch, i: number): void {
  amount.records += 1;
  amount.bytes += at(batch.ends, i) - at(batch.starts, i);
}

/** Some of a batch's records, in its own memory. Used again for each batch. */
class Selection implements RecordBatch {
  bytes: Uint8Array = new Uint8Array(0);
  starts = new Uint32Array(0);
  ends = new Uint32Array(0);
  /** Which of the batch each is. */
  from = new Uint32Array(0);
  count = 0;

  choose(batch: RecordBatch, first: number, filter: Filter): void {
    this.bytes = batch.bytes;
    this.count = 0;
    if (this.from.length < batch.count) this.#grow(batch.count);
    for (let i = first; i < batch.count; i += 1) {
      const [start, end] = [at(batch.starts, i), at(batch.ends, i)];
      if (!filter.wants(batch.bytes, start, end)) continue;
      this.starts[this.count] = start;
      this.ends[this.count] = end;
      this.from[this.count] = i;
      this.count += 1;
    }
  }

  #grow(count: number): void {
    this.starts = new Uint32Array(count);
    this.ends = new Uint32Array(count);
    this.from = new Uint32Array(count);
  }
}
