// The zone behind a time: `Z`, `+01:00`, `-0700`, ` +0100`, ` CET`, ` UTC+1`, ` TZ-6`. Sets record.zoneMin and
// returns the position behind it; the position it was given when no zone stands there.
// Refuses: to settle what an ambiguous name means (zones.ts); then the time has no zone.

import { CLASS, digits, spells, UPPER } from './chars.ts';
import type { LogRecord } from './record.ts';
import { delimits, digitRun } from './stamp-parts.ts';
import { lettersEnd, NOT_A_ZONE, zoneWord } from './zones.ts';

const SPACE = 32;
const PLUS = 0x2b;
const DASH = 0x2d;
const COLON = 0x3a;

/** A zone at `p`: `Z`, `+01:00`, `-0700`, ` +0100`, ` CET`, ` UTC+1`. Sets record.zoneMin; `p` when there is none. */
export function scanZone(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  if (p >= end) return p;
  const b = bytes[p]!;
  if (b === PLUS || b === DASH) return scanOffset(record, bytes, p, end);
  if ((b | 0x20) === 0x7a) {
    if (!delimits(bytes, p + 1, end)) return p;
    record.zoneMin = 0;
    return p + 1;
  }
  if (b !== SPACE || p + 1 >= end) return p;
  const first = bytes[p + 1]!;
  if (first === PLUS || first === DASH) {
    return scanOffsetAfter(record, bytes, p, p + 1, end);
  }
  return scanZoneName(record, bytes, p, end);
}

/** A zone that stands alone, as the value of a key: `-0700`, `CET`, `(GMT+3:00)Baghdad`. Sets record.zoneMin. */
export function scanZoneValue(record: LogRecord, bytes: Uint8Array, p: number, end: number): void {
  const start = bytes[p] === 0x28 ? p + 1 : p;
  if (start >= end) return;
  const first = bytes[start]!;
  if (first === PLUS || first === DASH) scanOffset(record, bytes, start, end);
  else scanZoneName(record, bytes, start - 1, end);
}

/** The name behind the byte at `p`. In lower case only a colon makes it a zone: `May 21 12:00:01 gmt:`. */
function scanZoneName(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const after = lettersEnd(bytes, p + 1, end);
  const minutes = zoneWord(bytes, p + 1, after);
  const isSigned = after < end && (bytes[after] === PLUS || bytes[after] === DASH);
  // RFC 3164 section 5.4 has `TZ-6` in an example.
  if (isSigned && after === p + 3 && spells(bytes, p + 1, end, 'TZ')) {
    return scanOffsetAfter(record, bytes, p, after, end);
  }
  if (minutes === NOT_A_ZONE) return p;
  const isUpper = (CLASS[bytes[p + 1]!]! & UPPER) !== 0 && (CLASS[bytes[after - 1]!]! & UPPER) !== 0;
  if (!isUpper && !(minutes === 0 && after < end && bytes[after] === COLON)) return p;
  if (minutes === 0 && isSigned) return scanOffsetAfter(record, bytes, p, after, end);
  if (!delimits(bytes, after, end)) return p;
  record.zoneMin = minutes;
  return after;
}

/** The offset at `offset`, behind a name that begins at `p`; `p` when there is none. */
function scanOffsetAfter(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  offset: number,
  end: number,
): number {
  const after = scanOffset(record, bytes, offset, end);
  return after === offset ? p : after;
}

/** `+hh`, `+hhmm` or `+hh:mm` at `p`; `p` when it is none. */
function scanOffset(record: LogRecord, bytes: Uint8Array, p: number, end: number): number {
  const length = digitRun(bytes, p + 1, end, 4);
  let q = p + 1 + length;
  let hours = 0;
  let minutes = 0;
  if (length === 4) {
    hours = digits(bytes, p + 1, 2, end);
    minutes = digits(bytes, p + 3, 2, end);
  } else if (length === 1 || length === 2) {
    hours = digits(bytes, p + 1, length, end);
    if (q < end && bytes[q] === COLON && digitRun(bytes, q + 1, end, 2) === 2) {
      minutes = digits(bytes, q + 1, 2, end);
      q += 3;
    }
  } else {
    return p;
  }
  if (hours > 23 || minutes > 59 || !delimits(bytes, q, end)) return p;
  record.zoneMin = (bytes[p] === DASH ? -1 : 1) * (hours * 60 + minutes);
  return q;
}
