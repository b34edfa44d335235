// Records as a stream of frames, in one buffer that is used again for each batch: octet counting (RFC 6587
// section 3.4.1, RFC 5425 section 4.3) or lines (RFC 6587 section 3.4.2).
//
// Refuses: to let one record become two. A line feed within a record cannot stand in a line; it is written as
// `#012`, the way syslog daemons write control bytes.

import type { ReadBatch } from '../spool/batch.ts';

const LF = 0x0a;
const SP = 0x20;
const ZERO = 0x30;
/** Digits of the largest record, and a space. */
const COUNT_BYTES_MAX = 8;
const ESCAPED_LF = Buffer.from('#012');

export type Framing = 'octet-counted' | 'lf';

export class FrameBuffer {
  readonly #framing: Framing;
  #bytes = Buffer.alloc(0);
  #end = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** All records of the batch; valid until the next call. */
  fill(batch: ReadBatch): Buffer {
    this.#end = 0;
    if (this.#framing === 'octet-counted') this.#fillCounted(batch);
    else this.#fillLines(batch);
    return this.#bytes.subarray(0, this.#end);
  }

  #reserve(count: number): void {
    if (this.#bytes.length < count) this.#bytes = Buffer.allocUnsafeSlow(count);
  }

  #fillCounted(batch: ReadBatch): void {
    this.#reserve(batch.bytes.length + batch.count * COUNT_BYTES_MAX);
    for (let i = 0; i < batch.count; i++) {
      const start = batch.starts[i] as number;
      const end = batch.ends[i] as number;
      this.#number(end - start);
      this.#bytes[this.#end++] = SP;
      this.#end += batch.bytes.copy(this.#bytes, this.#end, start, end);
    }
  }

  #number(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = value;
    for (let at = this.#end + digits - 1; at >= this.#end; at--) {
      this.#bytes[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#end += digits;
  }

  #fillLines(batch: ReadBatch): void {
    const { bytes } = batch;
    this.#reserve(bytes.length * ESCAPED_LF.length + batch.count);
    let lf = -1;
    for (let i = 0; i < batch.count; i++) {
      let start = batch.starts[i] as number;
      const end = batch.ends[i] as number;
      if (lf < start) lf = indexOrEnd(bytes, start);
      for (; lf < end; lf = indexOrEnd(bytes, start)) {
        this.#end += bytes.copy(this.#bytes, this.#end, start, lf);
        this.#end += ESCAPED_LF.copy(this.#bytes, this.#end);
        start = lf + 1;
      }
      this.#end += bytes.copy(this.#bytes, this.#end, start, end);
      this.#bytes[this.#end++] = LF;
    }
  }
}

function indexOrEnd(bytes: Buffer, from: number): number {
  const found = bytes.indexOf(LF, from);
  return found < 0 ? bytes.length : found;
}
