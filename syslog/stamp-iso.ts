// Stamps that begin with the year or count the seconds: RFC 3339 as RFC 5424 wants it, ISO 8601 as devices
// write it, epochs, and a date and a time of day that stand apart.
// Refuses: to fill in what is not said. No zone is NO_ZONE (time.ts resolves it).

import { CLASS, DIGIT, digits, LETTER, skipSpaces } from './chars.ts';
import { type LogRecord, NO_ZONE, TIME } from './record.ts';
import { BAD, digitRun, finishDate, NONE, scanClock, scanFraction, YEAR_MIN } from './stamp-parts.ts';
import { scanZone } from './stamp-zone.ts';
import { daysInMonth } from './time.ts';

const SPACE = 32;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;

/**
 * `2026-03-15T10:20:30.123456+01:00` and its kin: `/` or `:` in the date, a space, `-` or `_` for the T,
 * a comma before the fraction, no seconds, no zone.
 */
export function scanIso(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 15) return NONE;
  const between = bytes[p + 4]!;
  if (between !== DASH && between !== SLASH && between !== COLON) return NONE;
  const year = digits(bytes, p, 4, end);
  const month = digits(bytes, p + 5, 2, end);
  const day = digits(bytes, p + 8, 2, end);
  if (year < 0 || month < 0 || day < 0 || bytes[p + 7] !== between) return NONE;
  // `0000-00-00` is how a device writes that it has no clock; year 0 would mean "no year" in the record.
  if (year === 0) return BAD;
  let q = p + 10;
  const separator = bytes[q]!;
  if (
    separator !== 0x54 &&
    separator !== 0x74 &&
    separator !== SPACE &&
    separator !== DASH &&
    separator !== 0x5f
  )
    return NONE;
  q = separator === SPACE ? skipSpaces(bytes, q, end) : q + 1;
  q = scanClock(record, bytes, q, end);
  if (q < 0) return q;
  record.zoneMin = NO_ZONE;
  q = scanZone(record, bytes, q, end);
  return finishDate(record, year, month, day, p, q);
}

/** TIME-SECFRAC = "." 1*6DIGIT (RFC 5424 section 6). */
const FRACTION_MAX = 6;
/** What a fraction of so many digits counts in. */
const NANOS = [0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000] as const;

/**
 * `yyyy-mm-ddThh:mm:ss[.ffffff](Z|±hh:mm) ` to the letter of RFC 5424, and the space behind it: the fast
 * reading of the most common stamp. Position behind the space, or NONE.
 */
export function scanRfc3339(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 21 || bytes[p + 10] !== 0x54) return NONE;
  if (bytes[p + 4] !== DASH || bytes[p + 7] !== DASH || bytes[p + 13] !== 58 || bytes[p + 16] !== 58)
    return -1;
  const year = digits4(bytes, p);
  const month = digits2(bytes, p + 5);
  const day = digits2(bytes, p + 8);
  const hour = digits2(bytes, p + 11);
  const minute = digits2(bytes, p + 14);
  const second = digits2(bytes, p + 17);
  if (year < 1 || month < 1 || month > 12 || day < 1 || (day > 28 && day > daysInMonth(year, month)))
    return -1;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
  let q = p + 19;
  let nanos = 0;
  if (bytes[q] === 0x2e) {
    const fraction = ++q;
    const limit = Math.min(end, fraction + FRACTION_MAX);
    while (q < limit && (CLASS[bytes[q]!]! & DIGIT) !== 0) nanos = nanos * 10 + bytes[q++]! - 48;
    if (q === fraction || q >= end) return NONE;
    nanos *= NANOS[q - fraction]!;
  }
  let zone = 0;
  const sign = bytes[q]!;
  let after = q + 1;
  if (sign !== 0x5a) {
    if ((sign !== 0x2b && sign !== DASH) || end - q < 7 || bytes[q + 3] !== 58) return -1;
    const hours = digits2(bytes, q + 1);
    const minutes = digits2(bytes, q + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return -1;
    zone = sign === DASH ? -(hours * 60 + minutes) : hours * 60 + minutes;
    after = q + 6;
  }
  if (after >= end || bytes[after] !== SPACE) return -1;
  record.timeKind = TIME.calendar;
  record.timeStart = p;
  record.timeEnd = after;
  record.year = year;
  record.month = month;
  record.day = day;
  record.hour = hour;
  record.minute = minute;
  record.second = second;
  record.nanos = nanos;
  record.zoneMin = zone;
  return after + 1;
}

/** Two digits that are known to lie inside the message, or a negative number. */
function digits2(bytes: Uint8Array, p: number): number {
  const tens = bytes[p]! - 48;
  const ones = bytes[p + 1]! - 48;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

function digits4(bytes: Uint8Array, p: number): number {
  const high = digits2(bytes, p);
  const low = digits2(bytes, p + 2);
  return high < 0 || low < 0 ? -1 : high * 100 + low;
}

/**
 * Seconds since 1970 (`1374543213.342705328`), or milli-, micro- or nanoseconds as 13, 16 or 19 digits.
 * A delimiter must follow.
 */
export function scanEpoch(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const length = digitRun(bytes, p, end, 19);
  if (length !== 10 && length !== 13 && length !== 16 && length !== 19) return NONE;
  const sec = digits(bytes, p, 10, end);
  // 1,000,000,000 is September 2001; smaller ten-digit numbers begin with a zero and are no epoch.
  if (sec < 1_000_000_000) return NONE;
  let q = p + length;
  record.nanos = digits(bytes, p + 10, length - 10, end) * 10 ** (19 - length);
  if (length === 10 && q < end && bytes[q] === DOT) q = scanFraction(record, bytes, q, end);
  if (q < end && (CLASS[bytes[q]!]! & (DIGIT | LETTER)) !== 0) return NONE;
  record.timeKind = TIME.epoch;
  record.epochSec = sec;
  record.zoneMin = 0;
  record.timeStart = p;
  record.timeEnd = q;
  return q;
}

/** `yyyy-mm-dd` at `date` and `hh:mm:ss` at `clock`, which stand apart (`date=… time=…`). No zone. */
export function scanApart(
  record: LogRecord,
  bytes: Uint8Array,
  date: number,
  clock: number,
  end: number,
): number {
  const year = digits(bytes, date, 4, end);
  const month = digits(bytes, date + 5, 2, end);
  const day = digits(bytes, date + 8, 2, end);
  if (year < YEAR_MIN || month < 0 || day < 0) return NONE;
  const after = scanClock(record, bytes, clock, end);
  if (after < 0) return after;
  record.zoneMin = NO_ZONE;
  return finishDate(record, year, month, day, Math.min(date, clock), Math.max(date + 10, after));
}
