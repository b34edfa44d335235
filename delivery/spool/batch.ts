// A batch of records on its way out: where each stands in the reader's window. Its memory is used again for the
// next batch, so nothing is allocated for a record.

import type { RecordBatch } from './layout.ts';
import type { SegmentScan } from './scan.ts';

/** Records in one batch. */
export const BATCH_RECORDS_MAX = 1024;

/** Of records, valid until the next batch is asked for. */
export interface ReadBatch extends RecordBatch {
  readonly bytes: Buffer;
  readonly sequences: ArrayLike<number>;
  /** When each was appended, in seconds since 1970. */
  readonly appendedSec: ArrayLike<number>;
}

export class Batch implements ReadBatch {
  readonly bytes: Buffer;
  readonly starts = new Uint32Array(BATCH_RECORDS_MAX);
  readonly ends = new Uint32Array(BATCH_RECORDS_MAX);
  readonly sequences = new Float64Array(BATCH_RECORDS_MAX);
  readonly appendedSec = new Uint32Array(BATCH_RECORDS_MAX);
  count = 0;
  /** Bytes of all records. */
  sum = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The record that the scan found last. */
  put(scan: SegmentScan): void {
    const i = this.count;
    this.starts[i] = scan.start;
    this.ends[i] = scan.stop;
    this.sequences[i] = scan.sequence;
    this.appendedSec[i] = scan.appendedSec;
    this.sum += scan.stop - scan.start;
    this.count = i + 1;
  }

  clear(): void {
    this.count = 0;
    this.sum = 0;
  }
}
