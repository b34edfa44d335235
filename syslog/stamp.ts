// Reads a time stamp where it stands and fills the record's time fields. Each form that devices are known to
// send has one function; what they return is told in stamp-parts.ts.
// Refuses: to fill in what is not said. No year is year 0, no zone is NO_ZONE (time.ts resolves them).

import { CLASS, DIGIT, digits, LETTER, skipSpaces, spellsAnyCase } from './chars.ts';
import { LogRecord, NO_ZONE, TIME } from './record.ts';
import { scanApart, scanIso } from './stamp-iso.ts';
import {
  digitRun,
  finishDate,
  monthAt,
  monthEnd,
  NONE,
  scanClock,
  YEAR_MAX,
  YEAR_MIN,
} from './stamp-parts.ts';
import { scanZone } from './stamp-zone.ts';
import { lettersEnd } from './zones.ts';

const SPACE = 32;
const COMMA = 0x2c;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;

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

/** Position after `Fri `, `Fri, ` or `Friday, `, or NONE. */
function skipWeekday(bytes: Uint8Array, p: number, end: number): number {
  if (!WEEKDAYS.some((day) => spellsAnyCase(bytes, p, end, day))) return NONE;
  let after = lettersEnd(bytes, p, end);
  if (after - p > 3 && !spellsAnyCase(bytes, after - 3, end, 'day')) return NONE;
  if (after < end && bytes[after] === COMMA) after++;
  if (after >= end || bytes[after] !== SPACE) return NONE;
  after = skipSpaces(bytes, after, end);
  return end - after >= 8 ? after : NONE;
}

/** `Mmm d hh:mm:ss`, with a year before or behind the time, a fraction and a zone if they are there. */
export function scanMonthFirst(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 14) return NONE;
  const month = monthAt(bytes, p);
  let q = month === 0 ? NONE : monthEnd(bytes, p, end, month);
  if (q < 0 || q >= end || bytes[q] !== SPACE) return NONE;
  q = skipSpaces(bytes, q, end);
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
  // The year may stand before the zone (`2009 CET`) or behind it (`CST 1987`).
  if (year === 0 && (year = yearBehind(bytes, q, end)) !== 0) q += 5;
  q = scanZone(record, bytes, q, end);
  if (year === 0 && (year = yearBehind(bytes, q, end)) !== 0) q += 5;
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
  const between = bytes[p + dayLength]!;
  if (between !== SPACE && between !== DASH && between !== SLASH) return NONE;
  const name = p + dayLength + 1;
  const month = monthAt(bytes, name);
  let q = month === 0 ? NONE : monthEnd(bytes, name, end, month);
  if (q < 0 || end - q < 10 || bytes[q] !== between) return NONE;
  const year = digits(bytes, q + 1, 4, end);
  q += 5;
  if (year < YEAR_MIN || year > YEAR_MAX || (bytes[q] !== SPACE && bytes[q] !== COLON)) return NONE;
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

/**
 * As takeTime, for a time behind a header that has one already: it replaces that one only if it names its zone.
 * A relay's clock and zone are known; those of the host behind it are not.
 */
export function takeSurerTime(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  end: number,
  scan: StampScan,
): number {
  const after = scan(probe, bytes, p, end);
  if (after >= 0 && (record.timeKind === TIME.none || probe.zoneMin !== NO_ZONE)) copyTime(probe, record);
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
