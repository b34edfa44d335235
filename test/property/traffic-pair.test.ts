// Pairing does not depend on the order of lines and files, nor on the format that the server wrote them in, nor on lines
// that stand twice; two hosts' views of one connection come together whatever happened and however far their clocks are
// apart, as long as their hosts know of it. And a verdict there is for anything that hosts may tell.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FILE_FORMATS, type FileFormat } from '../../syslog/print.ts';
import { describe } from '../../traffic/events/event.ts';
import { connectionsOf, keyOf } from '../../traffic/pair/connection.ts';
import { HostBook } from '../../traffic/pair/hosts.ts';
import { type Report, readReport } from '../../traffic/pair/line.ts';
import { VERDICTS } from '../../traffic/pair/ruling.ts';
import { judge } from '../../traffic/pair/verdict.ts';
import { readSentence } from '../../traffic/events/read-sentence.ts';
import { DB, type Host, lineOf, messageOf, type Told, WEB } from '../unit/traffic/two-views.ts';
import { fc } from './chance.ts';
import { factsOf } from './traffic-facts.ts';

/** All verdicts that the lines lead to, in order of their text. */
function verdictsOf(lines: readonly string[]): string[] {
  const book = new HostBook();
  const byKey = new Map<string, Report[]>();
  for (const line of lines) {
    const report = readReport(line.trimEnd());
    assert.ok(report && 'event' in report, line);
    book.add(report.host, report.event);
    byKey.set(keyOf(report.event), [...(byKey.get(keyOf(report.event)) ?? []), report]);
  }
  return [...byKey.values()]
    .flatMap((reports) => connectionsOf(reports, book))
    .map((connection) => {
      const { code, sentence, timeUs, notes } = judge(connection, book);
      return `${timeUs} ${code} ${sentence} ${notes.join(' ')}`;
    })
    .sort();
}

const turn = fc.constantFrom<Told['turn']>('closed', 'reset', 'refused', 'noAnswer', 'timeout', 'halfClosed');
const side = fc.constantFrom('client' as const, 'server' as const, undefined);
const pair = fc.tuple(fc.nat(1000), fc.nat(1000));

/** What one host told of one connection; clocks are off by `aheadMs`. */
const told = fc.record({
  turn,
  by: side,
  isEndOwn: fc.option(fc.boolean(), { nil: undefined }),
  lateMs: fc.nat(50),
  packets: pair,
  payloadBytes: pair,
  retransmitted: pair,
  outstanding: pair,
  hasOpened: fc.boolean(),
});

const scene = fc.record({
  web: fc.option(told, { nil: undefined }),
  db: told,
  port: fc.integer({ min: 40_000, max: 40_003 }),
  startMs: fc.nat(100).map((value) => value * 10_000),
  lastedMs: fc.integer({ min: 100, max: 5000 }),
});

const scenes = fc.tuple(
  fc.uniqueArray(scene, { maxLength: 8, selector: ({ port, startMs }) => `${port} ${startMs}` }),
  fc.integer({ min: -2, max: 2 }),
);

interface Line {
  readonly host: Host;
  readonly told: Told;
}

type Scenes = typeof scenes extends fc.Arbitrary<infer Value> ? Value : never;

function linesOf([all, aheadMs]: Scenes): Line[] {
  const db = { ...DB, aheadMs };
  return all.flatMap(({ web, db: atDb, port, startMs, lastedMs }, at) =>
    [
      { host: WEB, view: web, id: `w-${at}` },
      { host: db, view: atDb, id: `d-${at}` },
    ].flatMap(({ host, view, id }) => {
      if (!view) return [];
      const { hasOpened, lateMs, ...rest } = view;
      const ends = { id, clientPort: port, startMs };
      const opened: Told = { ...ends, turn: 'opened', atMs: startMs + 1, rttUs: 400 };
      const end: Told = { ...ends, ...rest, atMs: startMs + lastedMs + lateMs };
      return hasOpened
        ? [
            { host, told: opened },
            { host, told: end },
          ]
        : [{ host, told: end }];
    }),
  );
}

const print = (lines: readonly Line[], formatOf: (at: number) => FileFormat) =>
  lines.map(({ host, told: one }, at) => lineOf(messageOf(host, one), formatOf(at)));

test('the order of lines, their format and their doubles change nothing', () => {
  fc.assert(
    fc.property(scenes, fc.infiniteStream(fc.nat(1000)), (all, chance) => {
      const lines = linesOf(all);
      const first = verdictsOf(print(lines, () => 'rfc5424'));
      for (const format of FILE_FORMATS)
        assert.deepEqual(verdictsOf(print(lines, () => format)), first, format);
      const roll = (below: number) => (chance.next().value ?? 0) % below;
      const mixed = print([...lines, ...lines.slice(0, 2)], () => FILE_FORMATS[roll(5)] as FileFormat)
        .map((line) => [roll(1000), line] as const)
        .sort((a, b) => a[0] - b[0])
        .map(([, line]) => line);
      assert.deepEqual(verdictsOf(mixed), first);
    }),
    { numRuns: 150 },
  );
});

test('two views of one connection come together, and of two connections they do not', () => {
  fc.assert(
    fc.property(scenes, (all) => {
      const lines = print(linesOf(all), () => 'iso');
      const reports = lines.flatMap((line) => {
        const report = readReport(line.trimEnd());
        return report && 'event' in report ? [report] : [];
      });
      const book = new HostBook();
      for (const { host, event } of reports) book.add(host, event);
      const byKey = new Map<string, Report[]>();
      for (const report of reports)
        byKey.set(keyOf(report.event), [...(byKey.get(keyOf(report.event)) ?? []), report]);
      const found = [...byKey.values()].flatMap((some) => connectionsOf(some, book));
      assert.equal(found.length, all[0].length);
      for (const { client, server } of found) {
        const ids = [client?.ids[0]?.slice(2), server?.ids[0]?.slice(2)];
        if (client) assert.equal(ids[0], ids[1]);
      }
    }),
    { numRuns: 300 },
  );
});

test('whatever hosts tell, there is a verdict in one sentence', () => {
  const report = fc.tuple(fc.constantFrom('web1', 'db1', 'gw'), factsOf).map(([host, facts]) => {
    const event = readSentence(describe(facts).sentence);
    assert.ok(event);
    const ends = {
      clientAddress: '10.0.0.2',
      clientPort: 1,
      serverAddress: '10.0.0.1',
      serverPort: 2,
      protocol: 'tcp',
    };
    return { host, event: { ...event, ...ends } };
  });
  fc.assert(
    fc.property(fc.array(report, { minLength: 1, maxLength: 5 }), (reports) => {
      const book = new HostBook();
      for (const { host, event } of reports) book.add(host, event);
      const connections = connectionsOf(reports, book);
      assert.ok(connections.length > 0);
      for (const connection of connections) {
        const { code, sentence, timeUs } = judge(connection, book);
        assert.ok(code in VERDICTS);
        assert.match(sentence, /^[A-Z][^\n]*\.$/);
        assert.doesNotMatch(sentence, /undefined|NaN|Infinity/);
        assert.ok(Number.isFinite(timeUs));
      }
    }),
    { numRuns: 2000 },
  );
});

const SAMPLE = fc.sample(factsOf, { numRuns: 1, seed: 1 })[0] as Parameters<typeof describe>[0];

test('no line throws, and a line of another program is no event', () => {
  const { sentence } = describe(SAMPLE);
  const wrap = fc.constantFrom(
    (text: string) => `<13>1 - h belfry - - - ${text}`,
    (text: string) => `Nov 20 12:34:15 h belfry[1]: ${text}`,
    (text: string) => `2026-11-20T12:34:15Z h sshd: ${text}`,
    (text: string) => JSON.stringify({ host: 'h', program: 'sshd', message: text }),
    (text: string) => `<13>1 - h sshd - - [a b="] - belfry: ${text}"] x`,
    (text: string) => `{"host":"h","program":"belfry","message":"${text}`,
    (text: string) => `{"host":null,"program":"belfry","message":null} ${text}`,
  );
  fc.assert(
    fc.property(wrap, fc.oneof(fc.constant(sentence), fc.string({ unit: 'binary' })), (line, text) => {
      const report = readReport(line(text));
      if (report) assert.ok(/belfry/.test(line('')) && !/sshd/.test(line('')));
    }),
    { numRuns: 2000 },
  );
  assert.equal(readReport('null'), undefined);
  assert.equal(readReport('[flow '), undefined);
  assert.equal(readReport('{}'), undefined);
});
