// The locks of lanes on the lines of a file.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { LineLocks, makeLockTable } from '../../../daemon/files/line-locks.ts';

test('threads that write at once have it one after the other', async () => {
  const table = makeLockTable();
  const count = new SharedArrayBuffer(8);
  const [threads, rounds] = [3, 20_000];
  const workers = Array.from({ length: threads }, (_, at) => {
    const workerData = { table, owner: at + 1, count, rounds };
    return new Worker(new URL('./lock-worker.js', import.meta.url), { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.equal(new Int32Array(count)[0], threads * rounds);
});

test('a torn line keeps it from others, without making them wait, until it is whole', () => {
  const table = makeLockTable();
  const [one, other] = [new LineLocks(table, 1), new LineLocks(table, 2)];
  assert.ok(one.take(5));
  one.countTorn(5, 1);
  one.release(5);
  const startedAt = performance.now();
  for (let i = 0; i < 100; i += 1) assert.equal(other.take(5), false);
  assert.ok(performance.now() - startedAt < 10_000);
  assert.ok(other.take(6), 'other locks are free');
  other.release(6);
  assert.ok(one.take(5), 'its own lane goes on');
  one.countTorn(5, -1);
  one.release(5);
  assert.ok(other.take(5));
  other.release(5);
});

test('two paths of one lane that share a lock: the torn one keeps it while the other writes', () => {
  const table = makeLockTable();
  const [one, other] = [new LineLocks(table, 1), new LineLocks(table, 2)];
  assert.ok(one.take(5));
  one.countTorn(5, 1);
  one.release(5);
  assert.ok(one.take(5), 'the second path writes');
  one.release(5);
  assert.equal(other.take(5), false);
  assert.ok(one.take(5), 'the second path is torn too');
  one.countTorn(5, 1);
  one.release(5);
  for (let i = 0; i < 2; i += 1) {
    assert.equal(other.take(5), false);
    assert.ok(one.take(5));
    one.countTorn(5, -1);
    one.release(5);
  }
  assert.ok(other.take(5));
});

test('a path has one lock, for every lane', () => {
  const paths = Array.from({ length: 1000 }, (_, at) => `/var/log/belfry/host-${at}/app.log`);
  const used = new Set(paths.map((path) => LineLocks.indexOf(path)));
  assert.ok(used.size > 700, `${used.size} locks for 1000 paths`);
  for (const at of used) assert.ok(at >= 0 && at < 4096);
  assert.equal(LineLocks.indexOf('/a'), LineLocks.indexOf('/a'));
});

test('owners count from one', () => {
  assert.throws(() => new LineLocks(makeLockTable(), 0), /count from 1/);
});
