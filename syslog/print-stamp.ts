// Times as text: `Nov 20 12:34:15` for the traditional format, RFC 3339 for all others, in one zone, the
// server's own. The text of the last second is kept, so that the messages of one second cost no arithmetic.
// Refuses: to find out what a message's time is (time.ts does); years outside 0 to 9999 are cut to them.

import { type CivilTime, civilFromEpoch, type ZoneOffset } from './time.ts';

/** `Nov 20 12:34:15` */
export const BSD_STAMP_BYTES = 15;
/** `2025-11-20T12:34:15.123456789+00:00` */
export const RFC3339_BYTES_MAX = 35;

const MONTHS = Buffer.from('JanFebMarAprMayJunJulAugSepOctNovDec');
const ZERO = 0x30;
const SPACE = 0x20;
const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const PLUS = 0x2b;
const LETTER_T = 0x54;
/** Largest year with four digits, in seconds: 9999-12-31T23:59:59Z less a day for the zone. */
const SEC_MAX = 253_402_214_400;
/** 0000-01-02T00:00:00Z. */
const SEC_MIN = -62_167_132_800;

/** The fraction that is printed: always six digits, or as many groups of three as it needs. */
export const FRACTION = { micros: 6, needed: 0 } as const;

export class StampPrinter {
  private readonly zone: ZoneOffset;
  private readonly civil: CivilTime = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
  private bsdSec = Number.NaN;
  private readonly bsd = new Uint8Array(BSD_STAMP_BYTES);
  private rfcSec = Number.NaN;
  private readonly rfc = new Uint8Array(RFC3339_BYTES_MAX);

  constructor(zone: ZoneOffset) {
    this.zone = zone;
  }

  /** `Nov 20 12:34:15` in the server's zone. */
  printBsd(sec: number, out: Uint8Array, at: number): number {
    if (sec !== this.bsdSec) {
      const { civil } = this;
      const within = clampSec(sec);
      civilFromEpoch(within, this.zone.offsetMin(within), civil);
      writeBsdStamp(civil.month, civil.day, civil.hour, civil.minute, civil.second, this.bsd, 0);
      this.bsdSec = sec;
    }
    const { bsd } = this;
    for (let i = 0; i < BSD_STAMP_BYTES; i++) out[at + i] = bsd[i] as number;
    return at + BSD_STAMP_BYTES;
  }

  /** `2025-11-20T12:34:15.123456+00:00` in the server's zone. */
  printRfc3339(sec: number, nanos: number, fraction: number, out: Uint8Array, at: number): number {
    if (sec !== this.rfcSec) this.renew(sec);
    const { rfc } = this;
    for (let i = 0; i < 19; i++) out[at + i] = rfc[i] as number;
    const to = writeFraction(nanos, fraction, out, at + 19);
    for (let i = 0; i < 6; i++) out[to + i] = rfc[19 + i] as number;
    return to + 6;
  }

  /** Date, time and zone of a second: `2025-11-20T12:34:15+00:00`. */
  private renew(sec: number): void {
    const { civil, rfc } = this;
    const within = clampSec(sec);
    const offsetMin = this.zone.offsetMin(within);
    civilFromEpoch(within, offsetMin, civil);
    writeTwo(Math.floor(civil.year / 100), rfc, 0);
    writeTwo(civil.year % 100, rfc, 2);
    rfc[4] = DASH;
    writeTwo(civil.month, rfc, 5);
    rfc[7] = DASH;
    writeTwo(civil.day, rfc, 8);
    rfc[10] = LETTER_T;
    writeTimeOfDay(civil.hour, civil.minute, civil.second, rfc, 11);
    const minutes = Math.abs(offsetMin);
    rfc[19] = offsetMin < 0 ? DASH : PLUS;
    writeTwo(Math.floor(minutes / 60), rfc, 20);
    rfc[22] = COLON;
    writeTwo(minutes % 60, rfc, 23);
    this.rfcSec = sec;
  }
}

/** `Nov 20 12:34:15`; the day is padded with a space, as RFC 3164 section 4.1.2 has it. */
export function writeBsdStamp(
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  out: Uint8Array,
  at: number,
): void {
  const name = (month - 1) * 3;
  out[at] = MONTHS[name] as number;
  out[at + 1] = MONTHS[name + 1] as number;
  out[at + 2] = MONTHS[name + 2] as number;
  out[at + 3] = SPACE;
  writeTwo(day, out, at + 4);
  if (day < 10) out[at + 4] = SPACE;
  out[at + 6] = SPACE;
  writeTimeOfDay(hour, minute, second, out, at + 7);
}

function writeTimeOfDay(hour: number, minute: number, second: number, out: Uint8Array, at: number): void {
  writeTwo(hour, out, at);
  out[at + 2] = COLON;
  writeTwo(minute, out, at + 3);
  out[at + 5] = COLON;
  writeTwo(second, out, at + 6);
}

function writeTwo(value: number, out: Uint8Array, at: number): void {
  const tens = (value / 10) | 0;
  out[at] = ZERO + tens;
  out[at + 1] = ZERO + value - tens * 10;
}

function writeFraction(nanos: number, fraction: number, out: Uint8Array, at: number): number {
  const digits = fraction === FRACTION.needed ? neededDigits(nanos) : fraction;
  if (digits === 0) return at;
  out[at] = DOT;
  // 32-bit arithmetic throughout: nanoseconds stay below 2^30.
  let rest = digits === 9 ? nanos : digits === 6 ? (nanos / 1000) | 0 : (nanos / 1_000_000) | 0;
  for (let to = at + digits; to > at; to--) {
    const tenth = (rest / 10) | 0;
    out[to] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return at + 1 + digits;
}

function neededDigits(nanos: number): number {
  if (nanos === 0) return 0;
  if (nanos % 1_000_000 === 0) return 3;
  return nanos % 1000 === 0 ? 6 : 9;
}

function clampSec(sec: number): number {
  return sec < SEC_MIN ? SEC_MIN : sec > SEC_MAX ? SEC_MAX : sec;
}
