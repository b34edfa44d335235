// The spool on a real folder: what it keeps, in which form, and what it means to be full, to stop, and to have
// destinations that come and go.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CURSOR_BYTES } from '../../../delivery/spool/cursor.ts';
import { crc32 } from 'node:zlib';
import { FakeDisk } from '../../model/fake-disk.ts';
import { batchOf, CLOCK_START_MS, droppedOf, lines, readOn, takeAll, textsOf, World } from './use-spool.ts';

function segmentsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.seg'));
}

test('what was appended comes out in order, and again after a restart if it was not acknowledged', (t) => {
  const world = new World(t);
  const spool = world.open();
  assert.deepEqual(spool.append(batchOf(lines(1, 5))), { taken: 5, full: undefined });
  const reader = spool.reader('fwdRule1');
  const batch = reader.next(3);
  assert.deepEqual(textsOf(batch), lines(1, 3));
  assert.deepEqual([...Array.from(batch.sequences).slice(0, 3)], [1, 2, 3]);
  assert.equal(batch.appendedSec[0], CLOCK_START_MS / 1000);
  reader.acknowledge(2);
  spool.stop(world.nowMs + 1000);
  const again = world.open();
  assert.deepEqual(takeAll(again), lines(3, 5));
  assert.equal(droppedOf(again), 0);
  assert.deepEqual(world.log.said, []);
});

test('a segment is as layout.ts draws it', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(['first', 'Ωμέγα']));
  const [name = ''] = segmentsIn(world.directory);
  assert.equal(name, '0000000000000001-00001001.seg');
  const bytes = readFileSync(join(world.directory, name));
  assert.equal(bytes.length, 16 + 5 + 16 + 10);
  assert.equal(bytes.readUInt32LE(4), 5);
  assert.equal(bytes.readUInt32LE(8), 1);
  assert.equal(bytes.readUInt32LE(12), CLOCK_START_MS / 1000);
  assert.equal(bytes.subarray(16, 21).toString(), 'first');
  assert.equal(bytes.readUInt32LE(0), crc32(bytes.subarray(4, 21), 0x1001));
  assert.equal(bytes.readUInt32LE(21 + 8), 2);
  assert.equal(bytes.readUInt32LE(21), crc32(bytes.subarray(25), 0x1001));
  assert.equal(statSync(join(world.directory, name)).mode & 0o777, 0o600);
  assert.equal(statSync(world.directory).mode & 0o777, 0o700);
});

test('segments go when every destination is past them, and disk space is bounded', (t) => {
  const world = new World(t);
  const spool = world.open({ destinations: ['a', 'b'] });
  for (let i = 0; i < 20; i += 1) spool.append(batchOf(lines(i * 10 + 1, i * 10 + 10, 100)));
  const full = segmentsIn(world.directory).length;
  assert.ok(full >= 5);
  assert.equal(takeAll(spool, 'a').length, 200);
  assert.equal(segmentsIn(world.directory).length, full);
  assert.equal(takeAll(spool, 'b').length, 200);
  assert.equal(segmentsIn(world.directory).length, 1);
  spool.stop(world.nowMs + 1000);
  assert.deepEqual(readdirSync(world.directory), ['a.cursor', 'b.cursor']);
  const again = world.open({ destinations: ['a', 'b'] });
  again.append(batchOf(['next']));
  assert.equal(again.reader('a').next().sequences[0], 201, 'numbers go on');
});

test('block: what does not fit is left to the caller, and room is told', (t) => {
  const world = new World(t);
  const spool = world.open({ maxDiskSpaceBytes: CURSOR_BYTES + 8192 });
  const batch = batchOf(lines(1, 100, 100));
  const { taken, full } = spool.append(batch);
  assert.equal(full, 'limit');
  assert.ok(taken > 50 && taken < 80, `${taken} fit`);
  assert.deepEqual(spool.append(batchOf(['x'.repeat(100)])), { taken: 0, full: 'limit' });
  assert.equal(spool.counts().trouble, 'limit');
  assert.equal(world.log.count(/holds as much as maxDiskSpace allows/), 1, 'said once');
  assert.deepEqual(world.woken, ['records']);
  const reader = spool.reader('fwdRule1');
  readOn(reader, 40);
  reader.acknowledge(40);
  assert.deepEqual(world.woken, ['records', 'room']);
  assert.equal(spool.append(batchOf(['y'])).taken, 1);
  assert.equal(droppedOf(spool), 0);
});

test('block: what all destinations have passed makes room within one append', (t) => {
  const world = new World(t);
  const spool = world.open({ maxDiskSpaceBytes: CURSOR_BYTES + 8192 });
  spool.append(batchOf(lines(1, 35, 100)));
  assert.equal(takeAll(spool).length, 35);
  assert.deepEqual(spool.append(batchOf(lines(36, 95, 100))), { taken: 60, full: undefined });
  assert.deepEqual(takeAll(spool), lines(36, 95, 100));
});

test('dropOldest: the oldest segment makes room, and what was in it is counted', (t) => {
  const world = new World(t);
  const spool = world.open({ maxDiskSpaceBytes: CURSOR_BYTES + 8192, onFull: 'dropOldest' });
  const texts = lines(1, 200, 100);
  assert.deepEqual(spool.append(batchOf(texts)), { taken: 200, full: undefined });
  const { dropped, waiting } = spool.reader('fwdRule1').counts();
  assert.ok(dropped.oldest.records > 0);
  assert.equal(dropped.oldest.bytes, dropped.oldest.records * 100);
  assert.equal(dropped.oldest.records + waiting.records, 200);
  assert.equal(waiting.bytes, waiting.records * 100);
  assert.deepEqual(takeAll(spool), texts.slice(dropped.oldest.records));
  assert.ok(spool.counts().diskBytes <= CURSOR_BYTES + 8192);
  assert.equal(world.log.count(/oldest records make room/), 1, 'said once');
});

test('dropOldest: what is under way when it is removed is counted only if it does not arrive', (t) => {
  const world = new World(t);
  const spool = world.open({
    maxDiskSpaceBytes: 2 * CURSOR_BYTES + 8192,
    onFull: 'dropOldest',
    destinations: ['a', 'b'],
  });
  const [a, b] = [spool.reader('a'), spool.reader('b')];
  spool.append(batchOf(lines(1, 20, 100)));
  for (const reader of [a, b]) readOn(reader, 20);
  spool.append(batchOf(lines(21, 200, 100)));
  const gone = b.counts().dropped.oldest.records;
  assert.ok(gone > 0, 'of those that were not under way');
  a.acknowledge(20);
  assert.equal(a.counts().delivered.records, 20);
  b.rewind();
  assert.equal(b.counts().dropped.oldest.records, gone + 20);
  assert.equal(a.counts().dropped.oldest.records, gone);
  assert.deepEqual(textsOf(a.next(1)), textsOf(b.next(1)));
});

test('dropNewest: what does not fit is counted, by records and bytes', (t) => {
  const world = new World(t);
  const spool = world.open({ maxDiskSpaceBytes: CURSOR_BYTES + 8192, onFull: 'dropNewest' });
  assert.deepEqual(spool.append(batchOf(lines(1, 100, 100))), { taken: 100, full: undefined });
  const { dropped, waiting } = spool.reader('fwdRule1').counts();
  assert.equal(dropped.newest.records + waiting.records, 100);
  assert.equal(dropped.newest.bytes, dropped.newest.records * 100);
  assert.deepEqual(takeAll(spool), lines(1, waiting.records, 100));
});

test('a record that is too large is dropped and counted, the others go on', (t) => {
  const world = new World(t);
  const spool = world.open();
  assert.equal(spool.append(batchOf(['a', 'b'.repeat(1001), 'c'.repeat(1000)])).taken, 3);
  assert.deepEqual(takeAll(spool), ['a', 'c'.repeat(1000)]);
  assert.deepEqual(spool.reader('fwdRule1').counts().dropped.too_large, { records: 1, bytes: 1001 });
});

test('records that were taken under a higher limit are delivered', (t) => {
  const world = new World(t);
  const spool = world.open();
  const large = ['a'.repeat(1000), 'b'.repeat(900), 'c'];
  spool.append(batchOf(large));
  spool.stop(world.nowMs + 1000);
  const lower = world.open({ recordBytesMax: 100, segmentBytes: 200 });
  lower.append(batchOf(['d']));
  assert.deepEqual(takeAll(lower), [...large, 'd']);
  assert.equal(droppedOf(lower), 0);
});

test('what waits is counted, and how old it is', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(lines(1, 3, 50)));
  world.nowMs += 60_000;
  spool.append(batchOf(lines(4, 5, 50)));
  const reader = spool.reader('fwdRule1');
  const oldestSec = CLOCK_START_MS / 1000;
  assert.deepEqual(reader.counts().waiting, { records: 5, bytes: 250, oldestSec });
  reader.next(3);
  assert.equal(reader.counts().underWay, 3);
  reader.acknowledge(3);
  assert.deepEqual(reader.counts().waiting, { records: 2, bytes: 100, oldestSec: oldestSec + 60 });
  assert.deepEqual(reader.counts().delivered, { records: 3, bytes: 150 });
  spool.stop(0);
  const again = world.open().reader('fwdRule1').counts();
  assert.deepEqual(again.waiting, { records: 2, bytes: 100, oldestSec: oldestSec + 60 });
});

test('a destination that is new begins with the oldest record kept, and that is said', (t) => {
  const world = new World(t);
  const spool = world.open({ destinations: ['a'] });
  spool.append(batchOf(lines(1, 4)));
  spool.reader('a').next(2);
  spool.reader('a').acknowledge(2);
  spool.stop(world.nowMs + 1000);
  const both = world.open({ destinations: ['a', 'b'] });
  assert.equal(world.log.count(/^b has no cursor yet/), 1);
  assert.deepEqual(takeAll(both, 'a'), lines(3, 4));
  assert.deepEqual(takeAll(both, 'b'), lines(1, 4));
});

test('a destination that is gone holds nothing back, and what waited for it is counted', (t) => {
  const world = new World(t);
  const spool = world.open({ destinations: ['a', 'old rule/1'] });
  for (let i = 0; i < 10; i += 1) spool.append(batchOf(lines(i * 10 + 1, i * 10 + 10, 100)));
  takeAll(spool, 'a');
  spool.stop(world.nowMs + 1000);
  assert.ok(readdirSync(world.directory).includes('old%20rule%2f1.cursor'));
  const one = world.open({ destinations: ['a'] });
  assert.equal(one.counts().abandonedRecords, 100);
  assert.equal(world.log.count(/^old rule\/1 is no destination .* 100 records were still waiting/), 1);
  assert.deepEqual(
    readdirSync(world.directory).filter((name) => name.endsWith('.cursor')),
    ['a.cursor'],
  );
  assert.equal(one.counts().diskBytes < CURSOR_BYTES + 4096, true, 'its segments are gone');
});

test('a destination that was renamed gets what waited under its old name', (t) => {
  const world = new World(t);
  const spool = world.open({ destinations: ['a'] });
  spool.append(batchOf(lines(1, 100, 100)));
  spool.stop(world.nowMs + 1000);
  assert.deepEqual(takeAll(world.open({ destinations: ['b'] }), 'b'), lines(1, 100, 100));
});

test('a limit that was lowered below what is there: nothing is lost by it', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(lines(1, 300, 100)));
  spool.stop(world.nowMs + 1000);
  const small = world.open({ maxDiskSpaceBytes: CURSOR_BYTES + 9000 });
  assert.equal(small.append(batchOf(['no room'])).full, 'limit');
  assert.deepEqual(takeAll(small), lines(1, 300, 100));
  assert.equal(small.append(batchOf(['room'])).taken, 1);
});

test('a limit without room for a record is a fault', (t) => {
  const world = new World(t);
  assert.throws(() => world.open({ maxDiskSpaceBytes: CURSOR_BYTES }), { code: 'SPOOL_FAILED' });
  assert.equal(world.open().append(batchOf(['x'])).taken, 1, 'and the lock was let go of');
});

test('safe follows what sync promises', (t) => {
  const world = new World(t);
  const fake = new FakeDisk(() => 0.5);
  world.disk = fake;
  const each = world.open({ sync: 'each' });
  each.append(batchOf(['one']));
  assert.equal(each.safe(), 1);
  fake.troubles.failsSync = true;
  assert.equal(each.append(batchOf(['two'])).taken, 1);
  assert.equal(each.safe(), 1);
  assert.equal(each.append(batchOf(['three'])).full, 'io_error', 'nothing more until it is safe');
  fake.troubles.failsSync = false;
  world.nowMs += 300;
  assert.equal(each.append(batchOf(['three'])).taken, 1);
  assert.equal(each.safe(), 3);
  each.stop(world.nowMs + 1000);
  const second = world.open({ sync: '1s' });
  second.append(batchOf(['four']));
  assert.equal(second.safe(), 0, 'not even what an earlier run left');
  world.nowMs += 1000;
  second.tick();
  assert.equal(second.safe(), 4);
  second.append(batchOf(['five']));
  assert.equal(second.safe(), 4);
});

test('stop makes everything safe, and may be called twice', (t) => {
  const world = new World(t);
  const fake = new FakeDisk(() => 0.99);
  world.disk = fake;
  const spool = world.open();
  spool.append(batchOf(lines(1, 50, 100)));
  spool.stop(world.nowMs + 1000);
  spool.stop(world.nowMs + 1000);
  fake.cutPower();
  assert.deepEqual(takeAll(world.open()), lines(1, 50, 100));
  assert.throws(() => spool.append(batchOf(['x'])), { name: 'BrokenPromise' });
  assert.throws(() => spool.reader('fwdRule1').next(), { name: 'BrokenPromise' });
});

test('what was not handed out cannot be acknowledged', (t) => {
  const spool = new World(t).open();
  spool.append(batchOf(['a', 'b']));
  const reader = spool.reader('fwdRule1');
  reader.next(1);
  assert.throws(() => reader.acknowledge(2), { name: 'BrokenPromise' });
});
