// The operator's rules, made ready: which parts of a message's header any of them depends on, and, for one
// kind of message, the steps that are left once the header tests were asked.

import type { FileTarget, Rule } from '../../config/server.ts';
import { FACILITIES, SEVERITIES } from '../../syslog/names.ts';
import { printAddress } from '../../base/ip.ts';
import { type ContentTest, compileMatch, type HeaderFacts, type HeaderTest, type Test } from './matcher.ts';
import { type DateValues, pathOf, usesDate, type WordValues, wordsOf } from './path.ts';

export interface CompiledRule {
  readonly rule: Rule;
  readonly tests: readonly Test[];
  readonly headerTests: readonly HeaderTest[];
  readonly contentTests: readonly ContentTest[];
}

/** What the decision for a message depends on, besides its sender and host. */
export interface Dependencies {
  readonly pri: boolean;
  readonly program: boolean;
  readonly date: boolean;
}

export interface RuleSet {
  readonly rules: readonly CompiledRule[];
  readonly depends: Dependencies;
}

/** A rule that is left for one kind of message. */
export interface Step {
  readonly rule: CompiledRule;
  readonly path: string | undefined;
  readonly target: FileTarget | undefined;
}

function compileRule(rule: Rule): CompiledRule {
  const tests = compileMatch(rule.match);
  return {
    rule,
    tests,
    headerTests: tests.filter((test) => test.kind === 'header'),
    contentTests: tests.filter((test) => test.kind === 'content'),
  };
}

export function compileRules(rules: readonly Rule[]): RuleSet {
  const compiled = rules.map(compileRule);
  const looksAt = (field: keyof HeaderFacts) =>
    compiled.some(({ headerTests }) => headerTests.some((test) => test.looksAt === field));
  const targets = rules.flatMap(({ file }) => (file ? [file] : []));
  const words = new Set(targets.flatMap((target) => [...wordsOf(target)]));
  return {
    rules: compiled,
    depends: {
      pri: looksAt('pri') || words.has('facility') || words.has('severity'),
      program: looksAt('program') || words.has('program'),
      date: targets.some(usesDate),
    },
  };
}

export function wordValues(facts: HeaderFacts, dates: DateValues): WordValues {
  return {
    host: facts.host,
    fromHostIp: printAddress(facts.peer),
    program: facts.program,
    facility: FACILITIES[facts.pri >> 3] ?? '',
    severity: SEVERITIES[facts.pri & 7] ?? '',
    date: dates.date,
    year: dates.year,
    month: dates.month,
    day: dates.day,
    hour: dates.hour,
  };
}

/** The rules that can still act on a message with this header, in order, with their paths. */
export function stepsFor(set: RuleSet, facts: HeaderFacts, dates: DateValues): readonly Step[] {
  const values = wordValues(facts, dates);
  const steps: Step[] = [];
  for (const rule of set.rules) {
    if (!rule.headerTests.every((test) => test.holds(facts))) continue;
    const target = rule.rule.file;
    steps.push({ rule, target, path: target && pathOf(target, values) });
    if (rule.rule.stop && rule.contentTests.length === 0) break;
  }
  return steps;
}
