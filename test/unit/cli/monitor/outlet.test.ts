// Output that never waits: a pipe whose reader is slow, stops, or goes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { codeOf } from '../../../../base/fault.ts';
import { LineOutlet } from '../../../../cli/monitor/line-outlet.ts';
import { Outlet } from '../../../../cli/monitor/outlet.ts';
import { waitUntil } from '../../../system/programs.ts';

interface Pipe {
  readonly path: string;
  read(): string;
  close(): void;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'belfry-outlet-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function usePipe(t: TestContext): Pipe {
  const path = join(folder(t), 'pipe');
  execFileSync('mkfifo', [path]);
  let fd: number | undefined = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const close = () => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  t.after(close);
  const bytes = Buffer.alloc(1 << 20);
  return {
    path,
    close,
    read: () => {
      try {
        return bytes.toString('latin1', 0, readSync(fd ?? -1, bytes));
      } catch (error) {
        if (codeOf(error) === 'EAGAIN') return '';
        throw error;
      }
    },
  };
}

const nobody = (code: string) => assert.fail(`gone: ${code}`);
const pause = () => new Promise((done) => setTimeout(done, 5));

async function readAll(pipe: Pipe, isDone: (text: string) => boolean): Promise<string> {
  let text = '';
  for (let i = 0; i < 2000 && !isDone(text); i++) {
    text += pipe.read();
    await pause();
  }
  return text;
}

test('a line is there at once', async (t) => {
  const pipe = usePipe(t);
  const lines = new LineOutlet(nobody, String, pipe.path);
  assert.equal(lines.line('one'), true);
  assert.equal(pipe.read(), 'one\n');
  await lines.stop(100);
});

test('a reader that stops costs lines, which are counted and told where they are missing', async (t) => {
  const pipe = usePipe(t);
  const lines = new LineOutlet(nobody, (lost) => `LOST ${lost}`, pipe.path);
  let taken = 0;
  const text = 'x'.repeat(999);
  for (let i = 0; i < 6000; i++) taken += lines.line(text) ? 1 : 0;
  // A pipe has 64 KiB, ours is 4 MiB.
  assert.ok(taken > 4000 && taken < 4400, String(taken));
  const before = await readAll(pipe, (read) => read.length === taken * 1000);
  assert.equal(before.length, taken * 1000);
  assert.equal(lines.line('after'), true);
  assert.equal(await readAll(pipe, (read) => read.endsWith('after\n')), `LOST ${6000 - taken}\nafter\n`);
  await lines.stop(100);
});

test('what was taken gives its room back', async (t) => {
  const pipe = usePipe(t);
  const lines = new LineOutlet(nobody, (lost) => `LOST ${lost}`, pipe.path);
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 2500; i++) assert.equal(lines.line('w'.repeat(999)), true, `round ${round}`);
    assert.equal((await readAll(pipe, (read) => read.length === 2_500_000)).length, 2_500_000);
  }
  await lines.stop(100);
});

test('stop waits for a reader, and not for ever', async (t) => {
  const pipe = usePipe(t);
  const lines = new LineOutlet(nobody, String, pipe.path);
  for (let i = 0; i < 200; i++) lines.line('y'.repeat(999));
  const stopped = lines.stop(60_000);
  const text = await readAll(pipe, (read) => read.length === 200_000);
  await stopped;
  assert.equal(text.length, 200_000);
  const stuck = usePipe(t);
  const others = new LineOutlet(nobody, String, stuck.path);
  for (let i = 0; i < 200; i++) others.line('y'.repeat(999));
  await others.stop(20);
});

test('a reader that goes is told once, and nothing is kept for it', async (t) => {
  const pipe = usePipe(t);
  const codes: string[] = [];
  const lines = new LineOutlet((code) => codes.push(code), String, pipe.path);
  pipe.close();
  for (let i = 0; i < 10; i++) lines.line('z');
  assert.deepEqual([codes, lines.isGone, lines.line('z')], [['EPIPE'], true, false]);
  await lines.stop(1000);
});

test('a reader that goes is noticed also when nothing is written', async (t) => {
  const pipe = usePipe(t);
  const codes: string[] = [];
  const lines = new LineOutlet((code) => codes.push(code), String, pipe.path);
  lines.line('one');
  await pause();
  assert.deepEqual(codes, []);
  pipe.close();
  await waitUntil('it is noticed', () => codes.length > 0);
  assert.deepEqual(codes, ['EPIPE']);
  await lines.stop(100);
});

test('a frame is dropped while the one before is under way; the last words come whole', async (t) => {
  const pipe = usePipe(t);
  const outlet = new Outlet(nobody, pipe.path);
  outlet.write('a'.repeat(200_000));
  assert.equal(outlet.isFree, false);
  // Nobody reads: given up in time.
  outlet.writeLast('b', 30);
  const text = await readAll(pipe, (read) => read.length >= 65_536);
  assert.match(text, /^a+$/);
  assert.equal(outlet.isFree, true);
  outlet.writeLast('end', 1000);
  assert.equal(pipe.read(), 'end');
  outlet.close();
  outlet.close();
});

test('a file keeps what it has; a full disk is a reason', async (t) => {
  const path = join(folder(t), 'file');
  writeFileSync(path, 'before\n');
  const lines = new LineOutlet(nobody, String, path);
  lines.line('after');
  await lines.stop(100);
  assert.equal(readFileSync(path, 'utf8'), 'before\nafter\n');
  const codes: string[] = [];
  new LineOutlet((code) => codes.push(code), String, '/dev/full').line('x');
  assert.deepEqual(codes, ['ENOSPC']);
});
