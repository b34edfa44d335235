// Calendar arithmetic without Date: from the time that stands in a message to an instant, and back.
// What a message leaves out is filled in here: the year is the one that brings the time nearest to its
// reception, the zone is the one that the caller gives for the sender.
// Refuses: to guess about a message that names no time at all; the caller then uses the receive time.

import { assert } from '../base/assert.ts';
import { type LogRecord, NO_ZONE, TIME } from './record.ts';

/** Where a sender's clock stands: minutes east of Greenwich at an instant. */
export interface ZoneOffset {
  offsetMin(epochSec: number): number;
}

/** Whole seconds since 1970 (UTC), and the fraction. */
export interface Instant {
  sec: number;
  nanos: number;
}

export interface CivilTime {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const DAY_SEC = 86_400;
/** Half of a year of 365.25 days: a time further than this from its reception belongs to another year. */
const HALF_YEAR_SEC = 15_778_800;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days in a month; with year 0 (not known) February has 29. */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year === 0 || isLeapYear(year) ? 29 : 28;
  return MONTH_DAYS[month - 1] ?? 0;
}

/**
 * Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from 1 March so
 * that the leap day comes last; 400 years are 146,097 days, and 719,468 days lie between 0000-03-01 and 1970.
 */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The calendar date and time of day at an instant, in a zone that is `offsetMin` minutes east of Greenwich. */
export function civilFromEpoch(sec: number, offsetMin: number, out: CivilTime): void {
  const local = sec + offsetMin * 60;
  const days = Math.floor(local / DAY_SEC);
  const ofDay = local - days * DAY_SEC;
  out.hour = Math.floor(ofDay / 3600);
  out.minute = Math.floor((ofDay % 3600) / 60);
  out.second = Math.floor(ofDay % 60);
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  out.day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  out.month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  out.year = yearOfEra + era * 400 + (out.month <= 2 ? 1 : 0);
}

/**
 * The instant that the message's own time names. False when it names none.
 * A leap second (`:60`) becomes the first second of the next minute.
 */
export function resolveTime(record: LogRecord, receivedMs: number, zone: ZoneOffset, out: Instant): boolean {
  if (record.timeKind === TIME.none) return false;
  out.nanos = record.nanos;
  if (record.timeKind === TIME.epoch) {
    out.sec = record.epochSec;
    return true;
  }
  out.sec =
    record.year === 0 ? nearestYear(record, receivedMs, zone) : instantInYear(record, record.year, zone);
  return true;
}

function instantInYear(record: LogRecord, year: number, zone: ZoneOffset): number {
  const local =
    daysFromCivil(year, record.month, record.day) * DAY_SEC +
    record.hour * 3600 +
    record.minute * 60 +
    record.second;
  return record.zoneMin === NO_ZONE ? utcFromLocal(local, zone) : local - record.zoneMin * 60;
}

/**
 * Local wall-clock seconds to UTC. In the hour that a clock change skips or repeats, the offset from
 * before the change counts.
 */
function utcFromLocal(local: number, zone: ZoneOffset): number {
  const before = zone.offsetMin(local - DAY_SEC);
  const after = zone.offsetMin(local + DAY_SEC);
  const guess = local - before * 60;
  if (before === after || zone.offsetMin(guess) === before) return guess;
  const other = local - after * 60;
  return zone.offsetMin(other) === after ? other : guess;
}

/** With the year that brings it nearest to its reception; 29 February looks for the nearest leap year. */
function nearestYear(record: LogRecord, receivedMs: number, zone: ZoneOffset): number {
  const received = receivedMs / 1000;
  const year = yearOf(received);
  if (record.month === 2 && record.day === 29) return nearestLeapDay(record, year, received, zone);
  const sameYear = instantInYear(record, year, zone);
  if (sameYear - received > HALF_YEAR_SEC)
    return nearer(received, sameYear, instantInYear(record, year - 1, zone));
  if (received - sameYear > HALF_YEAR_SEC)
    return nearer(received, sameYear, instantInYear(record, year + 1, zone));
  return sameYear;
}

function nearer(to: number, a: number, b: number): number {
  return Math.abs(b - to) < Math.abs(a - to) ? b : a;
}

function nearestLeapDay(record: LogRecord, year: number, received: number, zone: ZoneOffset): number {
  let best = Number.POSITIVE_INFINITY;
  // Leap days lie at most eight years apart (1896 and 1904).
  for (let candidate = year - 8; candidate <= year + 8; candidate++) {
    if (isLeapYear(candidate)) {
      const sec = instantInYear(record, candidate, zone);
      if (Math.abs(sec - received) < Math.abs(best - received)) best = sec;
    }
  }
  return best;
}

const yearScratch: CivilTime = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };

function yearOf(sec: number): number {
  civilFromEpoch(Math.floor(sec), 0, yearScratch);
  return yearScratch.year;
}

class FixedZone implements ZoneOffset {
  readonly #minutes: number;
  constructor(minutes: number) {
    this.#minutes = minutes;
  }
  offsetMin(): number {
    return this.#minutes;
  }
}

/** Since 1972 every zone has changed its clock on a quarter of an hour (IANA tz database). */
const STEP_SEC = 900;

/** Slots of one zone's memo. A prime, so that a day before and a day after do not meet in one slot. */
const MEMO_SLOTS = 61;

/** A zone with clock changes: asks for each quarter of an hour once, keeps the last answers. */
class ChangingZone implements ZoneOffset {
  readonly #ask: (epochSec: number) => number;
  readonly #steps = new Float64Array(MEMO_SLOTS).fill(Number.NaN);
  readonly #offsets = new Int32Array(MEMO_SLOTS);

  constructor(ask: (epochSec: number) => number) {
    this.#ask = ask;
  }

  offsetMin(epochSec: number): number {
    const step = Math.floor(epochSec / STEP_SEC);
    const slot = Math.abs(step % MEMO_SLOTS);
    if (this.#steps[slot] !== step) {
      this.#steps[slot] = step;
      this.#offsets[slot] = this.#ask(step * STEP_SEC);
    }
    return this.#offsets[slot]!;
  }
}

export const UTC: ZoneOffset = new FixedZone(0);

function localZone(): ZoneOffset {
  return new ChangingZone((sec) => -new Date(sec * 1000).getTimezoneOffset());
}

function namedZone(name: string): ZoneOffset | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-u-hc-h23', {
      timeZone: name,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
  return new ChangingZone((sec) => offsetByFormat(format, sec));
}

function offsetByFormat(format: Intl.DateTimeFormat, sec: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(sec * 1000)) part[type] = Number(value);
  const days = daysFromCivil(part['year'] ?? 1970, part['month'] ?? 1, part['day'] ?? 1);
  const local =
    days * DAY_SEC + (part['hour'] ?? 0) * 3600 + (part['minute'] ?? 0) * 60 + (part['second'] ?? 0);
  return Math.round((local - sec) / 60);
}

/** "local", "UTC", a fixed offset ("+02:00", "-0530", "+9") or an IANA name ("Europe/Berlin"); else undefined. */
export function findZone(name: string): ZoneOffset | undefined {
  if (name === 'local') return localZone();
  if (name === 'UTC' || name === 'Z') return UTC;
  const fixed = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(name);
  if (fixed === null) return namedZone(name);
  const minutes = Number(fixed[2]) * 60 + Number(fixed[3] ?? 0);
  if (minutes > 23 * 60 + 59 || Number(fixed[3] ?? 0) > 59) return undefined;
  return new FixedZone(fixed[1] === '-' ? -minutes : minutes);
}

/** As findZone, for a name that has been checked already. */
export function zoneFor(name: string): ZoneOffset {
  const zone = findZone(name);
  assert(zone !== undefined, `"${name}" was accepted as a time zone before`);
  return zone;
}
