// JSON from bytes: strings are written straight from the record, without making strings of them first.
// Promises: valid JSON in valid UTF-8 for any bytes. Bytes that are not UTF-8 become U+FFFD, control
// characters (C0, DEL, C1) become \u00xx. Refuses: to write outside the room that the caller has made.

import { copyPlain } from './escape.ts';

/** One byte becomes at most `\u00xx`. */
export const JSON_GROWTH = 6;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = Buffer.from('0123456789abcdef');
const NULL = Buffer.from('null');
const REPLACEMENT = Buffer.from('\ufffd');

/** Bytes that stand in a JSON string as they are: printable ASCII but the quote and the backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);

/** The bytes as a JSON string with its quotes; null when there are none (start -1). */
export function writeJsonString(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  if (start < 0) return copyPlain(NULL, 0, NULL.length, out, at);
  let to = at;
  out[to++] = QUOTE;
  let run = start;
  for (let from = start; from < end; ) {
    const byte = bytes[from] as number;
    if (PLAIN[byte] === 1) {
      from++;
      continue;
    }
    to = copyPlain(bytes, run, from, out, to);
    const length = byte < 0x80 ? 1 : utf8Length(bytes, from, end);
    to = writeSpecial(bytes, from, length, out, to);
    from += Math.abs(length);
    run = from;
  }
  to = copyPlain(bytes, run, end, out, to);
  out[to++] = QUOTE;
  return to;
}

function writeSpecial(bytes: Uint8Array, from: number, length: number, out: Uint8Array, at: number): number {
  const byte = bytes[from] as number;
  if (length < 0) return copyPlain(REPLACEMENT, 0, 3, out, at);
  if (length === 1) return writeEscape(byte, out, at);
  if (length === 2 && byte === 0xc2 && (bytes[from + 1] as number) <= 0x9f)
    return writeEscape(bytes[from + 1] as number, out, at);
  for (let i = 0; i < length; i++) out[at + i] = bytes[from + i] as number;
  return at + length;
}

function writeEscape(code: number, out: Uint8Array, at: number): number {
  out[at] = BACKSLASH;
  if (code === QUOTE || code === BACKSLASH) {
    out[at + 1] = code;
    return at + 2;
  }
  out[at + 1] = 0x75;
  out[at + 2] = 0x30;
  out[at + 3] = 0x30;
  out[at + 4] = HEX[code >> 4] as number;
  out[at + 5] = HEX[code & 15] as number;
  return at + 6;
}

/**
 * Length of the well-formed UTF-8 sequence at `at` (two to four bytes): no overlong forms, no surrogates,
 * nothing above U+10FFFF (RFC 3629 section 4). Where there is none, minus the number of bytes that one U+FFFD
 * stands for: the longest beginning of a sequence (Unicode, section 3.9, as every decoder does it).
 */
function utf8Length(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const second = at + 1 < end ? (bytes[at + 1] as number) : 0;
  if (second < secondMin(lead) || second > secondMax(lead)) return -1;
  if (lead < 0xe0) return 2;
  if (!isContinuation(bytes, at + 2, end)) return -2;
  if (lead < 0xf0) return 3;
  return isContinuation(bytes, at + 3, end) ? 4 : -3;
}

function secondMin(lead: number): number {
  return lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
}

function secondMax(lead: number): number {
  return lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
}

function isContinuation(bytes: Uint8Array, at: number, end: number): boolean {
  return at < end && ((bytes[at] as number) & 0xc0) === 0x80;
}
