// IP addresses and ranges as numbers: four 32-bit words, an IPv4 address as its mapped form ::ffff:a.b.c.d,
// so that one comparison serves both families and a v4 peer on a v6 socket is the same peer. Names are
// never looked up: what is no address literal is undefined.

import { isIP } from 'node:net';

export interface Address {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** A CIDR range; `bits` counts in the 128-bit form, so 10.0.0.0/8 has 104. */
export interface Range extends Address {
  readonly bits: number;
}

/** Third word of an IPv4-mapped address (RFC 4291 section 2.5.5.2). */
export const V4_MAPPED = 0x0000ffff;

function fromV4(text: string): Address {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return { w0: 0, w1: 0, w2: V4_MAPPED, w3: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 };
}

function fromV6(text: string): Address {
  let plain = text;
  const dotted = plain.lastIndexOf('.') < 0 ? undefined : plain.slice(plain.lastIndexOf(':') + 1);
  if (dotted !== undefined) {
    const { w3 } = fromV4(dotted);
    plain = `${plain.slice(0, -dotted.length)}${(w3 >>> 16).toString(16)}:${(w3 & 0xffff).toString(16)}`;
  }
  const [left = '', right] = plain.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const gap = right === undefined ? [] : new Array<string>(8 - head.length - tail.length).fill('0');
  const parts = [...head, ...gap, ...tail].map((part) => Number.parseInt(part, 16));
  const word = (at: number) => (((parts[at] ?? 0) << 16) | (parts[at + 1] ?? 0)) >>> 0;
  return { w0: word(0), w1: word(2), w2: word(4), w3: word(6) };
}

/** "10.0.0.1" or "fe80::1" (a zone id such as %eth0 is refused: it means nothing to a peer). */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return undefined;
  return family === 4 ? fromV4(text) : fromV6(text);
}

/** "10.0.0.0/8", or an address alone for a range of one. Host bits that are set are a mistake: undefined. */
export function parseRange(text: string): Range | undefined {
  const [addressText = '', bitsText, ...more] = text.split('/');
  const address = parseAddress(addressText);
  if (!address || more.length > 0) return undefined;
  const base = addressText.includes(':') ? 0 : 96;
  if (bitsText === undefined) return { ...address, bits: 128 };
  if (!/^\d{1,3}$/.test(bitsText) || Number(bitsText) > 128 - base) return undefined;
  const range = { ...address, bits: base + Number(bitsText) };
  return hasHostBits(range) ? undefined : range;
}

function maskOf(bits: number, word: number): number {
  const own = Math.min(32, Math.max(0, bits - word * 32));
  return own === 0 ? 0 : (0xffffffff << (32 - own)) >>> 0;
}

function hasHostBits(range: Range): boolean {
  const words = [range.w0, range.w1, range.w2, range.w3];
  return words.some((value, at) => (value & ~maskOf(range.bits, at)) !== 0);
}

export function inRange(range: Range, address: Address): boolean {
  return (
    ((range.w3 ^ address.w3) & maskOf(range.bits, 3)) === 0 &&
    ((range.w2 ^ address.w2) & maskOf(range.bits, 2)) === 0 &&
    ((range.w1 ^ address.w1) & maskOf(range.bits, 1)) === 0 &&
    ((range.w0 ^ address.w0) & maskOf(range.bits, 0)) === 0
  );
}

export function inAny(ranges: readonly Range[], address: Address): boolean {
  for (const range of ranges) if (inRange(range, address)) return true;
  return false;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}

export function isV4(address: Address): boolean {
  return address.w0 === 0 && address.w1 === 0 && address.w2 === V4_MAPPED;
}

/** The canonical text: dotted for IPv4, RFC 5952 for IPv6. */
export function printAddress(address: Address): string {
  if (isV4(address)) {
    const { w3 } = address;
    return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  }
  const parts = [address.w0, address.w1, address.w2, address.w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  const gap = longestZeros(parts);
  const hex = (from: number, to: number) =>
    parts
      .slice(from, to)
      .map((part) => part.toString(16))
      .join(':');
  return gap.length < 2 ? hex(0, 8) : `${hex(0, gap.at)}::${hex(gap.at + gap.length, 8)}`;
}

function longestZeros(parts: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  let at = 0;
  while (at < parts.length) {
    let length = 0;
    while (parts[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
    at += length + 1;
  }
  return best;
}

/** The text of a range, shortest form: an address alone for a range of one. */
export function printRange(range: Range): string {
  const address = printAddress(range);
  if (range.bits === 128) return address;
  return `${address}/${isV4(range) && range.bits >= 96 ? range.bits - 96 : range.bits}`;
}

/** Whether any address lies in both: of two CIDR ranges that meet, one holds the other. */
export function rangesMeet(a: Range, b: Range): boolean {
  return a.bits <= b.bits ? inRange(a, b) : inRange(b, a);
}
