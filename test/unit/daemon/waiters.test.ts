// Who waits for a line of a file is told once: that it is written, that it is synced where the file wants that,
// or that nobody can say so. The disk is the real one, but for the calls that a test spoils.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FileTarget } from '../../../config/server.ts';
import type { LogFile } from '../../../daemon/files/log-file.ts';
import { SeveralFiles, type Waiter, Waiters } from '../../../daemon/files/waiters.ts';
import { FileLane, line, linesIn } from './lane-parts.ts';
import { target, useFolder } from './samples.ts';

/** Writes down what it is told: `4` is written, `-4` is lost. */
class Witness implements Waiter {
  readonly told: number[] = [];

  written(number: number): void {
    this.told.push(number);
  }

  lost(number: number): void {
    this.told.push(-number);
  }
}

let nowMs = Date.now();

class World {
  readonly lane = new FileLane();
  readonly who = new Witness();
  readonly file: LogFile;
  #number = 0;

  constructor(t: TestContext, changes: Partial<FileTarget> = {}, name = 'a.log') {
    const folder = useFolder(t);
    this.file = this.lane.files.file(join(folder, name), target(name, folder, changes));
    t.after(() => this.lane.files.reopen());
  }

  /** Appends so many lines, each with somebody who waits for it. */
  append(count: number, padding = 0): void {
    for (let i = 0; i < count; i += 1) {
      this.#number += 1;
      assert.ok(this.lane.append(this.file, line(`n ${this.#number}${'.'.repeat(padding)}`)));
      this.file.tellWhenSafe(this.#number, this.who);
    }
  }

  flush(): void {
    nowMs += 2000;
    this.lane.files.flush(nowMs);
  }
}

type Spoiled = 'writeSync' | 'fdatasyncSync';

/** Replaces a call for the rest of the test, or until `mend`. */
function spoil(t: TestContext, name: Spoiled, how: (real: never, ...args: never[]) => unknown): () => void {
  const calls = fs as unknown as Record<Spoiled, unknown>;
  const real = calls[name];
  const mend = () => {
    calls[name] = real;
    syncBuiltinESMExports();
  };
  calls[name] = (...args: never[]) => how(real as never, ...args);
  syncBuiltinESMExports();
  t.after(mend);
  return mend;
}

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}

const counting = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('told when the line is written, in order, and not before', (t) => {
  const world = new World(t);
  world.append(3);
  assert.deepEqual(world.who.told, []);
  assert.equal(world.file.waitingCount, 3);
  world.flush();
  assert.deepEqual(world.who.told, [1, 2, 3]);
  world.append(1);
  assert.deepEqual(world.who.told, [1, 2, 3]);
  world.flush();
  assert.deepEqual(world.who.told, [1, 2, 3, 4]);
  assert.equal(world.file.waitingCount, 0);
});

test('a full buffer is written in between, and only its lines are told', (t) => {
  const world = new World(t);
  world.append(3000);
  const { told } = world.who;
  assert.ok(told.length > 500 && told.length < 3000, `${told.length} are told`);
  assert.equal(linesIn(world.file.path).length, told.length);
  world.flush();
  assert.deepEqual(told, counting(1, 3000));
});

test('a disk that fills up within a line: whole lines are told, the torn one when it is whole', (t) => {
  const world = new World(t);
  world.append(10);
  const bytes = line('n 1').length + 1;
  let calls = 0;
  const mend = spoil(t, 'writeSync', (real: typeof fs.writeSync, ...args: unknown[]) => {
    const [fd, from, at] = args as [number, Buffer, number];
    return calls++ > 0 ? fail('ENOSPC') : real(fd, from, at, bytes * 4 + 7);
  });
  world.flush();
  mend();
  assert.equal(world.file.trouble, 'disk_full');
  assert.deepEqual(world.who.told, [1, 2, 3, 4]);
  assert.equal(world.lane.files.troubledCount, 1);
  world.append(2);
  world.flush();
  assert.deepEqual(world.who.told, counting(1, 12));
  assert.equal(linesIn(world.file.path).length, 12);
  assert.equal(world.lane.files.troubledCount, 0);
});

test('a torn line whose file is closed is told when it stands in the next', (t) => {
  const world = new World(t);
  world.append(3);
  const bytes = line('n 1').length + 1;
  let calls = 0;
  const mend = spoil(t, 'writeSync', (real: typeof fs.writeSync, ...args: unknown[]) => {
    const [fd, from, at] = args as [number, Buffer, number];
    return calls++ > 0 ? fail('ENOSPC') : real(fd, from, at, bytes + 5);
  });
  world.flush();
  mend();
  world.lane.files.reopen();
  assert.deepEqual(world.who.told, [1]);
  world.flush();
  assert.deepEqual(world.who.told, [1, 2, 3]);
  assert.equal(linesIn(world.file.path).length, 3);
});

test('sync "ack": told behind an fdatasync, and one serves many writes', (t) => {
  const world = new World(t, { sync: 'ack' });
  let syncs = 0;
  spoil(t, 'fdatasyncSync', (real: typeof fs.fdatasyncSync, fd: number) => {
    assert.equal(world.who.told.length, 0);
    syncs += 1;
    real(fd);
  });
  world.append(5000);
  assert.ok(world.lane.told.writes >= 2, `${world.lane.told.writes} writes`);
  assert.deepEqual([world.who.told.length, syncs], [0, 0]);
  world.flush();
  assert.deepEqual([world.who.told.length, syncs], [5000, 1]);
  world.flush();
  assert.equal(syncs, 1);
});

test('sync "ack": a close makes safe what it closes', (t) => {
  const world = new World(t, { sync: 'ack' });
  world.append(3000);
  const { length } = linesIn(world.file.path);
  world.lane.files.reopen();
  assert.deepEqual(world.who.told, counting(1, length));
});

for (const [how, act] of [
  ['at a flush', (world: World) => world.flush()],
  ['at a close', (world: World) => world.lane.files.reopen()],
] as const) {
  test(`an fdatasync that fails ${how}: what was written is lost to who waits, and never called safe`, (t) => {
    const world = new World(t, { sync: 'ack' });
    world.append(3000);
    const written = how === 'at a flush' ? 3000 : linesIn(world.file.path).length;
    const mend = spoil(t, 'fdatasyncSync', () => fail('EIO'));
    act(world);
    mend();
    assert.deepEqual(
      world.who.told,
      counting(1, written).map((number) => -number),
    );
    assert.deepEqual([world.file.trouble, world.lane.files.troubledCount], ['io_error', 1]);
    assert.equal(world.lane.told.troubles.length, 1);
    // The kernel says it once: a later one that is good proves nothing of what was before.
    world.append(1);
    world.flush();
    assert.deepEqual(world.who.told.slice(written), counting(written + 1, 3001));
    assert.deepEqual([world.file.trouble, world.lane.files.troubledCount], [undefined, 0]);
    assert.equal(world.lane.told.recovered.length, 1);
  });
}

test('a disk that goes on failing is not called well by a write that it takes', (t) => {
  const world = new World(t, { sync: 'ack' });
  spoil(t, 'fdatasyncSync', () => fail('EIO'));
  world.append(1);
  world.flush();
  world.append(1);
  world.flush();
  assert.deepEqual(world.who.told, [-1, -2]);
  assert.deepEqual([world.lane.told.troubles.length, world.lane.told.recovered.length], [1, 0]);
});

test('a line that was lost before anybody asked for it is lost to who asks', (t) => {
  const world = new World(t, { sync: 'ack' });
  world.append(2);
  assert.ok(world.lane.append(world.file, line('asked for too late')));
  const mend = spoil(t, 'fdatasyncSync', () => fail('EIO'));
  world.flush();
  mend();
  world.file.tellWhenSafe(99, world.who);
  assert.deepEqual(world.who.told, [-1, -2, -99]);
});

test('a file that is replaced while it fails its last fdatasync counts as troubled once', (t) => {
  const world = new World(t, { sync: 'ack' });
  world.append(3000);
  fs.renameSync(world.file.path, `${world.file.path}.1`);
  fs.writeFileSync(world.file.path, '');
  let calls = 0;
  const mend = spoil(t, 'fdatasyncSync', (real: typeof fs.fdatasyncSync, fd: number) => {
    if (calls++ === 0) fail('EIO');
    real(fd);
  });
  world.flush();
  mend();
  assert.equal(world.lane.files.troubledCount, 0);
  const [lost, written] = [world.who.told.filter((one) => one < 0), world.who.told.filter((one) => one > 0)];
  assert.equal(lost.length, linesIn(`${world.file.path}.1`).length);
  assert.equal(written.length, linesIn(world.file.path).length);
  assert.equal(lost.length + written.length, 3000);
});

test('of several files the last tells, and a loss in one is a loss', () => {
  const who = new Witness();
  const several = new SeveralFiles(who, 3);
  several.written(7);
  several.written(7);
  assert.deepEqual(who.told, []);
  several.written(7);
  assert.deepEqual(who.told, [7]);
  const lossy = new SeveralFiles(who, 3);
  lossy.written(8);
  lossy.lost(8);
  lossy.written(8);
  lossy.lost(8);
  assert.deepEqual(who.told, [7, -8]);
});

test('a ring that grows and empties keeps its order', () => {
  const waiters = new Waiters();
  const who = new Witness();
  let [next, safe] = [1, 0];
  for (let round = 0; round < 400; round += 1) {
    for (let i = 0; i < (round * 7) % 300; i += 1) {
      waiters.add(next * 10, next, who);
      next += 1;
    }
    safe += (round * 11) % 300;
    const through = round % 90 === 89 ? next : Math.min(safe, next - 1);
    waiters.written(through * 10 + 9);
    safe = Math.max(safe, 0);
  }
  waiters.written(next * 10);
  assert.deepEqual(who.told, counting(1, next - 1));
  assert.equal(waiters.count, 0);
});
