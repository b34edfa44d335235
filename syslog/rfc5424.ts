// Reads RFC 5424: `VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`.
// What keeps to the letter costs one pass over the header. What breaks the letter and still has one
// meaning (a lower-case `t`, nanoseconds, a name over its limit) is read and counted as trouble.
// Refuses: to guess at a header that lacks fields. Then the whole text after the PRI is the message.

import { CLASS, DIGIT, digits } from './chars.ts';
import { FORMAT, type LogRecord, TIME, TROUBLE } from './record.ts';
import { scanIso, scanRfc3339 } from './stamp-iso.ts';
import { GRADE, scanStructured, type StructuredScan } from './structured.ts';
import { mendPrinter, readHybrid } from './vendor/hybrid.ts';

const SPACE = 32;
const DASH = 0x2d;

/** Limits of RFC 5424 section 6. */
const HOST_MAX = 255;
const APP_MAX = 48;
const PROCID_MAX = 128;
const MSGID_MAX = 32;

const scan: StructuredScan = { end: 0, grade: 0 };

/**
 * Reads the header that begins with VERSION at `p`. False when this is another format: then only the
 * caller's own reset may be relied on.
 */
export function read5424(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const afterVersion = scanVersion(record, bytes, p, end);
  if (afterVersion < 0) return false;
  record.format = FORMAT.rfc5424;
  const q = scanTimestamp(record, bytes, afterVersion, end);
  if (q === NOT_5424) {
    record.version = 0;
    return false;
  }
  if (q < 0) return refuse(record, p, q === BAD_TIME ? TROUBLE.badTime : TROUBLE.badHeader);

  if (readFields(record, bytes, q, end, ASCII)) return true;
  // Windows sends names with letters that RFC 5424 does not have: they are kept, and counted.
  if (!readFields(record, bytes, q, end, ANY_SCRIPT)) return readShortHeader(record, bytes, p, q, end);
  if (record.trouble === TROUBLE.none) record.trouble = TROUBLE.badHeader;
  return true;
}

/** First byte that a header field may not have: PRINTUSASCII is 33 to 126. */
const ASCII = 127;
const ANY_SCRIPT = 256;

/** Everything from the host on. False when fields are missing, empty, or not of the bytes below `limit`. */
function readFields(record: LogRecord, bytes: Uint8Array, host: number, end: number, limit: number): boolean {
  let q = host;
  const hostEnd = (q = fieldEnd(bytes, host, end, limit));
  const app = q + 1;
  const appEnd = (q = fieldEnd(bytes, app, end, limit));
  const procid = q + 1;
  const procidEnd = (q = fieldEnd(bytes, procid, end, limit));
  const msgid = q + 1;
  const msgidEnd = (q = fieldEnd(bytes, msgid, end, limit));
  const sd = q + 1;
  const hasFields = sd < end && hostEnd > host && appEnd > app && procidEnd > procid && msgidEnd > msgid;
  if (
    !hasFields ||
    bytes[hostEnd] !== SPACE ||
    bytes[appEnd] !== SPACE ||
    bytes[procidEnd] !== SPACE ||
    bytes[msgidEnd] !== SPACE
  ) {
    return false;
  }
  if (
    hostEnd - host > HOST_MAX ||
    appEnd - app > APP_MAX ||
    procidEnd - procid > PROCID_MAX ||
    msgidEnd - msgid > MSGID_MAX
  ) {
    record.trouble = TROUBLE.badHeader;
  }
  if (hostEnd - host !== 1 || bytes[host] !== DASH) {
    record.hostStart = host;
    record.hostEnd = hostEnd;
  }
  if (appEnd - app !== 1 || bytes[app] !== DASH) {
    record.programStart = app;
    record.programEnd = appEnd;
  }
  if (procidEnd - procid !== 1 || bytes[procid] !== DASH) {
    record.procidStart = procid;
    record.procidEnd = procidEnd;
  }
  if (msgidEnd - msgid !== 1 || bytes[msgid] !== DASH) {
    record.msgidStart = msgid;
    record.msgidEnd = msgidEnd;
  }
  readRest(record, bytes, sd, end);
  if (record.trouble === TROUBLE.badStructuredData && record.sdStart < 0) readHybrid(record, bytes, app, end);
  else if (bytes[msgid] === 0x52) mendPrinter(record, bytes);
  return true;
}

/** Too few fields: content where they should stand, or no RFC 5424 at all. */
function readShortHeader(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  host: number,
  end: number,
): boolean {
  const hostEnd = fieldEnd(bytes, host, end, ANY_SCRIPT);
  if (hostEnd === host || hostEnd >= end || bytes[hostEnd] !== SPACE)
    return refuse(record, p, TROUBLE.badHeader);
  if (!readHybrid(record, bytes, hostEnd + 1, end)) return refuse(record, p, TROUBLE.badHeader);
  if (record.hostStart < 0 && (hostEnd - host !== 1 || bytes[host] !== DASH)) {
    record.hostStart = host;
    record.hostEnd = hostEnd;
  }
  return true;
}

/** Position after `VERSION SP`, or -1. VERSION is one to three digits (RFC 5424); `0` is seen in the field. */
function scanVersion(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  let q = p;
  let version = 0;
  while (q < end && q - p < 3 && (CLASS[bytes[q]!]! & DIGIT) !== 0) version = version * 10 + bytes[q++]! - 48;
  if (q === p || q >= end || bytes[q] !== SPACE) return -1;
  if (bytes[p] === 48) {
    if (q - p > 1) return -1;
    record.trouble = TROUBLE.badHeader;
  }
  record.version = version;
  return q + 1;
}

const NOT_5424 = -1;
const BAD_TIME = -2;
const BAD_AFTER_TIME = -3;

/** Position after `TIMESTAMP SP`. */
function scanTimestamp(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (end - p < 2) return NOT_5424;
  if (bytes[p] === DASH) return bytes[p + 1] === SPACE ? p + 2 : BAD_TIME;
  const q = scanRfc3339(record, bytes, p, end);
  if (q > 0) return q;
  return scanLooseTime(record, bytes, p, end);
}

/** A stamp that breaks the letter. Dell's switches write a space for the T: a form of theirs, no trouble. */
function scanLooseTime(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (digits(bytes, p, 4, end) < 0 || end - p < 6) return NOT_5424;
  if (bytes[p + 4] !== DASH) return NOT_5424;
  const q = scanIso(record, bytes, p, end);
  if (q < 0 || (q < end && bytes[q] !== SPACE)) {
    record.timeKind = TIME.none;
    return BAD_TIME;
  }
  if (q >= end) return BAD_AFTER_TIME;
  if (bytes[p + 10] === SPACE) record.format = FORMAT.vendor;
  else record.trouble = TROUBLE.badTime;
  return q + 1;
}

/** End of a header field: the first byte that is a space, a control byte, or not below `limit`. */
function fieldEnd(bytes: Uint8Array, p: number, end: number, limit: number): number {
  while (p < end && bytes[p]! > 32 && bytes[p]! < limit) p++;
  return p;
}

/** STRUCTURED-DATA and MSG, from `sd` on. */
function readRest(record: LogRecord, bytes: Uint8Array, sd: number, end: number): void {
  let after: number;
  if (bytes[sd] === DASH && (sd + 1 >= end || bytes[sd + 1] === SPACE)) {
    after = sd + 1;
  } else if (bytes[sd] === 0x5b && scanStructured(bytes, sd, end, scan)) {
    record.sdStart = sd;
    record.sdEnd = after = scan.end;
    if (scan.grade === GRADE.tolerated) record.format = FORMAT.vendor;
    else if (scan.grade === GRADE.broken) record.trouble = TROUBLE.badStructuredData;
  } else {
    record.trouble = TROUBLE.badStructuredData;
    record.msgStart = sd;
    record.msgEnd = end;
    return;
  }
  record.msgStart = after < end ? after + 1 : end;
  record.msgEnd = end;
}

/** It claims to be RFC 5424 and is not: everything after the PRI becomes the message. */
function refuse(record: LogRecord, message: number, trouble: number): boolean {
  record.format = FORMAT.text;
  record.version = 0;
  record.trouble = trouble;
  record.timeKind = TIME.none;
  record.timeStart = -1;
  record.timeEnd = -1;
  record.msgStart = message;
  return true;
}
