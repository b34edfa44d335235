// The 64-bit timestamp of NTP (RFC 5905 section 6): 32 bits of seconds since 1900 and 32 bits of fraction.
// The era (which of the 136-year spans) is not on the wire, so the only legal operation between two stamps is
// the wrapping 64-bit subtraction, read as a signed number; seconds since 1970 come from a window of eras.
//
// Both halves travel as signed 32-bit numbers, which the machine keeps without allocating. A double is made
// of differences only: at today's seconds it could not hold what a stamp says.
//
// Refuses: Date, BigInt, and any meaning for the stamp 0, which says "unknown".

/** Seconds from 1900-01-01 to 1970-01-01 (RFC 5905 figure 4). */
const GAP_1900_1970 = 2_208_988_800;
const FRACTIONS = 2 ** 32;
const FRACTIONS_PER_NANO = FRACTIONS / 1e9;

/**
 * Stamps are read as times from 1976-01-01 to 2112-02-07: 50 years before the first Belfry and 86 after it.
 * Both ends of era 0 (2036-02-07 06:28:16) and 2104, where "top bit set" fails, lie inside.
 */
export const ERA_WINDOW_UNIX = Date.UTC(1976, 0, 1) / 1000;

/** Seconds since 1970 → the wire's seconds, any era. */
export function ntpSeconds(unixSec: number): number {
  return (unixSec + GAP_1900_1970) | 0;
}

/** The wire's seconds → since 1970, the one time they can mean within 2^32 s from `windowUnix` on. */
export function unixSeconds(seconds: number, windowUnix: number = ERA_WINDOW_UNIX): number {
  return windowUnix + ((seconds - ntpSeconds(windowUnix)) >>> 0);
}

/** 0 … 999,999,999 ns → fraction, rounded to the nearest. */
export function fractionOf(nanos: number): number {
  return Math.round(nanos * FRACTIONS_PER_NANO) | 0;
}

/** Fraction → whole nanoseconds; 1,000,000,000 for the last tenth of a nanosecond of a second. */
export function nanosOf(fraction: number): number {
  return Math.round((fraction >>> 0) / FRACTIONS_PER_NANO);
}

/** Of two stamps, a − b in nanoseconds: exact for stamps of the same second, 2^-53 of the whole beyond. */
export function nanosBetween(aSec: number, aFraction: number, bSec: number, bFraction: number): number {
  const fractions = (aFraction >>> 0) - (bFraction >>> 0);
  // The borrow is part of the wrapping: −2^31 s and a fraction must not turn into +2^31 s.
  const borrow = fractions < 0 ? 1 : 0;
  const seconds = (aSec - bSec - borrow) | 0;
  return seconds * 1e9 + (fractions + borrow * FRACTIONS) / FRACTIONS_PER_NANO;
}

/** Zero in both halves: the time is unknown. */
export function isUnknown(seconds: number, fraction: number): boolean {
  return (seconds | fraction) === 0;
}
