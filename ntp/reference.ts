// The reference id (RFC 5905 section 7.3): what a clock is set by. At stratum 1 four letters, above it the
// IPv4 address of the source or the first octets of the MD5 of its IPv6 address; at stratum 0 the letters
// are a kiss code, and no answer's time may be used.

import { createHash } from 'node:crypto';
import { type Address, isV4, printAddress, V4_MAPPED } from '../base/ip.ts';

/** 127.127.1.1: a local reference, whatever its stratum (as chrony and ntpd number their local clock). */
export const LOCAL_REFERENCE = 0x7f7f0101;

export function referenceIdOf(source: Address): number {
  if (isV4(source)) return source.w3 | 0;
  const bytes = Buffer.alloc(16);
  [source.w0, source.w1, source.w2, source.w3].forEach((word, at) => bytes.writeUInt32BE(word >>> 0, at * 4));
  return createHash('md5').update(bytes).digest().readInt32BE(0);
}

/** The letters of a reference id, left-justified and padded with zeros; undefined when it holds others. */
export function lettersOf(referenceId: number): string | undefined {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(referenceId | 0, 0);
  const text = bytes.toString('latin1').replace(/\0+$/, '');
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** Of a packet with stratum 0, the code that says why there is no time in it. */
export function kissCode(stratum: number, referenceId: number): string | undefined {
  return stratum === 0 ? lettersOf(referenceId) : undefined;
}

/** As a person reads it: letters at stratum 0 and 1, an address above. */
export function printReferenceId(stratum: number, referenceId: number): string {
  if (referenceId === 0) return 'none';
  const letters = stratum <= 1 ? lettersOf(referenceId) : undefined;
  return letters ?? printAddress({ w0: 0, w1: 0, w2: V4_MAPPED, w3: referenceId >>> 0 });
}
