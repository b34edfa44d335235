// STRUCTURED-DATA of RFC 5424 section 6.3: `[id name="value" name="value"][id]`.
// scanStructured finds where it ends and grades how well it keeps the grammar; devices that do not quote their
// values, write `name:"value"; ` or forget an escape are still read. readStructured gives names and values.
// Refuses: to judge the meaning of an SD-ID; any name of printable characters is taken.

import { CLASS, SD_NAME } from './chars.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const EQUALS = 0x3d;
const SPACE = 32;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const COMMA = 0x2c;
/** SD-NAME = 1*32 (RFC 5424 section 6). */
const NAME_MAX = 32;

/** Elements that are compared for twins: 64 KiB of them would cost seconds, nobody sends more than a few. */
const COMPARED_MAX = 16;

/** How well the elements keep the grammar. */
export const GRADE = {
  /** To the letter of RFC 5424. */
  strict: 0,
  /** As whole families of devices write it: bare values, `name:"value";`, a space beside `=`. */
  tolerated: 1,
  /** Still readable, but nobody should send it: doubled SD-IDs, a `]` without its escape, no value at all. */
  broken: 2,
} as const;

/** What scanStructured found: where the elements end, and a GRADE. */
export interface StructuredScan {
  end: number;
  grade: number;
}

/**
 * Reads the elements that begin at `at` (an opening bracket). False when it is not structured data at all:
 * then the text belongs to the message.
 */
export function scanStructured(bytes: Uint8Array, at: number, end: number, scan: StructuredScan): boolean {
  scan.grade = GRADE.strict;
  let p = at;
  let count = 0;
  while (p < end && bytes[p] === OPEN) {
    let next = scanStrictElement(bytes, p, end);
    if (next < 0) next = scanLooseElement(bytes, p, end, scan);
    if (next < 0) return false;
    p = next;
    count++;
  }
  scan.end = p;
  if (p === at || (p < end && bytes[p] !== SPACE)) return false;
  if (count > 1 && scan.grade === GRADE.strict && hasTwins(bytes, at, p)) scan.grade = GRADE.broken;
  return true;
}

/**
 * End of the elements at `at` when they keep to the letter and name at least one value, else -1. For texts
 * that may begin with a bracket for any reason: `[error]` alone is no structured data there.
 */
export function scanEmbedded(bytes: Uint8Array, at: number, end: number): number {
  let p = at;
  let hasValue = false;
  while (p < end && bytes[p] === OPEN) {
    const next = scanStrictElement(bytes, p, end);
    if (next < 0) return -1;
    if (bytes[next - 2] === QUOTE) hasValue = true;
    p = next;
  }
  return hasValue && (p >= end || bytes[p] === SPACE) ? p : -1;
}

/** End of an SD-NAME at `p`. */
function nameEnd(bytes: Uint8Array, p: number, end: number): number {
  while (p < end && (CLASS[bytes[p]!]! & SD_NAME) !== 0) p++;
  return p;
}

function scanStrictElement(bytes: Uint8Array, at: number, end: number): number {
  let p = nameEnd(bytes, at + 1, end);
  if (p === at + 1 || p - at - 1 > NAME_MAX) return -1;
  while (p < end && bytes[p] === SPACE) {
    const name = p + 1;
    p = nameEnd(bytes, name, end);
    if (p === name || p - name > NAME_MAX || end - p < 3 || bytes[p] !== EQUALS || bytes[p + 1] !== QUOTE)
      return -1;
    p = strictValueEnd(bytes, p + 2, end);
    if (p < 0) return -1;
  }
  return p < end && bytes[p] === CLOSE ? p + 1 : -1;
}

/** Position after the closing quote; -1 when it is missing or a `]` stands unescaped. */
function strictValueEnd(bytes: Uint8Array, p: number, end: number): number {
  while (p < end) {
    const b = bytes[p]!;
    if (b === QUOTE) return p + 1;
    if (b === CLOSE) return -1;
    p += b === BACKSLASH ? 2 : 1;
  }
  return -1;
}

/** An element as devices really send it (see GRADE). End after its bracket, or -1 when it never closes. */
function scanLooseElement(bytes: Uint8Array, at: number, end: number, scan: StructuredScan): number {
  let p = nameStart(bytes, at + 1, end);
  const id = p;
  p = nameEnd(bytes, id, end);
  if (p === id) return -1;
  if (p - id > NAME_MAX) scan.grade = GRADE.broken;
  if (isAssignment(bytes, id, p, end)) p = id;
  if (scan.grade < GRADE.tolerated) scan.grade = GRADE.tolerated;
  for (;;) {
    p = skipBetween(bytes, p, end);
    if (p >= end) return -1;
    if (bytes[p] === CLOSE) return p + 1;
    p = scanLooseParam(bytes, p, end, scan);
    if (p < 0) return -1;
  }
}

function scanLooseParam(bytes: Uint8Array, at: number, end: number, scan: StructuredScan): number {
  let p = paramNameEnd(bytes, at, end);
  if (p === at || p - at > NAME_MAX) scan.grade = GRADE.broken;
  if (p >= end) return -1;
  if (bytes[p] !== EQUALS && bytes[p] !== COLON) {
    scan.grade = GRADE.broken;
    return p === at ? p + 1 : p;
  }
  p = nameStart(bytes, p + 1, end);
  if (p < end && bytes[p] === QUOTE) return looseQuotedEnd(bytes, p + 1, end, scan);
  while (p < end && bytes[p] !== SPACE && bytes[p] !== CLOSE && bytes[p] !== SEMICOLON) p++;
  return p;
}

function looseQuotedEnd(bytes: Uint8Array, p: number, end: number, scan: StructuredScan): number {
  const strict = strictValueEnd(bytes, p, end);
  if (strict > 0 && endsValue(bytes, strict, end)) return strict;
  scan.grade = GRADE.broken;
  return looseValueEnd(bytes, p, end);
}

function nameStart(bytes: Uint8Array, p: number, end: number): number {
  while (p < end && bytes[p] === SPACE) p++;
  return p;
}

/** Position after a closing quote: one that a space, `;`, `,` or `]` follows. */
function looseValueEnd(bytes: Uint8Array, p: number, end: number): number {
  while (p < end) {
    const b = bytes[p]!;
    if (b === QUOTE && endsValue(bytes, p + 1, end)) return p + 1;
    p += b === BACKSLASH ? 2 : 1;
  }
  return -1;
}

function endsValue(bytes: Uint8Array, p: number, end: number): boolean {
  if (p >= end) return false;
  const b = bytes[p]!;
  return b === SPACE || b === CLOSE || b === SEMICOLON || b === COMMA;
}

/** Does an SD-ID stand twice? (RFC 5424 section 6.3.2 forbids it.) */
function hasTwins(bytes: Uint8Array, at: number, end: number): boolean {
  let first = at;
  for (let count = 0; first < end && count < COMPARED_MAX; count++) {
    const firstEnd = scanStrictElement(bytes, first, end);
    let others = count + 1;
    for (let other = firstEnd; other < end && others < COMPARED_MAX; others++) {
      if (sameName(bytes, first + 1, other + 1, end)) return true;
      other = scanStrictElement(bytes, other, end);
    }
    first = firstEnd;
  }
  return false;
}

function sameName(bytes: Uint8Array, a: number, b: number, end: number): boolean {
  const length = nameEnd(bytes, a, end) - a;
  if (nameEnd(bytes, b, end) - b !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

export interface StructuredElement {
  readonly id: string;
  readonly params: readonly (readonly [name: string, value: string])[];
}

/** The elements in [start, end) as they stand, values unescaped; bytes that are not UTF-8 become U+FFFD. */
export function readStructured(bytes: Uint8Array, start: number, end: number): StructuredElement[] {
  const elements: StructuredElement[] = [];
  let p = start;
  while (p < end && bytes[p] === OPEN) {
    const strictClose = scanStrictElement(bytes, p, end);
    const close = strictClose < 0 ? scanLooseElement(bytes, p, end, readScan) : strictClose;
    if (close < 0) break;
    elements.push(
      strictClose < 0 ? readElement(bytes, p, close - 1) : readStrictElement(bytes, p, close - 1),
    );
    p = close;
  }
  return elements;
}

const readScan: StructuredScan = { end: 0, grade: 0 };
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** An element to the letter of the grammar: there `;`, `,` and `:` are letters of a name like others. */
function readStrictElement(bytes: Uint8Array, open: number, close: number): StructuredElement {
  let p = nameEnd(bytes, open + 1, close);
  const id = utf8.decode(bytes.subarray(open + 1, p));
  const params: [string, string][] = [];
  while (p < close) {
    const after = nameEnd(bytes, p + 1, close);
    const name = utf8.decode(bytes.subarray(p + 1, after));
    p = strictValueEnd(bytes, after + 2, close);
    params.push([name, unescaped(utf8.decode(bytes.subarray(after + 2, p - 1)))]);
  }
  return { id, params };
}

/** RFC 5424 section 6.3.3: a backslash escapes `"`, `]` and itself; before anything else it is a backslash. */
function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\(["\]\\])/g, '$1') : text;
}

/** One element between its brackets: `open` is at `[`, `close` at `]`. */
function readElement(bytes: Uint8Array, open: number, close: number): StructuredElement {
  let p = nameStart(bytes, open + 1, close);
  let after = nameEnd(bytes, p, close);
  const params: [string, string][] = [];
  let id = '';
  // Check Point names no SD-ID: its first word is already `name:"value"` or `name=value`.
  if (!isAssignment(bytes, p, after, close)) {
    id = utf8.decode(bytes.subarray(p, after));
    p = after;
  }
  while (p < close) {
    p = skipBetween(bytes, p, close);
    after = paramNameEnd(bytes, p, close);
    if (after === p) {
      p++;
      continue;
    }
    const name = utf8.decode(bytes.subarray(p, after));
    const value = { text: '', end: after };
    readValue(bytes, after, close, value);
    params.push([name, value.text]);
    p = value.end;
  }
  return { id, params };
}

function isAssignment(bytes: Uint8Array, name: number, after: number, close: number): boolean {
  if (after < close && bytes[after] === EQUALS) return true;
  return after < close && after > name && bytes[after] === QUOTE && bytes[after - 1] === COLON;
}

function skipBetween(bytes: Uint8Array, p: number, close: number): number {
  while (p < close && (bytes[p] === SPACE || bytes[p] === SEMICOLON || bytes[p] === COMMA)) p++;
  return p;
}

/** End of a parameter's name: before `=`, or before the `:` of `name:"value"`. */
function paramNameEnd(bytes: Uint8Array, p: number, close: number): number {
  const after = nameEnd(bytes, p, close);
  return after > p && bytes[after] === QUOTE && bytes[after - 1] === COLON ? after - 1 : after;
}

/** The value after a name that ends at `p`: quoted and escaped, or a bare word. */
function readValue(bytes: Uint8Array, p: number, close: number, value: { text: string; end: number }): void {
  if (p < close && (bytes[p] === EQUALS || bytes[p] === COLON)) p++;
  else {
    value.end = p;
    return;
  }
  const quoted = nameStart(bytes, p, close);
  if (quoted < close && bytes[quoted] === QUOTE) {
    readQuoted(bytes, quoted + 1, close, value);
    return;
  }
  let after = p;
  while (after < close && bytes[after] !== SPACE && bytes[after] !== SEMICOLON) after++;
  value.text = utf8.decode(bytes.subarray(p, after));
  value.end = after;
}

/** RFC 5424 section 6.3.3: a backslash escapes `"`, `]` and itself; before anything else it is a backslash. */
function readQuoted(bytes: Uint8Array, p: number, close: number, value: { text: string; end: number }): void {
  const strictEnd = strictValueEnd(bytes, p, close + 1);
  const after =
    strictEnd > 0 && endsValue(bytes, strictEnd, close + 1) ? strictEnd : looseValueEnd(bytes, p, close + 1);
  const last = after < 0 ? close : after - 1;
  const raw = utf8.decode(bytes.subarray(p, last));
  value.text = unescaped(raw);
  value.end = after < 0 ? close : after;
}
