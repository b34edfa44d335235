// A record as an RFC 5424 line. Header fields keep their limits (section 6) and hold printable ASCII alone:
// every other byte in them becomes `#ooo`. Structured data that keeps the grammar is copied, what devices
// write beside the grammar is written anew so that any RFC 5424 reader accepts the line.
// Refuses: to invent a field. What a message does not carry is `-`; the caller gives host and time.

import { copyEscaped, copyPlain, writeOctal } from './escape.ts';
import { type LogRecord, TIME } from './record.ts';
import {
  GRADE,
  readStructured,
  type StructuredElement,
  type StructuredScan,
  scanStructured,
} from './structured.ts';

/** RFC 5424 section 6. */
export const HOST_BYTES_MAX = 255;
export const PROGRAM_BYTES_MAX = 48;
export const PROCID_BYTES_MAX = 128;
export const MSGID_BYTES_MAX = 32;
export const SD_NAME_BYTES_MAX = 32;

/** The SD-ID of elements that carry none (Check Point). The enterprise number 0 is IANA's own, reserved. */
export const UNNAMED_SD_ID = 'unnamed@0';

/** `2025-11-20T12:34:15Z` and `2025-11-20T12:34:15.123456+00:00` */
const STAMP_BYTES_MIN = 20;
const STAMP_BYTES_MAX = 32;

const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;

/** `<165>1 `. Returns the offset after it. */
export function writeVersionedPri(pri: number, out: Uint8Array, at: number): number {
  let to = at;
  out[to++] = 0x3c;
  if (pri >= 100) out[to++] = ZERO + Math.floor(pri / 100);
  if (pri >= 10) out[to++] = ZERO + (Math.floor(pri / 10) % 10);
  out[to++] = ZERO + (pri % 10);
  out[to++] = 0x3e;
  out[to++] = ZERO + 1;
  out[to++] = SPACE;
  return to;
}

/** A header field, cut to its limit, and a space; `-` when it is absent (start -1) or empty. */
export function writeHeaderField(
  bytes: Uint8Array,
  start: number,
  end: number,
  bytesMax: number,
  out: Uint8Array,
  at: number,
): number {
  let to = at;
  for (let from = start; start >= 0 && from < end; from++) {
    const byte = bytes[from] as number;
    const isPrintable = byte > SPACE && byte < 0x7f;
    if (to - at + (isPrintable ? 1 : 4) > bytesMax) break;
    if (isPrintable) out[to++] = byte;
    else to = writeOctal(byte, out, to);
  }
  if (to === at) out[to++] = DASH;
  out[to++] = SPACE;
  return to;
}

/** The time as it was sent, when that is an RFC 5424 TIMESTAMP; then it need not be computed anew. */
export function hasOwnTimestamp(record: LogRecord): boolean {
  return record.timeKind === TIME.calendar && record.second < 60 && isTimestamp(record);
}

/** The shape of `2025-11-20T12:34:15.123456+00:00`; that the numbers are possible, the parser has seen. */
function isTimestamp(record: LogRecord): boolean {
  const { bytes, timeStart: at, timeEnd: end } = record;
  if (end - at < STAMP_BYTES_MIN || end - at > STAMP_BYTES_MAX) return false;
  if (!isDateAndTime(bytes, at)) return false;
  let p = at + 19;
  if (bytes[p] === DOT) {
    for (p++; p < end && isDigitAt(bytes, p); ) p++;
    if (p - at < 21 || p - at > 26) return false;
  }
  if (p + 1 === end) return bytes[p] === LETTER_Z;
  if (p + 6 !== end || (bytes[p] !== 0x2b && bytes[p] !== DASH) || bytes[p + 3] !== COLON) return false;
  return (
    isDigitAt(bytes, p + 1) && isDigitAt(bytes, p + 2) && isDigitAt(bytes, p + 4) && isDigitAt(bytes, p + 5)
  );
}

const DATE_AND_TIME = '0000-00-00T00:00:00';

function isDateAndTime(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < DATE_AND_TIME.length; i++) {
    const wanted = DATE_AND_TIME.charCodeAt(i);
    if (wanted === ZERO ? !isDigitAt(bytes, at + i) : bytes[at + i] !== wanted) return false;
  }
  return bytes[at + 10] === LETTER_T;
}

function isDigitAt(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at] as number;
  return byte >= ZERO && byte <= NINE;
}

/** STRUCTURED-DATA, or `-`. */
export function writeStructured(record: LogRecord, out: Uint8Array, at: number, clean: boolean): number {
  const { bytes, sdStart, sdEnd } = record;
  if (sdStart < 0 || sdStart >= sdEnd) {
    out[at] = DASH;
    return at + 1;
  }
  if (isStrict(bytes, sdStart, sdEnd)) {
    return clean ? copyPlain(bytes, sdStart, sdEnd, out, at) : copyEscaped(bytes, sdStart, sdEnd, out, at);
  }
  const text = Buffer.from(encodeStructured(readStructured(bytes, sdStart, sdEnd)));
  return copyEscaped(text, 0, text.length, out, at);
}

const scan: StructuredScan = { end: 0, grade: 0 };

function isStrict(bytes: Uint8Array, start: number, end: number): boolean {
  return scanStructured(bytes, start, end, scan) && scan.grade === GRADE.strict && scan.end === end;
}

/** Elements as RFC 5424 section 6.3 writes them, an SD-ID no more than once; `-` when there is none. */
export function encodeStructured(elements: readonly StructuredElement[]): string {
  if (elements.length === 0) return '-';
  const paramsById = new Map<string, string>();
  for (const { id, params } of elements) {
    const name = sdName(id, UNNAMED_SD_ID);
    paramsById.set(name, (paramsById.get(name) ?? '') + params.map(encodeParam).join(''));
  }
  return [...paramsById].map(([id, params]) => `[${id}${params}]`).join('');
}

function encodeParam([name, value]: readonly [string, string]): string {
  return ` ${sdName(name, '_')}="${value.replace(/["\\\]]/g, '\\$&')}"`;
}

/** SD-NAME: 1 to 32 printable ASCII characters without `=`, space, `]` and `"`. */
function sdName(name: string, instead: string): string {
  const kept = name.replace(/[^\x21-\x7e]|[=\]"]/gu, '_').slice(0, SD_NAME_BYTES_MAX);
  return kept === '' ? instead : kept;
}
