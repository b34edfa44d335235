// A segment that is written: records at its end, and the assurance that they are on disk.
//
// Promises: behind `end` nobody finds a record; a write that was cut is taken back, so that the next record
// begins at a border. After a sync that failed, the bytes are written again before the next one, since the
// kernel may have marked them clean (fsync(2), "EIO"; what PostgreSQL met in 2018).

import { type Folder, readAll, type SpoolFile, type Written, writeAll } from './disk.ts';
import { parseSegmentName, printSegmentName, type RecordMemory } from './layout.ts';
import type { Scannable } from './scan.ts';

export interface Segment extends Scannable {
  readonly name: string;
  /** Up to here there may be records. */
  end: number;
  /** What it takes on disk: more than `end` when the torn head of a record could not be taken back. */
  size: number;
}

export function segmentOf(name: string, size: number): Segment | undefined {
  const parts = parseSegmentName(name);
  return parts && { name, ...parts, end: size, size };
}

const COPY_BYTES = 64 * 1024;

export class SegmentWriter {
  readonly segment: Segment;
  /** The sequence number of the last record. */
  last: number;
  readonly #file: SpoolFile;
  #syncedEnd: number;
  #isDoubtful = false;

  private constructor(segment: Segment, file: SpoolFile, last: number) {
    this.segment = segment;
    this.#file = file;
    this.last = last;
    this.#syncedEnd = 0;
  }

  static create(folder: Folder, first: number, salt: number): SegmentWriter {
    const name = printSegmentName(first, salt);
    return new SegmentWriter({ name, first, salt, end: 0, size: 0 }, folder.create(name), first - 1);
  }

  /** Goes on behind the last record of a segment that an earlier run left. */
  static resume(folder: Folder, segment: Segment, last: number): SegmentWriter {
    return new SegmentWriter(segment, folder.open(segment.name, 'write'), last);
  }

  /** All or a part of the bytes; `keep` says how much of that is whole records. */
  write(memory: RecordMemory, length: number): Written {
    try {
      this.#cut();
    } catch (error) {
      return { bytes: 0, error };
    }
    const written = writeAll(this.#file, memory.bytes, length, this.segment.end);
    this.segment.size = this.segment.end + written.bytes;
    return written;
  }

  /** `bytes` of the last write are whole records; what is behind them is cut off, now or before the next write. */
  keep(bytes: number, last: number): void {
    this.segment.end += bytes;
    this.last = last;
    try {
      this.#cut();
    } catch {
      // A disk that has become read-only; nobody reads behind the end.
    }
  }

  #cut(): void {
    if (this.segment.size === this.segment.end) return;
    this.#file.truncate(this.segment.end);
    this.segment.size = this.segment.end;
  }

  get isSynced(): boolean {
    return this.#syncedEnd === this.segment.end;
  }

  /** Throws what the disk says; then nothing since the last good sync is known to be there. */
  sync(): void {
    if (this.isSynced) return;
    if (this.#isDoubtful) this.#writeAgain();
    this.#isDoubtful = true;
    this.#file.sync();
    this.#isDoubtful = false;
    this.#syncedEnd = this.segment.end;
  }

  #writeAgain(): void {
    const bytes = Buffer.allocUnsafe(COPY_BYTES);
    for (let at = this.#syncedEnd; at < this.segment.end; at += COPY_BYTES) {
      const count = readAll(this.#file, bytes, Math.min(COPY_BYTES, this.segment.end - at), at);
      const { error } = writeAll(this.#file, bytes, count, at);
      if (error !== undefined) throw error;
    }
  }

  /** Nobody has removed it. */
  isThere(): boolean {
    return this.#file.hasName();
  }

  close(): void {
    this.#file.close();
  }
}
