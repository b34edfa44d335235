// What a destination will never get: each record counted once, by its reason, however often the destination
// passes the place and however often the process starts.

import { printSize } from '../../base/units.ts';
import { Gaps } from './gaps.ts';
import { add, type DropReason, type Drops, noDrops } from './reasons.ts';
import type { Voice } from './voice.ts';

export class Losses {
  readonly dropped: Drops = noDrops();
  readonly #destination: string;
  readonly #voice: Voice;
  readonly #gaps = new Gaps();
  /** Losses that an earlier run counted, behind the cursor, and that were not passed yet. */
  readonly #known: { lost: number; readonly through: number };
  /** There are new ones since it was last set to false. */
  hasNew = false;

  constructor(destination: string, known: { lost: number; through: number }, voice: Voice) {
    this.#destination = destination;
    this.#known = known;
    this.#voice = voice;
  }

  /** None of these will come. Those that are known already count no more. */
  add(first: number, last: number, reason: DropReason, bytes: number): void {
    const fresh = this.#gaps.add(first, last);
    const records = fresh - this.#takeKnown(first, fresh);
    if (records === 0) return;
    this.hasNew = true;
    add(this.dropped, reason, records, bytes);
    if (reason !== 'oldest') this.#say(reason, records, first, bytes);
  }

  #takeKnown(first: number, fresh: number): number {
    if (first > this.#known.through) return 0;
    const count = Math.min(this.#known.lost, fresh, this.#known.through - first + 1);
    this.#known.lost -= count;
    return count;
  }

  #say(reason: DropReason, records: number, first: number, bytes: number): void {
    const what = reason === 'damaged' ? `damaged on disk (${printSize(bytes)})` : 'missing from the disk';
    const count = records === 1 ? '1 record is' : `${records} records are`;
    this.#voice.warn(
      reason,
      `${count} ${what} and cannot be delivered to ${this.#destination}, from number ${first} on; the rest goes on.`,
    );
  }

  within(first: number, last: number): number {
    return this.#gaps.within(first, last);
  }

  /** All up to here is done. */
  forget(last: number): void {
    this.#gaps.forget(last);
  }

  /** What the cursor keeps of it: those behind `acknowledged`. */
  standing(acknowledged: number): { lost: number; lostThrough: number } {
    const known = this.#known.through > acknowledged ? this.#known : { lost: 0, through: 0 };
    return {
      lost: this.#gaps.count + known.lost,
      lostThrough: Math.max(this.#gaps.last, known.through),
    };
  }
}
