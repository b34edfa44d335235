// Lines of files that a syslog daemon wrote: `Nov 20 12:34:15 host program[pid]: text`, perhaps with a PRI before
// them. The package syslog-parse takes the header apart; where its parts stand in the line is found again here,
// so that the text keeps every byte, and the time is read by our own rules (it knows no year, and its month
// depends on today's date).
// Refuses: lines that do not begin with such a header; a header that merely stands somewhere in the line.

import syslogParse from 'syslog-parse';
import { type LogRecord, resetRecord, FORMAT } from './record.ts';
import { scanMonthFirst } from './stamp.ts';

/** RFC 5424 section 6.2.1. */
const PRI_MAX = 191;
/** A header is read within so many bytes: a host of 255, a program and a pid of any sane length. */
const HEADER_BYTES_MAX = 1024;

const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const LESS_THAN = 0x3c;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/**
 * Fills the record from bytes[start … end), of which the first line is the header's. False: it is no such line,
 * and the whole of it is the text. Without a PRI the record has the one that the caller gives.
 */
export function readBsdLine(
  record: LogRecord,
  bytes: Buffer,
  start: number,
  end: number,
  pri: number,
): boolean {
  resetRecord(record, bytes, start, end);
  record.pri = pri;
  const stamp = readPri(record, bytes, start, end);
  if (stamp < 0) return false;
  const afterStamp = scanMonthFirst(record, bytes, stamp, end);
  if (afterStamp < 0) return refuse(record, bytes, start, end, pri);
  // One byte is one character, so that places in the text are places in the bytes.
  const header = bytes.toString('latin1', stamp, Math.min(end, stamp + HEADER_BYTES_MAX));
  const found = syslogParse(header);
  const isRead = found !== undefined && place(record, bytes, afterStamp, end, found.host, found.process);
  if (!isRead) return refuse(record, bytes, start, end, pri);
  record.format = FORMAT.rfc3164;
  return true;
}

function refuse(record: LogRecord, bytes: Buffer, start: number, end: number, pri: number): false {
  resetRecord(record, bytes, start, end);
  record.pri = pri;
  return false;
}

/** Position behind `<pri>`, if there is one; -1 when it is none that exists. */
function readPri(record: LogRecord, bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== LESS_THAN) return start;
  const text = bytes.toString('latin1', start, Math.min(end, start + 5));
  const found = /^<(\d{1,3})>/.exec(text);
  const pri = Number(found?.[1]);
  if (!found || pri > PRI_MAX) return -1;
  record.pri = pri;
  record.headerStart = start + found[0].length;
  return record.headerStart;
}

/** Finds host, program and pid behind the stamp again, and with them where the text begins. */
function place(
  record: LogRecord,
  bytes: Buffer,
  stampEnd: number,
  end: number,
  host: string,
  program: string,
): boolean {
  let at = skipSpaces(bytes, stampEnd, end);
  if (host !== '') {
    if (!stands(bytes, at, end, host)) return false;
    record.hostStart = at;
    record.hostEnd = at + host.length;
    at = skipSpaces(bytes, record.hostEnd, end);
  }
  if (!stands(bytes, at, end, program)) return false;
  record.programStart = at;
  record.programEnd = at + program.length;
  at = record.programEnd;
  if (bytes[at] === OPEN) {
    const close = bytes.indexOf(CLOSE, at);
    if (close < 0 || close >= end) return false;
    record.procidStart = at + 1;
    record.procidEnd = close;
    at = close + 1;
  }
  if (at >= end || bytes[at] !== COLON) return false;
  // The space behind the colon belongs to the header; further ones are the text's own.
  record.msgStart = bytes[at + 1] === SPACE && at + 1 < end ? at + 2 : at + 1;
  record.msgEnd = end;
  return true;
}

function stands(bytes: Buffer, at: number, end: number, word: string): boolean {
  const after = at + word.length;
  return after <= end && bytes.toString('latin1', at, after) === word;
}

function skipSpaces(bytes: Buffer, at: number, end: number): number {
  let to = at;
  while (to < end && (bytes[to] === SPACE || bytes[to] === 0x09) && bytes[to] !== LF) to += 1;
  return to;
}
