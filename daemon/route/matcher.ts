// A rule's `match`, made ready to ask. Each key becomes one test that knows what it looks at: tests of the
// header are asked once for each kind of message (the answer is cached), tests of the content for every
// message. `belfry explain` asks the same tests one by one.

import { assert } from '../../base/assert.ts';
import { globPattern } from '../../base/glob.ts';
import { type Address, inAny, printRange } from '../../base/ip.ts';
import type { Match, Pattern } from '../../config/server.ts';
import type { LogRecord } from '../../syslog/record.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { compilePattern } from './pattern.ts';

/** What is known of a message before its text is looked at. */
export interface HeaderFacts {
  readonly peer: Address;
  /** Of the sender's certificate, if it showed one. */
  readonly certName?: string | undefined;
  readonly pri: number;
  readonly host: string;
  readonly program: string;
}

export type HeaderField = keyof HeaderFacts;

export interface HeaderTest {
  readonly kind: 'header';
  readonly key: keyof Match;
  readonly looksAt: HeaderField;
  /** The values of the key as the operator wrote them. */
  readonly wants: string;
  holds(facts: HeaderFacts): boolean;
}

export interface ContentTest {
  readonly kind: 'content';
  readonly key: keyof Match;
  readonly wants: string;
  holds(record: LogRecord): boolean;
}

export type Test = HeaderTest | ContentTest;

const quoted = (values: readonly string[]) => values.map((value) => JSON.stringify(value)).join(' or ');

function globTest(
  key: 'host' | 'program' | 'certName',
  globs: readonly string[],
  ignoreCase: boolean,
): HeaderTest {
  const patterns = globs.map((glob) => globPattern(glob, ignoreCase));
  const holds = (facts: HeaderFacts) => {
    const value = facts[key];
    return value !== undefined && patterns.some((pattern) => pattern.test(value));
  };
  return { kind: 'header', key, looksAt: key, wants: quoted(globs), holds };
}

function selectTest(selectors: readonly string[]): HeaderTest {
  const tables = selectors.map((text) => {
    const selector = compileSelector(text);
    assert(selector.ok, `selector ${text} was checked with the configuration`);
    return selector.table;
  });
  const holds = (facts: HeaderFacts) => tables.some((table) => table[facts.pri] === 1);
  return { kind: 'header', key: 'select', looksAt: 'pri', wants: quoted(selectors), holds };
}

/** The text of a message, where it lies. */
function textOf(record: LogRecord): Buffer {
  const { bytes, msgStart, msgEnd } = record;
  return Buffer.from(bytes.buffer, bytes.byteOffset + msgStart, msgEnd - msgStart);
}

function containsTest(needles: readonly string[]): ContentTest {
  const bytes = needles.map((needle) => Buffer.from(needle));
  const holds = (record: LogRecord) => {
    const text = textOf(record);
    return bytes.some((needle) => text.includes(needle));
  };
  return { kind: 'content', key: 'contains', wants: quoted(needles), holds };
}

const printPattern = ({ source, flags }: Pattern) => `/${source}/${flags}`;

function regexTest(patterns: readonly Pattern[]): ContentTest {
  const compiled = patterns.map(compilePattern);
  const holds = (record: LogRecord) => {
    const text = textOf(record).toString('utf8');
    return compiled.some((pattern) => pattern.test(text));
  };
  return { kind: 'content', key: 'regex', wants: patterns.map(printPattern).join(' or '), holds };
}

/** All tests of a rule, header tests first; none for a rule that takes every message. */
export function compileMatch(match: Match | undefined): readonly Test[] {
  if (!match) return [];
  const tests: Test[] = [];
  const { fromHostIp, certName, host, program, select, contains, regex } = match;
  if (fromHostIp) {
    const holds = (facts: HeaderFacts) => inAny(fromHostIp, facts.peer);
    const wants = quoted(fromHostIp.map(printRange));
    tests.push({ kind: 'header', key: 'fromHostIp', looksAt: 'peer', wants, holds });
  }
  // As DNS names: in either case.
  if (certName) tests.push(globTest('certName', certName, true));
  if (host) tests.push(globTest('host', host, true));
  if (program) tests.push(globTest('program', program, false));
  if (select) tests.push(selectTest(select));
  if (contains) tests.push(containsTest(contains));
  if (regex) tests.push(regexTest(regex));
  return tests;
}
