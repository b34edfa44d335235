// How fast a queue empties, how long that takes, and the sentence that says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Drained, Progress } from '../../../client/progress.ts';
import { destinationSentence, printAge } from '../../../client/sentence.ts';
import type { DeliveryState, DestinationStatus, QueueStatus } from '../../../client/status.ts';

/** Once a second: what waits and how much was delivered. */
function watch(seconds: readonly { waiting: number; delivered: number; underWay?: number }[]) {
  const progress = new Progress();
  const drained: Drained[] = [];
  for (const [at, one] of seconds.entries()) {
    const end = progress.observe({ atMs: 5000 + at * 1000, underWay: 0, ...one });
    if (end !== undefined) drained.push(end);
  }
  return { progress, drained };
}

test('a backlog that drains has a total, a rate and a time left', () => {
  const { progress } = watch([
    { waiting: 210_000, delivered: 5 },
    { waiting: 170_000, delivered: 40_005 },
    { waiting: 130_000, delivered: 80_005 },
  ]);
  assert.deepEqual(progress.draining, { waiting: 130_000, total: 210_000, perSecond: 40_000, leftMs: 3250 });
});

test('the rate of a backlog is not that of the outage before it', () => {
  const { progress } = watch([
    { waiting: 10_000, delivered: 0 },
    { waiting: 10_000, delivered: 0 },
    { waiting: 10_000, delivered: 0 },
    { waiting: 8000, delivered: 2000 },
  ]);
  assert.deepEqual(progress.draining, { waiting: 8000, total: 10_000, perSecond: 2000, leftMs: 4000 });
});

test('what comes meanwhile belongs to it, and takes its time', () => {
  const { progress } = watch([
    { waiting: 10_000, delivered: 0 },
    { waiting: 9500, delivered: 1000 },
    { waiting: 9000, delivered: 2000 },
  ]);
  assert.deepEqual(progress.draining, { waiting: 9000, total: 11_000, perSecond: 1000, leftMs: 18_000 });
});

test('a queue that does not get shorter has no time left', () => {
  const { progress } = watch([
    { waiting: 10_000, delivered: 0 },
    { waiting: 11_000, delivered: 1000 },
  ]);
  assert.equal(progress.draining?.leftMs, undefined);
  assert.equal(progress.draining?.perSecond, 1000);
});

test('while nothing is delivered nothing drains', () => {
  const { progress } = watch([
    { waiting: 2000, delivered: 7 },
    { waiting: 3000, delivered: 7 },
  ]);
  assert.equal(progress.draining, undefined);
});

test('what is under way is no backlog', () => {
  const { progress, drained } = watch([
    { waiting: 2048, delivered: 0, underWay: 2048 },
    { waiting: 2048, delivered: 9000, underWay: 2048 },
  ]);
  assert.equal(progress.draining, undefined);
  assert.deepEqual(drained, []);
  assert.equal(progress.perSecond, 9000);
});

test('the end of a backlog is told once, without the time in which nothing was delivered', () => {
  const { progress, drained } = watch([
    { waiting: 5000, delivered: 0 },
    { waiting: 6000, delivered: 0 },
    { waiting: 6000, delivered: 0 },
    { waiting: 3000, delivered: 3000 },
    { waiting: 10, delivered: 6000, underWay: 10 },
    { waiting: 0, delivered: 6010 },
  ]);
  assert.deepEqual(drained, [{ records: 6000, tookMs: 2000 }]);
  assert.equal(progress.draining, undefined);
});

test('the rate is that of the last seconds', () => {
  const seconds = Array.from({ length: 20 }, (_, at) => ({
    waiting: 0,
    delivered: Math.min(at, 10) * 100,
  }));
  assert.equal(watch(seconds).progress.perSecond, 0);
  assert.equal(watch(seconds.slice(0, 11)).progress.perSecond, 100);
  assert.equal(new Progress().perSecond, 0);
});

const QUEUE: QueueStatus = {
  directory: '/q',
  waiting: 48_213,
  waitingBytes: 31 * 1024 ** 2,
  underWay: 0,
  oldest: null,
  oldestS: 843,
  diskBytes: 0,
  maxDiskSpaceBytes: 0,
  onFull: 'block',
  segments: 1,
  trouble: null,
  foreignFiles: 0,
  tornBytes: 0,
  abandonedRecords: 0,
};

function sentence(
  state: Partial<DeliveryState> & Pick<DeliveryState, 'kind'>,
  queue: Partial<QueueStatus> = {},
  more: Partial<Pick<DestinationStatus, 'draining' | 'perSecond'>> = {},
): string {
  const nowhere = { target: 'relp://172.31.100.94:2514', address: null, since: null };
  return destinationSentence({
    name: 'fwdRule1',
    state: { ...nowhere, why: null, mend: null, retryInS: null, ...state },
    queue: { ...QUEUE, ...queue },
    perSecond: 0,
    draining: null,
    ...more,
  });
}

test('a destination in one sentence', () => {
  const refused = {
    kind: 'waiting',
    why: 'connection refused by 172.31.100.94:2514',
    retryInS: 11.6,
  } as const;
  assert.equal(
    sentence(refused),
    'fwdRule1: not delivering: connection refused by 172.31.100.94:2514, next try in 12 s, 48,213 messages (31 MiB) waiting, oldest 14 min',
  );
  assert.equal(
    sentence({ ...refused, retryInS: 0.2 }, { waiting: 1, waitingBytes: 90, oldestS: 0 }),
    'fwdRule1: not delivering: connection refused by 172.31.100.94:2514, trying again now, 1 message (90 B) waiting, oldest less than 1 s',
  );
  assert.equal(
    sentence({ kind: 'connected' }, {}, { draining: { total: 210_000, leftS: 0.4 }, perSecond: 41_000 }),
    'fwdRule1: draining: 48,213 of 210,000 waiting (31 MiB), 41,000/s, 1 s left',
  );
  assert.equal(
    sentence({ kind: 'connected' }, { waiting: 0, oldestS: null }, { perSecond: 12.4 }),
    'fwdRule1: delivering to relp://172.31.100.94:2514, 12/s, nothing waiting',
  );
  assert.equal(
    sentence({ kind: 'connected' }, { waiting: 7, underWay: 7 }),
    'fwdRule1: delivering to relp://172.31.100.94:2514, nothing waiting',
  );
  assert.equal(
    sentence({ kind: 'connected' }, {}, { draining: { total: 210_000, leftS: null }, perSecond: 9 }),
    'fwdRule1: draining: 48,213 of 210,000 waiting (31 MiB), 9/s, as many come as go',
  );
  assert.match(sentence({ kind: 'connecting' }, { waiting: 0 }), /connecting to relp:\S+, nothing waiting$/);
  assert.match(sentence({ kind: 'stopped' }), /^fwdRule1: stopped, 48,213 messages/);
});

test('an age is as exact as it needs to be', () => {
  const ages = [10, 59_000, 119_000, 843_000, 12_000_000, 200_000_000].map(printAge);
  assert.deepEqual(ages, ['less than 1 s', '59 s', '1 min 59 s', '14 min', '3 h 20 min', '2 d 7 h']);
});
