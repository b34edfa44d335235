// Time zone names as devices write them behind a time (`CET`, `EDT`, `gmt`), in minutes east of Greenwich.
// Only names that mean one thing everywhere have a number. A name that means several (CST: Chicago,
// Shanghai, Havana) is known as a zone name, but the sender's configured zone decides.
// Source of the offsets: the abbreviations in use in the IANA tz database, 2024a.

import { CLASS, LETTER } from './chars.ts';
import { NO_ZONE } from './record.ts';

/** The word is no time zone name. */
export const NOT_A_ZONE = -32767;

const KNOWN: Readonly<Record<string, number>> = {
  Z: 0,
  UT: 0,
  UTC: 0,
  GMT: 0,
  WET: 0,
  WEST: 60,
  CET: 60,
  CEST: 120,
  MET: 60,
  MEST: 120,
  MESZ: 120,
  MEZ: 60,
  EET: 120,
  EEST: 180,
  MSK: 180,
  MSD: 240,
  SAST: 120,
  WAT: 60,
  TRT: 180,
  NST: -210,
  NDT: -150,
  ADT: -180,
  EST: -300,
  EDT: -240,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
  AKST: -540,
  AKDT: -480,
  HST: -600,
  HDT: -540,
  BRT: -180,
  BRST: -120,
  CLT: -240,
  CLST: -180,
  JST: 540,
  KST: 540,
  HKT: 480,
  SGT: 480,
  MYT: 480,
  PHT: 480,
  ICT: 420,
  WIB: 420,
  WITA: 480,
  PKT: 300,
  AWST: 480,
  ACST: 570,
  ACDT: 630,
  AEST: 600,
  AEDT: 660,
  NZST: 720,
  NZDT: 780,
  CHST: 600,
};

/** Names with several meanings, some of them hours apart. */
const AMBIGUOUS = ['CST', 'IST', 'BST', 'AST', 'GST', 'SST', 'ECT', 'LMT', 'AMT', 'WST'] as const;

/** Longest name in the tables. */
const LENGTH_MAX = 4;

/** Five bits a letter, so that a name is looked up without making a string. */
function keyOf(word: string): number {
  let key = 0;
  for (let i = 0; i < word.length; i++) key = (key << 5) | (word.charCodeAt(i) & 31);
  return key;
}

function buildTable(): Map<number, number> {
  const table = new Map<number, number>();
  for (const [name, minutes] of Object.entries(KNOWN)) table.set(keyOf(name), minutes);
  for (const name of AMBIGUOUS) table.set(keyOf(name), NO_ZONE);
  return table;
}

const TABLE = buildTable();

/** End of the letters at `p`. */
export function lettersEnd(bytes: Uint8Array, p: number, end: number): number {
  while (p < end && (CLASS[bytes[p]!]! & LETTER) !== 0) p++;
  return p;
}

/** Minutes east for the name in [start, end), in any case; NO_ZONE for an ambiguous one; else NOT_A_ZONE. */
export function zoneWord(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > LENGTH_MAX) return NOT_A_ZONE;
  let key = 0;
  for (let p = start; p < end; p++) key = (key << 5) | (bytes[p]! & 31);
  return TABLE.get(key) ?? NOT_A_ZONE;
}
