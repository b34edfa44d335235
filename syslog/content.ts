// Reads what follows the host: the tag of RFC 3164 section 4.1.3, or what a vendor puts in its place.
// A program that a colon or a process id marks is taken off the text. A program that is only recognised
// (`CEF:0|`, BIG-IP's `notice tmsh[16322]:`, a JSON log's first word) stays in the text too: then
// record.programStart lies at or behind record.msgStart, and whoever prints the line must not print the
// program again.
// Refuses: to call a first word a program for its looks alone.

import { CLASS, HEX, LETTER, skipSpaces, spells, TAG, wordEnd } from './chars.ts';
import { FORMAT, type LogRecord } from './record.ts';
import { scanMonthFirst, stampLength, takeSurerTime } from './stamp.ts';
import { scanEmbedded } from './structured.ts';
import { readMnemonic, readNumbered } from './vendor/cisco-content.ts';
import { isClassWord, readDeviceContent } from './vendor/devices.ts';
import {
  COLON_IS_ENOUGH,
  findTag,
  isAddressWord,
  isEventFormat,
  isHostWord,
  isSelectorWord,
  isSeverityWord,
  type Tag,
} from './words.ts';

const SPACE = 32;
const OPEN = 0x5b;
const COLON = 0x3a;
const COMMA = 0x2c;
const tag: Tag = { nameEnd: 0, pidStart: -1, pidEnd: -1, textStart: 0 };

/** The content begins at `p`; a space that stands there already belongs to the text. */
export function readContent(record: LogRecord, bytes: Uint8Array, p: number, end: number): void {
  const t = skipSpaces(bytes, p, end);
  if (readForwarded(record, bytes, t, end) || readSecondHeader(record, bytes, t, end)) return;
  readInnerContent(record, bytes, p, end);
}

/** As readContent, behind the headers that relays put before it. */
function readInnerContent(record: LogRecord, bytes: Uint8Array, p: number, end: number): void {
  record.msgStart = p;
  const t = skipSpaces(bytes, p, end);
  if (t >= end) return;
  if (!readOwnTag(record, bytes, t, end) && !readTag(record, bytes, t, end, COLON_IS_ENOUGH)) {
    readUntagged(record, bytes, t, end);
  }
  findData(record, bytes, end);
}

/** What looks like a tag and is none: an event's format, a sequence number, an access point's make. */
function readOwnTag(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (isEventFormat(bytes, t, end)) return readDeviceContent(record, bytes, t, end);
  return readNumbered(record, bytes, t, end) || readAccessPointTag(record, bytes, t, end);
}

function readUntagged(record: LogRecord, bytes: Uint8Array, t: number, end: number): void {
  if (readMnemonic(record, bytes, t, end)) return;
  if (readTagBehindWord(record, bytes, t, end)) return;
  if (readDeviceContent(record, bytes, t, end)) return;
  readJsonProgram(record, bytes, t, end);
}

export function setProgram(record: LogRecord, start: number, end: number): void {
  record.programStart = start;
  record.programEnd = end;
}

/** A tag that is marked as one: it leaves the text. */
export function readTag(
  record: LogRecord,
  bytes: Uint8Array,
  t: number,
  end: number,
  bareColon: boolean,
): boolean {
  if (!findTag(bytes, t, end, tag, bareColon)) return false;
  takeTag(record, t);
  record.msgStart = tag.textStart;
  return true;
}

function takeTag(record: LogRecord, start: number): void {
  setProgram(record, start, tag.nameEnd);
  record.procidStart = tag.pidStart;
  record.procidEnd = tag.pidEnd;
}

/** UniFi: `f09fc2aabbcc,U7LT-4.3.21+11325: hostapd[123]: …`. What looks like the tag is the device's make. */
function readAccessPointTag(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (end - t < 16 || bytes[t + 12] !== COMMA) return false;
  for (let p = t; p < t + 12; p++) if ((CLASS[bytes[p]!]! & HEX) === 0) return false;
  const word = wordEnd(bytes, t, end);
  if (word >= end || bytes[word - 1] !== COLON || !findTag(bytes, word + 1, end, tag, false)) return false;
  record.format = FORMAT.vendor;
  takeTag(record, word + 1);
  return true;
}

/**
 * BIG-IP: `notice tmsh[16322]: …`; `daemon.info dnsmasq: …`; a relay: `10.0.0.1 named[12]: …`. The word before the
 * tag stays in the text, and so does the tag.
 */
function readTagBehindWord(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  const word = wordEnd(bytes, t, end);
  if (word >= end || bytes[word] !== SPACE) return false;
  const isSelector = isSelectorWord(bytes, t, word);
  if (!isSelector && !isSeverityWord(bytes, t, word) && !isAddressWord(bytes, t, word)) return false;
  if (!findTag(bytes, word + 1, end, tag, false) || (tag.pidStart < 0 && !isSelector)) return false;
  record.format = FORMAT.vendor;
  takeTag(record, word + 1);
  return true;
}

const FORWARDED = 'Message forwarded from ';

/** AIX: `Message forwarded from HOST: prog[pid]: …`. The forwarded host is the one that spoke. */
export function readForwarded(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (!spells(bytes, t, end, FORWARDED)) return false;
  const host = t + FORWARDED.length;
  const word = wordEnd(bytes, host, end);
  const hostEnd = bytes[word - 1] === COLON ? word - 1 : word;
  if (hostEnd === word && word < end) return false;
  if (!isHostWord(bytes, host, hostEnd)) return false;
  record.format = FORMAT.vendor;
  record.hostStart = host;
  record.hostEnd = hostEnd;
  readInnerContent(record, bytes, Math.min(word + 1, end), end);
  return true;
}

/**
 * `Mmm dd hh:mm:ss relay Mmm dd hh:mm:ss origin tag: …`: a relay has put its own header before the one of
 * the origin. The inner host is the one that spoke. Only where a tag or ISE's class follows.
 */
function readSecondHeader(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  const stamp = stampLength(bytes, t, end);
  if (stamp === 0) return false;
  const host = skipSpaces(bytes, t + stamp, end);
  const hostEnd = wordEnd(bytes, host, end);
  if (hostEnd >= end || bytes[hostEnd] !== SPACE || !isHostWord(bytes, host, hostEnd)) return false;
  if (!isClassWord(bytes, hostEnd + 1, end) && !findTag(bytes, hostEnd + 1, end, tag, false)) return false;
  record.format = FORMAT.vendor;
  record.hostStart = host;
  record.hostEnd = hostEnd;
  takeSurerTime(record, bytes, t, end, scanMonthFirst);
  readInnerContent(record, bytes, hostEnd + 1, end);
  return true;
}

/** `host darktrace_audit {"user": …`: one plain word before JSON names the log; it stays in the text. */
function readJsonProgram(record: LogRecord, bytes: Uint8Array, t: number, end: number): void {
  let word = t;
  while (word < end && (CLASS[bytes[word]!]! & TAG) !== 0) word++;
  if (word === t || end - word < 2 || bytes[word] !== SPACE || (CLASS[bytes[t]!]! & LETTER) === 0) return;
  let json = word + 1;
  // Vectra writes a dash and a colon for the process id that it does not have.
  if (spells(bytes, json, end, '-: ')) json += 3;
  if (json < end && bytes[json] === 0x7b) setProgram(record, t, word);
}

/**
 * Structured data at the head of a traditional message (`rsyslogd: [origin software="rsyslogd"] start`) is
 * made known, and stays in the text.
 */
export function findData(record: LogRecord, bytes: Uint8Array, end: number): void {
  const at = skipSpaces(bytes, record.msgStart, end);
  if (at >= end || bytes[at] !== OPEN) return;
  const after = scanEmbedded(bytes, at, end);
  if (after < 0) return;
  record.sdStart = at;
  record.sdEnd = after;
}
