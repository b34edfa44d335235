// The corpus of parser cases, where it lies beside the repository, and what it means for our reading of a
// message to agree with a case. The cases are facts of other programs; docs/parsing.md says what agreement
// is for a case whose source calls the message an error.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseMessage } from '../../../syslog/parse.ts';
import { FORMAT, LogRecord, TIME, TROUBLE } from '../../../syslog/record.ts';
import { readStructured } from '../../../syslog/structured.ts';
import { type Instant, resolveTime, UTC } from '../../../syslog/time.ts';

type Text = string | { readonly b64: string } | null;

interface Expectation {
  readonly error?: boolean;
  readonly pri?: number | null;
  readonly version?: number;
  readonly timestamp?: string | null;
  readonly hostname?: Text;
  readonly appname?: Text;
  readonly procid?: Text;
  readonly msgid?: Text;
  readonly message?: Text;
  readonly structured_data?: Readonly<Record<string, Readonly<Record<string, Text>>>> | null;
}

export interface CorpusCase {
  readonly src: string;
  readonly tier: string;
  readonly raw: string;
  readonly raw_b64?: string;
  readonly note?: string;
  readonly expect?: Expectation;
}

/** The folder `../shared/corpus` beside the repository, looked for from here upwards. */
export function findCorpus(): string | undefined {
  for (
    let folder = dirname(fileURLToPath(import.meta.url));
    folder !== dirname(folder);
    folder = dirname(folder)
  ) {
    const candidate = join(folder, '..', 'shared', 'corpus');
    if (existsSync(join(folder, 'package.json')) && existsSync(candidate)) return candidate;
  }
  return undefined;
}

/** All cases by their file's name; the record of other daemons' answers is not a set of cases. */
export function readCorpus(folder: string): Map<string, CorpusCase[]> {
  const sources = new Map<string, CorpusCase[]>();
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.jsonl') || name === 'observed.jsonl') continue;
    const lines = readFileSync(join(folder, name), 'utf8').split('\n');
    const cases = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CorpusCase);
    sources.set(name.slice(0, -'.jsonl'.length), cases);
  }
  return sources;
}

export function bytesOf(entry: CorpusCase): Buffer {
  return entry.raw_b64 === undefined ? Buffer.from(entry.raw) : Buffer.from(entry.raw_b64, 'base64');
}

/** The clock of the cases that name no year: 2026-03-15T10:20:30.123Z. */
const RECEIVED_MS = Date.UTC(2026, 2, 15, 10, 20, 30, 123);

/** Names of the fields in which our reading differs; empty when it agrees. */
export function differences(entry: CorpusCase): string[] {
  const bytes = bytesOf(entry);
  const record = new LogRecord();
  parseMessage(record, bytes, 0, bytes.length);
  const expect = entry.expect ?? {};
  if (expect.error === true) return isCounted(record) ? [] : ['error'];
  const wrong: string[] = [];
  const check = (name: string, agrees: boolean): void => {
    if (!agrees) wrong.push(name);
  };
  if (expect.pri !== undefined)
    check('pri', expect.pri === null ? bytes[0] !== 0x3c : record.pri === expect.pri);
  if (expect.version !== undefined) check('version', record.version === expect.version);
  if (expect.timestamp !== undefined) check('timestamp', agreesOnTime(record, expect.timestamp));
  const text = (name: string, wanted: Text | undefined, start: number, end: number): void => {
    if (wanted !== undefined) check(name, sameText(bytes, start, end, wanted));
  };
  text('hostname', expect.hostname, record.hostStart, record.hostEnd);
  text('appname', expect.appname, record.programStart, record.programEnd);
  text('procid', expect.procid, record.procidStart, record.procidEnd);
  text('msgid', expect.msgid, record.msgidStart, record.msgidEnd);
  text('message', expect.message, record.msgStart, record.msgEnd);
  if (expect.structured_data !== undefined)
    check('structured_data', agreesOnData(record, expect.structured_data));
  return wrong;
}

/**
 * A source that reads one format only calls every other message an error. We agree when we did not take it
 * for sound RFC 5424 either, and no byte at its end is lost.
 */
function isCounted(record: LogRecord): boolean {
  const claims = record.format === FORMAT.rfc5424 && record.trouble === TROUBLE.none;
  return !claims && record.msgEnd === record.end;
}

function sameText(bytes: Buffer, start: number, end: number, wanted: Text): boolean {
  const found = start < 0 ? Buffer.alloc(0) : bytes.subarray(start, end);
  if (wanted === null) return found.length === 0;
  const expected = typeof wanted === 'string' ? Buffer.from(wanted) : Buffer.from(wanted.b64, 'base64');
  let length = expected.length;
  while (length > 0 && [0, 10, 13].includes(expected[length - 1] ?? 1)) length--;
  return found.equals(expected.subarray(0, length));
}

const DATE = /^(?:(\d{4})|-)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/;

function agreesOnTime(record: LogRecord, wanted: string | null): boolean {
  if (wanted === null) return record.timeKind === TIME.none;
  const parts = DATE.exec(wanted);
  if (parts === null || record.timeKind === TIME.none) return false;
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const nanos = Number((fraction ?? '').padEnd(9, '0').slice(0, 9));
  if (!sameFraction(record, nanos, (fraction ?? '').length)) return false;
  if (zone !== undefined) return sameInstant(record, wanted);
  const clock = [record.month, record.day, record.hour, record.minute, record.second];
  const same = clock.join() === [month, day, hour, minute, second].map(Number).join();
  return same && (year === undefined || record.year === Number(year) || record.year === 0);
}

function sameInstant(record: LogRecord, wanted: string): boolean {
  const found: Instant = { sec: 0, nanos: 0 };
  resolveTime(record, RECEIVED_MS, UTC, found);
  return found.sec === Math.floor(Date.parse(wanted) / 1000);
}

/** To the precision of whichever says less: a stamp in whole seconds agrees with any fraction. */
function sameFraction(record: LogRecord, nanos: number, digits: number): boolean {
  if (record.nanos === 0 || digits === 0) return true;
  const unit = 10 ** (9 - Math.min(digits, 9));
  return Math.floor(record.nanos / unit) === Math.floor(nanos / unit);
}

function agreesOnData(record: LogRecord, wanted: Expectation['structured_data']): boolean {
  if (wanted === null || wanted === undefined) return record.sdStart < 0;
  if (record.sdStart < 0) return false;
  const found = new Map<string, Map<string, string>>();
  for (const { id, params } of readStructured(record.bytes, record.sdStart, record.sdEnd)) {
    const merged = found.get(id) ?? new Map<string, string>();
    for (const [name, value] of params) merged.set(name, value);
    found.set(id, merged);
  }
  return JSON.stringify(sorted(found)) === JSON.stringify(sorted(toMaps(wanted)));
}

function toMaps(data: NonNullable<Expectation['structured_data']>): Map<string, Map<string, string>> {
  const entries = Object.entries(data).map(([id, params]): [string, Map<string, string>] => {
    return [id, new Map(Object.entries(params).map(([name, value]) => [name, plain(value)]))];
  });
  return new Map(entries);
}

function plain(value: Text): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : Buffer.from(value.b64, 'base64').toString('utf8');
}

function sorted(data: Map<string, Map<string, string>>): unknown {
  return [...data].sort(byName).map(([id, params]) => [id, [...params].sort(byName)]);
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
