// Room for lines on their way to files: small pieces, so that thousands of files can hold a few lines each,
// and large ones for files that fill them. A file has a piece only while it holds unwritten lines. All of
// it is a fixed part of the lane's arena: a flood fills pieces, it cannot grow memory.
//
// A large piece is written when it holds LARGE bytes; behind them lies room for one more line of any length,
// pages that are touched only by such a line.

export const SMALL = 4096;
export const LARGE = 65_536;
const SMALL_COUNT = 2048;
const LARGE_COUNT_MAX = 192;
const LARGE_COUNT_MIN = 8;
/** Kept for files that can be written, however many others are in trouble and hold their pieces. */
const SMALL_RESERVE = 128;
const LARGE_RESERVE = 2;
/** Address space, not memory, that the large pieces may span. */
const LARGE_SPAN_MAX = 256 * 1024 * 1024;

export interface PoolLayout {
  readonly size: number;
  readonly largeSize: number;
  readonly largeCount: number;
}

/** `lineMax` is the longest line that can be printed, in bytes. */
export function poolLayout(lineMax: number): PoolLayout {
  const largeSize = (LARGE + lineMax + 4095) & ~4095;
  const fitting = Math.floor(LARGE_SPAN_MAX / largeSize);
  const largeCount = Math.max(LARGE_COUNT_MIN, Math.min(LARGE_COUNT_MAX, fitting));
  return { size: SMALL * SMALL_COUNT + largeSize * largeCount, largeSize, largeCount };
}

export class BufferPool {
  readonly #largeFrom: number;
  readonly #largeSize: number;
  readonly #small: number[] = [];
  readonly #large: number[] = [];

  /** `at` is where the pool's region of `layout.size` bytes begins in the arena. */
  constructor(at: number, layout: PoolLayout) {
    this.#largeFrom = at + SMALL * SMALL_COUNT;
    this.#largeSize = layout.largeSize;
    for (let i = SMALL_COUNT - 1; i >= 0; i -= 1) this.#small.push(at + i * SMALL);
    for (let i = layout.largeCount - 1; i >= 0; i -= 1)
      this.#large.push(this.#largeFrom + i * this.#largeSize);
  }

  takeSmall(): number | undefined {
    return this.#small.pop();
  }

  takeLarge(): number | undefined {
    return this.#large.pop();
  }

  /** Only the last pieces that a line of so many bytes can use are left: files in trouble get none of them. */
  isScarce(need: number): boolean {
    return need > SMALL ? this.#large.length <= LARGE_RESERVE : this.#small.length <= SMALL_RESERVE;
  }

  give(at: number): void {
    (at >= this.#largeFrom ? this.#large : this.#small).push(at);
  }

  sizeOf(at: number): number {
    return at >= this.#largeFrom ? this.#largeSize : SMALL;
  }
}
