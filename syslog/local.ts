// Messages on a local socket (/dev/log). syslog(3) of glibc and musl, logger, Go and the rest write
// `<PRI>Mmm dd hh:mm:ss tag[pid]: text` there, without a host; Python writes no time either. So a word before
// the text is the tag, never a host, unless it is this very host's name with a tag behind it. RFC 5424 and
// everything else is read as from the wire. As parseMessage: never throws, loses no byte of text.

import { CLASS, HOST, skipSpaces } from './chars.ts';
import { findData, readTag } from './content.ts';
import { parseMessage } from './parse.ts';
import { FORMAT, type LogRecord, TIME, TROUBLE } from './record.ts';
import { COLON_IS_ENOUGH } from './words.ts';

const SPACE = 32;
const LESS = 0x3c;
const DOT = 0x2e;
/** `Mmm dd hh:mm:ss` */
const STAMP_BYTES = 15;

/** `host`: the name of this host. */
export function parseLocal(
  record: LogRecord,
  bytes: Uint8Array,
  start: number,
  end: number,
  host: Uint8Array,
): void {
  parseMessage(record, bytes, start, end);
  if (record.format === FORMAT.rfc5424 || record.trouble === TROUBLE.empty) return;
  const isStamped = record.timeKind === TIME.calendar && record.timeStart === record.headerStart;
  if (isStamped && record.timeEnd - record.timeStart === STAMP_BYTES) {
    readLocal(record, bytes, Math.min(record.timeEnd + 1, record.end), host);
  } else if (bytes[start] === LESS && record.headerStart > start && record.timeKind === TIME.none) {
    readLocal(record, bytes, record.headerStart, host);
  }
}

function readLocal(record: LogRecord, bytes: Uint8Array, at: number, host: Uint8Array): void {
  const { end } = record;
  forgetHeader(record, at);
  const hostEnd = ownNameEnd(bytes, at, end, host);
  if (hostEnd > at && readTag(record, bytes, hostEnd + 1, end, COLON_IS_ENOUGH)) {
    record.hostStart = at;
    record.hostEnd = hostEnd;
  } else {
    record.msgStart = at;
    readTag(record, bytes, skipSpaces(bytes, at, end), end, COLON_IS_ENOUGH);
  }
  findData(record, bytes, end);
}

function forgetHeader(record: LogRecord, at: number): void {
  record.format = FORMAT.rfc3164;
  record.trouble = TROUBLE.none;
  record.traditional = false;
  record.hostStart = -1;
  record.hostEnd = -1;
  record.programStart = -1;
  record.programEnd = -1;
  record.procidStart = -1;
  record.procidEnd = -1;
  record.sdStart = -1;
  record.sdEnd = -1;
  record.msgStart = at;
  record.msgEnd = record.end;
}

/** The end of the first word, if it is our name; else -1. */
function ownNameEnd(bytes: Uint8Array, at: number, end: number, host: Uint8Array): number {
  let p = at;
  while (p < end && (CLASS[bytes[p] as number]! & HOST) !== 0) p += 1;
  return p < end && bytes[p] === SPACE && isHostName(bytes, at, p, host) ? p : -1;
}

/** Do the bytes spell `host`, in full or up to its first dot, in any case? */
export function isHostName(bytes: Uint8Array, start: number, end: number, host: Uint8Array): boolean {
  const length = end - start;
  const dot = host.indexOf(DOT);
  if (length <= 0 || (length !== host.length && length !== dot)) return false;
  for (let i = 0; i < length; i += 1) if (lower(bytes[start + i]) !== lower(host[i])) return false;
  return true;
}

function lower(byte: number | undefined): number {
  const letter = byte ?? 0;
  return letter >= 0x41 && letter <= 0x5a ? letter + 32 : letter;
}
