// Sizes and spans as an operator writes them ("64MiB", "30s"), and back. After a configuration is loaded
// only numbers travel: bytes and milliseconds. What is not a size or a span is undefined, never a guess.

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
  // As rsyslog and syslog-ng read them: powers of two.
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

const SPAN_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** "64KiB" → 65536. A bare number is bytes. Undefined when it is no size or not a whole number of bytes. */
export function parseSize(text: string): number | undefined {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  if (!parts) return undefined;
  const unit = SIZE_UNITS[(parts[2] ?? '').toLowerCase()];
  if (unit === undefined) return undefined;
  const bytes = Number(parts[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** "1h30m" → 5400000 milliseconds. A unit is required: nobody can tell what a bare 30 means. */
export function parseSpan(text: string): number | undefined {
  if (!/^\s*(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/i.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, word] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/gi)) {
    const unitMs = SPAN_UNITS[(word ?? '').toLowerCase()];
    if (unitMs === undefined) return undefined;
    totalMs += Number(count) * unitMs;
  }
  return Number.isSafeInteger(Math.round(totalMs)) ? Math.round(totalMs) : undefined;
}

/** 65536 → "64 KiB", with at most one decimal. */
export function printSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  // 1023.96 KiB would be printed as 1024.0 KiB.
  while (Math.round(value * 10) / 10 >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

/** 90000 → "1 min 30 s"; the two largest units, and nothing finer than a millisecond. */
export function printSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const steps: readonly [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ];
  const words: string[] = [];
  let restMs = Math.round(ms / 1000) * 1000;
  for (const [unit, unitMs] of steps) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0 && words.length < 2) words.push(`${count} ${unit}`);
  }
  return words.join(' ');
}

/** 1234567 → "1,234,567". */
export function printCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** "1 rule", "1,234 rules". */
export function printCountOf(value: number, one: string): string {
  return `${printCount(value)} ${one}${Math.round(value) === 1 ? '' : 's'}`;
}
