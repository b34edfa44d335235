// What a byte is to the parsers: one table of 256 flags, and the small comparisons that every header
// reader needs. Refuses: to read outside the range it is given; the caller passes `end`.

/** May stand in a host name: letters, digits, `-`, `.`, `_`. Colons (IPv6) are looked at separately. */
export const HOST = 1;
/** May stand in a program name of the plain form: host characters and `/ + @ # ( ) $ ~ %`. */
export const TAG = 2;
export const DIGIT = 4;
export const UPPER = 8;
export const LOWER = 16;
/** May stand in an SD-NAME: PRINTUSASCII without `= ] "` (RFC 5424 section 6.3.3). */
export const SD_NAME = 64;
export const HEX = 128;
export const LETTER = UPPER | LOWER;

function classify(): Uint8Array {
  const table = new Uint8Array(256);
  const add = (chars: string, flag: number): void => {
    for (let i = 0; i < chars.length; i++) table[chars.charCodeAt(i)]! |= flag;
  };
  add('0123456789', DIGIT | HOST | TAG | HEX);
  add('ABCDEFGHIJKLMNOPQRSTUVWXYZ', UPPER | HOST | TAG);
  add('abcdefghijklmnopqrstuvwxyz', LOWER | HOST | TAG);
  add('abcdefABCDEF', HEX);
  add('-._', HOST | TAG);
  add('/+@#()$~%', TAG);
  for (let b = 33; b < 127; b++) if (b !== 0x3d && b !== 0x5d && b !== 0x22) table[b]! |= SD_NAME;
  return table;
}

export const CLASS = classify();

export function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && (CLASS[byte]! & LETTER) !== 0;
}

/** Do the bytes at `at` spell `word`, letter for letter? */
export function spells(bytes: Uint8Array, at: number, end: number, word: string): boolean {
  if (end - at < word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}

/** As `spells`, in any case. `word` is given in lower case. */
export function spellsAnyCase(bytes: Uint8Array, at: number, end: number, word: string): boolean {
  if (end - at < word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const byte = bytes[at + i]!;
    const lower = (CLASS[byte]! & UPPER) !== 0 ? byte | 0x20 : byte;
    if (lower !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** First position at or after `at` that holds no space. */
export function skipSpaces(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] === 32) at++;
  return at;
}

/** End of the word that begins at `at`: the next space, tab, line break or NUL. */
export function wordEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at]! > 32) at++;
  return at;
}

/** The number that the `count` digits at `at` spell, or -1. */
export function digits(bytes: Uint8Array, at: number, count: number, end: number): number {
  if (end - at < count) return -1;
  let value = 0;
  for (let i = 0; i < count; i++) {
    const d = bytes[at + i]! - 48;
    if (d < 0 || d > 9) return -1;
    value = value * 10 + d;
  }
  return value;
}
