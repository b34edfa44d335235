// A bounded window that slides over a file: whoever reads says how many bytes must lie before it, and gets them or
// learns that the file ends first. Promises: memory for one block of BLOCK_BYTES_MAX, however large the file is.
// Refuses: to open anything; `pull` is handed in and may read a file, a pipe or a test's bytes in any pieces.

/** Fills `into` from its beginning and says how much; 0 is the end. */
export type Pull = (into: Uint8Array) => number;

/** The largest snap length that tcpdump takes is 262144; a pcapng block adds options to it. */
export const BLOCK_BYTES_MAX = 1 << 20;

export class ByteWindow {
  readonly bytes = new Uint8Array(BLOCK_BYTES_MAX * 2);
  readonly view = new DataView(this.bytes.buffer);
  at = 0;
  private end = 0;
  private isOver = false;
  private readonly pull: Pull;

  constructor(pull: Pull) {
    this.pull = pull;
  }

  /** Whether `count` bytes lie from `at` on; reads until they do. */
  holds(count: number): boolean {
    if (this.end - this.at >= count) return true;
    if (count > BLOCK_BYTES_MAX) return false;
    if (this.at + count > this.bytes.length) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.end -= this.at;
      this.at = 0;
    }
    while (!this.isOver && this.end - this.at < count) {
      const got = this.pull(this.bytes.subarray(this.end));
      this.isOver = got === 0;
      this.end += got;
    }
    return this.end - this.at >= count;
  }

  /** Bytes before the end of the file that nobody took. */
  get left(): number {
    return this.end - this.at;
  }
}
