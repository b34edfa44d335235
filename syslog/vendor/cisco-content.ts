// Cisco's name for a kind of message, `%FACILITY-SEVERITY-MNEMONIC`, in the text behind a host: with its
// colon it is a tag like any other; here it is found where the colon is missing (NX-OS, ACI) or where the
// device put its own number and time before it (`Mar 15 10:20:30 host 148094: *Mar 15 10:20:29: %SYS-5-…`).
// Takes nothing off the text. Refuses: to look for it in the middle of a text.

import { CLASS, DIGIT, LETTER, skipSpaces } from '../chars.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { digitRun, scanStamp, takeTime } from '../stamp.ts';
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

/** The text begins at `t` with something that is no tag. True when a mnemonic was found. */
export function readCiscoContent(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  const direct = mnemonicEnd(bytes, t, end);
  if (direct > 0) return accept(record, t, direct);
  return readNumbered(record, bytes, t, end);
}

function accept(record: LogRecord, start: number, end: number): true {
  record.format = FORMAT.vendor;
  record.programStart = start;
  record.programEnd = end;
  return true;
}

/** `148094: *Mar 15 10:20:29.123 UTC: %SYS-5-CONFIG_I: …`: the device's own time is the better one. */
function readNumbered(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  let p = t;
  const length = digitRun(bytes, p, end, 12);
  if (length > 0 && p + length < end && bytes[p + length] === COLON)
    p = skipSpaces(bytes, p + length + 1, end);
  const isDoubtful = bytes[p] === 0x2a || bytes[p] === 0x2e;
  if (isDoubtful) p++;
  const time = p;
  p = stampThenColon(bytes, p, end);
  if (p < 0) return false;
  if (!findTag(bytes, p, end, tag, COLON_IS_ENOUGH) || mnemonicEnd(bytes, p, end) < 0) return false;
  if (takeTime(record, bytes, time, end, scanStamp) < 0) return false;
  record.timeDoubtful = isDoubtful;
  return accept(record, p, tag.nameEnd);
}

/** How far a time with its zone may reach. */
const STAMP_MAX = 48;

/** Position of the `%` or `#` behind a colon and a space, close behind a time at `p`; -1 when there is none. */
function stampThenColon(bytes: Uint8Array, p: number, end: number): number {
  const limit = Math.min(end, p + STAMP_MAX);
  for (let q = p + 8; q + 1 < limit; q++) {
    if (bytes[q] === COLON && bytes[q + 1] === 32) {
      const next = skipSpaces(bytes, q + 1, end);
      return next < end && (bytes[next] === PERCENT || bytes[next] === 0x23) ? next : -1;
    }
  }
  return -1;
}
