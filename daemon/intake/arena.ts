// The memory of one lane, in one piece: what is received and what is to be written lie in the same
// ArrayBuffer, so that a line moves from one to the other with a copyWithin (15 ns for 130 bytes, where a
// copy between two buffers costs 41). Regions are handed out once, at the start, and never given back.
// Pages that nobody touches cost nothing.

import { assert } from '../../base/assert.ts';

export class Arena {
  readonly buffer: ArrayBuffer;
  /** The whole arena; offsets everywhere count from its start. A Buffer, for its fast indexOf. */
  readonly bytes: Buffer;
  readonly words: Int32Array;
  #taken = 0;

  constructor(size: number) {
    const rounded = (size + 4095) & ~4095;
    this.buffer = new ArrayBuffer(rounded);
    this.bytes = Buffer.from(this.buffer);
    this.words = new Int32Array(this.buffer);
  }

  /** The offset of a region of `size` bytes, aligned to 64. */
  take(size: number): number {
    const at = this.#taken;
    this.#taken = at + ((size + 63) & ~63);
    assert(this.#taken <= this.buffer.byteLength, 'the arena is as large as its regions');
    return at;
  }
}
