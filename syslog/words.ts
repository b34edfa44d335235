// Tells words apart: is this a host name, a program's tag, a severity? Everything here only looks; nothing
// is written into a record. Kept in one place, since a header without its host can be read two ways and
// every reader must take the same one (docs/parsing.md, decisions 1, 2, 14 and 15).

import { CLASS, DIGIT, HEX, HOST, LETTER, LOWER, spells, TAG, wordEnd } from './chars.ts';

const COLON = 0x3a;
const DOT = 0x2e;
const DASH = 0x2d;
const EQUALS = 0x3d;
const OPEN = 0x5b;
const SPACE = 32;

/** Longest host name that is believed (RFC 5424: HOSTNAME = 1*255). */
const HOST_MAX = 255;
/** Longest name that is believed to be a tag; RFC 3164 says 32, Java class names are longer. */
const TAG_MAX = 128;
/** RFC 3164 section 4.1.3: a tag has at most 32 characters. Kept where nothing else marks it. */
const BARE_TAG_MAX = 32;

/** What ends a word that may be a tag. */
export interface Tag {
  nameEnd: number;
  pidStart: number;
  pidEnd: number;
  /** First byte of the text behind the tag. */
  textStart: number;
}

/** How findTag treats `name:text`, with nothing between the colon and the text. */
export const COLON_NEEDS_SPACE = false;
export const COLON_IS_ENOUGH = true;

/**
 * Is there `name: `, `name[pid]: ` or `name[123] ` at `p`? Fills `tag` when there is. `bareColon` also
 * takes `name:text`, but no `http://`, `C:\`, `12:30` or `fe80::1`.
 */
export function findTag(bytes: Uint8Array, p: number, end: number, tag: Tag, bareColon: boolean): boolean {
  let q = p;
  while (q < end && bytes[q]! > 32 && bytes[q] !== COLON && bytes[q] !== 0x5b) q++;
  if (q === p || q >= end || q - p > TAG_MAX) return false;
  tag.nameEnd = q;
  tag.pidStart = -1;
  tag.pidEnd = -1;
  if (bytes[q] === OPEN) return findPid(bytes, q + 1, end, tag);
  if (bytes[q] === SPACE) return findPidApart(bytes, p, q, end, tag);
  if (bytes[q] !== COLON || !isProgramName(bytes, p, q)) return false;
  const isBare = q + 1 < end && bytes[q + 1]! > 32;
  if (isBare && !(bareColon && isPlainName(bytes, p, q, end))) return false;
  tag.textStart = isBare ? q + 1 : Math.min(q + 2, end);
  return true;
}

/** `name [123]: text`: the space is a slip, the rest is a tag. */
function findPidApart(bytes: Uint8Array, p: number, space: number, end: number, tag: Tag): boolean {
  if (end - space < 5 || bytes[space + 1] !== OPEN || (CLASS[bytes[space + 2]!]! & DIGIT) === 0) return false;
  for (let q = p; q < space; q++) if ((CLASS[bytes[q]!]! & TAG) === 0) return false;
  if (!findPid(bytes, space + 2, end, tag)) return false;
  return bytes[tag.pidEnd + 1] === COLON && tag.pidEnd + 1 < end;
}

/** May the name in [p, colon) be a tag although text follows its colon at once? */
function isPlainName(bytes: Uint8Array, p: number, colon: number, end: number): boolean {
  const next = bytes[colon + 1]!;
  if (next === 0x2f || next === 0x5c || next === COLON || next === EQUALS) return false;
  if ((CLASS[bytes[p]!]! & LETTER) === 0 || colon - p > BARE_TAG_MAX) return false;
  for (let q = p; q < colon; q++) if ((CLASS[bytes[q]!]! & TAG) === 0) return false;
  return !isAddressWord(bytes, p, wordEnd(bytes, p, end));
}

function findPid(bytes: Uint8Array, p: number, end: number, tag: Tag): boolean {
  let q = p;
  let isNumber = true;
  while (q < end && bytes[q]! > 32 && bytes[q] !== 0x5d && bytes[q] !== 0x5b) {
    if ((CLASS[bytes[q]!]! & DIGIT) === 0) isNumber = false;
    q++;
  }
  if (q >= end || bytes[q] !== 0x5d) return false;
  if (q > p) {
    tag.pidStart = p;
    tag.pidEnd = q;
  }
  q++;
  if (q < end && bytes[q] === COLON) {
    q++;
    tag.textStart = q < end && bytes[q] === 32 ? q + 1 : q;
    return true;
  }
  if (!isNumber || (q < end && bytes[q]! > 32)) return false;
  tag.textStart = q < end ? q + 1 : end;
  return true;
}

/** May the word in [start, end) name a program? Quotes, brackets, `=` and `|` belong to texts. */
function isProgramName(bytes: Uint8Array, start: number, end: number): boolean {
  let hasName = false;
  for (let p = start; p < end; p++) {
    const b = bytes[p]!;
    if (b === 0x22 || b === 0x27 || b === 0x3d || b === 0x7c || b === 0x7b || b === 0x3c || b === 0x2a)
      return false;
    if ((CLASS[b]! & (LETTER | DIGIT)) !== 0 || b >= 0x80) hasName = true;
  }
  return hasName;
}

/** May the word in [start, end) stand in the place of the host? */
export function isHostWord(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > HOST_MAX || end <= start || !isHostStart(bytes[start]!)) return false;
  let hasName = false;
  for (let p = start; p < end; p++) {
    const b = bytes[p]!;
    if ((CLASS[b]! & (LETTER | DIGIT)) !== 0 || b >= 0x80) hasName = true;
    else if (b === COLON || b === 0x5b || b === 0x5d) return isAddressWord(bytes, start, end);
    else if (!isHostMark(b)) return false;
  }
  return hasName;
}

/** No host begins with `/`, `%` or `+`; `[` and `:` begin IPv6 addresses. */
function isHostStart(b: number): boolean {
  return (CLASS[b]! & HOST) !== 0 || b >= 0x80 || b === 0x5b || b === COLON;
}

/** `- . _ / @ % + ~`. */
function isHostMark(b: number): boolean {
  if ((CLASS[b]! & HOST) !== 0) return true;
  return b === 0x2f || b === 0x40 || b === 0x25 || b === 0x2b || b === 0x7e;
}

/** An IPv4 or IPv6 address by its letters: hex digits, dots, colons; brackets, a zone or a port besides. */
export function isAddressWord(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start;
  if (bytes[p] === 0x5b) p++;
  let dots = 0;
  let colons = 0;
  let letters = 0;
  for (; p < end; p++) {
    const b = bytes[p]!;
    if (b === DOT) dots++;
    else if (b === COLON) colons++;
    else if (b === 0x25 && colons > 1) break;
    else if (b === 0x5d && colons > 1) break;
    else if ((CLASS[b]! & HEX) === 0) return false;
    else if ((CLASS[b]! & DIGIT) === 0) letters++;
  }
  if (colons >= 2) return true;
  return dots === 3 && letters === 0 && bytes[start] !== DOT && bytes[end - 1] !== DOT;
}

/**
 * Does a word look like a host more than like a program? Addresses, domain names, and names that number
 * machines (`web-01`, `SW-CORE-2`).
 */
export function looksLikeHost(bytes: Uint8Array, start: number, end: number): boolean {
  if (!isHostWord(bytes, start, end)) return false;
  if (isAddressWord(bytes, start, end) || isDomainName(bytes, start, end)) return true;
  let dashes = 0;
  for (let p = start; p < end; p++) if (bytes[p] === DASH) dashes++;
  return dashes > 0 && (CLASS[bytes[end - 1]!]! & DIGIT) !== 0;
}

/** Last labels that hosts have and class names do not; any two letters are a country. */
const DOMAINS = [
  'com',
  'net',
  'org',
  'edu',
  'gov',
  'mil',
  'int',
  'local',
  'lan',
  'internal',
  'intra',
  'corp',
  'home',
  'localdomain',
  'arpa',
  'domain',
  'example',
  'test',
  'invalid',
] as const;

function isDomainName(bytes: Uint8Array, start: number, end: number): boolean {
  let label = end;
  while (label > start && bytes[label - 1] !== DOT) label--;
  if (label === start || label === end) return false;
  for (const domain of DOMAINS) {
    if (end - label === domain.length && spells(bytes, label, end, domain))
      return !isReversedName(bytes, start, end);
  }
  return (
    end - label === 2 &&
    (CLASS[bytes[label]!]! & CLASS[bytes[label + 1]!]! & LOWER) !== 0 &&
    !isFileName(bytes, label)
  );
}

/** `org.gnome.Shell`, `com.apple.launchd`: a program by its reversed domain. */
function isReversedName(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    spells(bytes, start, end, 'com.') ||
    spells(bytes, start, end, 'org.') ||
    spells(bytes, start, end, 'net.')
  );
}

/** `run.sh`, `sync.py`, `x.pl`, `d.so`, `a.js`, `m.ko`: more often programs than hosts of that country. */
function isFileName(bytes: Uint8Array, label: number): boolean {
  const both = (bytes[label]! << 8) | bytes[label + 1]!;
  return (
    both === 0x73_68 ||
    both === 0x70_79 ||
    both === 0x70_6c ||
    both === 0x73_6f ||
    both === 0x6a_73 ||
    both === 0x6b_6f ||
    both === 0x72_62 ||
    both === 0x67_6f
  );
}

/** Does an ArcSight (CEF) or QRadar (LEEF) event begin at `p`? */
export function isEventFormat(bytes: Uint8Array, p: number, end: number): boolean {
  return spells(bytes, p, end, 'CEF:') || spells(bytes, p, end, 'LEEF:');
}

/** Severities as devices spell them, by their first letter. */
const SEVERITY_WORDS: Readonly<Record<number, readonly string[]>> = {
  0x61: ['alert'],
  0x63: ['crit', 'critical'],
  0x64: ['debug'],
  0x65: ['emerg', 'emergency', 'err', 'error'],
  0x66: ['fatal'],
  0x69: ['info', 'informational', 'information'],
  0x6e: ['notice'],
  0x74: ['trace'],
  0x76: ['verbose'],
  0x77: ['warn', 'warning'],
};

/** Is the word in [start, end) a severity, in any case? */
export function isSeverityWord(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 3 || length > 13) return false;
  const words = SEVERITY_WORDS[bytes[start]! | 0x20];
  if (words === undefined) return false;
  for (let i = 0; i < words.length; i++) {
    if (words[i]!.length === length && sameLetters(bytes, start, words[i]!)) return true;
  }
  return false;
}

const FACILITY_WORDS = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'authpriv',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'ftp',
  'ntp',
  'security',
  'console',
  'local',
] as const;

/** Is the word in [start, end) a facility and a severity, as in `daemon.info` or `local7.notice`? */
export function isSelectorWord(bytes: Uint8Array, start: number, end: number): boolean {
  let dot = start;
  while (dot < end && (CLASS[bytes[dot]!]! & (LOWER | DIGIT)) !== 0) dot++;
  if (dot >= end || bytes[dot] !== DOT || !isSeverityWord(bytes, dot + 1, end)) return false;
  const name = (CLASS[bytes[dot - 1]!]! & DIGIT) !== 0 ? dot - 1 : dot;
  for (let i = 0; i < FACILITY_WORDS.length; i++) {
    const word = FACILITY_WORDS[i]!;
    if (name - start === word.length && spells(bytes, start, name, word)) return true;
  }
  return false;
}

function sameLetters(bytes: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if ((bytes[start + i]! | 0x20) !== word.charCodeAt(i)) return false;
  return true;
}
