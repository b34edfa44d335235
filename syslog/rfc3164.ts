// Reads the traditional format: `Mmm dd hh:mm:ss host program[pid]: text`. readTraditional takes only the
// canonical form, in one pass of plain byte tests: most messages of most sites go this way. readLoose takes
// what is left: times of every shape (stamp.ts), hosts that are missing, and the headers that vendors write.
// Refuses: to make a program of a first word that neither a colon nor a process id marks as one.

import { CLASS, DIGIT, HOST, LOWER, skipSpaces, TAG, UPPER } from './chars.ts';
import { findData } from './content.ts';
import { readAfterTime, readHost, readUntimed } from './header.ts';
import { FORMAT, type LogRecord, TIME, TROUBLE } from './record.ts';
import { scanStamp, yearAt } from './stamp.ts';
import { scanRfc3339 } from './stamp-iso.ts';
import { BAD, monthAt } from './stamp-parts.ts';
import { daysInMonth } from './time.ts';
import { readLeading } from './vendor/leading.ts';
import { NOT_A_ZONE, zoneWord } from './zones.ts';

const SPACE = 32;
const COLON = 0x3a;

/** `Mmm dd hh:mm:ss ` is 16 bytes; `h t: x` are the fewest that can follow. */
const STAMP_LENGTH = 16;
export const TRADITIONAL_MIN = 22;

/**
 * The canonical form at `p`; TRADITIONAL_MIN bytes or more lie before `end`. False, with only time fields
 * touched, for everything else, even where it looks similar.
 */
export function readTraditional(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  if (bytes[p + 3] !== SPACE || bytes[p + 6] !== SPACE || bytes[p + 15] !== SPACE) return false;
  if (bytes[p + 9] !== COLON || bytes[p + 12] !== COLON) return false;
  if (!readCanonicalTime(record, bytes, p)) return false;
  if (!readHostAndTag(record, bytes, p + STAMP_LENGTH, end)) return false;
  record.traditional = true;
  return true;
}

/** The same with an RFC 3339 time: what rsyslog and syslog-ng forward when precise times are asked for. */
export function readPrecise(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const host = scanRfc3339(record, bytes, p, end);
  return host > 0 && readHostAndTag(record, bytes, host, end);
}

/** `host program[pid]: text` in its plain form; false for anything that needs a second look. */
function readHostAndTag(record: LogRecord, bytes: Uint8Array, host: number, end: number): boolean {
  let q = host;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
  const hostEnd = q;
  if (hostEnd === host || q >= end || bytes[q] !== SPACE || !isPlainHost(bytes, host, hostEnd)) return false;

  // A number where the tag should stand is one of Cisco's; a tag begins with anything else.
  const program = q + 1;
  q = program;
  if (q < end && (CLASS[bytes[q]!]! & DIGIT) !== 0) return false;
  while (q < end && (CLASS[bytes[q]!]! & TAG) !== 0) q++;
  const programEnd = q;
  if (programEnd === program || q >= end) return false;
  let pid = -1;
  let pidEnd = -1;
  if (bytes[q] === 0x5b) {
    pid = ++q;
    while (q < end && (CLASS[bytes[q]!]! & TAG) !== 0) q++;
    pidEnd = q;
    if (pidEnd === pid || q >= end || bytes[q] !== 0x5d) return false;
    q++;
  }
  // The tag ends with a colon, one space, and at least one byte of text.
  if (end - q < 3 || bytes[q] !== COLON || bytes[q + 1] !== SPACE) return false;

  record.format = FORMAT.rfc3164;
  record.hostStart = host;
  record.hostEnd = hostEnd;
  record.programStart = program;
  record.programEnd = programEnd;
  record.procidStart = pid;
  record.procidEnd = pidEnd;
  record.msgStart = q + 2;
  if (bytes[q + 2] === 0x5b || bytes[q + 2] === SPACE) findData(record, bytes, end);
  return true;
}

/** `Mmm dd hh:mm:ss`, exactly as strftime's "%b %e %T" prints it. */
function readCanonicalTime(record: LogRecord, bytes: Uint8Array, p: number): boolean {
  const month = monthAt(bytes, p);
  if (month === 0 || (bytes[p]! & 0x20) !== 0 || (bytes[p + 1]! & bytes[p + 2]! & 0x20) === 0) return false;
  const dayTens = bytes[p + 4]! === SPACE ? 0 : bytes[p + 4]! - 48;
  const dayOnes = bytes[p + 5]! - 48;
  const hourTens = bytes[p + 7]! - 48;
  const hourOnes = bytes[p + 8]! - 48;
  const minuteTens = bytes[p + 10]! - 48;
  const minuteOnes = bytes[p + 11]! - 48;
  const secondTens = bytes[p + 13]! - 48;
  const secondOnes = bytes[p + 14]! - 48;
  if (bytes[p + 4]! === 48 || dayTens < 0 || dayTens > 3 || dayOnes < 0 || dayOnes > 9) return false;
  if (hourTens < 0 || hourTens > 2 || hourOnes < 0 || hourOnes > 9) return false;
  if (minuteTens < 0 || minuteTens > 5 || minuteOnes < 0 || minuteOnes > 9) return false;
  if (secondTens < 0 || secondTens > 5 || secondOnes < 0 || secondOnes > 9) return false;
  const day = dayTens * 10 + dayOnes;
  const hour = hourTens * 10 + hourOnes;
  if (hour > 23 || day === 0 || (day > 28 && day > daysInMonth(0, month))) return false;
  record.timeKind = TIME.calendar;
  record.timeStart = p;
  record.timeEnd = p + STAMP_LENGTH - 1;
  record.month = month;
  record.day = day;
  record.hour = hour;
  record.minute = minuteTens * 10 + minuteOnes;
  record.second = secondTens * 10 + secondOnes;
  return true;
}

/** False for what may be a year (`2009`) or a time zone (`CEST`) behind the time: the careful path decides. */
function isPlainHost(bytes: Uint8Array, host: number, hostEnd: number): boolean {
  if (hostEnd - host > 4) return true;
  const first = bytes[host]!;
  if (first >= 48 && first <= 57) return hostEnd - host !== 4;
  if (first === 0x2d) return hostEnd - host > 1;
  return (CLASS[first]! & UPPER) === 0 || zoneWord(bytes, host, hostEnd) === NOT_A_ZONE;
}

/** Everything else. `start` is the first byte after the PRI, or of a message that has none. */
export function readLoose(
  record: LogRecord,
  bytes: Uint8Array,
  start: number,
  end: number,
  hasPri: boolean,
): void {
  forget(record, start);
  const p = skipSpaces(bytes, start, end);
  if (end - p > STAMP_LENGTH + 1 && isPlainStamp(record, bytes, p, end)) {
    record.format = FORMAT.rfc3164;
    readHost(record, bytes, p + STAMP_LENGTH, end);
    return;
  }
  if (readLeading(record, bytes, p, end, hasPri)) return;
  const after = scanStamp(record, bytes, p, end);
  if (after >= 0) {
    readAfterTime(record, bytes, after, end);
    return;
  }
  forget(record, start);
  if (after === BAD) {
    record.trouble = TROUBLE.badTime;
    return;
  }
  if (hasPri && readUntimed(record, bytes, p, end)) return;
  forget(record, start);
  record.trouble = TROUBLE.noHeader;
}

/** A canonical time, and behind it surely a word that belongs to the header: no year, zone, offset or `pm`. */
function isPlainStamp(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const next = bytes[p + STAMP_LENGTH]!;
  const flags = CLASS[next]!;
  if ((flags & (LOWER | DIGIT)) === 0 || bytes[p + 15] !== SPACE || bytes[p + 3] !== SPACE) return false;
  if (bytes[p + 6] !== SPACE || bytes[p + 9] !== COLON || bytes[p + 12] !== COLON) return false;
  if ((flags & DIGIT) !== 0 && yearAt(bytes, p + STAMP_LENGTH, end) !== 0) return false;
  if ((next === 0x61 || next === 0x70) && bytes[p + STAMP_LENGTH + 1] === 0x6d) return false;
  return readCanonicalTime(record, bytes, p);
}

/** Back to "the whole of it is text" after a reader that gave up half way. */
function forget(record: LogRecord, start: number): void {
  record.format = FORMAT.text;
  record.trouble = TROUBLE.none;
  record.timeKind = TIME.none;
  record.timeStart = -1;
  record.timeEnd = -1;
  record.year = 0;
  record.nanos = 0;
  record.version = 0;
  record.timeDoubtful = false;
  record.msgStart = start;
}
