// Ranges of sequence numbers that will never come, so that each is counted once however often a destination
// passes them. Few, and forgotten as the cursor moves.

interface Range {
  first: number;
  last: number;
}

export class Gaps {
  /** In order, apart from each other. */
  #ranges: Range[] = [];

  get count(): number {
    return this.#ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  /** The last number of all; 0 when there is no gap. */
  get last(): number {
    return this.#ranges.at(-1)?.last ?? 0;
  }

  /** How many of these numbers lie in gaps that are known. */
  within(first: number, last: number): number {
    let count = 0;
    for (const range of this.#ranges) {
      const overlap = Math.min(last, range.last) - Math.max(first, range.first) + 1;
      if (overlap > 0) count += overlap;
    }
    return count;
  }

  /** How many of them are new. */
  add(first: number, last: number): number {
    const fresh = last - first + 1 - this.within(first, last);
    if (fresh === 0) return 0;
    const touches = (range: Range) => range.last >= first - 1 && range.first <= last + 1;
    const merged = { first, last };
    for (const range of this.#ranges.filter(touches)) {
      merged.first = Math.min(merged.first, range.first);
      merged.last = Math.max(merged.last, range.last);
    }
    this.#ranges = [...this.#ranges.filter((range) => !touches(range)), merged];
    this.#ranges.sort((a, b) => a.first - b.first);
    return fresh;
  }

  /** All up to here is done. */
  forget(last: number): void {
    if (this.#ranges.length === 0) return;
    this.#ranges = this.#ranges.filter((range) => range.last > last);
    const [first] = this.#ranges;
    if (first) first.first = Math.max(first.first, last + 1);
  }
}
