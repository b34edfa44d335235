// What is legal alone and foolish together: rules that can never run or do nothing, two that contradict each
// other. Runs on whatever could be read, also beside other faults, so that an operator
// sees all of them at once: it therefore trusts no type, and stays silent about what has a fault already.

import { printPlace } from '../base/fault.ts';
import { parseRange, printRange, type Range, rangesMeet } from '../base/ip.ts';
import { parseSize } from '../base/units.ts';
import { type Document, type Path, type PlacedFault, placeInDocument, printPath } from './document.ts';
import { ruleSchema } from './rule.schema.ts';
import { type PlacedTemplate, parseTemplate, placeTemplate } from './template.ts';
import { printJson } from './schema-facts.ts';
import { placeSaid } from './validate.ts';

/** A rule where it stands, in the order in which the rules run. */
export interface RuleSource {
  readonly document: Document;
  readonly path: Path;
  /** As it was written, with defaults, and perhaps wrong. */
  readonly value: unknown;
  /** Its own name, else its place. */
  readonly name: string;
}

export type Report = (source: RuleSource, found: PlacedFault) => void;

/** The value of a key, if the thing is an object at all. */
export function get(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

export function textList(value: unknown): string[] {
  return [value].flat().filter((entry) => typeof entry === 'string');
}

/** `place` tells the included files apart: rules without a name are called after where they stand. */
export function ruleSources(document: Document, value: unknown, place: string): RuleSource[] {
  const rules = get(value, 'rules');
  if (!Array.isArray(rules)) return [];
  return rules.map((rule: unknown, at) => {
    const path = ['rules', at];
    const name = get(rule, 'name');
    return {
      document,
      path,
      value: rule,
      name: typeof name === 'string' ? name : `${place}${printPath(path)}`,
    };
  });
}

export function checkRules(sources: readonly RuleSource[], report: Report): void {
  checkActions(sources, report);
  checkReach(sources, report);
  checkNames(sources, report);
}

function isOn(source: RuleSource, key: 'discard' | 'stop'): boolean {
  return get(source.value, key) === true;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** With a key that nobody knows ("mtach"), nobody knows what the rule was meant to do. */
function isUnderstood(source: RuleSource): boolean {
  return (
    isObject(source.value) &&
    Object.keys(source.value).every((key) => Object.hasOwn(ruleSchema.properties, key))
  );
}

function checkActions(sources: readonly RuleSource[], report: Report): void {
  for (const source of sources) {
    if (isIdle(source)) {
      const what = `The rule "${source.name}" does nothing.`;
      const mend = 'Give it a "file", "discard": true or "stop": true.';
      report(source, sayRule(source, 'CONFIG_IDLE_RULE', what, mend));
    }
    if (get(source.value, 'file') !== undefined && isOn(source, 'discard')) {
      const what = `The rule "${source.name}" writes to a file and discards.`;
      const mend = 'Remove one of the two; "stop": true keeps the message from later rules.';
      report(source, sayRule(source, 'CONFIG_CONFLICT', what, mend));
    }
  }
}

function isIdle(source: RuleSource): boolean {
  if (!isUnderstood(source) || get(source.value, 'file') !== undefined) return false;
  return [get(source.value, 'discard'), get(source.value, 'stop')].every(
    (value) => (value ?? false) === false,
  );
}

function sayRule(
  source: RuleSource,
  code: 'CONFIG_IDLE_RULE' | 'CONFIG_CONFLICT' | 'CONFIG_UNREACHABLE_RULE',
  what: string,
  mend: string,
): PlacedFault {
  return placeSaid(source.document, { code, path: source.path, part: 'value', what, mend });
}

function isForEveryMessage(source: RuleSource): boolean {
  if (!isUnderstood(source)) return false;
  const match = get(source.value, 'match');
  return match === undefined || (isObject(match) && Object.keys(match).length === 0);
}

/** The first rule behind an unconditional end gets the fault; those behind it are counted in it. */
function checkReach(sources: readonly RuleSource[], report: Report): void {
  const end = sources.findIndex(
    (source) => isForEveryMessage(source) && (isOn(source, 'stop') || isOn(source, 'discard')),
  );
  const ender = sources[end];
  const next = sources[end + 1];
  if (ender === undefined || next === undefined) return;
  const more = sources.length - end - 2;
  const others =
    more === 0 ? '' : more === 1 ? ', nor can the rule after it' : `, nor can the ${more} rules after it`;
  const key = isOn(ender, 'discard') ? 'discard' : 'stop';
  const place = placeInDocument(ender.document, [...ender.path, key], 'key');
  const what = `The rule "${next.name}" can never run${others}: the rule "${ender.name}" ends the evaluation of every message before.`;
  const mend = `Move it before "${ender.name}", or give that rule a "match", or remove its "${key}" (${printPlace(place)}).`;
  report(next, sayRule(next, 'CONFIG_UNREACHABLE_RULE', what, mend));
}

function checkNames(sources: readonly RuleSource[], report: Report): void {
  const seen = new Map<string, RuleSource>();
  for (const source of sources) {
    const first = seen.get(source.name);
    if (first === undefined) {
      seen.set(source.name, source);
      continue;
    }
    const place = placeInDocument(first.document, [...first.path, 'name'], 'value');
    const what = `Two rules have the name "${source.name}"; the first stands in ${printPlace(place)}.`;
    const path = [...source.path, 'name'];
    report(
      source,
      placeSaid(source.document, {
        code: 'CONFIG_CONFLICT',
        path,
        part: 'value',
        what,
        mend: 'Give each rule a name of its own.',
      }),
    );
  }
}

/** A rule for senders that `allow` refuses waits for ever: worth a note, since `allow` may be narrowed for a day. */
export function checkSenders(sources: readonly RuleSource[], allowText: unknown, report: Report): void {
  const allow = textList(allowText).map(parseRange);
  if (allow.length === 0 || allow.includes(undefined)) return;
  for (const source of sources) {
    const from = textList(get(get(source.value, 'match'), 'fromHostIp')).map(parseRange);
    const ranges = from.filter((range) => range !== undefined);
    if (ranges.length === 0 || ranges.length < from.length) continue;
    if (ranges.some((range) => allow.some((allowed) => allowed !== undefined && rangesMeet(range, allowed))))
      continue;
    report(source, placeSaid(source.document, sayNotAllowed(source, ranges)));
  }
}

function sayNotAllowed(source: RuleSource, ranges: readonly Range[]) {
  const text = ranges.map(printRange).join(', ');
  return {
    code: 'CONFIG_UNREACHABLE_RULE',
    path: [...source.path, 'match', 'fromHostIp'],
    part: 'value',
    what: `The rule "${source.name}" can never run: "syslog.allow" refuses everything from ${text}.`,
    mend: `Add ${text} to "syslog.allow", or remove the rule.`,
  } as const;
}

/** The path that the rule writes to, if it has one without faults. */
export function targetOf(source: RuleSource, filesRoot: string | undefined): PlacedTemplate | undefined {
  const file = get(source.value, 'file');
  const text = typeof file === 'string' ? file : get(file, 'path');
  if (typeof text !== 'string') return undefined;
  const template = parseTemplate(text);
  if (template.problems.length > 0 || (!template.absolute && filesRoot === undefined)) return undefined;
  return placeTemplate(template, filesRoot ?? '/');
}

const SETTINGS = ['format', 'mode', 'owner', 'group', 'sync', 'rotate'] as const;

/** Two rules may write the same file, but only in the same manner. */
export function checkSettings(
  sources: readonly RuleSource[],
  files: unknown,
  filesRoot: string | undefined,
  report: Report,
): void {
  const seen = new Map<string, RuleSource>();
  for (const source of sources) {
    const target = targetOf(source, filesRoot);
    if (target === undefined) continue;
    const first = seen.get(target.template);
    if (first === undefined) seen.set(target.template, source);
    else {
      const differing = SETTINGS.filter((key) => setting(first, files, key) !== setting(source, files, key));
      if (differing.length > 0)
        report(source, placeSaid(source.document, sayDiffering(source, first, target.template, differing)));
    }
  }
}

/** As text that is alike for settings that mean the same. */
function setting(source: RuleSource, files: unknown, key: string): string {
  const value = get(get(source.value, 'file'), key) ?? get(files, key) ?? null;
  if (key === 'mode' && typeof value === 'string') return String(Number.parseInt(value, 8));
  if (key !== 'rotate' || value === false) return printJson(value);
  return printJson([
    parseSize(String(get(value, 'size'))) ?? null,
    get(value, 'keep'),
    get(value, 'compress'),
  ]);
}

function sayDiffering(source: RuleSource, first: RuleSource, template: string, keys: readonly string[]) {
  return {
    code: 'CONFIG_CONFLICT',
    path: [...source.path, 'file'],
    part: 'value',
    what: `The rules "${first.name}" and "${source.name}" write ${template} with a different ${keys.join(', ')}.`,
    mend: `Give both the same ${keys.join(', ')}, or different files (${printPlace(placeInDocument(first.document, [...first.path, 'file'], 'value'))}).`,
  } as const;
}
