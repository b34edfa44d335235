// Cisco's name for a kind of message: `%FACILITY-SEVERITY-MNEMONIC:`, in all of IOS, IOS-XE, IOS-XR, NX-OS,
// ASA, PIX, FTD, ACI, UCS and the call managers; wireless controllers also write `#`, Huawei and H3C
// `%%01FACILITY/4/MNEMONIC`. The facility is what an operator files these messages under.
// Only looks; writes nothing.

import { CLASS, DIGIT, LETTER } from '../chars.ts';

const DASH = 0x2d;
const PERCENT = 0x25;
/** Longest facility name that is believed. */
const FACILITY_MAX = 48;

function isNameByte(b: number): boolean {
  return (CLASS[b]! & (LETTER | DIGIT)) !== 0 || b === 0x5f;
}

/** First byte of the facility when a mnemonic begins at `p` (a `%` or `#`). */
export function facilityStart(bytes: Uint8Array, p: number, end: number): number {
  if (p + 4 < end && bytes[p + 1] === PERCENT) return p + 4;
  return p + 1;
}

/** End of the facility of the mnemonic at `p` (a `%` or `#`), or -1 when there is none. */
export function facilityEnd(bytes: Uint8Array, p: number, end: number): number {
  const first = facilityStart(bytes, p, end);
  const separator = first === p + 4 ? 0x2f : DASH;
  const limit = Math.min(end - 2, first + FACILITY_MAX);
  for (let q = first; q < limit; q++) {
    const b = bytes[q]!;
    if (b === separator && q > first && isSeverity(bytes, q + 1, separator)) return q;
    if (!isNameByte(b) && b !== DASH) return -1;
  }
  return -1;
}

/** A digit between two separators: `-3-`. */
function isSeverity(bytes: Uint8Array, p: number, separator: number): boolean {
  return (CLASS[bytes[p]!]! & DIGIT) !== 0 && bytes[p + 1] === separator;
}
