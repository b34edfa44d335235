// Cisco's name for a kind of message, `%FACILITY-SEVERITY-MNEMONIC`, in the text behind a host: with its
// colon it is a tag like any other; here it is found where the colon is missing (NX-OS, ACI) or where the
// device put its own number and time before it (`Mar 15 10:20:30 host 148094: *Mar 15 10:20:29: %SYS-5-…`).
// Takes nothing off the text. Refuses: to look for it in the middle of a text.

import { CLASS, DIGIT, LETTER, skipSpaces, spells, UPPER } from '../chars.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { scanStamp, takeSurerTime } from '../stamp.ts';
import { digitRun } from '../stamp-parts.ts';
import { COLON_IS_ENOUGH, findTag, type Tag } from '../words.ts';

const DASH = 0x2d;
const COLON = 0x3a;
const PERCENT = 0x25;
/** Longest facility name that is believed. */
const FACILITY_MAX = 48;

const tag: Tag = { nameEnd: 0, pidStart: -1, pidEnd: -1, textStart: 0 };

/**
 * End of the mnemonic at `p` (`%LINK-3-UPDOWN`, `#LOG-3-Q_IND`), or -1 when none begins there. IOS-XR and
 * Nexus have dashes in their facilities (`%SECURITY-SSHD-6-INFO`).
 */
export function mnemonicEnd(bytes: Uint8Array, p: number, end: number): number {
  if (bytes[p] !== PERCENT && bytes[p] !== 0x23) return -1;
  const limit = Math.min(end - 3, p + FACILITY_MAX);
  let q = p + 1;
  while (q < limit && isNameByte(bytes[q]!)) {
    if (q > p + 1 && bytes[q] === DASH && (CLASS[bytes[q + 1]!]! & DIGIT) !== 0 && bytes[q + 2] === DASH) {
      q += 3;
      const name = q;
      while (q < end && isNameByte(bytes[q]!)) q++;
      return q > name ? q : -1;
    }
    q++;
  }
  return -1;
}

function isNameByte(b: number): boolean {
  return (CLASS[b]! & (LETTER | DIGIT)) !== 0 || b === 0x5f || b === DASH;
}

/** A mnemonic without a colon at `t`. */
export function readMnemonic(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  const after = mnemonicEnd(bytes, t, end);
  return after > 0 && accept(record, t, after);
}

function accept(record: LogRecord, start: number, end: number): true {
  record.format = FORMAT.vendor;
  record.programStart = start;
  record.programEnd = end;
  return true;
}

/** What stands before the time: `host` is -1 when the device does not name itself. */
const origin = { host: -1, hostEnd: -1, time: 0 };

/**
 * `148094: *Mar 15 10:20:29.123 UTC: %SYS-5-CONFIG_I: …`, or with the device's name or IOS-XR's node before the
 * time and the process behind it. The device's own name is the better one, and its time if that names its zone.
 */
export function readNumbered(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if ((CLASS[bytes[t]!]! & (DIGIT | UPPER)) === 0 && !isMark(bytes[t]!)) return false;
  const numbered = skipNumber(bytes, t, end);
  const direct = numbered > t && numbered < end ? mnemonicEnd(bytes, numbered, end) : -1;
  if (direct > 0) return accept(record, numbered, direct);
  findOrigin(bytes, numbered, end, numbered > t);
  const p = stampThenColon(bytes, origin.time, end);
  if (p < 0 || !findTag(bytes, p, end, tag, COLON_IS_ENOUGH)) return false;
  const isProcess = tag.pidStart >= 0 && tag.textStart < end && bytes[tag.textStart] === PERCENT;
  if (!isProcess && mnemonicEnd(bytes, p, end) < 0) return false;
  // A clock that says itself that it is wrong does not replace the time of the relay.
  const isDoubtful = origin.time > t && isMark(bytes[origin.time - 1]!);
  if (!isDoubtful && takeSurerTime(record, bytes, origin.time, end, scanStamp) < 0) return false;
  if (origin.host >= 0) {
    record.hostStart = origin.host;
    record.hostEnd = origin.hostEnd;
  }
  record.procidStart = tag.pidStart;
  record.procidEnd = tag.pidEnd;
  return accept(record, p, tag.nameEnd);
}

/** Is what begins at `p` a numbered or timed message of a Cisco device? Writes nothing. */
export function isNumbered(bytes: Uint8Array, p: number, end: number): boolean {
  const numbered = skipNumber(bytes, p, end);
  findOrigin(bytes, numbered, end, numbered > p);
  const content = stampThenColon(bytes, origin.time, end);
  return content >= 0 && mnemonicEnd(bytes, content, end) > 0;
}

/** Past `148094: `. */
function skipNumber(bytes: Uint8Array, p: number, end: number): number {
  const length = digitRun(bytes, p, end, 12);
  if (length === 0 || p + length >= end || bytes[p + length] !== COLON) return p;
  return skipSpaces(bytes, p + length + 1, end);
}

/** Past `RP/0/RSP0/CPU0:`, or behind a number `host: `, and past a clock mark. */
function findOrigin(bytes: Uint8Array, p: number, end: number, mayName: boolean): void {
  origin.host = -1;
  origin.time = p;
  let colon = p;
  while (colon < end && (isNameByte(bytes[colon]!) || bytes[colon] === 0x2f || bytes[colon] === 0x2e))
    colon++;
  if (colon - p > 4 && colon < end && bytes[colon] === COLON && spells(bytes, colon - 4, colon, 'CPU0')) {
    origin.time = colon + 1;
  } else if (mayName && colon > p && end - colon > 2 && bytes[colon] === COLON && bytes[colon + 1] === 32) {
    origin.host = p;
    origin.hostEnd = colon;
    origin.time = skipSpaces(bytes, colon + 1, end);
  }
  if (origin.time < end && isMark(bytes[origin.time]!)) origin.time++;
}

/** The clock is not set, or no longer synchronised. */
function isMark(b: number): boolean {
  return b === 0x2a || b === 0x2e;
}

/** How far a time with its zone may reach. */
const STAMP_MAX = 48;

/** Position behind the first colon and space after a time at `p`; -1 when they are not close behind it. */
function stampThenColon(bytes: Uint8Array, p: number, end: number): number {
  const limit = Math.min(end, p + STAMP_MAX);
  for (let q = p + 8; q + 1 < limit; q++) {
    if (bytes[q] === COLON && bytes[q + 1] === 32) {
      const next = skipSpaces(bytes, q + 1, end);
      return next < end ? next : -1;
    }
  }
  return -1;
}
