// Reads a time stamp where it stands and fills the record's time fields. Each form that devices are known
// to send has one function, which returns the position after the stamp, or NONE when the bytes are no
// such stamp, or BAD when they have its shape but name no time that exists (32:72:82).
// Refuses: to fill in what is not said. No year is year 0, no zone is NO_ZONE (time.ts resolves them).

import { CLASS, DIGIT, digits, LETTER, skipSpaces, spellsAnyCase, UPPER } from './chars.ts';
import { LogRecord, NO_ZONE, TIME } from './record.ts';
import { daysInMonth } from './time.ts';
import { lettersEnd, NOT_A_ZONE, zoneWord } from './zones.ts';

export const NONE = -1;
export const BAD = -2;

const SPACE = 32;
const PLUS = 0x2b;
const COMMA = 0x2c;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;

/** Years that a stamp may name: before 1970 no clock ran, after 2199 none is believed. */
const YEAR_MIN = 1970;
const YEAR_MAX = 2199;

/** 1 to 12 for the English month name (three letters, any case) at `p`, else 0. */
export function monthAt(bytes: Uint8Array, p: number): number {
  switch ((bytes[p]! << 16) | (bytes[p + 1]! << 8) | bytes[p + 2]! | 0x20_20_20) {
    case 0x6a_61_6e:
      return 1;
    case 0x66_65_62:
      return 2;
    case 0x6d_61_72:
      return 3;
    case 0x61_70_72:
      return 4;
    case 0x6d_61_79:
      return 5;
    case 0x6a_75_6e:
      return 6;
    case 0x6a_75_6c:
      return 7;
    case 0x61_75_67:
      return 8;
    case 0x73_65_70:
      return 9;
    case 0x6f_63_74:
      return 10;
    case 0x6e_6f_76:
      return 11;
    case 0x64_65_63:
      return 12;
    default:
      return 0;
  }
}

/** Any stamp that this file knows, at `p`. */
export function scanStamp(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 8) return NONE;
  const flags = CLASS[bytes[p]!]!;
  if ((flags & DIGIT) !== 0) return scanDigitsFirst(record, bytes, p, end);
  if ((flags & LETTER) === 0) return NONE;
  if (monthAt(bytes, p) !== 0) return scanMonthFirst(record, bytes, p, end);
  const date = skipWeekday(bytes, p, end);
  if (date < 0) return NONE;
  const after =
    (CLASS[bytes[date]!]! & DIGIT) !== 0
      ? scanDayFirst(record, bytes, date, end)
      : scanMonthFirst(record, bytes, date, end);
  if (after >= 0) record.timeStart = p;
  return after;
}

function scanDigitsFirst(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (digits(bytes, p, 4, end) >= 0) {
    const iso = scanIso(record, bytes, p, end);
    return iso === NONE ? scanYearFirst(record, bytes, p, end) : iso;
  }
  const slashed = scanSlashed(record, bytes, p, end);
  return slashed === NONE ? scanDayFirst(record, bytes, p, end) : slashed;
}

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** Position after `Fri ` or `Fri, `, or NONE. */
function skipWeekday(bytes: Uint8Array, p: number, end: number): number {
  if (!WEEKDAYS.some((day) => spellsAnyCase(bytes, p, end, day))) return NONE;
  let after = p + 3;
  if (after < end && bytes[after] === COMMA) after++;
  if (after >= end || bytes[after] !== SPACE) return NONE;
  after = skipSpaces(bytes, after, end);
  return end - after >= 8 ? after : NONE;
}

/** `Mmm d hh:mm:ss`, with a year before or behind the time, a fraction and a zone if they are there. */
export function scanMonthFirst(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 14) return NONE;
  const month = monthAt(bytes, p);
  if (month === 0 || bytes[p + 3] !== SPACE) return NONE;
  let q = skipSpaces(bytes, p + 4, end);
  const dayLength = digitRun(bytes, q, end, 2);
  if (dayLength === 0) return NONE;
  const day = digits(bytes, q, dayLength, end);
  q += dayLength;
  if (q < end && bytes[q] === COMMA) q++;
  if (q >= end || bytes[q] !== SPACE) return NONE;
  q = skipSpaces(bytes, q, end);
  let year = yearAt(bytes, q, end);
  if (year !== 0) q = skipSpaces(bytes, q + 4, end);
  q = scanClock(record, bytes, q, end);
  if (q < 0) return q;
  record.zoneMin = NO_ZONE;
  if (year === 0) {
    const behind = yearBehind(bytes, q, end);
    if (behind !== 0) {
      year = behind;
      q += 5;
    }
  }
  q = scanZone(record, bytes, q, end);
  if (year === 0) {
    const behind = yearBehind(bytes, q, end);
    if (behind !== 0) {
      year = behind;
      q += 5;
    }
  }
  return finishDate(record, year, month, day, p, q);
}

/** `2016 Mar 06 09:22:34.123 CET` (Nexus, UCS; the third example of RFC 3164 section 5.4). */
function scanYearFirst(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const year = yearAt(bytes, p, end);
  if (year === 0 || end - p < 19) return NONE;
  const date = skipSpaces(bytes, p + 4, end);
  if (end - date < 14) return NONE;
  const after = scanMonthFirst(record, bytes, date, end);
  if (after < 0) return after;
  if (record.year !== 0 && record.year !== year) return NONE;
  return finishDate(record, year, record.month, record.day, p, after);
}

/** `15 Mar 2026 10:20:30`, `15-Mar-2026 10:20:30`, `15/Mar/2026:10:20:30 +0000`. */
function scanDayFirst(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const dayLength = digitRun(bytes, p, end, 2);
  if (dayLength === 0 || end - p < dayLength + 16) return NONE;
  const day = digits(bytes, p, dayLength, end);
  let q = p + dayLength;
  const between = bytes[q]!;
  if (between !== SPACE && between !== DASH && between !== SLASH) return NONE;
  const month = monthAt(bytes, q + 1);
  const year = bytes[q + 4] === between ? digits(bytes, q + 5, 4, end) : -1;
  if (month === 0 || year < YEAR_MIN || year > YEAR_MAX) return NONE;
  q += 9;
  if (bytes[q] !== SPACE && bytes[q] !== COLON) return NONE;
  q = scanClock(record, bytes, q + 1, end);
  if (q < 0) return q;
  record.zoneMin = NO_ZONE;
  q = scanZone(record, bytes, q, end);
  return finishDate(record, year, month, day, p, q);
}

/** `03/15/2026:10:20:30 GMT` (NetScaler), `3/15/2026 10:20:30 AM`, `15-03-2026 10:20:30` (DefensePro). */
function scanSlashed(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const firstLength = digitRun(bytes, p, end, 2);
  if (firstLength === 0 || end - p < 14) return NONE;
  const between = bytes[p + firstLength]!;
  if (between !== SLASH && between !== DASH && between !== DOT) return NONE;
  let q = p + firstLength + 1;
  const secondLength = digitRun(bytes, q, end, 2);
  if (secondLength === 0 || q + secondLength >= end || bytes[q + secondLength] !== between) return NONE;
  const first = digits(bytes, p, firstLength, end);
  const second = digits(bytes, q, secondLength, end);
  q += secondLength + 1;
  const year = yearAt(bytes, q, end);
  q += 4;
  if (year === 0 || q >= end || (bytes[q] !== COLON && bytes[q] !== SPACE)) return NONE;
  q = scanClock(record, bytes, q + 1, end);
  if (q < 0) return q;
  record.zoneMin = NO_ZONE;
  q = scanZone(record, bytes, q, end);
  // With slashes the month comes first, as in the United States; with dashes and dots the day, as in Europe.
  const isDayFirst = between === SLASH ? first > 12 : second <= 12;
  return finishDate(record, year, isDayFirst ? second : first, isDayFirst ? first : second, p, q);
}

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
function scanApart(record: LogRecord, bytes: Uint8Array, date: number, clock: number, end: number): number {
  const year = digits(bytes, date, 4, end);
  const month = digits(bytes, date + 5, 2, end);
  const day = digits(bytes, date + 8, 2, end);
  if (year < YEAR_MIN || month < 0 || day < 0) return NONE;
  const after = scanClock(record, bytes, clock, end);
  if (after < 0) return after;
  record.zoneMin = NO_ZONE;
  return finishDate(record, year, month, day, Math.min(date, clock), Math.max(date + 10, after));
}

/** How many digits stand at `p`: 0 also when there are more than `max`. */
export function digitRun(bytes: Uint8Array, p: number, end: number, max: number): number {
  let length = 0;
  while (p + length < end && (CLASS[bytes[p + length]!]! & DIGIT) !== 0) {
    if (++length > max) return 0;
  }
  return length;
}

/** A year of four digits at `p` that a delimiter follows, else 0. */
export function yearAt(bytes: Uint8Array, p: number, end: number): number {
  const year = digits(bytes, p, 4, end);
  if (year < YEAR_MIN || year > YEAR_MAX) return 0;
  if (p + 4 >= end) return year;
  const next = bytes[p + 4]!;
  return next === SPACE || next === COLON ? year : 0;
}

/** The year in ` 2009` behind a time, else 0. */
function yearBehind(bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 5 || bytes[p] !== SPACE) return 0;
  // `2001:db8::1` is no year.
  if (end - p > 6 && bytes[p + 5] === COLON && bytes[p + 6] !== SPACE) return 0;
  return yearAt(bytes, p + 1, end);
}

/** `hh:mm[:ss[.fraction]]` with one or two digits of hour, and ` AM` or ` PM`. */
function scanClock(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const hourLength = digitRun(bytes, p, end, 2);
  if (hourLength === 0) return NONE;
  let q = p + hourLength;
  if (q >= end || bytes[q] !== COLON) return NONE;
  const minute = digits(bytes, q + 1, 2, end);
  if (minute < 0) return NONE;
  record.hour = digits(bytes, p, hourLength, end);
  record.minute = minute;
  record.second = 0;
  record.nanos = 0;
  q += 3;
  if (q < end && bytes[q] === COLON) {
    const second = digits(bytes, q + 1, 2, end);
    if (second >= 0) {
      record.second = second;
      q += 3;
      if (q < end && (bytes[q] === DOT || bytes[q] === COMMA)) q = scanFraction(record, bytes, q, end);
      if (q < end && (CLASS[bytes[q]!]! & DIGIT) !== 0) return NONE;
    }
  }
  return scanHalfDay(record, bytes, q, end);
}

/** The fraction behind the dot or comma at `p`; without a digit the dot belongs to what follows. */
function scanFraction(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  let q = p + 1;
  let scale = 100_000_000;
  let nanos = 0;
  while (q < end && (CLASS[bytes[q]!]! & DIGIT) !== 0) {
    nanos += (bytes[q]! - 48) * scale;
    scale = scale >= 10 ? scale / 10 : 0;
    q++;
  }
  record.nanos = nanos;
  return q === p + 1 ? p : q;
}

function scanHalfDay(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 3 || bytes[p] !== SPACE || (bytes[p + 2]! | 0x20) !== 0x6d) return p;
  const half = bytes[p + 1]! | 0x20;
  if ((half !== 0x61 && half !== 0x70) || (p + 3 < end && (CLASS[bytes[p + 3]!]! & (LETTER | DIGIT)) !== 0))
    return p;
  if (record.hour < 1 || record.hour > 12) return BAD;
  record.hour = (record.hour % 12) + (half === 0x70 ? 12 : 0);
  return p + 3;
}

/** A zone at `p`: `Z`, `+01:00`, `-0700`, ` +0100`, ` CET`, ` UTC+1`. Sets record.zoneMin; `p` when there is none. */
export function scanZone(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (p >= end) return p;
  const b = bytes[p]!;
  if (b === PLUS || b === DASH) return scanOffset(record, bytes, p, end);
  if ((b | 0x20) === 0x7a) {
    if (!delimits(bytes, p + 1, end)) return p;
    record.zoneMin = 0;
    return p + 1;
  }
  if (b !== SPACE || p + 1 >= end) return p;
  const first = bytes[p + 1]!;
  if (first === PLUS || first === DASH) {
    const after = scanOffset(record, bytes, p + 1, end);
    return after === p + 1 ? p : after;
  }
  return scanZoneName(record, bytes, p, end);
}

/** A zone that stands alone, as the value of a key: `-0700`, `CET`, `(GMT+3:00)Baghdad`. Sets record.zoneMin. */
export function scanZoneValue(record: LogRecord, bytes: Uint8Array, p: number, end: number): void {
  const start = bytes[p] === 0x28 ? p + 1 : p;
  if (start >= end) return;
  const first = bytes[start]!;
  if (first === PLUS || first === DASH) scanOffset(record, bytes, start, end);
  else scanZoneName(record, bytes, start - 1, end);
}

/** The name behind the byte at `p`. In lower case only a colon makes it a zone: `May 21 12:00:01 gmt:`. */
function scanZoneName(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const after = lettersEnd(bytes, p + 1, end);
  const minutes = zoneWord(bytes, p + 1, after);
  if (spellsAnyCase(bytes, p + 1, end, 'tz') && after === p + 3) return scanOffset(record, bytes, after, end);
  if (minutes === NOT_A_ZONE) return p;
  const isUpper = (CLASS[bytes[p + 1]!]! & UPPER) !== 0 && (CLASS[bytes[after - 1]!]! & UPPER) !== 0;
  if (!isUpper && !(minutes === 0 && after < end && bytes[after] === COLON)) return p;
  if (minutes === 0 && after < end && (bytes[after] === PLUS || bytes[after] === DASH)) {
    const behind = scanOffset(record, bytes, after, end);
    return behind === after ? p : behind;
  }
  if (!delimits(bytes, after, end)) return p;
  record.zoneMin = minutes;
  return after;
}

/** `+hh`, `+hhmm` or `+hh:mm` at `p`; `p` when it is none. */
function scanOffset(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const length = digitRun(bytes, p + 1, end, 4);
  let q = p + 1 + length;
  let hours = 0;
  let minutes = 0;
  if (length === 4) {
    hours = digits(bytes, p + 1, 2, end);
    minutes = digits(bytes, p + 3, 2, end);
  } else if (length === 1 || length === 2) {
    hours = digits(bytes, p + 1, length, end);
    if (q < end && bytes[q] === COLON && digitRun(bytes, q + 1, end, 2) === 2) {
      minutes = digits(bytes, q + 1, 2, end);
      q += 3;
    }
  } else {
    return p;
  }
  if (hours > 23 || minutes > 59 || !delimits(bytes, q, end)) return p;
  record.zoneMin = (bytes[p] === DASH ? -1 : 1) * (hours * 60 + minutes);
  return q;
}

/** Does something end here: a space, tab, colon, comma, bracket, `|`, quote, or the message? */
function delimits(bytes: Uint8Array, p: number, end: number): boolean {
  if (p >= end) return true;
  const b = bytes[p]!;
  return (
    b <= SPACE ||
    b === COLON ||
    b === COMMA ||
    b === 0x22 ||
    b === 0x5d ||
    b === 0x7c ||
    b === 0x29 ||
    b === 0x3b
  );
}

function finishDate(
  record: LogRecord,
  year: number,
  month: number,
  day: number,
  start: number,
  end: number,
): number {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return BAD;
  // A leap second is real: 60 stands in RFC 3164's grammar and in the tables of the IERS.
  if (record.hour > 23 || record.minute > 59 || record.second > 60) return BAD;
  record.timeKind = TIME.calendar;
  record.year = year;
  record.month = month;
  record.day = day;
  record.timeStart = start;
  record.timeEnd = end;
  return end;
}

/** 15 when a complete `Mmm dd hh:mm:ss` stands at `p` with something behind it, else 0. Writes nothing. */
export function stampLength(bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 17 || monthAt(bytes, p) === 0) return 0;
  if (bytes[p + 3] !== SPACE || bytes[p + 6] !== SPACE || bytes[p + 9] !== COLON || bytes[p + 12] !== COLON)
    return 0;
  if (
    digits(bytes, p + 7, 2, end) < 0 ||
    digits(bytes, p + 10, 2, end) < 0 ||
    digits(bytes, p + 13, 2, end) < 0
  )
    return 0;
  return bytes[p + 15] === SPACE ? 15 : 0;
}

export type StampScan = (record: LogRecord, bytes: Uint8Array, p: number, end: number) => number;

const probe = new LogRecord();

/** Gives the record the time that `scan` finds at `p`. A scan that fails leaves the record's time as it was. */
export function takeTime(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  end: number,
  scan: StampScan,
): number {
  const after = scan(probe, bytes, p, end);
  if (after >= 0) copyTime(probe, record);
  return after;
}

/** As takeTime, for a date and a time of day that stand apart. */
export function takeTimeApart(
  record: LogRecord,
  bytes: Uint8Array,
  date: number,
  clock: number,
  end: number,
): number {
  const after = scanApart(probe, bytes, date, clock, end);
  if (after >= 0) copyTime(probe, record);
  return after;
}

function copyTime(from: LogRecord, to: LogRecord): void {
  to.timeKind = from.timeKind;
  to.timeStart = from.timeStart;
  to.timeEnd = from.timeEnd;
  to.year = from.timeKind === TIME.epoch ? 0 : from.year;
  to.month = from.month;
  to.day = from.day;
  to.hour = from.hour;
  to.minute = from.minute;
  to.second = from.second;
  to.nanos = from.nanos;
  to.zoneMin = from.zoneMin;
  to.epochSec = from.epochSec;
}
