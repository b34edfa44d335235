// The selector language of syslog.conf, as rsyslog and sysklogd read it: `auth,authpriv.*;mail.err;cron.none`.
// A selector is compiled once into a table with one byte for each PRI, so that matching is one look-up.
// Refuses: a name it does not know; it then says where the name stands and which one is nearest.
//
//   selector  = part *( ";" part )              parts are applied from left to right, later ones change earlier
//   part      = ( "*" / name *( "," name ) ) "." [ "!" ] [ "=" ] ( "*" / "none" / name )
//   mail.err    err and all that is more severe     mail.=err    err alone
//   mail.!err   takes err and more severe away      mail.!=err   takes err alone away
//   mail.none   takes the whole facility away       mail.*       the whole facility

import { suggestion } from '../base/nearest.ts';
import {
  FACILITY_COUNT,
  FACILITY_WORDS,
  facilityNumber,
  SEVERITY_COUNT,
  SEVERITY_WORDS,
  severityNumber,
} from './names.ts';

/** Facility * 8 + severity: RFC 5424 section 6.2.1. */
export const PRI_COUNT = FACILITY_COUNT * SEVERITY_COUNT;

/** A part with more facilities than this is a mistake, or an attack on our patience. */
const TEXT_LENGTH_MAX = 4096;

export interface CompiledSelector {
  readonly ok: true;
  /** 1 at each PRI that is selected. */
  readonly table: Uint8Array;
}

export interface SelectorError {
  readonly ok: false;
  /** Index of the character in the text that the trouble begins with. */
  readonly at: number;
  readonly what: string;
  readonly mend: string;
}

/** A word and where it stands in the text. */
interface Word {
  readonly text: string;
  readonly at: number;
}

interface Priority {
  /** One bit for each severity that the priority speaks of. */
  readonly bits: number;
  readonly takesAway: boolean;
}

const ALL_SEVERITIES = 0xff;

const EXAMPLE = 'A selector is facilities, a dot and a severity, as in "auth,authpriv.*;mail.err;cron.none".';

/** rsyslog's and sysklogd's own timer messages: known, so that old selectors load, but never received. */
const MARK = 'mark';

export function compileSelector(text: string): CompiledSelector | SelectorError {
  if (text.length > TEXT_LENGTH_MAX)
    return fail(TEXT_LENGTH_MAX, `A selector is longer than ${TEXT_LENGTH_MAX} characters.`, EXAMPLE);
  const table = new Uint8Array(PRI_COUNT);
  let parts = 0;
  for (const part of split({ text, at: 0 }, ';')) {
    if (part.text === '') continue;
    const trouble = applyPart(table, part);
    if (trouble) return trouble;
    parts++;
  }
  return parts > 0 ? { ok: true, table } : fail(0, 'The selector is empty.', EXAMPLE);
}

function applyPart(table: Uint8Array, part: Word): SelectorError | undefined {
  const dot = part.text.indexOf('.');
  if (dot < 0) return fail(part.at, `"${part.text}" has no dot between facility and severity.`, EXAMPLE);
  const facilities = readFacilities(trim({ text: part.text.slice(0, dot), at: part.at }));
  if ('ok' in facilities) return facilities;
  const priority = readPriority(trim({ text: part.text.slice(dot + 1), at: part.at + dot + 1 }));
  if ('ok' in priority) return priority;
  for (const facility of facilities) applyPriority(table, facility, priority);
  return undefined;
}

function applyPriority(table: Uint8Array, facility: number, priority: Priority): void {
  for (let severity = 0; severity < SEVERITY_COUNT; severity++) {
    if ((priority.bits >> severity) & 1)
      table[facility * SEVERITY_COUNT + severity] = priority.takesAway ? 0 : 1;
  }
}

function readFacilities(words: Word): number[] | SelectorError {
  const numbers: number[] = [];
  for (const word of split(words, ',')) {
    const number = facilityNumber(word.text);
    if (word.text === '*') numbers.push(...Array.from({ length: FACILITY_COUNT }, (_, n) => n));
    else if (number !== undefined) numbers.push(number);
    else if (word.text.toLowerCase() !== MARK) return unknownName('facility', word, FACILITY_WORDS);
  }
  return numbers;
}

/** `!` and `=` may be followed by spaces; `!none` gives the facility back, as rsyslog has it. */
function readPriority(word: Word): Priority | SelectorError {
  const [, signs = '', name = ''] = /^(!?\s*=?\s*)(.*)$/s.exec(word.text) ?? [];
  const takesAway = signs.includes('!');
  const at = word.at + signs.length;
  if (name === '*') return { bits: ALL_SEVERITIES, takesAway };
  if (name.toLowerCase() === 'none') return { bits: ALL_SEVERITIES, takesAway: !takesAway };
  const severity = severityNumber(name);
  if (severity === undefined) return unknownName('severity', { text: name, at }, [...SEVERITY_WORDS, 'none']);
  return { bits: signs.includes('=') ? 1 << severity : (2 << severity) - 1, takesAway };
}

function unknownName(kind: 'facility' | 'severity', word: Word, names: readonly string[]): SelectorError {
  if (word.text === '') return fail(word.at, `A ${kind} is missing.`, EXAMPLE);
  const known = kind === 'facility' ? 'kern to local7, or 0 to 23' : 'emerg to debug, 0 to 7, "*" or "none"';
  return fail(word.at, `"${word.text}" is not a ${kind}.`, `${suggestion(word.text, names)}Known: ${known}.`);
}

function fail(at: number, what: string, mend: string): SelectorError {
  return { ok: false, at, what, mend };
}

/** The trimmed words between the separators, each with its place in the text. */
function split(word: Word, separator: string): Word[] {
  const words: Word[] = [];
  let at = word.at;
  for (const text of word.text.split(separator)) {
    words.push(trim({ text, at }));
    at += text.length + 1;
  }
  return words;
}

function trim(word: Word): Word {
  const blanks = word.text.length - word.text.trimStart().length;
  return { text: word.text.trim(), at: word.at + blanks };
}
