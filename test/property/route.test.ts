// Where a message goes does not depend on what was asked before: a router that keeps its decisions, a fresh
// one, and the rules read one by one in the plainest way agree, for any rules and messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from './chance.ts';
import { parseAddress, parseRange } from '../../base/ip.ts';
import type { FileTarget, Match, Rule } from '../../config/server.ts';
import { parseTemplate, placeTemplate } from '../../config/template.ts';
import { LogFile } from '../../daemon/files/log-file.ts';
import type { Peer } from '../../daemon/intake/peers.ts';
import { askSteps, Decisions } from '../../daemon/route/decisions.ts';
import { compileRules } from '../../daemon/route/rules.ts';
import { FACILITIES, SEVERITIES } from '../../syslog/names.ts';
import { parseMessage } from '../../syslog/parse.ts';
import { LogRecord } from '../../syslog/record.ts';

const ROOT = '/log';
const FACILITY_ASKED = ['auth', 'mail', 'kern'];
const SEVERITY_ASKED = ['info', 'err', 'debug'];

interface Message {
  readonly from: string;
  readonly pri: number;
  readonly host: string;
  readonly program: string;
  readonly text: string;
}

const hosts = ['web1', 'web2', 'db1', 'x.y'];
const programs = ['sshd', 'cron', 'app'];
const froms = ['10.0.0.1', '10.0.0.2', 'fd00::1'];
const texts = ['one', 'two words', 'one two'];

const message: fc.Arbitrary<Message> = fc.record({
  from: fc.constantFrom(...froms),
  pri: fc.constantFrom(4 * 8 + 6, 2 * 8 + 3, 3, 13, 191),
  host: fc.constantFrom(...hosts),
  program: fc.constantFrom(...programs),
  text: fc.constantFrom(...texts),
});

const match: fc.Arbitrary<Match> = fc.record(
  {
    fromHostIp: fc
      .subarray(['10.0.0.0/8', '10.0.0.1', 'fd00::/8'], { minLength: 1 })
      .map((all) => all.flatMap((text) => parseRange(text) ?? [])),
    host: fc.subarray(['web*', 'db1', '*.y'], { minLength: 1 }),
    program: fc.subarray(['sshd', 'c*', '?pp'], { minLength: 1 }),
    select: fc
      .tuple(fc.constantFrom(...FACILITY_ASKED), fc.constantFrom(...SEVERITY_ASKED))
      .map(([facility, severity]) => [`${facility}.=${severity}`]),
    contains: fc.subarray(['one', 'two', 'three'], { minLength: 1 }),
    regex: fc.constantFrom('^one$', 'two', 'words$').map((source) => [{ source, flags: '' }]),
  },
  { requiredKeys: [] },
);

const TEMPLATES = [
  'a.log',
  'b.log',
  '{host}.log',
  '{program}/{host}',
  '{facility}.{severity}',
  '{fromHostIp}',
];

function target(text: string): FileTarget {
  return {
    ...placeTemplate(parseTemplate(text), ROOT),
    format: 'traditional',
    mode: 0o640,
    directoryMode: 0o750,
    uid: undefined,
    gid: undefined,
    sync: 'none',
    rotate: undefined,
  };
}

interface Wish {
  readonly match: Match | undefined;
  readonly template: string;
  readonly stop: boolean;
  readonly discard: boolean;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  match: fc.option(match, { nil: undefined }),
  template: fc.constantFrom(...TEMPLATES),
  stop: fc.boolean(),
  discard: fc.integer({ min: 0, max: 4 }).map((dice) => dice === 0),
});

function rules(wishes: readonly Wish[]): Rule[] {
  return wishes.map((one, at) => ({
    name: `rule ${at}`,
    place: { file: 'x', line: 1, column: 1, key: '' },
    match: one.match,
    file: one.discard ? undefined : target(one.template),
    discard: one.discard,
    stop: one.stop || one.discard,
  }));
}

// ---- the plain way

const GLOBS: Readonly<Record<string, (name: string) => boolean>> = {
  'web*': (name) => name.startsWith('web'),
  db1: (name) => name === 'db1',
  '*.y': (name) => name.endsWith('.y'),
  sshd: (name) => name === 'sshd',
  'c*': (name) => name.startsWith('c'),
  '?pp': (name) => name.length === 3 && name.endsWith('pp'),
};

const RANGES: Readonly<Record<string, (from: string) => boolean>> = {
  '10.0.0.0/8': (from) => from.startsWith('10.'),
  '10.0.0.1': (from) => from === '10.0.0.1',
  'fd00::/8': (from) => from.startsWith('fd'),
};

function holds(wanted: Match | undefined, one: Message): boolean {
  if (!wanted) return true;
  const selector = `${FACILITIES[one.pri >> 3]}.=${SEVERITIES[one.pri & 7]}`;
  const from = (text: string) => RANGES[text]?.(one.from) === true;
  return (
    (!wanted.fromHostIp ||
      Object.keys(RANGES).some((text) => {
        const range = parseRange(text);
        return (
          from(text) &&
          wanted.fromHostIp?.some((other) => other.bits === range?.bits && other.w3 === range.w3)
        );
      })) &&
    (!wanted.host || wanted.host.some((glob) => GLOBS[glob]?.(one.host))) &&
    (!wanted.program || wanted.program.some((glob) => GLOBS[glob]?.(one.program))) &&
    (!wanted.select || wanted.select.includes(selector)) &&
    (!wanted.contains || wanted.contains.some((part) => one.text.includes(part))) &&
    (!wanted.regex || wanted.regex.some(({ source }) => new RegExp(source).test(one.text)))
  );
}

function fill(template: string, one: Message): string {
  return template
    .replace('{host}', one.host)
    .replace('{program}', one.program)
    .replace('{facility}', FACILITIES[one.pri >> 3] ?? '')
    .replace('{severity}', SEVERITIES[one.pri & 7] ?? '')
    .replace('{fromHostIp}', one.from);
}

function plainly(wishes: readonly Wish[], one: Message): string {
  const paths = new Set<string>();
  let discards = false;
  for (const each of wishes) {
    if (!holds(each.match, one)) continue;
    if (each.discard) {
      discards = true;
      break;
    }
    paths.add(`${ROOT}/${fill(each.template, one)}`);
    if (each.stop) break;
  }
  return paths.size > 0 ? [...paths].join(' ') : discards ? 'discarded' : 'unrouted';
}

// ---- the router

function makeDecisions(wishes: readonly Wish[]): Decisions {
  const files = new Map<string, LogFile>();
  const made = new Decisions({
    rules: compileRules(rules(wishes)),
    file: (path, wanted) => {
      const file = files.get(path) ?? new LogFile(path, wanted);
      files.set(path, file);
      return file;
    },
    sender: () => 0,
    senderUse: () => 0,
    forgotten: () => undefined,
  });
  made.setTime(Date.UTC(2026, 10, 20));
  return made;
}

const peers = new Map<string, Peer>(
  froms.map((from, at) => {
    const address = parseAddress(from);
    assert.ok(address);
    const zone = { offsetMin: () => 0 };
    const text = Buffer.from(from);
    const known = { allowed: true, zone, printsAsSent: true, certName: undefined };
    return [from, { id: at + 1, address, name: from, text, ...known }];
  }),
);

function ask(decisions: Decisions, one: Message): string {
  const bytes = Buffer.from(`<${one.pri}>Nov 20 12:34:15 ${one.host} ${one.program}: ${one.text}`);
  const record = new LogRecord();
  parseMessage(record, bytes, 0, bytes.length);
  const decision = decisions.find(record, peers.get(one.from) as Peer);
  const files: LogFile[] = [];
  const discards = decision.steps ? askSteps(decision.steps, record, files) : decision.discards;
  if (!decision.steps) files.push(...decision.files);
  if (files.length === 0) return discards ? 'discarded' : 'unrouted';
  return files.map(({ path }) => path).join(' ');
}

test('kept decisions, fresh ones and the plain way agree', () => {
  fc.assert(
    fc.property(
      fc.array(wish, { minLength: 1, maxLength: 6 }),
      fc.array(message, { minLength: 1, maxLength: 12 }),
      (wishes, messages) => {
        const kept = makeDecisions(wishes);
        for (const one of [...messages, ...messages]) {
          const plain = plainly(wishes, one);
          assert.equal(ask(kept, one), plain);
          assert.equal(ask(makeDecisions(wishes), one), plain);
        }
      },
    ),
    { numRuns: 60 },
  );
});
