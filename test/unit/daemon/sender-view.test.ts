// Who sends, as the lanes' tables show it, in virtual time: sums over lanes, rates, silence and its end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSenderTable, ROW, SENDERS_MAX, SenderRows } from '../../../daemon/intake/senders.ts';
import { SenderView } from '../../../daemon/sender-view.ts';
import { KeptLog } from './samples.ts';

const SILENT_MS = 900_000;
const START_MS = Date.UTC(2026, 10, 20, 12);

class World {
  readonly log = new KeptLog();
  readonly view = new SenderView(this.log, SILENT_MS);
  nowMs = START_MS;
  readonly #lanes: SenderRows[];

  constructor(lanes = 1) {
    this.#lanes = Array.from({ length: lanes }, (_, at) => {
      const table = makeSenderTable();
      this.view.addLane(at + 1, table);
      return new SenderRows(table, (named) => this.view.named(at + 1, named));
    });
  }

  /** As a lane does it for each message. */
  say(host: string, count = 1, { lane = 1, from = '192.0.2.7', skewMs = 0 } = {}): void {
    const own = this.#lanes[lane - 1];
    assert.ok(own);
    const row = own.find(from, host, this.nowMs);
    const add = (column: number, value: number) => {
      own.rows[row + column] = (own.rows[row + column] ?? 0) + value;
    };
    add(ROW.messages, count);
    add(ROW.bytes, count * 100);
    own.rows[row + ROW.lastSeenMs] = this.nowMs;
    own.rows[row + ROW.skewMs] = skewMs;
  }

  /** A row without a message, as when the first one is held back. */
  meet(host: string): void {
    this.#lanes[0]?.find('192.0.2.7', host, this.nowMs);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.view.watch(this.nowMs);
  }

  get list() {
    return this.view.list(this.nowMs);
  }
}

test('what all lanes saw of a sender is one line', () => {
  const world = new World(2);
  world.say('web1', 3);
  world.nowMs += 5000;
  world.say('web1', 4, { lane: 2, skewMs: 1500 });
  world.say('web1', 1, { lane: 2, from: '192.0.2.8' });
  assert.deepEqual(
    world.list.map(({ host, fromHostIp, messages, bytes, skewMs }) => [
      host,
      fromHostIp,
      messages,
      bytes,
      skewMs,
    ]),
    [
      ['web1', '192.0.2.7', 7, 700, 1500],
      ['web1', '192.0.2.8', 1, 100, 0],
    ],
  );
  assert.equal(world.list[0]?.lastSeen, '2026-11-20T12:00:05.000Z');
});

test('the one heard last comes first', () => {
  const world = new World();
  for (const host of ['a', 'b', 'c']) {
    world.say(host);
    world.nowMs += 1000;
  }
  world.say('b');
  assert.deepEqual(
    world.list.map(({ host }) => host),
    ['b', 'c', 'a'],
  );
});

test('a sender that says nothing for long is told once, and once that it is back', () => {
  const world = new World();
  world.say('web1');
  world.say('web2');
  for (let minute = 0; minute < 14; minute += 1) {
    world.pass(60_000);
    world.say('web2');
  }
  assert.deepEqual(world.log.texts, []);
  world.pass(60_000);
  assert.deepEqual(world.log.texts, ['Silent for more than 15 min: web1 (192.0.2.7).']);
  assert.deepEqual([world.view.silentCount, world.view.silences], [1, 1]);
  const silent = world.list.find(({ host }) => host === 'web1');
  assert.deepEqual([silent?.silentSince, silent?.rate], ['2026-11-20T12:00:00.000Z', 0]);
  world.say('web2');
  world.pass(60_000);
  assert.equal(world.log.texts.length, 1);
  world.say('web1');
  world.pass(1000);
  assert.equal(world.log.texts[1], 'Heard again: web1 (192.0.2.7).');
  assert.equal(world.view.silentCount, 0);
});

test('many that fall silent at once are one line, with ten names', () => {
  const world = new World();
  for (let at = 0; at < 25; at += 1) world.say(`host${at}`);
  world.pass(SILENT_MS);
  assert.equal(world.log.texts.length, 1);
  assert.match(world.log.texts[0] ?? '', /host9 \(192\.0\.2\.7\) and 15 more\.$/);
  assert.equal(world.view.silences, 25);
});

test('a name cannot command the terminal of whoever reads the log', () => {
  const world = new World();
  world.say('a\u001b[2J\nb\u202e');
  world.pass(SILENT_MS);
  assert.equal(world.log.texts[0], 'Silent for more than 15 min: a?[2J?b? (192.0.2.7).');
});

test('a sender that is known but was never heard is neither listed nor silent', () => {
  const world = new World();
  world.meet('held');
  world.pass(1000);
  assert.deepEqual([world.log.texts, world.list, world.view.knownCount], [[], [], 0]);
  world.say('held');
  world.pass(1000);
  assert.equal(world.list[0]?.messages, 1);
});

test('the rate is that of the last ten seconds', () => {
  const world = new World();
  world.say('web1', 50);
  world.pass(1000);
  world.say('web1', 50);
  world.pass(1000);
  assert.ok(Math.abs((world.list[0]?.rate ?? 0) - 50) <= 50, 'a newcomer has a rate too');
  for (let second = 0; second < 30; second += 1) {
    world.say('web1', 200);
    world.pass(1000);
  }
  assert.ok(Math.abs((world.list[0]?.rate ?? 0) - 200) <= 20, `${world.list[0]?.rate}`);
  for (let second = 0; second < 25; second += 1) world.pass(1000);
  assert.equal(world.list[0]?.rate, 0);
});

test('times that a sender does not name have no skew', () => {
  const world = new World();
  world.say('web1', 1, { skewMs: Number.NaN });
  assert.equal(world.list[0]?.skewMs, null);
});

test('a new span for silence counts at once', () => {
  const world = new World();
  world.say('web1');
  world.view.configure(5000);
  world.pass(5000);
  assert.equal(world.view.silentCount, 1);
});

test('the table is bounded: newcomers take the rows of the silent, and never those of the loud', () => {
  const world = new World();
  for (let at = 0; at < SENDERS_MAX + 500; at += 1) world.say(`flood${at}`);
  assert.equal(world.list.length, SENDERS_MAX - 1, 'no room for more while all are fresh');
  world.nowMs += 50_000;
  world.say('flood0');
  world.nowMs += 20_000;
  for (let at = 0; at < 500; at += 1) world.say(`late${at}`);
  const hosts = new Set(world.list.map(({ host }) => host));
  assert.ok(hosts.has('flood0') && hosts.has('late0') && hosts.has('late499'));
  assert.equal(hosts.size, SENDERS_MAX - 1);
});

test('a name as long as a message is cut', () => {
  const world = new World();
  world.say('x'.repeat(60_000));
  assert.ok((world.list[0]?.host.length ?? 0) < 300);
});
