// The spool: a queue on disk between the inputs of an agent and its destinations. Its rules:
//
//  1. A record gets the next sequence number, counted from 1, and keeps it for ever. Numbers are never reused
//     for a record that was told to be safe, and they have no holes: a hole is a loss, and is counted.
//  2. Segments only grow at their end, and are removed whole, oldest first: when every destination is past
//     them, or by `dropOldest`. What cannot be read is stepped over, never a reason to refuse the rest.
//  3. A destination is a cursor: all up to it is done. After a crash it starts behind its cursor, so that what
//     was under way is sent again; without a cursor at the oldest record that is kept, and that is said.
//  4. A name of a segment says all that is needed to read it; there is no header, no index, no ledger.
//  5. Each loss is counted once for each destination, by its reason, as records and bytes.
//  6. Disk use never exceeds `maxDiskSpace`. Nothing that we did not make is followed, changed or removed.
//
// Refuses: to know what a record is. It is bytes, at least one.

// In the directory (mode 0700, ours alone, locked by flock(2) while it is open), numbers little-endian:
//
//   0000000000000042-5f3a9c01.seg    records from sequence 42 on, one behind the other; salt 0x5f3a9c01
//   fwdRule1.cursor                  of the destination fwdRule1: two slots, see cursor.ts
//
//   a record    0         4         8           12             16
//               +---------+---------+-----------+--------------+------------------+
//               | check   | length  | sequence  | appended at  | length bytes     |
//               | u32     | u32 ≥ 1 | low 32    | s since 1970 |                  |
//               +---------+---------+-----------+--------------+------------------+
//
// `check` is the CRC-32 of all that follows it, begun from the segment's salt, a random number. So bytes of an
// older file that the disk shows again after a power cut are no records of this one; nor are bytes within a
// message that somebody made up to look like a record.

import { assert } from '../../base/assert.ts';
import { checksum } from './checksum.ts';

export const RECORD_HEADER = 16;
const LENGTH_AT = 4;
const SEQUENCE_AT = 8;
const APPENDED_AT = 12;

const LOW_32 = 2 ** 32;

/** Records side by side in one piece of memory: the i-th is bytes[starts[i] … ends[i]). */
export interface RecordBatch {
  readonly bytes: Uint8Array;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
  readonly count: number;
}

/** No record is larger, whatever is configured: the most that a reader must have memory for. */
export const RECORD_BYTES_LIMIT = 1024 ** 2;

/** What is read or written at once. */
const WINDOW_BYTES = 256 * 1024;

/** What a spool's files may hold. */
export interface Sizes {
  readonly recordBytesMax: number;
  readonly segmentBytes: number;
}

/** Memory for a piece of a segment, with room for any record. */
export function windowFor(sizes: Sizes): RecordMemory {
  const piece = Math.min(WINDOW_BYTES, Math.ceil(sizes.segmentBytes / 2));
  return new RecordMemory(Math.max(piece, RECORD_HEADER + sizes.recordBytesMax));
}

const SEGMENT_NAME = /^(\d{16})-([0-9a-f]{8})\.seg$/;

export function printSegmentName(first: number, salt: number): string {
  return `${String(first).padStart(16, '0')}-${salt.toString(16).padStart(8, '0')}.seg`;
}

export function parseSegmentName(name: string): { first: number; salt: number } | undefined {
  const parts = SEGMENT_NAME.exec(name);
  const first = Number(parts?.[1]);
  if (!parts || !Number.isSafeInteger(first) || first < 1) return undefined;
  return { first, salt: Number.parseInt(parts[2] as string, 16) };
}

/** Memory that records are put into and found in. */
export class RecordMemory {
  readonly bytes: Buffer;
  readonly #view: DataView;

  constructor(size: number) {
    // Of its own: a piece of Node's pool would pin all of it.
    this.bytes = Buffer.from(new ArrayBuffer(size));
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Puts record `i` of a batch at `at`, and gives where it ends. */
  put(at: number, batch: RecordBatch, i: number, sequence: number, sec: number, salt: number): number {
    const start = batch.starts[i] as number;
    const length = (batch.ends[i] as number) - start;
    const end = at + RECORD_HEADER + length;
    assert(length > 0 && end <= this.bytes.length, 'a record has bytes, and there is room for it');
    this.#view.setUint32(at + LENGTH_AT, length, true);
    this.#view.setUint32(at + SEQUENCE_AT, sequence % LOW_32, true);
    this.#view.setUint32(at + APPENDED_AT, sec, true);
    copy(batch.bytes, start, this.bytes, at + RECORD_HEADER, length);
    this.#view.setUint32(at, checksum(this.bytes, at + LENGTH_AT, end, salt), true);
    return end;
  }

  lengthAt(at: number): number {
    return this.#view.getUint32(at + LENGTH_AT, true);
  }

  appendedSecAt(at: number): number {
    return this.#view.getUint32(at + APPENDED_AT, true);
  }

  /** The sequence number at `at`, if it is `expected` or one of those that follow it. */
  sequenceAt(at: number, expected: number): number {
    const ahead = (this.#view.getUint32(at + SEQUENCE_AT, true) - (expected % LOW_32)) >>> 0;
    return expected + ahead;
  }

  /** Whether what stands between is a record, unchanged. */
  isWhole(at: number, end: number, salt: number): boolean {
    return this.#view.getUint32(at, true) === checksum(this.bytes, at + LENGTH_AT, end, salt);
  }
}

/** Below this a loop is faster than a call of `set`, which makes an object (measured: about 60 bytes). */
const LOOP_BYTES = 48;

function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length > LOOP_BYTES) {
    to.set(from.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i += 1) to[at + i] = from[start + i] as number;
}
