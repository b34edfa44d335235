// Messages that are nothing but `key=value` pairs: FortiGate and its family, SonicWall, Check Point's log
// exporter (pairs divided by `|`), Sophos, WatchGuard; and the extension of a CEF or LEEF message that has
// no header. Host, time and program stand under keys of their own. The text keeps every pair.
// Refuses: to take a host from a key that also names visited web sites, unless it is among the first pairs.

import { CLASS, DIGIT, LETTER, spells } from '../chars.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { scanStamp, takeTime, takeTimeApart } from '../stamp.ts';
import { scanEpoch } from '../stamp-iso.ts';
import { scanZoneValue } from '../stamp-zone.ts';
import { isHostWord } from '../words.ts';

const SPACE = 32;
const TAB = 9;
const QUOTE = 0x22;
const EQUALS = 0x3d;
const PIPE = 0x7c;
const COMMA = 0x2c;

/** Pairs that are looked at: the device's own keys stand in the first dozens. */
const PAIRS_MAX = 48;
/** `host=` and `hostname=` further back name the far side. */
const NEAR_PAIRS = 8;

/** The pair last read, as offsets; `next` is where the following one begins. */
const pair = { key: 0, keyEnd: 0, value: 0, valueEnd: 0, next: 0 };

/** What was found so far; -1 and rank 0: nothing. */
const found = {
  date: -1,
  clock: -1,
  host: -1,
  hostEnd: -1,
  hostRank: 0,
  program: -1,
  programEnd: -1,
  programRank: 0,
  zone: -1,
  isTimed: false,
};

/** A message without a header that begins with a pair at `p`. False when it names neither host nor time. */
export function readKeyValue(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  if (!startsPair(bytes, p, end) || scanPairs(record, bytes, p, end, dividerOf(bytes, p, end)) < 2)
    return false;
  if (found.date >= 0 && found.clock >= 0) takeApart(record, bytes, end);
  if (found.hostRank === 0 && !found.isTimed) return false;
  record.format = FORMAT.vendor;
  record.msgStart = p;
  if (found.hostRank > 0) {
    record.hostStart = found.host;
    record.hostEnd = found.hostEnd;
  }
  takeProgram(record);
  return true;
}

/** The pairs at `t` behind a header: only the program is still wanted. */
export function readKeyValueProgram(record: LogRecord, bytes: Uint8Array, t: number, end: number): boolean {
  if (!startsPair(bytes, t, end) || scanPairs(undefined, bytes, t, end, dividerOf(bytes, t, end)) < 2)
    return false;
  takeProgram(record);
  return found.programRank > 0;
}

/** The extension of a CEF or LEEF message at `p`: host and time. `divider`: LEEF 2 names its own. */
export function readExtension(
  record: LogRecord,
  bytes: Uint8Array,
  p: number,
  end: number,
  divider: number | undefined,
): void {
  scanPairs(record, bytes, p, end, divider ?? dividerOf(bytes, p, end));
  if (found.hostRank === 0) return;
  record.hostStart = found.host;
  record.hostEnd = found.hostEnd;
}

function takeProgram(record: LogRecord): void {
  if (found.programRank === 0) return;
  record.programStart = found.program;
  record.programEnd = found.programEnd;
}

function takeApart(record: LogRecord, bytes: Uint8Array, end: number): void {
  if (takeTimeApart(record, bytes, found.date, found.clock, end) < 0) return;
  found.isTimed = true;
  if (found.zone >= 0) scanZoneValue(record, bytes, found.zone, end);
}

function startsPair(bytes: Uint8Array, p: number, end: number): boolean {
  const after = keyEnd(bytes, p, end);
  return after > p && after < end && bytes[after] === EQUALS && (CLASS[bytes[p]!]! & LETTER) !== 0;
}

function keyEnd(bytes: Uint8Array, p: number, end: number): number {
  while (
    p < end &&
    ((CLASS[bytes[p]!]! & (LETTER | DIGIT)) !== 0 ||
      bytes[p] === 0x5f ||
      bytes[p] === 0x2e ||
      bytes[p] === 0x2d)
  )
    p++;
  return p;
}

/** Reads up to PAIRS_MAX pairs into `found` (and the time into `record`); how many there were. */
function scanPairs(
  record: LogRecord | undefined,
  bytes: Uint8Array,
  p: number,
  end: number,
  divider: number,
): number {
  found.date = found.clock = found.zone = -1;
  found.hostRank = found.programRank = 0;
  found.isTimed = false;
  let count = 0;
  while (p < end && count < PAIRS_MAX) {
    if (readPair(bytes, p, end, divider)) {
      count++;
      lookAt(record, bytes, end, count);
    }
    p = pair.next;
  }
  return count;
}

/** What stands between the pairs: whatever comes first of `|`, a tab, a space, and a comma before a key. */
function dividerOf(bytes: Uint8Array, p: number, end: number): number {
  for (; p < end; p++) {
    const b = bytes[p]!;
    if (b === PIPE || b === TAB || b === SPACE) return b;
    if (b === COMMA && startsPair(bytes, p + 1, end)) return b;
    if (b === QUOTE) p = quotedEnd(bytes, p + 1, end);
  }
  return SPACE;
}

/** Fills `pair`. False for a piece without `=`; `pair.next` is right in both cases. */
function readPair(bytes: Uint8Array, p: number, end: number, divider: number): boolean {
  while (p < end && (bytes[p] === divider || bytes[p] === SPACE)) p++;
  const after = keyEnd(bytes, p, end);
  if (after === p || after >= end || bytes[after] !== EQUALS) {
    while (p < end && bytes[p] !== divider) p++;
    pair.next = p < end ? p + 1 : end;
    return false;
  }
  pair.key = p;
  pair.keyEnd = after;
  let q = after + 1;
  if (q < end && bytes[q] === QUOTE) {
    pair.value = q + 1;
    q = quotedEnd(bytes, q + 1, end);
    pair.valueEnd = q;
    q = Math.min(q + 1, end);
  } else {
    pair.value = q;
    while (q < end && bytes[q] !== divider) q++;
    pair.valueEnd = q > pair.value && isPunctuation(bytes[q - 1]!) ? q - 1 : q;
  }
  pair.next = q;
  return true;
}

/** The closing quote, or the end. */
function quotedEnd(bytes: Uint8Array, p: number, end: number): number {
  while (p < end && bytes[p] !== QUOTE) p += bytes[p] === 0x5c ? 2 : 1;
  return Math.min(p, end);
}

function isPunctuation(b: number): boolean {
  return b === COMMA || b === 0x3b;
}

/** What a key stands for; the rank decides between keys of one role. */
const ROLE = { time: 1, zone: 2, host: 3, nearHost: 4, program: 5 } as const;

interface Key {
  readonly name: string;
  readonly role: number;
  readonly rank: number;
}

function keysOf(role: number, rankMax: number, names: readonly string[]): Key[] {
  return names.map((name, index) => ({ name, role, rank: rankMax - index }));
}

const KEYS: readonly Key[] = [
  ...keysOf(ROLE.time, 0, ['date', 'time', 'timestamp', 'date_time', 'datetime', 'eventtime']),
  ...keysOf(ROLE.time, 0, ['devTime', 'rt', 'EventTime', 'start_time']),
  ...keysOf(ROLE.zone, 0, ['tz', 'timezone']),
  // Keys under which a device names itself, the surest first; then its address or number.
  ...keysOf(ROLE.host, 30, ['devname', 'dvchost', 'deviceHostName', 'device_name', 'devicename', 'sysname']),
  ...keysOf(ROLE.host, 10, ['identHostName', 'fw', 'dvc', 'devid', 'device_id']),
  // Keys that name the device in the first pairs, and a far side later.
  ...keysOf(ROLE.nearHost, 20, ['hostname', 'host', 'computername', 'machinename']),
  ...keysOf(ROLE.nearHost, 2, ['device']),
  // What kind of log this is, the most telling first.
  ...keysOf(ROLE.program, 4, ['product', 'log_type', 'type', 'id']),
];

/** Keys by a number made of their bytes, so that none is looked up by a string. */
const KEYS_BY_HASH = new Map(KEYS.map((key) => [hashOf(Buffer.from(key.name), 0, key.name.length), key]));

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let p = start; p < end; p++) hash = (Math.imul(hash, 31) + bytes[p]!) | 0;
  return hash;
}

/** Takes the pair last read for what it stands for, if it is a key that is known. */
function lookAt(record: LogRecord | undefined, bytes: Uint8Array, end: number, count: number): void {
  const key = KEYS_BY_HASH.get(hashOf(bytes, pair.key, pair.keyEnd));
  if (key === undefined || pair.keyEnd - pair.key !== key.name.length) return;
  if (!spells(bytes, pair.key, pair.keyEnd, key.name)) return;
  if (key.role === ROLE.time && record !== undefined) lookAtTime(record, bytes, end);
  else if (key.role === ROLE.zone) found.zone = pair.value;
  else if (key.role === ROLE.host) lookAtHost(bytes, key.rank);
  else if (key.role === ROLE.nearHost && count <= NEAR_PAIRS) lookAtHost(bytes, key.rank);
  else if (key.role === ROLE.program) lookAtProgram(bytes, key.rank);
}

function lookAtTime(record: LogRecord, bytes: Uint8Array, end: number): void {
  if (found.date < 0 && isBareDate(bytes)) found.date = pair.value;
  else if (found.clock < 0 && isBareClock(bytes)) found.clock = pair.value;
  else if (!found.isTimed && found.date < 0) {
    const after = takeTime(record, bytes, pair.value, end, scanEpoch);
    found.isTimed = after >= 0 || takeTime(record, bytes, pair.value, end, scanStamp) >= 0;
  }
}

/** `2026-03-15` and nothing else. */
function isBareDate(bytes: Uint8Array): boolean {
  const separator = bytes[pair.value + 4];
  return pair.valueEnd - pair.value === 10 && (separator === 0x2d || separator === 0x2f);
}

/** `10:20:30` or `10:20:30.123`. */
function isBareClock(bytes: Uint8Array): boolean {
  return pair.valueEnd - pair.value >= 8 && bytes[pair.value + 2] === 0x3a && bytes[pair.value + 5] === 0x3a;
}

function lookAtHost(bytes: Uint8Array, rank: number): void {
  if (rank <= found.hostRank || !isHostWord(bytes, pair.value, pair.valueEnd)) return;
  found.hostRank = rank;
  found.host = pair.value;
  found.hostEnd = pair.valueEnd;
}

function lookAtProgram(bytes: Uint8Array, rank: number): void {
  if (rank <= found.programRank || pair.valueEnd <= pair.value) return;
  if ((CLASS[bytes[pair.value]!]! & LETTER) === 0) return;
  found.programRank = rank;
  found.program = pair.value;
  found.programEnd = pair.valueEnd;
}
