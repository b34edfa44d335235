// CRC-32 (ISO 3309, as in zlib and gzip) over a stretch of bytes, begun from any value.
//
// Short stretches are done here, eight bytes a step (slicing by eight), since a call into zlib costs more than
// the work: 100 bytes take 76 ns here and 183 ns there, 166 bytes 117 and 163, 400 bytes 251 and 186
// (Node 20.20, x86-64; bench/micro/spool prints the spool's whole cost). Long ones are zlib's.

import { crc32 } from 'node:zlib';

/** Where zlib begins to be faster. */
const ZLIB_BYTES = 256;

/** The polynomial, bits reversed. */
const POLYNOMIAL = 0xedb88320;

/** Table k is the effect of a byte that k more bytes follow. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 255] as number);
  }
  return tables;
}

export function checksum(bytes: Uint8Array, start: number, end: number, seed: number): number {
  if (end - start >= ZLIB_BYTES) return crc32(bytes.subarray(start, end), seed);
  const t = TABLES;
  let crc = ~seed;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    crc ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    crc =
      (t[1792 + (crc & 255)] as number) ^
      (t[1536 + ((crc >>> 8) & 255)] as number) ^
      (t[1280 + ((crc >>> 16) & 255)] as number) ^
      (t[1024 + (crc >>> 24)] as number) ^
      (t[768 + (bytes[i + 4] as number)] as number) ^
      (t[512 + (bytes[i + 5] as number)] as number) ^
      (t[256 + (bytes[i + 6] as number)] as number) ^
      (t[bytes[i + 7] as number] as number);
  }
  for (; i < end; i += 1) crc = (t[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
