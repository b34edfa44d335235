// Messages that begin with something of the vendor's own where the time should stand: Meraki's epoch,
// key=value pairs, CEF and LEEF, and Cisco's sequence number, host and clock mark (cisco.ts).
// Refuses: to claim a message of which it did not understand the whole beginning; the next reader tries then.

import { isLetter, wordEnd } from '../chars.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { takeTime } from '../stamp.ts';
import { scanEpoch } from '../stamp-iso.ts';
import { digitRun } from '../stamp-parts.ts';
import { isEventFormat, isHostWord, looksLikeHost } from '../words.ts';
import { readCisco } from './cisco.ts';
import { readExtension, readKeyValue } from './keyvalue.ts';

const SPACE = 32;
const COLON = 0x3a;
const BAR = 0x7c;
/** `|` before the extension: CEF:version|vendor|product|version|class|name|severity|. */
const CEF_BARS = 7;
/** LEEF:version|vendor|product|version|event|. */
const LEEF_BARS = 5;

/** The message begins at `p`, spaces skipped. `hasPri`: a PRI stood before it. */
export function readLeading(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  end: number,
  hasPri: boolean,
): boolean {
  if (p >= end) return false;
  if (readEpoch(record, bytes, p, end)) return true;
  if (isLetter(bytes[p])) {
    if (readKeyValue(record, bytes, p, end)) return true;
    if ((hasPri || isEventFormat(bytes, p, end)) && readEventFormat(record, bytes, p, end)) return true;
  }
  return readCisco(record, bytes, p, end);
}

/** Meraki: `1 1374543213.342705328 MX84 urls src=…`; the event's type is the program. */
function readEpoch(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const stamp = bytes[p] === 0x31 && bytes[p + 1] === SPACE ? p + 2 : p;
  if (end - stamp < 14 || bytes[stamp + 10] !== 0x2e) return false;
  const after = takeTime(record, bytes, stamp, end, scanEpoch);
  if (after < 0 || after >= end || bytes[after] !== SPACE) return false;
  record.format = FORMAT.vendor;
  const host = after + 1;
  const hostEnd = wordEnd(bytes, host, end);
  record.msgStart = host;
  // A number there is the duration of a request (squid), not a device.
  if (!isHostWord(bytes, host, hostEnd) || digitRun(bytes, host, hostEnd, 12) > 0) return true;
  record.hostStart = host;
  record.hostEnd = hostEnd;
  record.msgStart = Math.min(hostEnd + 1, end);
  const kind = wordEnd(bytes, record.msgStart, end);
  if (kind > record.msgStart) {
    record.programStart = record.msgStart;
    record.programEnd = kind;
  }
  return true;
}

/**
 * CEF or LEEF without a syslog header, or behind a program's name alone (`fenotify-2.alert: CEF:0|…`): fields
 * divided by `|`, then pairs that may name the device and the time.
 */
function readEventFormat(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  let event = p;
  const word = wordEnd(bytes, p, end);
  if (bytes[word - 1] === COLON && word < end && !looksLikeHost(bytes, p, word - 1)) event = word + 1;
  if (!isEventFormat(bytes, event, end)) return false;
  record.format = FORMAT.vendor;
  record.msgStart = event;
  record.programStart = p;
  if (event === p) {
    while (bytes[p] !== COLON) p++;
    record.programEnd = p;
  } else {
    record.programEnd = word - 1;
  }
  const isCef = bytes[event] === 0x43;
  const extension = skipBars(bytes, event, end, isCef ? CEF_BARS : LEEF_BARS);
  // LEEF 2: `…|^|key=value^key=value`.
  if (!isCef && end - extension > 2 && bytes[extension + 1] === BAR) {
    readExtension(record, bytes, extension + 2, end, bytes[extension]);
  } else {
    readExtension(record, bytes, extension, end, undefined);
  }
  return true;
}

/** Position behind the `count`th `|` that no backslash escapes, or the end. */
function skipBars(bytes: Uint8Array, p: number, end: number, count: number): number {
  let bars = count;
  while (p < end && bars > 0) {
    if (bytes[p] === 0x5c) p++;
    else if (bytes[p] === BAR) bars--;
    p++;
  }
  return Math.min(p, end);
}
