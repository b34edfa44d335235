// Messages that begin with something of the vendor's own where the time should stand: Meraki's epoch,
// key=value pairs, CEF and LEEF, and Cisco's sequence number, host and clock mark (cisco.ts).
// Refuses: to claim a message of which it did not understand the whole beginning; the next reader tries then.

import { isLetter, spells, wordEnd } from '../chars.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { scanEpoch, takeTime } from '../stamp.ts';
import { isHostWord } from '../words.ts';
import { readCisco } from './cisco.ts';
import { readExtension, readKeyValue } from './keyvalue.ts';

const SPACE = 32;

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
  if (
    isLetter(bytes[p]) &&
    (readKeyValue(record, bytes, p, end) || (hasPri && readEventFormat(record, bytes, p, end)))
  )
    return true;
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
  if (!isHostWord(bytes, host, hostEnd)) return true;
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

/** CEF or LEEF without a syslog header: seven or five fields divided by `|`, then pairs. */
function readEventFormat(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const isCef = spells(bytes, p, end, 'CEF:');
  if (!isCef && !spells(bytes, p, end, 'LEEF:')) return false;
  record.format = FORMAT.vendor;
  record.programStart = p;
  record.programEnd = p + (isCef ? 3 : 4);
  record.msgStart = p;
  let q = p;
  for (let bars = isCef ? 7 : 5; q < end && bars > 0; q++) {
    if (bytes[q] === 0x5c) q++;
    else if (bytes[q] === 0x7c) bars--;
  }
  readExtension(record, bytes, Math.min(q, end), end);
  return true;
}
