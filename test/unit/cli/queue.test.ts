// `belfry queue`: what stands in a queue on disk, whether it is whole, and its messages; beside a spool that is
// open, and without changing a byte of it.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { queueCommand } from '../../../cli/commands/queue.ts';
import type { SpoolReport } from '../../../delivery/spool/inspect.ts';
import type { Spool } from '../../../delivery/spool/spool.ts';
import { batchOf, lines, readOn, World } from '../delivery/use-spool.ts';
import { runCommand } from './run-command.ts';

function useQueue(t: TestContext, destinations = ['fwdRule1']): { world: World; spool: Spool } {
  const world = new World(t);
  const spool = world.open({ destinations });
  t.after(() => spool.stop(world.nowMs + 1));
  return { world, spool };
}

const reportOf = async (directory: string, ...flags: string[]) => {
  const { stdout, code } = await runCommand(queueCommand, [directory, '--json', ...flags]);
  return { report: JSON.parse(stdout) as SpoolReport, code };
};

/** Everything below the directory, byte for byte. */
function snapshot(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory).map((name) => {
      const path = join(directory, name);
      return [name, `${statSync(path).mtimeMs} ${readFileSync(path).toString('latin1')}`];
    }),
  );
}

test('an open queue is shown, and nothing in it changes', async (t) => {
  const { world, spool } = useQueue(t);
  spool.append(batchOf(lines(1, 500)));
  const reader = spool.reader('fwdRule1');
  readOn(reader, 100);
  reader.acknowledge(100);
  const before = snapshot(world.directory);
  const { stdout, code } = await runCommand(queueCommand, [world.directory]);
  assert.equal(code, 0);
  assert.match(stdout, /\n500 records in \d+ segments \(\d.* KiB\), the last is number 500\. Counted by/);
  assert.match(stdout, /\nfwdRule1: 400 messages waiting; delivered up to number 100\.\n/);
  assert.doesNotMatch(stdout, /Not a part|missing|damaged/);
  const verified = await runCommand(queueCommand, [world.directory, '--verify']);
  assert.equal(verified.code, 0);
  assert.match(verified.stdout, /Every record is whole\./);
  await runCommand(queueCommand, [world.directory, '--export']);
  assert.deepEqual(snapshot(world.directory), before);
});

test('the directory that the configuration names is found as well', async (t) => {
  const { world, spool } = useQueue(t);
  spool.append(batchOf(lines(1, 3)));
  const outer = join(world.directory, '..', 'outer');
  mkdirSync(outer);
  renameSync(world.directory, join(outer, 'records'));
  const { report } = await reportOf(outer);
  assert.equal(report.last, 3);
});

test('damage, holes and strangers are found', async (t) => {
  const { world, spool } = useQueue(t);
  spool.append(batchOf(lines(1, 1000)));
  const segments = readdirSync(world.directory).filter((name) => name.endsWith('.seg'));
  assert.ok(segments.length > 3);
  const [first, second, third] = segments.map((name) => join(world.directory, name));
  assert.ok(first && second && third);
  const bytes = readFileSync(first);
  bytes[100] = (bytes[100] as number) ^ 1;
  writeFileSync(first, bytes);
  renameSync(second, join(world.directory, 'a stranger'));
  const quick = await reportOf(world.directory);
  assert.equal(quick.code, 0);
  const { report, code } = await reportOf(world.directory, '--verify');
  assert.equal(code, 1);
  assert.deepEqual(report.foreign, ['a stranger']);
  const [damaged] = report.segments;
  assert.ok(damaged);
  assert.ok(damaged.damagedBytes > 16 && damaged.damagedBytes < 100, String(damaged.damagedBytes));
  const whole = report.segments.reduce((sum, { records }) => sum + records, 0);
  const missing = report.segments.reduce((sum, one) => sum + one.missing, 0);
  assert.equal(whole + missing, 1000);
  const { stdout } = await runCommand(queueCommand, [world.directory, '--verify']);
  assert.match(stdout, /are no whole record, \d+ records missing\n/);
  assert.match(stdout, /NOT EVERY RECORD IS WHOLE/);
  assert.match(stdout, /Not a part of it: a stranger\./);
  const exported = await runCommand(queueCommand, [world.directory, '--export']);
  assert.equal(exported.stdout.split('\n').length - 1, whole);
  assert.match(exported.stderr, /are no whole record and were left out/);
});

test('what waits is exported in order, for one destination or for all, with either framing', async (t) => {
  const { world, spool } = useQueue(t, ['a', 'b']);
  const text = lines(1, 300);
  spool.append(batchOf(text));
  for (const [name, count] of [
    ['a', 250],
    ['b', 20],
  ] as const) {
    const batch = spool.reader(name).next(count);
    spool.reader(name).acknowledge(batch.sequences[batch.count - 1] as number);
  }
  const counts = spool.counts().destinations.map(({ acknowledged }) => acknowledged);
  const [a = 0, b = 0] = counts;
  const run = async (...flags: string[]) =>
    (await runCommand(queueCommand, [world.directory, '--export', ...flags])).stdout;
  const asLines = (from: number) =>
    text
      .slice(from)
      .map((line) => `${line}\n`)
      .join('');
  assert.equal(await run(), asLines(Math.min(a, b)));
  assert.equal(await run('--destination', 'a'), asLines(a));
  assert.equal(await run('--all'), asLines(0));
  assert.equal(
    await run('--destination', 'a', '--octet-count'),
    text
      .slice(a)
      .map((line) => `${line.length} ${line}`)
      .join(''),
  );
  const stranger = await runCommand(queueCommand, [world.directory, '--export', '--destination', 'c']);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /^QUEUE_NOT_FOUND/);
});

test('bytes leave as they are, and many of them', async (t) => {
  const { world, spool } = useQueue(t);
  const odd = Buffer.from([0xff, 0x00, 0x80, 0x41]).toString('latin1');
  const bytes = Buffer.from(odd, 'latin1');
  spool.append({ bytes, starts: [0], ends: [bytes.length], count: 1 });
  for (let i = 0; i < 1000; i += 1) spool.append(batchOf(lines(1, 1, 900)));
  const { stdout } = await runCommand(queueCommand, [world.directory, '--export']);
  assert.equal(stdout.slice(0, 5), `${odd}\n`);
  assert.equal(stdout.length, 5 + 1000 * 901);
});

test('nothing waiting is exit 1, as is a place without a queue', async (t) => {
  const { world, spool } = useQueue(t);
  spool.append(batchOf(lines(1, 3)));
  spool.reader('fwdRule1').next();
  spool.reader('fwdRule1').acknowledge(3);
  assert.deepEqual(await runCommand(queueCommand, [world.directory, '--export']), {
    code: 1,
    stdout: '',
    stderr: '',
  });
  assert.match((await runCommand(queueCommand, [world.directory])).stdout, /fwdRule1: nothing waiting;/);
  const empty = join(world.directory, '..', 'empty');
  mkdirSync(empty);
  const ran = await runCommand(queueCommand, [empty]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^QUEUE_NOT_FOUND {2}There is no queue here/);
  assert.match((await runCommand(queueCommand, [join(empty, 'x')])).stderr, /ENOENT/);
});

test('a cursor that is damaged is said', async (t) => {
  const { world, spool } = useQueue(t);
  spool.append(batchOf(lines(1, 3)));
  writeFileSync(join(world.directory, 'fwdRule1.cursor'), 'x'.repeat(100));
  const { stdout } = await runCommand(queueCommand, [world.directory]);
  assert.match(stdout, /fwdRule1: its cursor is damaged; everything that is kept will be sent\./);
});
