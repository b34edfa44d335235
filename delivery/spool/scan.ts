// Reads one segment from an offset on, record by record, through a window of memory.
//
// Promises: each record that stands whole is found, whatever stands before it. Where a record is not as it was
// written, the search goes on byte by byte; a record counts only with a fitting sequence number and checksum.
// Refuses: to take as a record what the segment's salt does not vouch for; to search for ever (a segment full
// of bytes that nearly are records is given up after SEARCH_BYTES_MAX).

import { readAll, type SpoolFile } from './disk.ts';
import { RECORD_HEADER, type RecordMemory } from './layout.ts';

/** Checked bytes in a search: 16 MiB of damage need less than that, and zlib does 6 GiB a second. */
const SEARCH_BYTES_MAX = 256 * 1024 ** 2;

/** What cannot be read is tried again piece by piece: a page, the least that a disk reads. */
const PAGE_BYTES = 4096;

/** What the scan needs to know of a segment. */
export interface Scannable {
  readonly first: number;
  readonly salt: number;
  /** Up to here there may be records. The newest segment's moves on. */
  readonly end: number;
}

export type Step = 'record' | 'refill' | 'end' | 'unreadable';

export class SegmentScan {
  readonly memory: RecordMemory;
  readonly #segment: Scannable;
  readonly #file: SpoolFile;
  readonly #recordBytesMax: number;

  /** The record that `step` found last, in `memory`: of its bytes, without the header. */
  start = 0;
  stop = 0;
  sequence = 0;
  appendedSec = 0;
  /** Behind the last record, at this file offset, the record of this sequence number was written. */
  expected: number;
  expectedAt: number;
  /** Bytes that belong to no record, so far. */
  damagedBytes = 0;
  /** Why the last step was 'unreadable'. */
  error: unknown;
  /** Unreadable pages are taken as zeros from now on, and so as damage. */
  skipsUnreadable = false;

  /** File offset of the window's first byte; the window holds `#fill` bytes, `#at` is where we stand. */
  #base: number;
  #fill = 0;
  #at = 0;
  #isSearching = false;
  #searched = 0;

  /** `expected` is the sequence number of the record at `offset`. */
  constructor(
    segment: Scannable,
    file: SpoolFile,
    memory: RecordMemory,
    recordBytesMax: number,
    offset = 0,
    expected = segment.first,
  ) {
    this.#segment = segment;
    this.#file = file;
    this.memory = memory;
    this.#recordBytesMax = recordBytesMax;
    this.#base = offset;
    this.expected = expected;
    this.expectedAt = offset;
  }

  /** File offset: behind the last record, and behind the damage that follows it as far as it was seen. */
  get offset(): number {
    return this.#base + this.#at;
  }

  close(): void {
    this.#file.close();
  }

  /**
   * Finds the next record. 'refill': it is not in the window; with `mayRefill` the window moves, and what was
   * found before is gone from memory.
   */
  step(mayRefill: boolean): Step {
    for (;;) {
      const left = this.#segment.end - this.offset;
      if (left <= RECORD_HEADER) return this.#endWith(left);
      const size = this.#sizeAt(left);
      if (size <= this.#fill - this.#at) {
        if (size > 0 && this.#take(size)) return 'record';
        this.#search();
      } else {
        if (!mayRefill) return 'refill';
        if (!this.#refill()) return 'unreadable';
      }
    }
  }

  /** Less than a record is left: the cut head of one, unless nothing is. */
  #endWith(left: number): Step {
    this.#skip(left);
    return 'end';
  }

  /** The size that a record here would have; 0 when there can be none. */
  #sizeAt(left: number): number {
    if (this.#fill - this.#at < RECORD_HEADER) return RECORD_HEADER;
    const length = this.memory.lengthAt(this.#at);
    if (length === 0 || length > this.#recordBytesMax || length + RECORD_HEADER > left) return 0;
    const ahead = this.memory.sequenceAt(this.#at, this.expected) - this.expected;
    // Each record that was stepped over took a header and a byte at least.
    const aheadMax = (this.offset - this.expectedAt) / (RECORD_HEADER + 1);
    return ahead <= aheadMax ? RECORD_HEADER + length : 0;
  }

  #take(size: number): boolean {
    if (size === RECORD_HEADER) return false;
    if (this.#isSearching) this.#searched += size;
    const end = this.#at + size;
    if (!this.memory.isWhole(this.#at, end, this.#segment.salt)) return false;
    this.sequence = this.memory.sequenceAt(this.#at, this.expected);
    this.appendedSec = this.memory.appendedSecAt(this.#at);
    this.start = this.#at + RECORD_HEADER;
    this.stop = end;
    this.#at = end;
    this.expected = this.sequence + 1;
    this.expectedAt = this.offset;
    this.#isSearching = false;
    return true;
  }

  #search(): void {
    this.#isSearching = true;
    const isHopeless = this.#searched > SEARCH_BYTES_MAX;
    this.#skip(isHopeless ? this.#segment.end - this.offset : 1);
  }

  #skip(count: number): void {
    this.damagedBytes += count;
    const inWindow = this.#fill - this.#at;
    if (count <= inWindow) {
      this.#at += count;
      return;
    }
    this.#base += this.#at + count;
    this.#at = 0;
    this.#fill = 0;
  }

  /** Moves the window so that it begins where we stand. */
  #refill(): boolean {
    const from = this.offset;
    const want = Math.min(this.memory.bytes.length, this.#segment.end - from);
    this.#base = from;
    this.#at = 0;
    this.#fill = 0;
    if (this.#isSearching) this.#searched += want;
    try {
      this.#readWindow(want, from);
    } catch (error) {
      this.error = error;
      if (!this.skipsUnreadable) return false;
      this.#readPages(want, from);
    }
    this.#fill = want;
    return true;
  }

  /** A file that has become shorter is read as if zeros stood there. */
  #readWindow(want: number, from: number): void {
    const count = readAll(this.#file, this.memory.bytes, want, from);
    this.memory.bytes.fill(0, count, want);
  }

  #readPages(want: number, from: number): void {
    this.memory.bytes.fill(0, 0, want);
    for (let at = 0; at < want; at += PAGE_BYTES) {
      try {
        this.#file.read(this.memory.bytes, at, Math.min(PAGE_BYTES, want - at), from + at);
      } catch {
        // It stays zero, which is no record.
      }
    }
  }
}
