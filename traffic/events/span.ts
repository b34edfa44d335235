// Spans as events say them: exact to the microsecond, since two hosts' views are laid over each other by them, and
// short where they are round. "400 us", "12.3 ms", "12.3005 s", "10 min 3.25 s", "3 h".
// Refuses: to round. Whoever shows a span to a person only has printSpan of base/units.ts.

const STEPS: readonly (readonly [unit: string, us: number])[] = [
  ['d', 86_400e6],
  ['h', 3600e6],
  ['min', 60e6],
];

/** Whole microseconds; below nothing is nothing. */
export function printMicros(us: number): string {
  let rest = Math.max(0, Math.round(us));
  if (rest < 1000) return `${rest} us`;
  if (rest < 1e6) return `${decimal(rest, 3)} ms`;
  const words: string[] = [];
  for (const [unit, unitUs] of STEPS) {
    const count = Math.floor(rest / unitUs);
    rest -= count * unitUs;
    if (count > 0) words.push(`${count} ${unit}`);
  }
  if (rest > 0) words.push(`${decimal(rest, 6)} s`);
  return words.join(' ');
}

/** A whole number with so many of its digits behind the point, and none that say nothing. */
function decimal(value: number, digits: number): string {
  const whole = Math.floor(value / 10 ** digits);
  const fraction = String(value % 10 ** digits)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  return fraction === '' ? String(whole) : `${whole}.${fraction}`;
}

const UNITS_US: Readonly<Record<string, number>> = { ...Object.fromEntries(STEPS), s: 1e6, ms: 1e3, us: 1 };

/** What printMicros wrote, for a pattern: no group in it. */
export const SPAN_PATTERN = String.raw`\d+(?:\.\d+)? (?:us|ms|s|min|h|d)(?: \d+(?:\.\d+)? (?:s|min|h))*`;

/** The microseconds of a text that SPAN_PATTERN accepts. */
export function readMicros(text: string): number {
  const words = text.split(' ');
  let us = 0;
  for (let at = 0; at + 1 < words.length; at += 2) {
    us += Number(words[at]) * (UNITS_US[words[at + 1] ?? ''] ?? 0);
  }
  return Math.round(us);
}
