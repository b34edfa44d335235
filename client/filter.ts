// Which records a destination wants, by `select` and `program`. A record is an RFC 5424 message of our own
// making: the PRI stands between its angle brackets, the program between the third and the fourth space behind
// the version.
//
// Promises: a record that is not as it should be is wanted, since nobody can say that it is not.

import { type Glob, globPattern } from '../base/glob.ts';
import { assert } from '../base/assert.ts';
import { compileSelector, PRI_COUNT } from '../syslog/selector.ts';

export interface Filter {
  /** The record is bytes[start … end). */
  wants(bytes: Uint8Array, start: number, end: number): boolean;
}

export interface Wishes {
  /** Selector lines, any of; undefined: every message. */
  readonly select: readonly string[] | undefined;
  /** Globs of program names, any of; undefined: every program. */
  readonly program: readonly string[] | undefined;
}

const OPEN = 0x3c;
const CLOSE = 0x3e;
const SPACE = 0x20;

/** Programs whose answer is remembered; a host runs some hundreds. */
const KNOWN_MAX = 4096;

/** Undefined: everything is wanted. */
export function compileFilter({ select, program }: Wishes): Filter | undefined {
  if (select === undefined && program === undefined) return undefined;
  const table = select && priTable(select);
  const programs = program && new ProgramFilter(program);
  return {
    wants: (bytes, start, end) =>
      (table === undefined || table[priOf(bytes, start, end)] !== 0) &&
      (programs === undefined || programs.wants(bytes, start, end)),
  };
}

/** 1 at each PRI that one of the selectors selects; behind them, for what has none, 1. */
function priTable(selectors: readonly string[]): Uint8Array {
  const table = new Uint8Array(PRI_COUNT + 1);
  table[PRI_COUNT] = 1;
  for (const text of selectors) {
    const compiled = compileSelector(text);
    assert(compiled.ok, 'the configuration has been checked');
    for (let pri = 0; pri < PRI_COUNT; pri += 1)
      table[pri] = (table[pri] as number) | (compiled.table[pri] ?? 0);
  }
  return table;
}

/** PRI_COUNT where there is none. */
function priOf(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] !== OPEN) return PRI_COUNT;
  let pri = 0;
  let at = start + 1;
  for (; at < end && at < start + 4; at += 1) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) break;
    pri = pri * 10 + digit;
  }
  const isWhole = at > start + 1 && bytes[at] === CLOSE && pri < PRI_COUNT;
  return isWhole ? pri : PRI_COUNT;
}

class ProgramFilter {
  readonly #globs: readonly Glob[];
  readonly #known = new Map<string, boolean>();

  constructor(globs: readonly string[]) {
    this.#globs = globs.map((glob) => globPattern(glob, false));
  }

  wants(bytes: Uint8Array, start: number, end: number): boolean {
    const name = programOf(bytes, start, end);
    if (name === undefined) return true;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const isWanted = this.#globs.some((glob) => glob.test(name));
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(name, isWanted);
    return isWanted;
  }
}

/** `<13>1 TIME HOST PROGRAM …` */
function programOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  let from = start;
  for (let spaces = 0; spaces < 3; spaces += 1) {
    const space = bytes.indexOf(SPACE, from);
    if (space < 0 || space >= end) return undefined;
    from = space + 1;
  }
  const to = bytes.indexOf(SPACE, from);
  if (to < 0 || to >= end) return undefined;
  const name = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
  return name === '-' ? '' : name;
}
