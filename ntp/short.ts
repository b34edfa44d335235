// The 32-bit short format of NTP (RFC 5905 section 6): 16 bits of seconds and 16 of fraction, for root delay
// and root dispersion. It is encoded rounded up, so that no server claims to know more than it does, and
// what does not fit is clamped, so that a negative delay never becomes 18 hours.

const UNITS = 65_536;
const MAX = 0xffff_ffff;

/** Seconds → wire, at least the value given. */
export function encodeShort(seconds: number): number {
  const units = Math.ceil(seconds * UNITS);
  return (units > 0 ? Math.min(units, MAX) : 0) | 0;
}

/** Wire → seconds; unsigned, as every server in use means it. */
export function decodeShort(wire: number): number {
  return (wire >>> 0) / UNITS;
}
