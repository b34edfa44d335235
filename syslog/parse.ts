// One message, as it came off the wire, into a LogRecord. Tries the formats in the order of how often they
// come: canonical RFC 3164, RFC 5424, then everything that devices really send (rfc3164.ts, vendor/).
// Promises: never throws, never loses a byte of text, reads nothing outside [start, end), and allocates
// nothing. What cannot be understood is the message text, with the reason in `record.trouble`.

import { DEFAULT_PRI, FORMAT, type LogRecord, resetRecord, TROUBLE } from './record.ts';
import { readLoose, readPrecise, readTraditional, TRADITIONAL_MIN } from './rfc3164.ts';
import { read5424 } from './rfc5424.ts';

/** Highest PRI: local7.debug, 23 * 8 + 7 (RFC 5424 section 6.2.1). */
const PRI_MAX = 191;

export function parseMessage(record: LogRecord, bytes: Uint8Array, start: number, end: number): void {
  const last = trimEnd(bytes, start, end);
  resetRecord(record, bytes, start, last);
  if (last === start) {
    record.trouble = TROUBLE.empty;
    return;
  }
  if (bytes[start] !== 0x3c) {
    readWithoutPri(record, bytes, start, last);
    return;
  }
  const p = readPri(record, bytes, start, last);
  if (p < 0) return;
  record.headerStart = p;
  record.msgStart = p;
  if (last - p >= TRADITIONAL_MIN) {
    if (readTraditional(record, bytes, p, last)) return;
    if (bytes[p + 4] === 0x2d && readPrecise(record, bytes, p, last)) return;
  }
  if (p < last && bytes[p]! >= 48 && bytes[p]! <= 57 && read5424(record, bytes, p, last)) return;
  readLoose(record, bytes, p, last, true);
}

/** What stands in files and pipes, sent as it is: `Nov 20 …`, `1 2026-11-20T…`, or just a text. */
function readWithoutPri(record: LogRecord, bytes: Uint8Array, start: number, end: number): void {
  if (end - start >= TRADITIONAL_MIN) {
    if (readTraditional(record, bytes, start, end)) return;
    const isVersioned = bytes[start] === 0x31 && bytes[start + 1] === 32 && bytes[start + 6] === 0x2d;
    if (isVersioned && read5424(record, bytes, start, end)) {
      if (record.trouble === TROUBLE.none) record.trouble = TROUBLE.badPri;
      return;
    }
  }
  readLoose(record, bytes, start, end, false);
}

/** Line ends and NULs at the end are framing, not text. */
function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start) {
    const b = bytes[end - 1]!;
    if (b !== 10 && b !== 13 && b !== 0) break;
    end--;
  }
  return end;
}

/** `<0>` to `<191>` without leading zeros; -1 and bad_pri for anything else that begins with `<`. */
function readPri(record: LogRecord, bytes: Uint8Array, start: number, end: number): number {
  let p = start + 1;
  let pri = 0;
  while (p < end && p - start <= 3) {
    const d = bytes[p]! - 48;
    if (d < 0 || d > 9) break;
    pri = pri * 10 + d;
    p++;
  }
  const length = p - start - 1;
  if (
    p >= end ||
    bytes[p] !== 0x3e ||
    length === 0 ||
    pri > PRI_MAX ||
    (length > 1 && bytes[start + 1] === 48)
  ) {
    record.pri = DEFAULT_PRI;
    record.format = FORMAT.text;
    record.trouble = TROUBLE.badPri;
    return -1;
  }
  record.pri = pri;
  return p + 1;
}
