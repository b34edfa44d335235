// Several lanes append to one file. Each write is whole lines, and O_APPEND keeps two writes apart, but a
// write that a full disk cut short ends within a line: nobody may write behind it until the rest is there.
// So each write is made under a lock, and a torn line keeps it. The locks are a table in shared memory,
// found by the hash of the path; two paths that share a lock only wait for each other.

import { assert } from '../../base/assert.ts';

/** A power of two. */
const LOCKS = 4096;
const FREE = 0;
/** A write takes microseconds; one that takes longer is a disk in trouble, and the caller tries later. */
const WAIT_MS = 20;

export type LockTable = SharedArrayBuffer;

export function makeLockTable(): LockTable {
  return new SharedArrayBuffer(LOCKS * Int32Array.BYTES_PER_ELEMENT);
}

export class LineLocks {
  readonly #locks: Int32Array;
  readonly #owner: number;

  /** `owner` is the lane's number, counted from 1. */
  constructor(table: LockTable, owner: number) {
    assert(owner > FREE, 'lock owners count from 1');
    this.#locks = new Int32Array(table);
    this.#owner = owner;
  }

  static indexOf(path: string): number {
    let hash = 0;
    for (let i = 0; i < path.length; i += 1) hash = (Math.imul(hash, 31) + path.charCodeAt(i)) | 0;
    return (hash ^ (hash >>> 15)) & (LOCKS - 1);
  }

  /** False: another lane holds it, and did not let go in time. Taking it twice is fine. */
  take(index: number): boolean {
    const holder = Atomics.compareExchange(this.#locks, index, FREE, this.#owner);
    if (holder === FREE || holder === this.#owner) return true;
    Atomics.wait(this.#locks, index, holder, WAIT_MS);
    return Atomics.compareExchange(this.#locks, index, FREE, this.#owner) === FREE;
  }

  release(index: number): void {
    const holder = Atomics.compareExchange(this.#locks, index, this.#owner, FREE);
    assert(holder === this.#owner || holder === FREE, 'a lock is released by its owner');
    Atomics.notify(this.#locks, index);
  }
}
