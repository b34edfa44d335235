// What a sink takes, passes over and holds to be safe; how live inputs reach several destinations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FanOut, type Outlet } from '../../../client/fan-out.ts';
import { compileFilter } from '../../../client/filter.ts';
import { type SinkSpool, SpoolSink } from '../../../client/sink.ts';
import type { RecordBatch } from '../../../delivery/spool/layout.ts';
import type { Appended } from '../../../delivery/spool/spool.ts';
import { batchOf } from '../delivery/use-spool.ts';
import { records } from './agent-parts.ts';

/** Takes so many records in all, and is synced when it is told. */
class FakeSpool implements SinkSpool {
  readonly kept: string[] = [];
  room = Number.POSITIVE_INFINITY;
  synced = 0;

  append(batch: RecordBatch): Appended {
    const taken = Math.min(batch.count, this.room);
    this.room -= taken;
    for (let i = 0; i < taken; i += 1) {
      this.kept.push(Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString());
    }
    return { taken, full: taken < batch.count ? 'limit' : undefined };
  }

  written(): number {
    return this.kept.length;
  }

  safe(): number {
    return this.synced;
  }
}

const wants = (select: string[] | undefined, program: string[] | undefined, record: string): boolean => {
  const bytes = Buffer.from(`…${record}…`);
  const start = Buffer.byteLength('…');
  return compileFilter({ select, program })?.wants(bytes, start, bytes.length - start) ?? true;
};

test('a filter by selector and program', () => {
  assert.equal(compileFilter({ select: undefined, program: undefined }), undefined);
  const [auth, mail] = ['<38>1 - h sshd - - - x', '<22>1 - h postfix - - - x'];
  assert.equal(wants(['auth.*'], undefined, auth), true);
  assert.equal(wants(['auth.*'], undefined, mail), false);
  assert.equal(wants(['auth.*', 'mail.*'], undefined, mail), true, 'any of the selectors');
  assert.equal(wants(undefined, ['ssh*'], auth), true);
  assert.equal(wants(undefined, ['ssh*'], mail), false);
  assert.equal(wants(undefined, ['ssh*'], mail), false, 'a remembered answer is the same');
  assert.equal(wants(['auth.*'], ['post*'], auth), false, 'both must hold');
  assert.equal(wants(undefined, ['-'], '<22>1 - h - - - - x'), false, 'no program is no name');
  assert.equal(wants(['*.!=info'], undefined, auth), false);
});

test('what has no PRI or no program is wanted', () => {
  for (const odd of ['', '<', '<>1', '<192>1 x', '<1234>1', 'text', '<1x>1 a b c d']) {
    assert.equal(wants(['auth.*'], undefined, odd), true, odd);
  }
  for (const odd of ['', '<13>1', '<13>1 a b c', '<13>1 a b']) {
    assert.equal(wants(undefined, ['never'], odd), true, odd);
  }
});

test('what is safe follows the syncs of the queue', () => {
  const spool = new FakeSpool();
  const sink = new SpoolSink(spool, undefined);
  assert.equal(sink.put(batchOf(records(0, 3))), 3);
  assert.equal(sink.safe(), 0);
  spool.synced = 2;
  assert.equal(sink.safe(), 0, 'a batch is safe as a whole');
  spool.synced = 3;
  assert.equal(sink.safe(), 3);
  sink.put(batchOf(records(3, 2)));
  sink.put(batchOf(records(5, 2)));
  spool.synced = 5;
  assert.equal(sink.safe(), 5);
  spool.synced = 7;
  assert.equal(sink.safe(), 7);
  assert.equal(sink.taken, 7);
});

test('two inputs of one queue count apart', () => {
  const spool = new FakeSpool();
  const [a, b] = [new SpoolSink(spool, undefined), new SpoolSink(spool, undefined)];
  a.put(batchOf(records(0, 3)));
  b.put(batchOf(records(0, 1)));
  a.put(batchOf(records(3, 1)));
  spool.synced = 4;
  assert.deepEqual([a.safe(), b.safe()], [3, 1]);
  spool.synced = 5;
  assert.deepEqual([a.safe(), b.safe()], [4, 1]);
});

test('marks do not grow without bound, and never claim too much', () => {
  const spool = new FakeSpool();
  const sink = new SpoolSink(spool, undefined);
  for (let i = 0; i < 5000; i += 1) sink.put(batchOf(records(i, 1)));
  for (const synced of [0, 100, 1023, 1024, 3000, 4999]) {
    spool.synced = synced;
    assert.ok(sink.safe() <= synced, `${synced}`);
  }
  assert.equal(sink.safe(), 1023);
  spool.synced = 5000;
  assert.equal(sink.safe(), 5000);
});

test('what is not wanted counts as taken, and what stands behind a refusal is offered again', () => {
  const spool = new FakeSpool();
  const sink = new SpoolSink(spool, compileFilter({ select: ['auth.*'], program: undefined }));
  const batch = batchOf([
    ...records(0, 2, 13),
    ...records(2, 2, 38),
    ...records(4, 1, 13),
    ...records(5, 1, 38),
  ]);
  spool.room = 1;
  assert.equal(sink.put(batch), 3, 'two passed over, one taken; the next wanted one has no room');
  assert.equal(sink.refusedFor, 'limit');
  assert.deepEqual(sink.passedOver.records, 2);
  spool.room = 10;
  assert.equal(sink.put(batchOf([...records(3, 1, 38), ...records(4, 1, 13), ...records(5, 1, 38)])), 3);
  assert.deepEqual(
    spool.kept.map((text) => /n=(\d+)/.exec(text)?.[1]),
    ['2', '3', '5'],
  );
  assert.equal(sink.taken, 6);
  assert.equal(sink.passedOver.records, 3);
  assert.equal(sink.put(batchOf(records(9, 4, 13))), 4, 'nothing wanted at all');
  spool.synced = 3;
  assert.equal(sink.safe(), 10, 'with nothing written for them they are as safe as those before');
});

test('a closed sink takes nothing, and what it took still becomes safe', () => {
  const spool = new FakeSpool();
  const sink = new SpoolSink(spool, undefined);
  sink.put(batchOf(records(0, 2)));
  sink.close();
  assert.equal(sink.put(batchOf(records(2, 2))), 0);
  assert.equal(sink.refusedFor, 'closed');
  spool.synced = 2;
  assert.equal(sink.safe(), 2);
});

class FakeOutlet implements Outlet {
  readonly spool = new FakeSpool();
  readonly sink: SpoolSink;
  readonly lost: [number, string][] = [];

  constructor(select?: string[]) {
    this.sink = new SpoolSink(this.spool, compileFilter({ select, program: undefined }));
  }

  lose(records: number, _bytes: number, why: string): void {
    this.lost.push([records, why]);
  }
}

test('the only destination holds a live input back', () => {
  const only = new FakeOutlet();
  only.spool.room = 2;
  const fanOut = new FanOut([only]);
  assert.equal(fanOut.put(batchOf(records(0, 5))), 2);
  assert.equal(fanOut.put(batchOf(records(2, 3))), 0);
  assert.deepEqual(only.lost, []);
});

test('one of several holds nobody back, and counts what it could not take', () => {
  const [full, free] = [new FakeOutlet(), new FakeOutlet()];
  full.spool.room = 2;
  const fanOut = new FanOut([full, free]);
  assert.equal(fanOut.put(batchOf(records(0, 5))), 5);
  assert.deepEqual(full.lost, [[3, 'limit']]);
  assert.equal(free.spool.kept.length, 5);
  assert.equal(fanOut.taken, 5);
  full.spool.room = 1;
  fanOut.put(batchOf(records(5, 1)));
  assert.equal(full.spool.kept.at(-1), records(5, 1)[0], 'it goes on where there is room');
});

test('only wanted records are lost', () => {
  const [auth, all] = [new FakeOutlet(['auth.*']), new FakeOutlet()];
  auth.spool.room = 0;
  new FanOut([auth, all]).put(batchOf([...records(0, 2, 38), ...records(2, 3, 13)]));
  assert.deepEqual(auth.lost, [[2, 'limit']]);
  assert.equal(auth.sink.passedOver.records, 3);
});

test('when all are full the input is held back, and nobody loses', () => {
  const [a, b] = [new FakeOutlet(), new FakeOutlet()];
  a.spool.room = 2;
  b.spool.room = 3;
  const fanOut = new FanOut([a, b]);
  assert.equal(fanOut.put(batchOf(records(0, 5))), 3, 'as far as one of them takes');
  assert.deepEqual(a.lost, [[1, 'limit']]);
  assert.equal(fanOut.put(batchOf(records(3, 2))), 0);
  assert.deepEqual(b.lost, []);
  a.spool.synced = 2;
  b.spool.synced = 1;
  assert.equal(fanOut.safe(), 0);
  b.spool.synced = 3;
  assert.equal(fanOut.safe(), 3);
});

test('a destination that is opened anew, and none at all', () => {
  const [a, b] = [new FakeOutlet(), new FakeOutlet()];
  const fanOut = new FanOut([a]);
  a.sink.close();
  assert.equal(fanOut.put(batchOf(records(0, 1))), 0, 'held until it is there again');
  fanOut.lead([b]);
  assert.equal(fanOut.put(batchOf(records(0, 1))), 1);
  assert.equal(new FanOut([]).put(batchOf(records(0, 1))), 0);
});
