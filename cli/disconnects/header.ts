// The header of any line of a log file, as far as a timeline needs it: when, which host, and the rest for people. For every
// format that the server writes. Most lines are far from anything that is asked for: those are told by their stamp alone,
// as bytes, without becoming text.
// Refuses: to guess a date where a line has none; the year of a traditional line is the one nearest to what is asked for.

import { civilFromEpoch, daysFromCivil, type ZoneOffset } from '../../syslog/time.ts';

export interface LineHeader {
  readonly timeUs: number;
  /** The stamp knows whole seconds only. */
  readonly isCoarse: boolean;
  readonly host: string;
  /** Program and text. */
  readonly text: string;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const HALF_YEAR_US = 15_778_800e6;

const OPEN = 0x7b;
const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;
const ONE = 0x31;
const SPACE = 0x20;
const JSON_STAMP = Buffer.from('"timestamp":"');

/** Where the stamp begins; -1: nowhere. */
export function stampStart(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start];
  if (first === OPEN) {
    const at = bytes.subarray(start, Math.min(end, start + 160)).indexOf(JSON_STAMP);
    return at < 0 ? -1 : start + at + JSON_STAMP.length;
  }
  if (first !== LESS_THAN) return start;
  const close = bytes.indexOf(GREATER_THAN, start);
  if (close < 0 || close > start + 4) return -1;
  return bytes[close + 1] === ONE && bytes[close + 2] === SPACE ? close + 3 : close + 1;
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?/;
const BSD = /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)/;

export interface Stamp {
  readonly timeUs: number;
  readonly isCoarse: boolean;
  readonly length: number;
}

/** `nearUs` gives the year to a stamp that has none. */
export function readStamp(text: string, zone: ZoneOffset, nearUs: number): Stamp | undefined {
  const iso = ISO.exec(text);
  if (iso) return isoStamp(iso, zone);
  const bsd = BSD.exec(text);
  const month = MONTHS.indexOf(bsd?.[1] ?? '') + 1;
  if (!bsd || month === 0) return undefined;
  const [day, hour, minute, second] = bsd.slice(2).map(Number) as [number, number, number, number];
  const near = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  civilFromEpoch(Math.floor(nearUs / 1e6), 0, near);
  const inYear = (year: number) =>
    localUs(daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, zone);
  let timeUs = inYear(near.year);
  if (timeUs - nearUs > HALF_YEAR_US) timeUs = inYear(near.year - 1);
  else if (nearUs - timeUs > HALF_YEAR_US) timeUs = inYear(near.year + 1);
  return { timeUs, isCoarse: true, length: bsd[0].length };
}

function localUs(localSec: number, zone: ZoneOffset): number {
  const guess = localSec - zone.offsetMin(localSec) * 60;
  return (localSec - zone.offsetMin(guess) * 60) * 1e6;
}

function isoStamp(found: RegExpExecArray, zone: ZoneOffset): Stamp {
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as number[];
  const sec =
    daysFromCivil(year as number, month as number, day as number) * 86_400 +
    (hour as number) * 3600 +
    (minute as number) * 60 +
    (second as number);
  const fraction = found[7] ?? '';
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  const away = /^([+-])(\d\d):?(\d\d)$/.exec(found[8] ?? '');
  const offsetSec = away ? (away[1] === '-' ? -60 : 60) * (Number(away[2]) * 60 + Number(away[3])) : 0;
  const timeUs = found[8] === undefined ? localUs(sec, zone) : (sec - offsetSec) * 1e6;
  return { timeUs: timeUs + micros, isCoarse: fraction === '', length: found[0].length };
}

export function readHeader(line: string, zone: ZoneOffset, nearUs: number): LineHeader | undefined {
  if (line.startsWith('{')) return readJsonHeader(line, zone, nearUs);
  const pri = /^<\d{1,3}>(1 )?/.exec(line);
  const from = pri?.[0].length ?? 0;
  const stamp = readStamp(line.slice(from, from + 40), zone, nearUs);
  if (!stamp) return undefined;
  const { timeUs, isCoarse } = stamp;
  const rest = line.slice(from + stamp.length + 1);
  const space = rest.indexOf(' ');
  if (space < 0) return undefined;
  const host = rest.slice(0, space);
  const text = rest.slice(space + 1);
  return { timeUs, isCoarse, host, text: pri?.[1] === undefined ? text : plainRfc5424(text) };
}

/** `program procid msgid [structured] text` as people read it. */
function plainRfc5424(text: string): string {
  const found =
    /^(\S+) (\S+) (\S+) ((?:\[[^\s=\]"]+(?: [^\s=\]"]+="(?:[^"\\\]]|\\.)*")*\])+|-)(?: (.*))?$/su.exec(text);
  if (!found) return text;
  const [, program = '-', procid, msgid, structured, said] = found;
  const tag = procid === '-' ? program : `${program}[${procid}]`;
  if (said !== undefined) return `${tag}: ${said.replace(/^\ufeff/, '')}`;
  return `${tag}: ${msgid === '-' ? '' : `${msgid} `}${structured}`;
}

function readJsonHeader(line: string, zone: ZoneOffset, nearUs: number): LineHeader | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const word = (name: string) => (typeof value[name] === 'string' ? value[name] : undefined);
  const stamp = readStamp(word('timestamp') ?? word('receivedAt') ?? '', zone, nearUs);
  if (!stamp) return undefined;
  const program = word('program') ?? '-';
  const procid = word('procid');
  const tag = procid === undefined ? program : `${program}[${procid}]`;
  return {
    timeUs: stamp.timeUs,
    isCoarse: stamp.isCoarse,
    host: word('host') ?? word('fromHostIp') ?? '',
    text: `${tag}: ${word('message') ?? ''}`,
  };
}
