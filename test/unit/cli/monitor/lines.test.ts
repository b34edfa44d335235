// Events for a program and for a pipe, and who is asked for an owner.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonPrinter, logPrinter } from '../../../../cli/monitor/event-lines.ts';
import { OwnerLookups } from '../../../../cli/monitor/owner-lookups.ts';
import { EventRing, lossWords, toldEvent, toldInterface, toldLosses } from '../../../../cli/monitor/told.ts';
import { EVENTS_KEPT } from '../../../../cli/monitor/view.ts';
import type { Owners } from '../../../../traffic/events/owner.ts';
import { NC, NOW_US, row } from './rows.ts';

const UTC = { offsetMin: () => 0 };
const RESET = row(1, { turn: 'reset', by: 'server', isEndOwn: false, state: 'RSTR' });
const LOSSES = { timeUs: NOW_US, dropped: 3, evicted: 1, heldBack: { noAnswer: 12, opened: 0 } };

test('an event is one JSON object, numbers as numbers, with the sentence', () => {
  const line = jsonPrinter.event(RESET, { client: { how: 'exact', process: '123', pid: 45, user: '0' } });
  assert.doesNotMatch(line, /\n/);
  const event = JSON.parse(line) as Record<string, unknown>;
  const expected = {
    time: '2026-11-20T21:53:15.300000Z',
    event: 'reset',
    id: 'r1-1',
    proto: 'tcp',
    src: '10.0.0.2',
    sport: 41_001,
    dport: 2525,
    by: 'server',
    sent: 'elsewhere',
    iface: 'eth0',
    durationUs: 12_300_000,
    packetsOut: 12,
    rttUs: 420,
    proc: '123',
    pid: 45,
    user: '0',
    procHow: 'exact',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(event[name], value, name);
  assert.match(String(event['sentence']), /^TCP 10\.0\.0\.2:41001 -> 10\.0\.0\.1:2525 reset by the server/);
});

test('interfaces, losses and records are events too', () => {
  const time = '2026-11-20T21:53:15.300000Z';
  const absent = { name: 'eth1', state: 'absent', trouble: 'no such device' } as const;
  assert.deepEqual(JSON.parse(jsonPrinter.interface(absent, NOW_US)), {
    ...{ time, event: 'interface', iface: 'eth1', state: 'absent', trouble: 'no such device' },
  });
  assert.deepEqual(JSON.parse(jsonPrinter.losses(LOSSES, 7) ?? ''), {
    ...{
      time,
      event: 'losses',
      dropped: 3,
      evicted: 1,
      unwritten: 7,
      heldBack: { 'no-answer': 12, opened: 0 },
    },
  });
  const none = { ...LOSSES, dropped: 0, evicted: 0, heldBack: { opened: 0 } };
  assert.deepEqual(
    [jsonPrinter.losses(none), logPrinter(UTC).losses(none), lossWords(none)],
    [undefined, undefined, undefined],
  );
  const record = '2 - eth0 10.0.0.2 10.0.0.1 41001 2525 6 12 1234 1795211583 1795211595 ACCEPT OK';
  const read = JSON.parse(jsonPrinter.record(record)) as Record<string, unknown>;
  assert.deepEqual(
    [read['event'], read['interface-id'], read['srcaddr'], read['packets'], read['log-status']],
    ['record', 'eth0', '10.0.0.2', 12, 'OK'],
  );
  assert.equal(logPrinter(UTC).record(record), record);
});

test('in a pipe an event is a line of the log', () => {
  const printer = logPrinter(UTC);
  assert.match(
    printer.event(RESET, NC),
    /^2026-11-20T21:53:15\.300000\+00:00; TCP; eth0; 2221 bytes; from 10\.0\.0\.2:41001 to 10\.0\.0\.1:2525; Connection reset by the server/,
  );
  assert.match(printer.losses(LOSSES) ?? '', /LOST; 3 packets dropped by the kernel/);
  assert.match(
    printer.interface({ name: 'eth1', state: 'captured', trouble: undefined }, NOW_US),
    /; eth1; captured$/,
  );
});

test('the lower window has the sentence, its tone, and no mark for pairing', () => {
  const told = toldEvent(RESET, NC);
  assert.deepEqual([told.flow, told.tone, told.timeUs], [1, 'bad', NOW_US]);
  assert.match(
    told.text,
    /^10\.0\.0\.2:41001 -> 10\.0\.0\.1:2525 reset by the server after .*\(client nc\[812\] of root\)$/,
  );
  assert.match(toldEvent(row(2, { protocol: 17, turn: 'closed' }), {}).text, /^UDP /);
  assert.equal(
    toldInterface({ name: 'eth1', state: 'absent', trouble: 'no such device' }, 1).text,
    'Interface eth1 is absent: no such device',
  );
  assert.equal(
    toldLosses(LOSSES)?.text,
    '3 packets dropped by the kernel; 1 connection forgotten, the table is full; events not shown, too many at once: 12 no-answer',
  );
});

test('of events the newest are kept, all are counted', () => {
  const ring = new EventRing();
  for (let at = 0; at < 3 * EVENTS_KEPT + 5; at++)
    ring.add({ timeUs: at, flow: undefined, tone: 'plain', text: '' });
  const list = ring.list();
  assert.deepEqual(
    [list.length, list[0]?.timeUs, list.at(-1)?.timeUs],
    [EVENTS_KEPT, 2 * EVENTS_KEPT + 5, 3 * EVENTS_KEPT + 4],
  );
  assert.equal(ring.total, 3 * EVENTS_KEPT + 5);
});

test('an owner is asked for once, and again while the answer may become surer', async () => {
  const asked: number[] = [];
  let answer: Owners = { server: { how: 'listener', process: 'nginx', pid: 1 } };
  const lookups = new OwnerLookups((question) => {
    asked.push(question.clientPort);
    return Promise.resolve(answer);
  });
  const rows = [row(1, { isServerOwn: true }), row(2, { isClientOwn: false })];
  await lookups.look(rows, NOW_US);
  assert.deepEqual([asked, lookups.of(1), lookups.of(2)], [[41_001], answer, {}]);
  await lookups.look(rows, NOW_US + 1_000_000);
  assert.equal(asked.length, 1);
  answer = { server: { how: 'exact', process: 'nginx', pid: 2 } };
  await lookups.look(rows, NOW_US + 3_000_000);
  assert.deepEqual([asked.length, lookups.of(1)], [2, answer]);
  await lookups.look(rows, NOW_US + 9_000_000);
  assert.equal(asked.length, 2);
});

test('nobody is asked for ever, nor for what an event has told or what has ended', async () => {
  let asked = 0;
  const lookups = new OwnerLookups(() => {
    asked += 1;
    return Promise.resolve({ client: { how: 'unknown:no-socket' } });
  });
  for (let at = 0; at < 9; at++) await lookups.look([row(1)], NOW_US + at * 5_000_000);
  assert.equal(asked, 3);
  lookups.learn(2, NC);
  await lookups.look([row(2)], NOW_US);
  assert.deepEqual([asked, lookups.of(2)], [3, NC]);
  await lookups.look(
    Array.from({ length: 500 }, (_, at) => row(at + 10)),
    NOW_US,
  );
  assert.equal(asked, 3 + 128);
});

test('owners of flows that are gone are forgotten', async () => {
  const lookups = new OwnerLookups(() => Promise.resolve(NC));
  for (let flow = 0; flow < 30_000; flow++) lookups.learn(flow, NC);
  assert.deepEqual([lookups.of(0), lookups.of(29_999)], [{}, NC]);
  await lookups.look([row(29_999)], NOW_US);
  assert.deepEqual([lookups.of(29_998), lookups.of(29_999)], [{}, NC]);
});
