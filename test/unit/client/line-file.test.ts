// A file of lines on a real disk: moved away, removed, full, begun by a run that was killed.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LineFile } from '../../../client/monitor/line-file.ts';
import { makeFolder, waitUntil } from '../../system/programs.ts';
import { NO_DISK, readText, useDisk } from '../../system/world.ts';

interface World {
  readonly path: string;
  readonly file: LineFile;
  readonly said: string[];
}

function make(t: TestContext, folder?: string, waitingBytesMax?: number): World {
  const own = makeFolder('lines');
  const path = join(folder ?? own.path, 'deep', 'a'.repeat(120), 'traffic.log');
  const said: string[] = [];
  const file = new LineFile({
    path,
    mode: 0o640,
    warn: (kind, sentence) => said.push(`${kind}: ${sentence}`),
    gap: (lines) => `GAP ${lines}`,
    reopened: (why) => `REOPENED ${why}`,
    ...(waitingBytesMax === undefined ? {} : { waitingBytesMax }),
  });
  t.after(async () => {
    await file.stop();
    own.remove();
  });
  return { path, file, said };
}

const holds = (path: string, text: string) =>
  waitUntil(`${path} holds ${text}`, () => readText(path) === text);

test('lines come by themselves, in a directory of their own, however long its name', async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const { path, file } = make(t);
  await file.start();
  file.write('one');
  file.write('zwei ü');
  await holds(path, 'one\nzwei ü\n');
  assert.equal(statSync(path).mode & 0o777, 0o640);
  file.write('three');
  await file.stop();
  assert.equal(readText(path), 'one\nzwei ü\nthree\n');
  assert.deepEqual(file.status(), { path, lines: 3, bytes: 18, lost: 0, trouble: null });
});

test('a file that was moved away is made anew, and the old one keeps what it has', async (t) => {
  const { path, file } = make(t);
  await file.start();
  file.write('one');
  await holds(path, 'one\n');
  renameSync(path, `${path}.1`);
  await holds(path, 'REOPENED moved\n');
  file.write('two');
  await holds(path, 'REOPENED moved\ntwo\n');
  assert.equal(readText(`${path}.1`), 'one\n');
  rmSync(path);
  await holds(path, 'REOPENED moved\n');
});

test('a file that somebody else put in its place is written from then on', async (t) => {
  const { path, file } = make(t);
  await file.start();
  file.write('one');
  await holds(path, 'one\n');
  writeFileSync(`${path}.new`, 'theirs\n');
  renameSync(`${path}.new`, path);
  await holds(path, 'theirs\nREOPENED moved\n');
});

test('at SIGHUP what waits goes into the old file', async (t) => {
  const { path, file } = make(t);
  await file.start();
  file.write('old');
  renameSync(path, `${path}.1`);
  await file.reopen();
  file.write('new');
  await holds(path, 'REOPENED signal\nnew\n');
  assert.equal(readText(`${path}.1`), 'old\n');
});

test('half a line that a killed run left ends before ours begins', async (t) => {
  const { path, file } = make(t);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, 'one\nhalf a li');
  await file.start();
  file.write('two');
  await holds(path, 'one\nhalf a li\ntwo\n');
});

test('what cannot be opened is said, tried again, and written when it can be', async (t) => {
  const { path, file, said } = make(t);
  mkdirSync(path, { recursive: true });
  await file.start();
  file.write('one');
  assert.match(file.status().trouble ?? '', /EISDIR/);
  assert.match(said[0] ?? '', /cannot be written: .*tried again/);
  rmSync(path, { recursive: true });
  await holds(path, 'one\n');
  assert.equal(file.status().trouble, null);
});

test('more than may wait is lost, counted, and told in its place', async (t) => {
  const { path, file, said } = make(t, undefined, 30);
  mkdirSync(path, { recursive: true });
  await file.start();
  for (let i = 0; i < 10; i += 1) file.write(`line ${i}`);
  assert.equal(file.status().lost, 6);
  assert.ok(said.some((one) => one.startsWith('lost: ')));
  rmSync(path, { recursive: true });
  await holds(path, 'line 0\nline 1\nline 2\nline 3\nGAP 6\n');
});

test('a full disk tears no line and loses none that has room in memory', { skip: NO_DISK }, async (t) => {
  const disk = useDisk(t, 256);
  const { path, file } = make(t, disk.path);
  await file.start();
  file.write('first');
  await holds(path, 'first\n');
  disk.fill();
  const long = 'x'.repeat(3000);
  for (let i = 0; i < 20; i += 1) file.write(`${i} ${long}`);
  await waitUntil('it is said', () => /full/.test(file.status().trouble ?? ''));
  rmSync(join(disk.path, 'ballast'));
  await waitUntil('all is there', () => readText(path).split('\n').length === 22);
  // The last bytes can be seen before the write that brought them returns.
  await waitUntil('it is over', () => file.status().trouble === null);
  const lines = readFileSync(path, 'utf8').split('\n').slice(1, -1);
  assert.deepEqual(
    lines.map((line) => [Number(line.split(' ')[0]), line.length]),
    Array.from({ length: 20 }, (_, i) => [i, String(i).length + 3001]),
  );
  assert.equal(file.status().lost, 0);
  // The mount goes before the file does.
  await file.stop();
});

test('a stop that cannot write says what is lost', async (t) => {
  const { path, file, said } = make(t);
  mkdirSync(path, { recursive: true });
  await file.start();
  file.write('one');
  await file.stop();
  assert.equal(file.status().lost, 1);
  assert.ok(said.some((one) => one.startsWith('left: 1 lines')));
});
