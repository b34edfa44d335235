// What hostile neighbours, bad disks and other processes do to a spool: each story of a queue that lost its
// messages, refused to start or ran wild is a test here.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { Fault } from '../../../base/fault.ts';
import { CURSOR_BYTES } from '../../../delivery/spool/cursor.ts';
import type { Disk } from '../../../delivery/spool/disk.ts';
import { nodeDisk } from '../../../delivery/spool/node-disk.ts';
import { FakeDisk } from '../../model/fake-disk.ts';
import { batchOf, droppedOf, lines, takeAll, World } from './use-spool.ts';

function segments(world: World): string[] {
  const names = readdirSync(world.directory).filter((name) => name.endsWith('.seg'));
  return names.map((name) => join(world.directory, name));
}

/** A spool that was closed with records in several segments. */
function filled(world: World, count = 100): void {
  const spool = world.open();
  spool.append(batchOf(lines(1, count, 100)));
  spool.stop(world.nowMs + 1000);
}

function faultOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    assert.ok(error.text.mend, 'it says how to mend it');
    return error;
  }
  return assert.fail('no fault');
}

/** Another process that opens the spool and says so. */
const HOLDER = `
  const { nodeDisk } = await import(process.argv[1]);
  nodeDisk.enter(process.argv[2]);
  console.log('held');
  setInterval(() => {}, 1000);
`;

test('a directory in the hands of others is refused', (t) => {
  const world = new World(t);
  mkdirSync(world.directory);
  chmodSync(world.directory, 0o777);
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
  chmodSync(world.directory, 0o770);
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
  chmodSync(world.directory, 0o755);
  world.open().stop(0);
  renameSync(world.directory, `${world.directory}.real`);
  symlinkSync(`${world.directory}.real`, world.directory);
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
  rmSync(world.directory);
  writeFileSync(world.directory, 'a file');
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
  world.directory = join(world.directory, 'below');
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
});

test('what belongs to another user is refused, or left alone', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give a file away');
  const world = new World(t);
  filled(world);
  const [first = ''] = segments(world);
  chownSync(first, 12_345, 12_345);
  const spool = world.open();
  assert.equal(spool.counts().foreignFiles, 1);
  assert.ok(droppedOf(spool, 'missing') === 0 && takeAll(spool).length < 100);
  assert.equal(droppedOf(spool, 'missing') > 30, true);
  assert.ok(existsSync(first));
  spool.stop(0);
  chownSync(world.directory, 12_345, 12_345);
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
});

test('one process at a time; a holder that is killed holds nothing', async (t) => {
  const world = new World(t);
  mkdirSync(world.directory);
  const module = pathToFileURL(join(import.meta.dirname, '../../../delivery/spool/node-disk.js')).href;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, module, world.directory]);
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_IN_USE');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const spool = world.open();
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_IN_USE', 'nor twice in one process');
  spool.stop(0);
  world.open().stop(0);
});

test('no link in the spool is followed, and no pipe is waited for', (t) => {
  const world = new World(t);
  filled(world);
  const [first = '', second = ''] = segments(world);
  const outside = join(dirname(world.directory), 'outside.seg');
  renameSync(first, outside);
  const before = readFileSync(outside);
  symlinkSync(outside, first);
  rmSync(second);
  const madePipe = spawnSync('mkfifo', [second]).status === 0;
  const spool = world.open();
  const arrived = takeAll(spool);
  assert.equal(arrived.length + droppedOf(spool, 'missing'), 100);
  assert.deepEqual(arrived, lines(101 - arrived.length, 100, 100));
  assert.equal(spool.counts().foreignFiles, madePipe ? 2 : 1);
  assert.equal(world.log.count(/holds what is not ours/), 1);
  assert.deepEqual(readFileSync(outside), before);
  spool.stop(world.nowMs + 1000);
  assert.ok(existsSync(first), 'and none is removed');
});

test('nor when they come in the place of a segment while the spool is open', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(lines(1, 150, 100)));
  const [, second = '', third = ''] = segments(world);
  const outside = join(dirname(world.directory), 'outside.seg');
  renameSync(second, outside);
  symlinkSync(outside, second);
  rmSync(third);
  if (spawnSync('mkfifo', [third]).status !== 0) writeFileSync(third, '');
  const arrived = takeAll(spool);
  assert.equal(arrived.length + droppedOf(spool), 150);
  assert.equal(droppedOf(spool, 'missing') >= 35, true);
  assert.equal(arrived.at(-1), lines(150, 150, 100)[0]);
  assert.ok(existsSync(outside));
});

test('a link in the place of a cursor is refused', (t) => {
  const world = new World(t);
  filled(world);
  const cursor = join(world.directory, 'fwdRule1.cursor');
  const outside = join(dirname(world.directory), 'passwd');
  writeFileSync(outside, 'root:x:0:0');
  rmSync(cursor);
  symlinkSync(outside, cursor);
  assert.equal(faultOf(() => world.open()).code, 'SPOOL_UNSAFE');
  assert.equal(readFileSync(outside, 'utf8'), 'root:x:0:0');
});

test('modes that somebody loosened are put right', (t) => {
  const world = new World(t);
  filled(world);
  for (const path of segments(world)) chmodSync(path, 0o666);
  const [first = ''] = segments(world);
  const spool = world.open();
  spool.reader('fwdRule1').next();
  assert.equal(statSync(first).mode & 0o777, 0o600);
});

test('a flipped bit costs one record, and is said once', (t) => {
  const world = new World(t);
  filled(world);
  const [, second = ''] = segments(world);
  const bytes = readFileSync(second);
  bytes[3 * 116 + 50] = (bytes[3 * 116 + 50] as number) ^ 0x10;
  // Another in a length field, which hides where the next record begins.
  bytes[9 * 116 + 5] = (bytes[9 * 116 + 5] as number) ^ 0x01;
  writeFileSync(second, bytes);
  const spool = world.open();
  assert.equal(takeAll(spool).length, 98);
  assert.deepEqual(spool.reader('fwdRule1').counts().dropped.damaged, { records: 2, bytes: 2 * 116 });
  assert.equal(world.log.count(/^1 record is damaged on disk/), 1);
  spool.stop(world.nowMs + 1000);
  assert.equal(droppedOf(world.open()), 0, 'and not counted again');
});

test('a torn tail is cut off, and new records follow the last whole one', (t) => {
  const world = new World(t);
  filled(world, 10);
  const [only = ''] = segments(world);
  truncateSync(only, 9 * 116 + 40);
  // As after a power cut in which the cursor's last save was lost, too: nobody knows of the tenth record.
  rmSync(join(world.directory, 'fwdRule1.cursor'));
  const spool = world.open();
  assert.equal(spool.counts().tornBytes, 40);
  assert.equal(world.log.count(/last write was cut/), 1);
  spool.append(batchOf(['eleven']));
  assert.deepEqual(takeAll(spool), [...lines(1, 9, 100), 'eleven']);
});

test('records that were promised and are not there any more are counted', (t) => {
  const world = new World(t);
  filled(world);
  const all = segments(world);
  rmSync(all.at(-1) as string);
  truncateSync(all.at(-2) as string, 116 * 5);
  const spool = world.open();
  const arrived = takeAll(spool);
  assert.equal(arrived.length + droppedOf(spool, 'missing'), 100);
  assert.ok(droppedOf(spool, 'missing') > 0);
  spool.append(batchOf(['next']));
  assert.deepEqual(takeAll(spool), ['next']);
});

test('all segments removed by somebody: it is said, and the numbers go on', (t) => {
  const world = new World(t);
  filled(world);
  for (const path of segments(world)) rmSync(path);
  const spool = world.open();
  assert.deepEqual(takeAll(spool), []);
  assert.equal(droppedOf(spool, 'missing'), 100);
  assert.equal(world.log.count(/^100 records are missing from the disk/), 1);
  spool.append(batchOf(['next']));
  assert.equal(spool.reader('fwdRule1').next().sequences[0], 101);
});

test('a damaged cursor never starts over in silence', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(lines(1, 10)));
  const reader = spool.reader('fwdRule1');
  for (let i = 1; i <= 6; i += 1) {
    reader.next(1);
    reader.acknowledge(i);
  }
  spool.stop(0);
  const path = join(world.directory, 'fwdRule1.cursor');
  const cursor = readFileSync(path);
  const generations = [0, 4096, 8192].map((at) => cursor.readDoubleLE(at + 8));
  const newest = generations.indexOf(Math.max(...generations)) * 4096;
  cursor[newest + 17] = (cursor[newest + 17] as number) ^ 1;
  writeFileSync(path, cursor);
  const older = world.open();
  assert.equal(world.log.count(/newest cursor of fwdRule1 is damaged/), 1);
  assert.deepEqual(takeAll(older), lines(6, 10), 'one is sent twice');
  older.stop(0);
  for (const content of [Buffer.alloc(0), Buffer.alloc(CURSOR_BYTES, 7), Buffer.alloc(CURSOR_BYTES)]) {
    const again = new World(t);
    filled(again, 10);
    writeFileSync(join(again.directory, 'fwdRule1.cursor'), content);
    const spoolAgain = again.open();
    assert.equal(again.log.count(/The cursor of fwdRule1 is damaged; all records/), 1);
    assert.deepEqual(takeAll(spoolAgain), lines(1, 10, 100));
  }
});

test('files of others are left alone, and said once', (t) => {
  const world = new World(t);
  mkdirSync(world.directory, { mode: 0o700 });
  const names = [
    'lost+found',
    'notes',
    '12-34.seg',
    '0000000000000000-00000000.seg',
    'x.cursor',
    '.hidden',
    'old.qi',
  ];
  for (const name of names) writeFileSync(join(world.directory, name), 'theirs');
  const spool = world.open();
  spool.append(batchOf(lines(1, 100, 100)));
  assert.equal(takeAll(spool).length, 100);
  assert.equal(spool.counts().foreignFiles, names.length);
  assert.equal(world.log.said.length, 1);
  assert.match(world.log.said[0] as string, /and 2 more; it is left alone/);
  spool.stop(world.nowMs + 1000);
  for (const name of names) assert.equal(readFileSync(join(world.directory, name), 'utf8'), 'theirs');
});

test('bytes in a message that look like a record are no record', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(['first', 'second']));
  const [only = ''] = segments(world);
  const file = readFileSync(only);
  const forged = Buffer.from(file.subarray(21));
  forged[16] = 'S'.charCodeAt(0);
  // The checksum is right, but for somebody who does not know the salt.
  forged.writeUInt32LE(crc32(forged.subarray(4)), 0);
  spool.stop(0);
  file[18] = (file[18] as number) ^ 1;
  writeFileSync(only, Buffer.concat([file.subarray(0, 21), forged, file.subarray(21)]));
  const again = world.open();
  assert.deepEqual(takeAll(again), ['second']);
  assert.equal(droppedOf(again, 'damaged'), 1);
});

test('a record that stands twice is delivered once', (t) => {
  const world = new World(t);
  filled(world, 3);
  const [only = ''] = segments(world);
  const file = readFileSync(only);
  const [one, two, three] = [0, 1, 2].map((i) => file.subarray(i * 116, (i + 1) * 116));
  writeFileSync(only, Buffer.concat([one, two, one, two, three] as Buffer[]));
  const spool = world.open();
  assert.deepEqual(takeAll(spool), lines(1, 3, 100));
  assert.equal(droppedOf(spool), 0);
});

test('after a sync that failed, a later one is not believed before all is written again', (t) => {
  const world = new World(t);
  const fake = new FakeDisk(() => 0.99);
  world.disk = fake;
  const spool = world.open({ sync: 'each' });
  spool.append(batchOf(lines(1, 5, 100)));
  fake.troubles.failsSync = true;
  spool.append(batchOf(lines(6, 9, 100)));
  assert.equal(spool.safe(), 5);
  fake.troubles.failsSync = false;
  world.nowMs += 1000;
  spool.tick();
  assert.equal(spool.safe(), 9);
  fake.cutPower();
  assert.deepEqual(takeAll(world.open()), lines(1, 9, 100));
});

test('a power cut right after segments were removed: what was delivered is not reported missing', (t) => {
  const world = new World(t);
  const fake = new FakeDisk(() => 0.99);
  world.disk = fake;
  filled(world);
  const spool = world.open();
  assert.equal(takeAll(spool).length, 100);
  assert.ok(spool.counts().segments <= 1);
  fake.cutPower();
  const again = world.open();
  assert.equal(droppedOf(again), 0);
  assert.ok(takeAll(again).length < 100, 'what was acknowledged last may come again');
});

test('a full disk: block waits and loses nothing; the log does not fill, too', (t) => {
  const world = new World(t);
  const fake = new FakeDisk(() => 0.5);
  world.disk = fake;
  const spool = world.open();
  fake.capacity = fake.usedBytes + 1050;
  const texts = lines(1, 20, 100);
  const { taken, full } = spool.append(batchOf(texts));
  assert.deepEqual({ taken, full }, { taken: 9, full: 'disk_full' });
  for (let i = 0; i < 500; i += 1) {
    world.nowMs += 100;
    spool.append(batchOf(texts.slice(9)));
    spool.tick();
  }
  assert.equal(world.log.count(/the disk or the quota is full/), 1);
  assert.equal(takeAll(spool).length, 9);
  fake.capacity = Number.POSITIVE_INFINITY;
  world.woken.length = 0;
  world.nowMs += 1000;
  spool.tick();
  assert.deepEqual(world.woken, ['room']);
  assert.equal(spool.append(batchOf(texts.slice(9))).taken, 11);
  assert.deepEqual(takeAll(spool), texts.slice(9));
  assert.equal(droppedOf(spool), 0);
});

test('a full disk: with dropOldest the oldest segment makes room, with dropNewest the newest record goes', (t) => {
  for (const onFull of ['dropOldest', 'dropNewest'] as const) {
    const world = new World(t);
    const fake = new FakeDisk(() => 0.5);
    world.disk = fake;
    const spool = world.open({ onFull, sync: '1s' });
    spool.append(batchOf(lines(1, 100, 100)));
    fake.capacity = fake.usedBytes;
    assert.equal(spool.append(batchOf(['new'.padEnd(100)])).taken, 1);
    const arrived = takeAll(spool);
    assert.equal(arrived.length + droppedOf(spool), 101);
    assert.equal(arrived.at(-1)?.startsWith('new'), onFull === 'dropOldest');
    assert.ok(droppedOf(spool, onFull === 'dropOldest' ? 'oldest' : 'disk_full') > 0);
    // A sync of what was written before is no sign that the disk has room.
    world.nowMs += 1000;
    spool.tick();
    assert.equal(spool.counts().trouble, onFull === 'dropOldest' ? undefined : 'disk_full');
  }
});

test('a disk that became read-only: what is there is delivered, the rest waits', (t) => {
  const world = new World(t);
  const fake = new FakeDisk(() => 0.5);
  world.disk = fake;
  world.open().append(batchOf(lines(1, 50, 100)));
  fake.kill();
  fake.troubles.isReadOnly = true;
  const spool = world.open();
  assert.deepEqual(spool.append(batchOf(['x'])), { taken: 0, full: 'read_only' });
  assert.deepEqual(takeAll(spool), lines(1, 50, 100));
  assert.equal(world.log.count(/read-only/) <= 2, true, world.log.said.join('\n'));
  fake.troubles.isReadOnly = false;
  world.nowMs += 1000;
  spool.tick();
  assert.equal(spool.append(batchOf(['x'])).taken, 1);
  assert.deepEqual(takeAll(spool), ['x']);
});

test('somebody removes the growing segment: what comes next is not lost with it', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(lines(1, 5)));
  rmSync(segments(world)[0] as string);
  spool.tick();
  spool.append(batchOf(lines(6, 9)));
  assert.deepEqual(takeAll(spool), lines(6, 9));
  assert.equal(droppedOf(spool, 'missing'), 5);
});

test('somebody writes behind the end, or cuts the growing segment short', (t) => {
  const world = new World(t);
  const spool = world.open();
  spool.append(batchOf(lines(1, 5, 100)));
  const [only = ''] = segments(world);
  appendFileSync(only, 'x'.repeat(300));
  spool.append(batchOf(lines(6, 7, 100)));
  truncateSync(only, 116 * 2);
  spool.append(batchOf(lines(8, 9, 100)));
  assert.deepEqual(takeAll(spool), [...lines(1, 2, 100), ...lines(8, 9, 100)]);
  assert.equal(droppedOf(spool), 5);
});

/** The real disk, but for a page of one file that cannot be read. */
function badSpot(from: number, to: number): { disk: Disk; isBad: { now: boolean } } {
  const isBad = { now: true };
  const disk: Disk = {
    enter: (directory) => {
      const folder = nodeDisk.enter(directory);
      const open = folder.open.bind(folder);
      folder.open = (name, use) => {
        const file = open(name, use);
        const read = file.read.bind(file);
        file.read = (into, at, length, position) => {
          if (isBad.now && name.endsWith('.seg') && position < to && position + length > from) {
            throw Object.assign(new Error('EIO'), { code: 'EIO' });
          }
          return read(into, at, length, position);
        };
        return file;
      };
      return folder;
    },
  };
  return { disk, isBad };
}

test('a place that cannot be read is waited for, then stepped over, and costs only itself', (t) => {
  const world = new World(t);
  const big = { segmentBytes: 256 * 1024, maxDiskSpaceBytes: 4 * 1024 ** 2 };
  const spool = world.open(big);
  spool.append(batchOf(lines(1, 1000, 100)));
  spool.stop(world.nowMs + 1000);
  const bad = badSpot(40_000, 40_001);
  bad.isBad.now = false;
  world.disk = bad.disk;
  const again = world.open(big);
  bad.isBad.now = true;
  const before = takeAll(again).length;
  assert.ok(before < 1000);
  world.nowMs += 20_000;
  assert.equal(takeAll(again).length, 0, 'it may come back');
  assert.equal(droppedOf(again), 0);
  world.nowMs += 11_000;
  again.reader('fwdRule1').next();
  const rest = takeAll(again).length;
  assert.equal(before + rest + droppedOf(again, 'damaged'), 1000);
  assert.ok(
    droppedOf(again) >= 4096 / 116 - 1 && droppedOf(again) <= 4096 / 116 + 2,
    `${droppedOf(again)} lost`,
  );
  assert.ok(world.log.count(/Cannot read .*EIO/) >= 1);
});

/** The real disk, whose segments cannot be opened while there is a code. */
function shutDisk(): { disk: Disk; error: { code: string | undefined } } {
  const error: { code: string | undefined } = { code: undefined };
  const disk: Disk = {
    enter: (directory) => {
      const folder = nodeDisk.enter(directory);
      const open = folder.open.bind(folder);
      folder.open = (name, use) => {
        const { code } = error;
        if (code !== undefined && name.endsWith('.seg')) throw Object.assign(new Error(code), { code });
        return open(name, use);
      };
      return folder;
    },
  };
  return { disk, error };
}

for (const [code, lost] of [
  ['EIO', 'one segment'],
  ['EACCES', 'nothing'],
] as const) {
  test(`segments that cannot be opened for half a minute (${code}) cost ${lost}`, (t) => {
    const world = new World(t);
    filled(world);
    const { disk, error } = shutDisk();
    world.disk = disk;
    const spool = world.open();
    const all = spool.counts().segments;
    assert.ok(all >= 3);
    error.code = code;
    for (let second = 0; second <= 31; second += 1) {
      spool.reader('fwdRule1').next();
      world.nowMs += 1000;
      spool.tick();
    }
    error.code = undefined;
    const rest = takeAll(spool);
    assert.equal(rest.length + droppedOf(spool, 'damaged'), 100);
    assert.equal(droppedOf(spool) > 0, code === 'EIO');
    assert.ok(droppedOf(spool) <= Math.ceil(100 / (all - 1)), `${droppedOf(spool)} lost of ${all} segments`);
  });
}

test('a place that comes back in time costs nothing', (t) => {
  const world = new World(t);
  filled(world);
  const bad = badSpot(0, 100_000);
  bad.isBad.now = false;
  world.disk = bad.disk;
  const spool = world.open();
  bad.isBad.now = true;
  assert.equal(takeAll(spool).length, 0);
  world.nowMs += 20_000;
  assert.equal(takeAll(spool).length, 0);
  bad.isBad.now = false;
  assert.deepEqual(takeAll(spool), lines(1, 100, 100));
});

test('a newest segment that cannot be read at the start: no number is used twice, nothing is cut off', (t) => {
  const world = new World(t);
  filled(world, 10);
  const bad = badSpot(0, 100_000);
  world.disk = bad.disk;
  const spool = world.open();
  spool.append(batchOf(['new']));
  bad.isBad.now = false;
  assert.deepEqual(takeAll(spool), [...lines(1, 10, 100), 'new']);
});
