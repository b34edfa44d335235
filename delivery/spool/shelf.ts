// The segments of a spool, oldest first, and what they take on disk. The newest may be growing.
//
// Promises: a segment leaves the list when its file is gone, not before; `next` never goes back.

import { codeOf } from '../../base/fault.ts';
import type { Folder } from './disk.ts';
import type { Segment } from './segment.ts';

export class Shelf {
  readonly folder: Folder;
  readonly #segments: Segment[];
  /** The sequence number that the next record gets. */
  next: number;

  constructor(folder: Folder, segments: readonly Segment[], next: number) {
    this.folder = folder;
    this.#segments = [...segments];
    this.next = next;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get oldest(): Segment | undefined {
    return this.#segments[0];
  }

  get newest(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /** The sequence number of the last record that is, or was, in this segment. */
  lastOf(segment: Segment): number {
    return this.#lastAt(this.#segments.indexOf(segment));
  }

  /** Nothing is in one that has a twin behind it. */
  #lastAt(at: number): number {
    return (this.#segments[at + 1]?.first ?? this.next) - 1;
  }

  /** The oldest segment that may hold this record or a later one. */
  find(sequence: number): Segment | undefined {
    return this.#segments.find((_, at) => this.#lastAt(at) >= sequence);
  }

  /** All of those. */
  from(sequence: number): Segment[] {
    return this.#segments.filter((_, at) => this.#lastAt(at) >= sequence);
  }

  add(segment: Segment): void {
    this.#segments.push(segment);
  }

  get bytes(): number {
    let sum = 0;
    for (const segment of this.#segments) sum += segment.size;
    return sum;
  }

  /** Throws what the disk says; a file that is gone already is gone. */
  removeOldest(): void {
    const oldest = this.#segments[0];
    if (oldest === undefined) return;
    try {
      this.folder.remove(oldest.name);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    this.#segments.shift();
  }

  /** One that holds no record, and in whose file nothing will be found. */
  forget(segment: Segment): void {
    const at = this.#segments.indexOf(segment);
    if (at >= 0) this.#segments.splice(at, 1);
  }

  /** For one that holds no record. */
  removeNewest(): void {
    const newest = this.#segments.at(-1);
    if (newest === undefined) return;
    this.folder.remove(newest.name);
    this.#segments.pop();
  }
}
