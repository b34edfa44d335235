// All log files of a lane on a real folder: every line once, whole and in order, whatever happens to the
// files, and never more of them open than allowed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileLane, line, linesIn } from './lane-parts.ts';
import { target, useFolder } from './samples.ts';

/** Descriptors of this process that lead below a folder. */
function openBelow(folder: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

function useLane(t: TestContext, openMax?: number): { lane: FileLane; folder: string } {
  const lane = new FileLane(openMax);
  t.after(() => lane.files.reopen());
  return { lane, folder: useFolder(t) };
}

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => line(`n ${from + i}`));

let nowMs = Date.now();
/** Past every pause: the next look is due. */
const later = () => {
  nowMs += 2000;
  return nowMs;
};

test('lines stand in the order in which they came, and only after a flush', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('a.log', folder));
  const lines = numbered(10);
  for (const one of lines) assert.ok(lane.append(file, one));
  assert.ok(lane.files.hasUnwritten);
  assert.equal(existsSync(file.path), false);
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), lines);
  assert.ok(!lane.files.hasUnwritten);
  assert.deepEqual([lane.told.writes, lane.told.wroteBytes], [1, lines.join('\n').length + 1]);
});

test('a file that gets more and more has larger pieces, and nothing is lost on the way', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('a.log', folder));
  const lines = numbered(20_000);
  lines.forEach((one, at) => {
    assert.ok(lane.append(file, one));
    if (at === 50 || at === 700) lane.files.flush(later());
  });
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), lines);
  assert.ok(lane.told.writes < 40, `${lane.told.writes} writes`);
});

test('a line of any length fits, between short ones', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('a.log', folder));
  const lines: string[] = [];
  for (const length of [1, 4000, 10, 60_000, 3, 4096, 65_000, 65_000, 2]) {
    lines.push(line('y'.repeat(length)));
    assert.ok(lane.append(file, lines.at(-1) as string));
  }
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), lines);
});

test('thousands of files share what room there is, and each gets its lines', (t) => {
  const { lane, folder } = useLane(t, 100);
  const count = 3000;
  for (let round = 0; round < 3; round += 1) {
    for (let at = 0; at < count; at += 1) {
      const path = join(folder, `${at}.log`);
      assert.ok(lane.append(lane.files.file(path, target('x', folder)), line(`round ${round} of ${at}`)));
    }
  }
  lane.files.flush(later());
  for (let at = 0; at < count; at += 1) {
    const wanted = [0, 1, 2].map((round) => line(`round ${round} of ${at}`));
    assert.deepEqual(linesIn(join(folder, `${at}.log`)), wanted);
  }
});

test('never more files are open than allowed, and that is what is counted', (t) => {
  const { lane, folder } = useLane(t, 50);
  let most = 0;
  for (let at = 0; at < 400; at += 1) {
    const file = lane.files.file(join(folder, `${at % 130}.log`), target('x', folder));
    assert.ok(lane.append(file, line(`${at}`)));
    lane.files.flush((nowMs += 1));
    const open = openBelow(folder);
    most = Math.max(most, open);
    assert.equal(lane.files.openCount, open);
  }
  assert.ok(most <= 50 && most > 40, `${most} were open`);
  assert.ok(lane.told.evicted > 0);
  assert.deepEqual(linesIn(join(folder, '7.log')), [line('7'), line('137'), line('267'), line('397')]);
  lane.files.reopen();
  assert.equal(openBelow(folder), 0);
  assert.equal(lane.files.openCount, 0);
});

test('the limit counts for all lanes together', (t) => {
  const folder = useFolder(t);
  const openTotal = new SharedArrayBuffer(4);
  const lanes = [1, 2].map((owner) => new FileLane(40, { openTotal, owner }));
  t.after(() => lanes.forEach((lane) => lane.files.reopen()));
  for (let at = 0; at < 200; at += 1) {
    const lane = lanes[at % 2] as FileLane;
    lane.append(lane.files.file(join(folder, `${at}.log`), target('x', folder)), line(`${at}`));
    lane.files.flush((nowMs += 1));
    assert.ok(openBelow(folder) <= 40);
  }
});

test('directories are made on the way, with modes as asked, whatever the umask', (t) => {
  const { lane, folder } = useLane(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const wanted = target('x', folder, { mode: 0o644, directoryMode: 0o751 });
  const path = join(folder, 'a', 'b', 'c.log');
  lane.append(lane.files.file(path, wanted), line('x'));
  process.umask(0);
  const loose = join(folder, 'loose', 'd.log');
  lane.append(lane.files.file(loose, target('x', folder, { mode: 0o600, directoryMode: 0o700 })), line('y'));
  process.umask(0o077);
  lane.files.flush(later());
  const modeOf = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8);
  assert.equal(modeOf('a/b/c.log'), '644');
  assert.equal(modeOf('loose/d.log'), '600');
  assert.equal(modeOf('loose'), '700');
  assert.equal(modeOf('a/b'), '751');
  assert.equal(modeOf('a'), '751');
});

test('a file that is there already keeps its mode', (t) => {
  const { lane, folder } = useLane(t);
  const path = join(folder, 'a.log');
  writeFileSync(path, 'before\n');
  chmodSync(path, 0o604);
  lane.append(lane.files.file(path, target('x', folder)), line('x'));
  lane.files.flush(later());
  assert.equal(statSync(path).mode & 0o777, 0o604);
  assert.deepEqual(linesIn(path), ['before', line('x')]);
});

test('new files and directories are given to their owner', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give files away');
  const { lane, folder } = useLane(t);
  const path = join(folder, 'dir', 'a.log');
  lane.append(lane.files.file(path, target('x', folder, { uid: 65_534, gid: 4 })), line('x'));
  lane.files.flush(later());
  for (const name of [path, join(folder, 'dir')]) {
    const { uid, gid } = statSync(name);
    assert.deepEqual([uid, gid], [65_534, 4], name);
  }
  assert.equal(statSync(folder).uid, 0);
});

test('what was moved away is written on until it is told to reopen', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  lane.append(file, line('1'));
  lane.files.flush(later());
  renameSync(file.path, `${file.path}.1`);
  lane.append(file, line('2'));
  lane.files.flush(later());
  lane.files.reopen();
  lane.append(file, line('3'));
  lane.files.flush(later());
  assert.deepEqual(linesIn(`${file.path}.1`), [line('1'), line('2')]);
  assert.deepEqual(linesIn(file.path), [line('3')]);
});

test('a file that was deleted, or replaced by another, is found again by itself', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  lane.append(file, line('1'));
  lane.files.flush(later());
  rmSync(file.path);
  lane.append(file, line('2'));
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), [line('2')]);
  writeFileSync(join(folder, 'other'), 'other\n');
  renameSync(join(folder, 'other'), file.path);
  lane.append(file, line('3'));
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), ['other', line('3')]);
  rmSync(folder, { recursive: true });
  lane.append(file, line('4'));
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), [line('4')]);
});

test('a directory in its place is trouble; when it is gone, every line that was kept is there', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  mkdirSync(file.path);
  assert.ok(lane.append(file, line('1')));
  lane.files.flush(later());
  assert.deepEqual(lane.told.troubles, [`${file.path} not_a_file EISDIR`]);
  assert.equal(lane.files.troubledCount, 1);
  let taken = 1;
  while (lane.append(file, line(`${taken + 1}`))) taken += 1;
  assert.ok(taken > 10 && taken < 1000, `${taken} lines were taken while in trouble`);
  lane.files.flush(later());
  assert.equal(lane.told.troubles.length, 1, 'told once');
  rmSync(file.path, { recursive: true });
  lane.files.flush(later());
  assert.deepEqual(lane.told.recovered, [file.path]);
  assert.equal(lane.files.troubledCount, 0);
  assert.deepEqual(
    linesIn(file.path),
    Array.from({ length: taken }, (_, at) => line(`${at + 1}`)),
  );
});

test('a file in trouble keeps a bounded part of what comes, however large its piece is', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  mkdirSync(file.path);
  for (let at = 0; at < 100; at += 1) assert.ok(lane.append(file, line('x'.repeat(100))));
  lane.files.flush(later());
  assert.equal(lane.files.troubledCount, 1);
  assert.ok(file.bufferSize > 200_000, 'it has a large piece');
  let taken = 0;
  while (lane.append(file, line('y'.repeat(100))) && taken < 100_000) taken += 1;
  assert.ok(file.fill >= 60_000 && file.fill < 70_000, `${file.fill} bytes are kept`);
});

test('trouble of one file is none of another', (t) => {
  const { lane, folder } = useLane(t);
  const bad = lane.files.file(join(folder, 'bad.log'), target('x', folder));
  const good = lane.files.file(join(folder, 'good.log'), target('x', folder));
  mkdirSync(bad.path);
  for (let at = 0; at < 500; at += 1) {
    lane.append(bad, line(`${at}`));
    assert.ok(lane.append(good, line(`${at}`)));
    if (at % 100 === 0) lane.files.flush(later());
  }
  lane.files.flush(later());
  assert.equal(linesIn(good.path).length, 500);
});

test('a file in trouble is left alone for a moment, and no longer when the clock is set back', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  mkdirSync(file.path);
  lane.append(file, line('1'));
  lane.files.flush(later());
  rmSync(file.path, { recursive: true });
  lane.files.flush(nowMs + 100);
  assert.equal(existsSync(file.path), false);
  lane.files.flush(nowMs - 3_600_000);
  assert.deepEqual(linesIn(file.path), [line('1')]);
});

test('when the trouble becomes another one, that is told', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'sub', 'a.log'), target('x', folder));
  writeFileSync(join(folder, 'sub'), 'no directory');
  lane.append(file, line('1'));
  lane.files.flush(later());
  rmSync(join(folder, 'sub'));
  symlinkSync('/dev/full', join(folder, 'full'));
  mkdirSync(join(folder, 'sub'));
  symlinkSync('/dev/full', file.path);
  lane.files.flush(later());
  assert.deepEqual(lane.told.troubles, [`${file.path} not_a_file ENOTDIR`, `${file.path} disk_full ENOSPC`]);
  assert.equal(lane.files.troubledCount, 1);
});

test('a file that another process left within a line gets an end first', (t) => {
  const { lane, folder } = useLane(t);
  const path = join(folder, 'a.log');
  writeFileSync(path, 'whole\ntorn');
  const file = lane.files.file(path, target('x', folder));
  lane.append(file, line('1'));
  lane.files.flush(later());
  assert.deepEqual(linesIn(path), ['whole', 'torn', line('1')]);
});

test('a FIFO without a reader stops nobody', (t) => {
  const { lane, folder } = useLane(t);
  const path = join(folder, 'pipe');
  if (spawnSync('mkfifo', [path]).status !== 0) return t.skip('mkfifo is not there');
  const file = lane.files.file(path, target('x', folder));
  const startedAt = performance.now();
  lane.append(file, line('1'));
  lane.files.flush(later());
  assert.ok(performance.now() - startedAt < 2000);
  assert.deepEqual(lane.told.troubles, [`${path} not_a_file ENXIO`]);
});

test('what has no disk behind it can be synced', (t) => {
  const { lane, folder } = useLane(t);
  for (const sync of ['ack', '1s'] as const) {
    const path = join(folder, `null-${sync}`);
    symlinkSync('/dev/null', path);
    lane.append(lane.files.file(path, target('x', folder, { sync })), line('1'));
    lane.files.flush(later());
    lane.files.reopen();
  }
  assert.deepEqual(lane.told.troubles, []);
});

test('files that were written and are to be on the disk within a second are told once', (t) => {
  const { lane, folder } = useLane(t);
  const slow = lane.files.file(join(folder, 'slow.log'), target('x', folder, { sync: '1s' }));
  const plain = lane.files.file(join(folder, 'plain.log'), target('x', folder));
  for (const file of [slow, plain]) lane.append(file, line('1'));
  lane.files.flush(later());
  assert.deepEqual(lane.files.takeUnsynced(), [slow.path]);
  assert.deepEqual(lane.files.takeUnsynced(), []);
});

test('a file that has grown is told once, until it is opened anew', (t) => {
  const { lane, folder } = useLane(t);
  const rotate = { sizeBytes: 1000, keep: 3, compress: false };
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder, { rotate }));
  for (let at = 0; at < 100; at += 1) {
    lane.append(file, line(`${at}`));
    lane.files.flush(later());
  }
  assert.deepEqual(lane.told.grown, [{ path: file.path, rotate }]);
  renameSync(file.path, `${file.path}.1`);
  lane.files.reopen(file.path);
  for (let at = 0; at < 100; at += 1) {
    lane.append(file, line(`${at}`));
    lane.files.flush(later());
  }
  assert.equal(lane.told.grown.length, 2);
});

test('a file that is idle for long is closed, and forgotten when nobody refers to it', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  lane.append(file, line('1'));
  lane.files.flush(later());
  lane.files.closeIdle((nowMs += 1000));
  assert.equal(openBelow(folder), 1);
  lane.files.closeIdle((nowMs += 120_000));
  assert.equal(openBelow(folder), 0);
  assert.equal(lane.files.knownCount, 1);
  lane.files.forgetIdle();
  assert.equal(lane.files.knownCount, 0);
});

test('what could not be written by the end is told in bytes', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  mkdirSync(file.path);
  lane.append(file, line('1'));
  lane.append(file, line('22'));
  lane.files.stop(later());
  assert.equal(lane.files.unwrittenBytes(), line('1').length + line('22').length + 2);
  assert.equal(openBelow(folder), 0);
});

test('another writer may append between our lines', (t) => {
  const { lane, folder } = useLane(t);
  const file = lane.files.file(join(folder, 'a.log'), target('x', folder));
  lane.append(file, line('1'));
  lane.files.flush(later());
  appendFileSync(file.path, 'theirs\n');
  lane.append(file, line('2'));
  lane.files.flush(later());
  assert.deepEqual(linesIn(file.path), [line('1'), 'theirs', line('2')]);
});
