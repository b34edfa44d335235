// Headers that begin as RFC 5424 and go on as something else: `1 TIME HOST` and then a tag, an ASA mnemonic
// or a CEF event (CyberArk, Trend Micro, ASA's "rfc5424" timestamps); and printers of Ricoh, which put their
// address in the place of the host and their name in the place of the program.
// Refuses: to touch a header that has all its fields and keeps the grammar.

import { skipSpaces, spells, wordEnd } from '../chars.ts';
import { readContent } from '../content.ts';
import { FORMAT, type LogRecord, TROUBLE } from '../record.ts';
import { isEventFormat } from '../words.ts';
import { mnemonicEnd } from './cisco-content.ts';

const COLON = 0x3a;

/** Behind the host, at `app`, stands no header field but the content. False when it does not look like one. */
export function readHybrid(record: LogRecord, bytes: Uint8Array, app: number, end: number): boolean {
  if (app >= end) return false;
  const word = wordEnd(bytes, app, end);
  const isColon = word - app === 1 && bytes[app] === COLON;
  const isTag = word - app > 1 && bytes[word - 1] === COLON;
  if (!isColon && !isTag && !isEventFormat(bytes, app, end) && mnemonicEnd(bytes, app, end) < 0) return false;
  record.trouble = TROUBLE.none;
  record.format = FORMAT.vendor;
  record.programStart = -1;
  record.programEnd = -1;
  record.procidStart = -1;
  record.procidEnd = -1;
  record.msgidStart = -1;
  record.msgidEnd = -1;
  record.msgEnd = end;
  readContent(record, bytes, isColon ? skipSpaces(bytes, word, end) : app, end);
  return true;
}

/** `… 10.0.0.1 printer-3 - RICOH_MFPLP_ACCESS - {…}`: the printer's name is the host, the kind the program. */
export function mendPrinter(record: LogRecord, bytes: Uint8Array): void {
  if (record.programStart < 0 || !spells(bytes, record.msgidStart, record.msgidEnd, 'RICOH_')) return;
  record.format = FORMAT.vendor;
  record.hostStart = record.programStart;
  record.hostEnd = record.programEnd;
  record.programStart = record.msgidStart;
  record.programEnd = record.msgidEnd;
}
