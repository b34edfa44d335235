// Reads the middle of a traditional header: from behind the time to the host, and from the host on with
// content.ts. Knows the headers in which the host is missing, or stands where the tag should.
// Refuses: to take a word for the host that cannot be a host name; then the host is absent and the reader
// of the record puts the sender's address in its place.

import { CLASS, LETTER, skipSpaces, spells, wordEnd } from './chars.ts';
import { readContent, readForwarded, readTag } from './content.ts';
import { FORMAT, type LogRecord, TIME } from './record.ts';
import { scanStamp, takeTime } from './stamp.ts';
import { digitRun } from './stamp-parts.ts';
import { isNumbered, mnemonicEnd } from './vendor/cisco-content.ts';
import { readDeviceContent } from './vendor/devices.ts';
import { readHostByVendor } from './vendor/hosts.ts';
import {
  COLON_NEEDS_SPACE,
  findTag,
  isAddressWord,
  isEventFormat,
  isHostWord,
  isSelectorWord,
  isSeverityWord,
  looksLikeHost,
  type Tag,
} from './words.ts';

const SPACE = 32;
const TAB = 9;
const COLON = 0x3a;

const tag: Tag = { nameEnd: 0, pidStart: -1, pidEnd: -1, textStart: 0 };

/** The time ends at `after`. */
export function readAfterTime(record: LogRecord, bytes: Uint8Array, after: number, end: number): void {
  if (record.format === FORMAT.text) record.format = FORMAT.rfc3164;
  record.msgStart = after;
  if (after >= end) return;
  const next = bytes[after]!;
  if (next === TAB) {
    record.format = FORMAT.vendor;
    record.msgStart = after + 1;
    return;
  }
  if (next === 0x2c && readListedHost(record, bytes, after, end)) return;
  // Solace writes no space behind the time.
  if (next !== SPACE && next !== COLON && (CLASS[next]! & LETTER) === 0) {
    record.msgStart = record.timeStart;
    return;
  }
  let p = skipSpaces(bytes, after, end);
  // `12:53:10: text` and `12:53:10 : text`, but not `12:53:10 ::1 text`.
  if (p < end && bytes[p] === COLON && (p + 1 >= end || bytes[p + 1] === SPACE)) {
    p = skipSpaces(bytes, p + 1, end);
  }
  readHost(record, bytes, p, end);
}

/** `2026-03-15 10:20:30,123, host-1, audit.runtime, …`: a table whose second column looks like a host (RSA). */
function readListedHost(record: LogRecord, bytes: Uint8Array, comma: number, end: number): boolean {
  const p = skipSpaces(bytes, comma + 1, end);
  let q = p;
  while (q < end && bytes[q]! > SPACE && bytes[q] !== 0x2c) q++;
  if (q >= end || bytes[q] !== 0x2c || !looksLikeHost(bytes, p, q)) return false;
  record.format = FORMAT.vendor;
  takeHost(record, p, q);
  record.msgStart = skipSpaces(bytes, q + 1, end);
  return true;
}

/** Past `<auth.info> ` or `auth.info `, which some daemons add when they are told to be verbose. */
function skipSelector(bytes: Uint8Array, p: number, end: number): number {
  const word = wordEnd(bytes, p, end);
  if (word >= end || bytes[word] !== SPACE) return p;
  const isBracketed = bytes[p] === 0x3c && bytes[word - 1] === 0x3e;
  const isSelector = isBracketed ? isSelectorWord(bytes, p + 1, word - 1) : isSelectorWord(bytes, p, word);
  return isSelector ? word + 1 : p;
}

/** The host should begin at `at`. */
export function readHost(record: LogRecord, bytes: Uint8Array, at: number, end: number): void {
  const p = skipSelector(bytes, at, end);
  record.msgStart = p;
  if (p >= end || isRepeat(bytes, p, end)) return;
  if (readForwarded(record, bytes, p, end) || readHostByVendor(record, bytes, p, end)) return;
  const word = wordEnd(bytes, p, end);
  if (bytes[word - 1] === COLON) {
    readColonWord(record, bytes, p, word, end);
  } else if (findTag(bytes, p, end, tag, COLON_NEEDS_SPACE)) {
    readTag(record, bytes, p, end, COLON_NEEDS_SPACE);
  } else if (isNamedHost(bytes, p, word) && (word >= end || bytes[word] === SPACE)) {
    takeHost(record, p, word);
    readContent(record, bytes, behindHost(bytes, word, end), end);
  } else if (word - p === 1 && bytes[p] === 0x2d && word < end) {
    readContent(record, bytes, word + 1, end);
  } else {
    readContent(record, bytes, p, end);
  }
}

/** Programs that write their own lines put the severity behind the time: no host is called ERROR. */
function isNamedHost(bytes: Uint8Array, p: number, word: number): boolean {
  return isHostWord(bytes, p, word) && !isSeverityWord(bytes, p, word);
}

function takeHost(record: LogRecord, start: number, end: number): void {
  record.hostStart = start;
  record.hostEnd = end;
}

/** Where the content begins behind a host that ends at `word`: after one space, or after ` : `. */
function behindHost(bytes: Uint8Array, word: number, end: number): number {
  const p = word < end ? word + 1 : end;
  if (p < end && bytes[p] === COLON && (p + 1 >= end || bytes[p + 1] === SPACE))
    return skipSpaces(bytes, p + 1, end);
  return p;
}

/** syslogd's own notes carry no tag, and some relays forward them without a host. */
function isRepeat(bytes: Uint8Array, p: number, end: number): boolean {
  if (bytes[p] !== 0x6c && bytes[p] !== 0x6d) return false;
  return spells(bytes, p, end, 'last message repeated ') || spells(bytes, p, end, 'message repeated ');
}

/** `word:` in the place of the host: the host itself where it looks like one, else the tag. */
function readColonWord(record: LogRecord, bytes: Uint8Array, p: number, word: number, end: number): void {
  if (digitRun(bytes, p, end, 12) === word - 1 - p) {
    readContent(record, bytes, p, end);
  } else if (isHostBeforeColon(bytes, p, word - 1, end)) {
    takeHost(record, p, word - 1);
    record.format = FORMAT.vendor;
    readContent(record, bytes, skipSpaces(bytes, word, end), end);
  } else if (!readTag(record, bytes, p, end, COLON_NEEDS_SPACE)) {
    readContent(record, bytes, p, end);
  }
}

/** Decision 2 of docs/parsing.md. */
function isHostBeforeColon(bytes: Uint8Array, start: number, colon: number, end: number): boolean {
  if (!isHostWord(bytes, start, colon)) return false;
  if (isAddressWord(bytes, start, colon) || looksLikeHost(bytes, start, colon)) return true;
  const next = skipSpaces(bytes, colon + 1, end);
  if (next >= end || digitRun(bytes, start, colon, 12) > 0) return false;
  return (
    spells(bytes, next, end, 'NetScreen ') ||
    mnemonicEnd(bytes, next, end) > 0 ||
    isNumbered(bytes, next, end)
  );
}

/** A message with a PRI and no time. False when nothing at all is recognised in it. */
export function readUntimed(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  if (p >= end || isRepeat(bytes, p, end)) return false;
  const isFound = readForwarded(record, bytes, p, end) || readUntimedName(record, bytes, p, end);
  if (isFound) readTimeInText(record, bytes, end);
  return isFound;
}

/** A text that begins with a full date, in a message without a header of its own, tells the time as well. */
function readTimeInText(record: LogRecord, bytes: Uint8Array, end: number): void {
  if (record.timeKind !== TIME.none) return;
  takeTime(record, bytes, skipSpaces(bytes, record.msgStart, end), end, scanStamp);
}

function readUntimedName(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const word = wordEnd(bytes, p, end);
  if (isSeverityWord(bytes, p, word - 1)) return false;
  record.format = FORMAT.rfc3164;
  record.msgStart = p;
  if (bytes[word - 1] === COLON && isHostBeforeColon(bytes, p, word - 1, end)) {
    takeHost(record, p, word - 1);
    record.format = FORMAT.vendor;
    readContent(record, bytes, skipSpaces(bytes, word, end), end);
    return true;
  }
  if (!isEventFormat(bytes, p, end) && readTag(record, bytes, p, end, COLON_NEEDS_SPACE)) return true;
  if (readUntimedHost(record, bytes, p, word, end) || readDeviceContent(record, bytes, p, end)) return true;
  record.format = FORMAT.text;
  return false;
}

/** `host prog[pid]: text` or `host : %SYS-5-…`: a process id or a mnemonic behind the word is proof enough. */
function readUntimedHost(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  word: number,
  end: number,
): boolean {
  if (word >= end || bytes[word] !== SPACE || !isHostWord(bytes, p, word)) return false;
  const content = behindHost(bytes, word, end);
  const hasPid = findTag(bytes, content, end, tag, COLON_NEEDS_SPACE) && tag.pidStart >= 0;
  if (!hasPid && (content >= end || mnemonicEnd(bytes, content, end) < 0)) return false;
  takeHost(record, p, word);
  readContent(record, bytes, content, end);
  return true;
}
