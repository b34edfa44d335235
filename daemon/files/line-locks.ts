// Several lanes append to one file. Each write is whole lines, and O_APPEND keeps two writes apart, but a
// write that a full disk cut short ends within a line: nobody may write behind it until the rest is there.
// So each write is made under a lock, and a torn line keeps it. The locks are a table in shared memory,
// found by the hash of the path; two paths that share a lock only wait for each other.
//
//   0              free
//   owner          held for a write that is under way: others wait, as they would for the disk
//   owner + TORN   held by a torn line: others do not wait, their file is in the same trouble
//
// Behind the locks stands, for each, the number of the trouble that tore the line (trouble.ts).

import { assert } from '../../base/assert.ts';

/** A power of two. */
const LOCKS = 4096;
const FREE = 0;
const TORN = 1 << 16;
/** One wait; then it is looked whether the line was torn meanwhile. */
const WAIT_MS = 50;

export type LockTable = SharedArrayBuffer;

export function makeLockTable(): LockTable {
  return new SharedArrayBuffer(2 * LOCKS * Int32Array.BYTES_PER_ELEMENT);
}

export class LineLocks {
  readonly #locks: Int32Array;
  readonly #owner: number;
  /** How many files of this lane have a torn line, by lock: two paths may share one. */
  readonly #torn = new Map<number, number>();

  /** `owner` is the lane's number, counted from 1. */
  constructor(table: LockTable, owner: number) {
    assert(owner > FREE && owner < TORN, 'lock owners count from 1');
    this.#locks = new Int32Array(table);
    this.#owner = owner;
  }

  static indexOf(path: string): number {
    let hash = 0;
    for (let i = 0; i < path.length; i += 1) hash = (Math.imul(hash, 31) + path.charCodeAt(i)) | 0;
    return (hash ^ (hash >>> 15)) & (LOCKS - 1);
  }

  /** False: another lane has a torn line there. Waits for a write of another that is under way. */
  take(index: number): boolean {
    for (;;) {
      const holder = Atomics.compareExchange(this.#locks, index, FREE, this.#owner);
      if (holder === FREE || (holder & ~TORN) === this.#owner) return true;
      if ((holder & TORN) !== 0) return false;
      Atomics.wait(this.#locks, index, holder, WAIT_MS);
    }
  }

  /** A line of one more file was cut, or one is whole again: told before the release. */
  countTorn(index: number, change: 1 | -1, trouble = 0): void {
    this.#torn.set(index, (this.#torn.get(index) ?? 0) + change);
    if (change === 1) Atomics.store(this.#locks, LOCKS + index, trouble);
  }

  /** The number of the trouble that tore the line there, when `take` has just said false. */
  troubleOf(index: number): number {
    return Atomics.load(this.#locks, LOCKS + index);
  }

  /** Ends a write. With a torn line the lock is kept, and the others are told not to wait. */
  release(index: number): void {
    const torn = this.#torn.get(index) ?? 0;
    if (torn === 0) this.#torn.delete(index);
    const holder = Atomics.exchange(this.#locks, index, torn > 0 ? this.#owner | TORN : FREE);
    assert((holder & ~TORN) === this.#owner, 'a lock is released by its owner');
    Atomics.notify(this.#locks, index);
  }
}
