// The parts that time stamps are made of: month names, the time of day, fractions, and the check that a date
// exists. A scan returns the position behind what it read, NONE when the bytes are something else, or BAD when
// they have its shape but name no time that exists (32:72:82).
// Refuses: to look at what stands around a stamp; that is for the forms in stamp.ts and stamp-iso.ts.

import { CLASS, DIGIT, digits, spellsAnyCase } from './chars.ts';
import { type LogRecord, TIME } from './record.ts';
import { daysInMonth } from './time.ts';
import { lettersEnd } from './zones.ts';

const SPACE = 32;
const COMMA = 0x2c;
const DOT = 0x2e;
const COLON = 0x3a;

export const NONE = -1;
export const BAD = -2;

/** Years that a stamp may name: before 1970 no clock ran, after 2199 none is believed. */
export const YEAR_MIN = 1970;
export const YEAR_MAX = 2199;

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

const MONTH_NAMES = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const;

/** End of the month's name at `p`, of which monthAt knows the first three letters: those alone, or all; else -1. */
export function monthEnd(bytes: Uint8Array, p: number, end: number, month: number): number {
  const after = lettersEnd(bytes, p, end);
  const length = after - p;
  if (length === 3) return after;
  const name = MONTH_NAMES[month - 1] ?? '';
  const isWhole = length === name.length && spellsAnyCase(bytes, p, end, name);
  return isWhole || (month === 9 && length === 4 && (bytes[after - 1]! | 0x20) === 0x74) ? after : NONE;
}

/** How many digits stand at `p`: 0 also when there are more than `max`. */
export function digitRun(bytes: Uint8Array, p: number, end: number, max: number): number {
  let length = 0;
  while (p + length < end && (CLASS[bytes[p + length]!]! & DIGIT) !== 0) {
    if (++length > max) return 0;
  }
  return length;
}

/** `hh:mm[:ss[.fraction]]` with one or two digits of hour, and ` AM` or ` PM`. */
export function scanClock(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
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
export function scanFraction(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
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
  // `am-2.example.org` is a host, and so is `pm` behind an hour that no clock of twelve has.
  if ((half !== 0x61 && half !== 0x70) || (p + 3 < end && bytes[p + 3] !== SPACE)) return p;
  if (record.hour < 1 || record.hour > 12) return p;
  record.hour = (record.hour % 12) + (half === 0x70 ? 12 : 0);
  return p + 3;
}

/** Does something end here: a space, tab, colon, comma, bracket, `|`, quote, or the message? */
export function delimits(bytes: Uint8Array, p: number, end: number): boolean {
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

export function finishDate(
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
