// Contents that name their program in a way of their own: Cisco ISE and ACS, CEF and LEEF, Windows agents,
// ProCurve, NetScaler, Palo Alto, RouterOS, and key=value devices. None of them takes anything off the text:
// the program that is found lies inside it.
// Refuses: to look further than the first words; what a message means is not decided here.

import { CLASS, DIGIT, digits, LETTER, LOWER, skipSpaces, spells, UPPER, wordEnd } from '../chars.ts';
import { FORMAT, LogRecord } from '../record.ts';
import { scanStamp, takeSurerTime } from '../stamp.ts';
import { scanIso } from '../stamp-iso.ts';
import { digitRun } from '../stamp-parts.ts';
import { COLON_NEEDS_SPACE, findTag, isHostWord, isSeverityWord, type Tag } from '../words.ts';
import { readKeyValueProgram } from './keyvalue.ts';

const SPACE = 32;
const COMMA = 0x2c;
const COLON = 0x3a;

/** For stamps that are only looked at. */
const probe = new LogRecord();
const tag: Tag = { nameEnd: 0, pidStart: -1, pidEnd: -1, textStart: 0 };

/** The text begins at `t` with something that is no tag. True when a device was recognised. */
export function readDeviceContent(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  const flags = CLASS[bytes[t]!]!;
  if ((flags & DIGIT) !== 0) {
    return (
      readEventNumber(record, bytes, t, end) ||
      readPanorama(record, bytes, t, end) ||
      readPacketEngine(record, bytes, t, end) ||
      readRelayedEngine(record, bytes, t, end)
    );
  }
  if (bytes[t] === 0x28) return readBracketedTime(record, bytes, t, end);
  if ((flags & LETTER) === 0) return false;
  return (
    readLabelled(record, bytes, t, end) ||
    readIdentityEngine(record, bytes, t, end) ||
    readTopics(record, bytes, t, end) ||
    readKeyValueProgram(record, bytes, t, end)
  );
}

function accept(record: LogRecord, start: number, end: number): true {
  record.format = FORMAT.vendor;
  record.programStart = start;
  record.programEnd = end;
  return true;
}

/** Event formats, which are no tags though they end with a colon, and the Windows agents' tab. */
const LABELS = ['CEF:', 'LEEF:', 'MSWinEventLog\t', 'WinEvtLog\t'] as const;

function readLabelled(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if ((CLASS[bytes[t]!]! & UPPER) === 0) return false;
  for (const label of LABELS) {
    if (spells(bytes, t, end, label)) return accept(record, t, t + label.length - 1);
  }
  return false;
}

/** Cisco ISE (`CISE_Passed_Authentications`) and ACS (`CSCOacs_…`): a class of message. */
export function isClassWord(bytes: Uint8Array, t: number, end: number): boolean {
  return spells(bytes, t, end, 'CISE_') || spells(bytes, t, end, 'CSCOacs_');
}

/**
 * `CISE_Passed_Authentications 0001939187 4 0 2026-03-15 10:20:30.123 +00:00 …`: message number, number of
 * segments, this segment, and the time with its zone, which is better than the header's.
 */
function readIdentityEngine(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (!isClassWord(bytes, t, end)) return false;
  const word = wordEnd(bytes, t, end);
  accept(record, t, word);
  let q = skipSpaces(bytes, word, end);
  let segment = -1;
  for (let field = 0; field < 3; field++) {
    const length = digitRun(bytes, q, end, 10);
    if (length === 0) return true;
    segment = digits(bytes, q, length, end);
    q = skipSpaces(bytes, q + length, end);
  }
  // Only the first segment begins with the time.
  if (segment === 0) takeSurerTime(record, bytes, q, end, scanIso);
  return true;
}

/** ProCurve: `00076 ports:  port 1 is now on-line`. */
function readEventNumber(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (digitRun(bytes, t, end, 5) !== 5 || t + 5 >= end || bytes[t + 5] !== SPACE) return false;
  const name = t + 6;
  if (!findTag(bytes, name, end, tag, COLON_NEEDS_SPACE)) return false;
  return accept(record, name, tag.nameEnd);
}

/** Palo Alto: `1,2026/03/15 10:20:30,001801000000,TRAFFIC,end,…`. The fourth field is the kind of log. */
function readPanorama(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (bytes[t + 1] !== COMMA || end - t < 24 || digits(bytes, t + 2, 4, end) < 0 || bytes[t + 6] !== 0x2f)
    return false;
  let q = t;
  for (let field = 0; field < 3; field++) {
    while (q < end && bytes[q] !== COMMA) q++;
    if (q >= end) return false;
    q++;
  }
  const kind = q;
  while (q < end && ((CLASS[bytes[q]!]! & UPPER) !== 0 || bytes[q] === 0x2d || bytes[q] === 0x5f)) q++;
  if (q === kind || q >= end || bytes[q] !== COMMA) return false;
  return accept(record, kind, q);
}

/** NetScaler: `0-PPE-0 : default SSLLOG SSL_HANDSHAKE_SUCCESS 39672436 0 : …`. The module is the program. */
function readPacketEngine(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (t >= end) return false;
  const engine = wordEnd(bytes, t, end);
  if (end - engine < 4 || bytes[engine + 1] !== COLON || bytes[engine + 2] !== SPACE) return false;
  let module = engine + 3;
  // Newer versions name the partition first.
  const first = wordEnd(bytes, module, end);
  if ((CLASS[bytes[module]!]! & LOWER) !== 0 && first < end) module = first + 1;
  const after = wordEnd(bytes, module, end);
  if (after === module || (CLASS[bytes[module]!]! & UPPER) === 0) return false;
  return accept(record, module, after);
}

/** `03/15/2026:10:20:30 GMT ns1 0-PPE-0 : …` behind a relay's header: NetScaler's own time and host. */
function readRelayedEngine(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (bytes[t + 2] !== 0x2f || end - t < 24) return false;
  const after = scanStamp(probe, bytes, t, end);
  if (after < 0) return false;
  const host = skipSpaces(bytes, after, end);
  const hostEnd = wordEnd(bytes, host, end);
  if (!isHostWord(bytes, host, hostEnd) || !readPacketEngine(record, bytes, hostEnd + 1, end)) return false;
  takeSurerTime(record, bytes, t, end, scanStamp);
  record.hostStart = host;
  record.hostEnd = hostEnd;
  record.msgStart = hostEnd + 1;
  return true;
}

/** WatchGuard: `(2026-03-15T10:20:30) firewall: …`. */
function readBracketedTime(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  const after = scanStamp(probe, bytes, t + 1, end);
  if (after < 0 || end - after < 4 || bytes[after] !== 0x29 || bytes[after + 1] !== SPACE) return false;
  if (!findTag(bytes, after + 2, end, tag, COLON_NEEDS_SPACE)) return false;
  return accept(record, after + 2, tag.nameEnd);
}

/** RouterOS: `firewall,info forward: in:ether1 …`. The first topic is the program; one topic is a severity. */
function readTopics(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  let q = t;
  let first = -1;
  let topic = t;
  let hasSeverity = false;
  for (; q < end; q++) {
    const b = bytes[q]!;
    if (b === COMMA || b === SPACE) {
      if (q === topic) return false;
      if (isSeverityWord(bytes, topic, q)) hasSeverity = true;
      if (first < 0) first = q;
      topic = q + 1;
      if (b === SPACE) break;
    } else if ((CLASS[b]! & (LOWER | DIGIT)) === 0 && b !== 0x2d && b !== 0x21) {
      return false;
    }
  }
  if (q >= end || first === q || !hasSeverity) return false;
  return accept(record, t, first);
}
