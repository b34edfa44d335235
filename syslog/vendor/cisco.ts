// The header that Cisco devices write where RFC 3164 has time and host:
//
//   [: ][seq: ][seq: ][host: ][node:][*task: ][*|.]time[ ZONE][ ]: text
//
// IOS numbers its messages (twice, where the log and the server both do), names itself only when it is told
// to, marks a clock that is not set (`*`) or no longer synchronised (`.`), and may send its uptime for the
// time. IOS-XR names the node, wireless controllers the task, Nexus puts the year first.
// Refuses: what could as well be a program's own `name: time text`; a host needs a number, a mark or a
// mnemonic beside it.

import { CLASS, DIGIT, digits, LETTER, skipSpaces, spells, UPPER, wordEnd } from '../chars.ts';
import { readContent } from '../content.ts';
import { readAfterTime } from '../header.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { scanStamp, takeTime } from '../stamp.ts';
import { digitRun, monthAt } from '../stamp-parts.ts';
import { isHostWord } from '../words.ts';
import { lettersEnd } from '../zones.ts';
import { mnemonicEnd } from './cisco-content.ts';

const SPACE = 32;
const COLON = 0x3a;
const STAR = 0x2a;
const DOT = 0x2e;
/** Sequence numbers that may stand in a row: the server's, the host's and the log's. */
const SEQUENCES_MAX = 3;
/** Longest bracket that is passed over between the numbers and the time. */
const BRACKETS_MAX = 200;

/** What was seen before the time. */
const seen = { at: 0, host: -1, hostEnd: -1, numbers: 0, isMarked: false, hasColon: false };

export function readCisco(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  seen.at = p;
  seen.host = -1;
  seen.numbers = 0;
  seen.isMarked = false;
  seen.hasColon = false;
  skipColon(bytes, end);
  skipSequences(bytes, end);
  if (seen.numbers > 0) skipBrackets(bytes, end);
  if (!startsTime(bytes, seen.at, end) && !startsMnemonic(bytes, seen.at, end) && !skipTask(bytes, end)) {
    skipTwin(bytes, end);
    if (!skipHost(bytes, end)) return false;
    skipSequences(bytes, end);
    skipTask(bytes, end);
  }
  if (seen.at < end && (bytes[seen.at] === STAR || bytes[seen.at] === DOT)) {
    seen.isMarked = true;
    seen.at++;
  }
  // A plain time at the very beginning is no matter of Cisco's alone.
  if (seen.at === p || seen.at >= end) return false;
  return readRest(record, bytes, end);
}

/** From the time on; everything before it is in `seen`. */
function readRest(record: LogRecord, bytes: Uint8Array, end: number): boolean {
  const time = seen.at;
  if (startsMnemonic(bytes, time, end)) return finish(record, bytes, time, end);
  const uptime = uptimeEnd(bytes, time, end);
  if (uptime > 0) {
    if (seen.numbers === 0) return false;
    finish(record, bytes, skipSpaces(bytes, uptime + 1, end), end);
    record.msgStart = time;
    return true;
  }
  // Nothing is written into the record before it is certain that the message is understood.
  const isSure = seen.numbers > 0 || seen.isMarked || seen.hasColon;
  const after =
    isSure || hasMnemonicBehind(bytes, time, end) ? takeTime(record, bytes, time, end, scanStamp) : -1;
  if (after < 0) return false;
  record.timeDoubtful = seen.isMarked;
  const colon = skipSpaces(bytes, skipUnknownZone(bytes, after, end), end);
  if (colon < end && bytes[colon] === COLON)
    return finish(record, bytes, skipSpaces(bytes, colon + 1, end), end);
  record.format = FORMAT.vendor;
  takeHost(record, bytes);
  if (record.hostStart >= 0) readContent(record, bytes, skipSpaces(bytes, after, end), end);
  else readAfterTime(record, bytes, after, end);
  return true;
}

function finish(record: LogRecord, bytes: Uint8Array, content: number, end: number): true {
  record.format = FORMAT.vendor;
  takeHost(record, bytes);
  readContent(record, bytes, content, end);
  return true;
}

/** IOS-XR's node (`RP/0/RSP0/CPU0`) names a board, not a host; a name before it does. */
function takeHost(record: LogRecord, bytes: Uint8Array): void {
  if (seen.host < 0) return;
  if (seen.hostEnd - seen.host > 6 && spells(bytes, seen.hostEnd - 4, seen.hostEnd, 'CPU0')) return;
  record.hostStart = seen.host;
  record.hostEnd = seen.hostEnd;
}

function skipColon(bytes: Uint8Array, end: number): void {
  if (bytes[seen.at] !== COLON) return;
  seen.hasColon = true;
  seen.at = skipSpaces(bytes, seen.at + 1, end);
}

/** `148094: `, up to SEQUENCES_MAX times. */
function skipSequences(bytes: Uint8Array, end: number): void {
  for (let i = 0; i < SEQUENCES_MAX; i++) {
    const length = digitRun(bytes, seen.at, end, 12);
    const colon = seen.at + length;
    if (length === 0 || end - colon < 2 || bytes[colon] !== COLON || bytes[colon + 1] !== SPACE) return;
    seen.numbers++;
    seen.at = skipSpaces(bytes, colon + 2, end);
  }
}

/** `[syslog@9 s_sn="45"]: `, which IOS adds when it is told to number in RFC 5424's way. */
function skipBrackets(bytes: Uint8Array, end: number): void {
  if (seen.at >= end || bytes[seen.at] !== 0x5b) return;
  const limit = Math.min(end - 2, seen.at + BRACKETS_MAX);
  for (let p = seen.at; p < limit; p++) {
    if (bytes[p] !== 0x5d) continue;
    if (bytes[p + 1] === COLON && bytes[p + 2] === SPACE) seen.at = skipSpaces(bytes, p + 2, end);
    return;
  }
}

/** `*spamApTask0: ` of a wireless controller. */
function skipTask(bytes: Uint8Array, end: number): boolean {
  const p = seen.at;
  if (p + 1 >= end || bytes[p] !== STAR || (CLASS[bytes[p + 1]!]! & LETTER) === 0) return false;
  const word = wordEnd(bytes, p, end);
  if (word - p < 3 || word >= end || bytes[word - 1] !== COLON) return false;
  seen.isMarked = false;
  seen.at = skipSpaces(bytes, word, end);
  return startsTime(bytes, seen.at, end);
}

/** Wireless controllers behind their own relay name themselves twice: `wlc1: wlc1: *task: …`. */
function skipTwin(bytes: Uint8Array, end: number): void {
  const p = seen.at;
  const next = wordEnd(bytes, p, end) + 1;
  const length = next - 1 - p;
  if (length < 2 || end - next < length || bytes[p + length - 1] !== COLON || bytes[next - 1] !== SPACE)
    return;
  for (let i = 0; i < length; i++) if (bytes[p + i] !== bytes[next + i]) return;
  if (bytes[next + length] === SPACE && next + length < end) seen.at = next;
}

/** `host: `, `host 123: `, or for IOS-XR `node:` and `host node:` with the time right behind the colon. */
function skipHost(bytes: Uint8Array, end: number): boolean {
  const p = seen.at;
  if (p >= end || !isWordByte(bytes[p]!)) return false;
  const word = wordEnd(bytes, p, end);
  let colon = colonBeforeTime(bytes, p, word, end);
  let next = colon + 1;
  if (colon < 0) {
    if (word + 1 >= end || bytes[word] !== SPACE) return false;
    colon = word;
    next = word + 1;
    if (!startsNumber(bytes, next, end) && !startsTimeWithMnemonic(bytes, next, end)) {
      next = colonBeforeTime(bytes, word + 1, wordEnd(bytes, word + 1, end), end) + 1;
      if (next === 0 || bytes[next] === SPACE) return false;
    }
  }
  if (!isHostWord(bytes, p, colon)) return false;
  seen.host = p;
  seen.hostEnd = colon;
  seen.at = skipSpaces(bytes, next, end);
  return true;
}

/** `148094: `. */
function startsNumber(bytes: Uint8Array, p: number, end: number): boolean {
  const length = digitRun(bytes, p, end, 12);
  return length > 0 && end - p > length + 1 && bytes[p + length] === COLON && bytes[p + length + 1] === SPACE;
}

function startsTimeWithMnemonic(bytes: Uint8Array, p: number, end: number): boolean {
  return startsTime(bytes, p, end) && hasMnemonicBehind(bytes, p, end);
}

function isWordByte(b: number): boolean {
  return (CLASS[b]! & (LETTER | DIGIT)) !== 0;
}

/** The colon in [p, word) behind which a time, a number, a task or a mnemonic begins; -1 when there is none. */
function colonBeforeTime(bytes: Uint8Array, p: number, word: number, end: number): number {
  if (bytes[word - 1] === COLON) {
    const next = skipSpaces(bytes, word, end);
    return next < end && startsAnything(bytes, next, end) ? word - 1 : -1;
  }
  for (let q = p + 1; q + 1 < word; q++) {
    if (bytes[q] === COLON && startsTime(bytes, q + 1, end)) return q;
  }
  return -1;
}

function startsMnemonic(bytes: Uint8Array, p: number, end: number): boolean {
  return p < end && mnemonicEnd(bytes, p, end) > 0;
}

function startsAnything(bytes: Uint8Array, p: number, end: number): boolean {
  if (startsTime(bytes, p, end) || startsNumber(bytes, p, end)) return true;
  return bytes[p] === 0x25 || bytes[p] === STAR;
}

/** May a time begin at `p`: a clock mark, a month, a year? Only looks at the first bytes. */
function startsTime(bytes: Uint8Array, p: number, end: number): boolean {
  if (end - p < 8) return false;
  let q = p;
  if (bytes[q] === STAR || bytes[q] === DOT) q++;
  if (monthAt(bytes, q) !== 0 && bytes[q + 3] === SPACE) return true;
  const year = digits(bytes, q, 4, end);
  if (year >= 1970 && year <= 2199 && (bytes[q + 4] === SPACE || bytes[q + 4] === 0x2d)) return true;
  return uptimeEnd(bytes, q, end) > 0;
}

/**
 * The colon behind an uptime at `p`: `51w2d:`, `1d02h:`, `00:00:46:`; -1 when there is none.
 */
function uptimeEnd(bytes: Uint8Array, p: number, end: number): number {
  let q = p;
  if (digitRun(bytes, p, end, 4) === 2 && end - p > 8 && bytes[p + 2] === COLON && bytes[p + 5] === COLON) {
    return digitRun(bytes, p + 6, end, 2) === 2 && bytes[p + 8] === COLON ? p + 8 : -1;
  }
  let units = 0;
  for (;;) {
    const length = digitRun(bytes, q, end, 5);
    if (length === 0 || q + length >= end || !isUptimeUnit(bytes[q + length]!)) break;
    q += length + 1;
    units++;
  }
  return units > 0 && q < end && bytes[q] === COLON ? q : -1;
}

/** y, w, d, h, m, s. */
function isUptimeUnit(b: number): boolean {
  return b === 0x79 || b === 0x77 || b === 0x64 || b === 0x68 || b === 0x6d || b === 0x73;
}

/** Past ` XYZT` when a colon follows it: a zone by the name that this device's operator gave it. */
function skipUnknownZone(bytes: Uint8Array, p: number, end: number): number {
  if (p + 1 >= end || bytes[p] !== SPACE || (CLASS[bytes[p + 1]!]! & UPPER) === 0) return p;
  const after = lettersEnd(bytes, p + 1, end);
  const colon = skipSpaces(bytes, after, end);
  return after - p <= 8 && colon < end && bytes[colon] === COLON ? after : p;
}

/** Far enough for a time with its zone: looks for a mnemonic behind it. */
const TIME_REACH = 48;

function hasMnemonicBehind(bytes: Uint8Array, p: number, end: number): boolean {
  const limit = Math.min(end, p + TIME_REACH + 32);
  for (let q = p; q + 1 < limit; q++) {
    const b = bytes[q]!;
    if ((b === 0x25 || b === 0x23) && bytes[q - 1] === SPACE && mnemonicEnd(bytes, q, end) > 0) return true;
  }
  return false;
}
