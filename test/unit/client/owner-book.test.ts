// Whose a connection is: asked once and once more at its end, told in order, in time, and in bounded memory.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { OwnerBook } from '../../../client/monitor/owner-book.ts';
import type { WhoQuestion } from '../../../client/monitor/who/who.port.ts';
import type { Owners } from '../../../traffic/events/owner.ts';
import { seen } from './traffic-parts.ts';

const CURL: Owners = { client: { how: 'exact', process: 'curl', pid: 812 } };
const NOBODY: Owners = { client: { how: 'unknown:closed' } };

class World {
  nowMs = 0;
  readonly told: [flow: number, turn: string, owners: Owners][] = [];
  readonly asked: { question: WhoQuestion; answer: (owners: Owners) => void }[] = [];
  readonly book = new OwnerBook({
    ask: (question) => new Promise((answer) => this.asked.push({ question, answer })),
    tell: ({ flow, turn: what }, owners) => this.told.push([flow, what, owners]),
    now: () => this.nowMs,
  });

  async answer(at: number, owners: Owners): Promise<void> {
    this.asked[at]?.answer(owners);
    await turn();
  }

  get turns(): string[] {
    return this.told.map(([flow, what]) => `${flow} ${what}`);
  }
}

test('the events of a connection wait for its owner, in their order; those of others do not', async () => {
  const world = new World();
  for (const what of ['opened', 'update', 'timeout'] as const) world.book.see(seen({ turn: what }));
  world.book.see(seen({ flow: 2 }));
  assert.deepEqual([world.asked.length, world.told.length, world.book.waiting], [2, 0, 4]);
  await world.answer(1, NOBODY);
  assert.deepEqual(world.turns, ['2 opened']);
  await world.answer(0, CURL);
  assert.deepEqual(world.turns, ['2 opened', '1 opened', '1 update', '1 timeout']);
  assert.ok(world.told.slice(1).every(([, , owners]) => owners.client?.process === 'curl'));
  assert.equal(world.book.waiting, 0);
});

test('who is known is not asked about again, until the end, which knows more', async () => {
  const world = new World();
  world.book.see(seen());
  await world.answer(0, CURL);
  world.book.see(seen({ turn: 'update' }));
  assert.deepEqual([world.asked.length, world.told.length], [1, 2]);
  world.book.see(seen({ turn: 'reset' }));
  world.book.see(seen({ turn: 'update' }));
  assert.deepEqual([world.asked.length, world.asked[1]?.question.isEnd], [2, true]);
  const totals = {
    bytesAcked: 1,
    bytesReceived: 2,
    segmentsOut: 3,
    segmentsIn: 4,
    retransmitted: 0,
    rttUs: 5,
  };
  await world.answer(1, { ...NOBODY, clientTotals: totals });
  const [, , owners] = world.told[2] ?? assert.fail();
  assert.deepEqual(owners.client, CURL.client, 'what was sure stays');
  assert.deepEqual(owners.clientTotals, totals);
  assert.equal(world.turns[3], '1 update');
});

test('the surer answer counts, also when it comes last', async () => {
  const world = new World();
  world.book.see(seen({ isServerOwn: true }));
  await world.answer(0, { server: { how: 'listener', process: 'nginx', pid: 1 } });
  world.book.see(seen({ turn: 'closed' }));
  await world.answer(1, { server: { how: 'exact', process: 'nginx', pid: 7 } });
  assert.deepEqual(world.told[1]?.[2].server?.pid, 7);
});

test('of two that are as sure, the opener at the client and the worker at the server', async () => {
  const world = new World();
  const both = (pid: number): Owners => ({
    client: { how: 'exact', process: 'app', pid },
    server: { how: 'exact', process: 'app', pid },
  });
  world.book.see(seen({ isServerOwn: true }));
  await world.answer(0, both(1));
  world.book.see(seen({ turn: 'closed' }));
  await world.answer(1, both(2));
  const [, , owners] = world.told[1] ?? assert.fail();
  assert.deepEqual([owners.client?.pid, owners.server?.pid], [1, 2]);
});

test('an end that comes first is asked about once', async () => {
  const world = new World();
  world.book.see(seen({ turn: 'refused' }));
  await world.answer(0, CURL);
  assert.deepEqual([world.turns, world.asked.length], [['1 refused'], 1]);
  assert.equal(world.asked[0]?.question.isEnd, true);
  assert.equal(world.asked[0]?.question.clientPort, 41_234);
});

test('an answer that does not come holds up nothing, and is not believed later', async () => {
  const world = new World();
  world.book.see(seen());
  world.nowMs = 200;
  world.book.expire();
  assert.equal(world.told.length, 0);
  world.nowMs = 251;
  world.book.expire();
  assert.deepEqual(world.told, [[1, 'opened', { client: { how: 'unknown:busy' }, server: undefined }]]);
  assert.equal(world.book.unasked, 1);
  await world.answer(0, CURL);
  assert.equal(world.told.length, 1);
});

test('an answer to an earlier question is not taken for that to a later one', async () => {
  const world = new World();
  world.book.see(seen());
  world.nowMs = 300;
  world.book.expire();
  world.book.see(seen({ turn: 'update', flow: 2 }));
  world.book.see(seen({ turn: 'reset' }));
  await world.answer(0, CURL);
  assert.deepEqual(
    [world.turns, world.asked.length],
    [['1 opened'], 3],
    'the question about the end is still open',
  );
});

test('ten thousand at once: nothing is lost, memory is bounded, and what is told without an owner is counted', async () => {
  const world = new World();
  for (let flow = 1; flow <= 10_000; flow += 1) world.book.see(seen({ flow }));
  assert.ok(world.book.waiting <= 8192, String(world.book.waiting));
  assert.equal(world.told.length + world.book.waiting, 10_000);
  assert.equal(world.book.unasked, world.told.length);
  for (const { answer } of world.asked) answer(CURL);
  await turn();
  assert.equal(world.told.length, 10_000);
  assert.equal(new Set(world.turns).size, 10_000);
  assert.equal(world.book.waiting, 0);
});

test('one connection with more events than may wait keeps their order', async () => {
  const world = new World();
  for (let i = 0; i < 9000; i += 1) world.book.see(seen({ turn: 'update', updates: i }));
  world.nowMs = 300;
  world.book.expire();
  await world.answer(0, CURL);
  assert.equal(world.told.length, 9000);
  assert.equal(world.book.waiting, 0);
});

test('a connection is forgotten with its end, and so many at most are remembered', async () => {
  const world = new World();
  const open = async (flow: number) => {
    world.book.see(seen({ flow }));
    if (world.book.waiting > 0) await world.answer(world.asked.length - 1, CURL);
  };
  await open(1);
  world.book.see(seen({ flow: 1, turn: 'closed' }));
  await world.answer(1, CURL);
  world.book.see(seen({ flow: 1, turn: 'update' }));
  assert.equal(world.asked.length, 3, 'it is asked about anew');
  await world.answer(2, CURL);
  for (let flow = 2; flow < 2 + 16_384; flow += 1) world.book.see(seen({ flow }));
  for (const { answer } of world.asked) answer(CURL);
  await turn();
  const before = world.asked.length;
  world.book.see(seen({ flow: 1, turn: 'update' }));
  assert.equal(world.asked.length, before + 1, 'the oldest was forgotten');
});
