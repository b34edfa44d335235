// Checkpoints: whole or not at all, whoever is killed; foreign files stay; a folder in other hands is refused. And
// marks: what is safe, in order.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Fault } from '../../../base/fault.ts';
import { checkpointName, openCheckpoints } from '../../../client/checkpoints.ts';
import { Marks } from '../../../client/marks.ts';
import { waitUntil } from '../../system/programs.ts';
import { TestLog } from './use-files.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-checkpoints-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'checkpoints');
}

function open(directory: string, log = new TestLog(), now = () => 0) {
  return openCheckpoints(directory, '1s', { log, now });
}

test('what was saved is there after a restart; another input has its own', (t) => {
  const directory = folderOf(t);
  const one = open(directory);
  assert.deepEqual(one.of('nginx').load(), { state: 'fresh' });
  assert.ok(one.of('nginx').save({ at: [1, 2] }));
  assert.ok(one.of('a/b "ü" ..').save('x'));
  const two = open(directory);
  assert.deepEqual(two.of('nginx').load(), { state: 'good', position: { at: [1, 2] } });
  assert.deepEqual(two.of('a/b "ü" ..').load(), { state: 'good', position: 'x' });
  assert.deepEqual(two.inputs().toSorted(), ['a/b "ü" ..', 'nginx']);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, 'nginx.json')).mode & 0o777, 0o600);
});

test('names of inputs are names of files, each its own', () => {
  const names = ['a', 'A', 'a b', 'a%20b', 'a/b', '..', 'ü', 'a.json'];
  const files = names.map(checkpointName);
  assert.equal(new Set(files).size, names.length);
  for (const file of files) assert.match(file, /^[\w%-]+\.json$/);
});

test('a save is due each second', (t) => {
  let nowMs = 5_000_000;
  const checkpoint = open(folderOf(t), new TestLog(), () => nowMs).of('a');
  assert.ok(checkpoint.isDue());
  checkpoint.save(1);
  nowMs += 900;
  assert.ok(!checkpoint.isDue());
  nowMs += 100;
  assert.ok(checkpoint.isDue());
});

test('files of others stay, as they are; what a killed process left is replaced', (t) => {
  const directory = folderOf(t);
  mkdirSync(directory, { mode: 0o700 });
  const foreign = ['notes.txt', 'x.json.bak', 'UPPER case.json', 'a.json.new'];
  for (const name of foreign) writeFileSync(join(directory, name), name);
  const checkpoints = open(directory);
  assert.deepEqual(checkpoints.inputs(), []);
  assert.ok(checkpoints.of('a').save(1));
  for (const name of foreign.slice(0, 3)) assert.equal(readFileSync(join(directory, name), 'utf8'), name);
  assert.ok(!existsSync(join(directory, 'a.json.new')));
});

test('one that is damaged is kept beside, and said', (t) => {
  const directory = folderOf(t);
  const log = new TestLog();
  const checkpoint = open(directory, log).of('a');
  checkpoint.save(1);
  writeFileSync(join(directory, 'a.json'), '{"belfry": 1, "inp');
  assert.equal(open(directory, log).of('a').load().state, 'lost');
  assert.match(log.warnings.join(), /damaged.*nothing is skipped.*may arrive twice.*a\.json\.damaged/);
  assert.deepEqual(readdirSync(directory), ['a.json.damaged']);
});

test('a link in the place of the new file is not followed', (t) => {
  const directory = folderOf(t);
  const checkpoint = open(directory).of('a');
  const target = join(directory, '..', 'target');
  writeFileSync(target, 'untouched');
  symlinkSync(target, join(directory, 'a.json.new'));
  assert.ok(checkpoint.save(1));
  assert.equal(readFileSync(target, 'utf8'), 'untouched');
});

test('a disk that refuses: said, and tried again', (t) => {
  const directory = folderOf(t);
  const log = new TestLog();
  const checkpoint = open(directory, log).of('a');
  rmSync(directory, { recursive: true });
  assert.equal(checkpoint.save(1), false);
  assert.match(log.warnings.join(), /cannot be saved \(ENOENT\)/);
  mkdirSync(directory, { mode: 0o700 });
  assert.ok(checkpoint.save(1));
});

test('a folder in other hands is refused', (t) => {
  const directory = folderOf(t);
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  assert.throws(
    () => open(directory),
    (error) => error instanceof Fault && error.code === 'SPOOL_UNSAFE',
  );
  rmSync(directory, { recursive: true });
  symlinkSync(tmpdir(), directory);
  assert.throws(
    () => open(directory),
    (error) => error instanceof Fault && error.code === 'SPOOL_UNSAFE',
  );
});

test('a process that is killed while it saves leaves a whole one', async (t) => {
  const directory = folderOf(t);
  const url = pathToFileURL(join(import.meta.dirname, '../../../client/checkpoints.js')).href;
  const program = `
    const { openCheckpoints } = await import(${JSON.stringify(url)});
    const log = { warn: console.error };
    const checkpoint = openCheckpoints(${JSON.stringify(directory)}, 'none', { log, now: Date.now }).of('a');
    for (let i = 0; ; i += 1) checkpoint.save({ i, filler: 'x'.repeat(i % 5000) });
  `;
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    const gone = once(child, 'exit');
    const before = existsSync(join(directory, 'a.json')) ? statSync(join(directory, 'a.json')).ino : 0;
    await waitUntil('it saves', () => {
      return existsSync(join(directory, 'a.json')) && statSync(join(directory, 'a.json')).ino !== before;
    });
    child.kill('SIGKILL');
    await gone;
    const loaded = open(directory).of('a').load();
    assert.equal(loaded.state, 'good');
  }
});

test('marks pass in order, as far as it is safe', () => {
  const marks = new Marks<string>();
  const passed: string[] = [];
  const pass = (safe: number) => marks.pass(safe, (position) => passed.push(position));
  marks.add(10, 'a');
  marks.add(10, 'b');
  marks.add(25, 'c');
  pass(9);
  assert.deepEqual([passed, marks.waiting], [[], 3]);
  pass(24);
  assert.deepEqual([passed, marks.waiting], [['a', 'b'], 1]);
  marks.add(30, 'd');
  pass(1000);
  assert.deepEqual([passed, marks.waiting], [['a', 'b', 'c', 'd'], 0]);
  for (let i = 0; i < 1000; i += 1) marks.add(i + 1000, String(i));
  pass(1500);
  assert.equal(marks.waiting, 499);
});
