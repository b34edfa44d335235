// What arrived, held against what was sent: the numbers of one source in the order in which they stand in the
// server's file. Nothing may be missing; a number may come again only as part of a resent window, which begins
// somewhere behind and runs up to where the stream was. Pure: text in, figures out.
// Refuses: to forgive a gap. A number that stands before one that should have come first is out of order.

export interface Verdict {
  /** Different numbers that arrived. */
  readonly arrived: number;
  /** Of those that had to arrive; the first few. */
  readonly missing: readonly number[];
  readonly missingCount: number;
  /** Arrivals of numbers that had arrived already. */
  readonly twice: number;
  /** How often the stream went back, how far at most, and how many came again in one of these windows at most. */
  readonly windows: number;
  readonly deepest: number;
  readonly longest: number;
  /** Numbers that arrived for the first time after a higher one. */
  readonly late: number;
  /** The first few of them, each with the highest that stood before it. */
  readonly lateOnes: readonly string[];
}

/** ` source[123]: n=7;` → 7, for each line of that source, in order. A line that is torn is no arrival. */
export function arrivalsOf(text: string, source: string): number[] {
  const line = new RegExp(` ${source}(?:\\[\\d+\\])?: n=(\\d+);\\.*$`, 'gm');
  return [...text.matchAll(line)].map(([, number]) => Number(number));
}

/** Lines that are nothing that anybody sent. */
export function tornLines(text: string): string[] {
  const whole = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \w+(?:\[\d+\])?: n=\d+;\.*$/;
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  const torn = lines.filter((line) => !whole.test(line));
  return last === '' ? torn : [...torn, last];
}

/** `required`: all numbers below it had to arrive. */
export function judge(arrivals: readonly number[], required: number): Verdict {
  const seen = new Set<number>();
  const lateOnes: string[] = [];
  let [highest, before, twice, windows, deepest, longest, length, late] = [-1, -1, 0, 0, 0, 0, 0, 0];
  for (const number of arrivals) {
    if (number <= before) {
      windows += 1;
      length = 0;
      deepest = Math.max(deepest, highest - number + 1);
    }
    if (seen.has(number)) {
      twice += 1;
      length += 1;
      longest = Math.max(longest, length);
    } else if (number < highest) {
      late += 1;
      if (lateOnes.length < 3) lateOnes.push(`${number} behind ${highest}, ${before}`);
    }
    seen.add(number);
    highest = Math.max(highest, number);
    before = number;
  }
  const missing: number[] = [];
  for (let number = 0; number < required; number += 1) if (!seen.has(number)) missing.push(number);
  return {
    arrived: seen.size,
    missing: missing.slice(0, 10),
    missingCount: missing.length,
    twice,
    windows,
    deepest,
    longest,
    late,
    lateOnes,
  };
}
