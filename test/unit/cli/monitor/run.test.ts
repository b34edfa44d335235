// `belfry monitor` without a screen, from its arguments to its end, with the two threads in the test's hand.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { Fault } from '../../../../base/fault.ts';
import { monitorCommand } from '../../../../cli/commands/monitor.ts';
import type { Io } from '../../../../cli/io.ts';
import { type MonitorPlan, runMonitor, settingsOf } from '../../../../cli/monitor/run.ts';
import { waitUntil } from '../../../system/programs.ts';
import { FakeDoors, seen } from '../../client/traffic-parts.ts';
import { runCommand } from '../run-command.ts';

const PLAN: MonitorPlan = {
  output: 'json',
  interfaces: ['any'],
  filter: undefined,
  log: undefined,
  durationMs: undefined,
  count: undefined,
  recordsMs: undefined,
  owners: true,
  promiscuous: false,
};

interface World {
  readonly doors: FakeDoors;
  readonly out: string;
  readonly folder: string;
  stderr: string;
  run(plan: Partial<MonitorPlan>): Promise<number>;
  lines(): string[];
}

function useWorld(t: TestContext): World {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-monitor-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const out = join(folder, 'out');
  const doors = new FakeDoors();
  const io: Io = {
    stdout: () => assert.fail('all is printed through the outlet'),
    stdoutBytes: () => Promise.resolve(true),
    stderr: (text) => {
      world.stderr += text;
    },
    stdin: Readable.from([]),
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
    env: {},
    pid: process.pid,
    version: '0.0.0',
  };
  const world: World = {
    doors,
    out,
    folder,
    stderr: '',
    run: (plan) => runMonitor({ ...PLAN, ...plan }, io, { doors, stdout: out }),
    lines: () => readFileSync(out, 'utf8').split('\n').slice(0, -1),
  };
  rmSync(out, { force: true });
  return world;
}

/** The outlet opens what is there. */
async function withFile(world: World): Promise<World> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(world.out, '');
  return world;
}

const names = (lines: readonly string[]) =>
  lines.map((line) => (JSON.parse(line) as { event: string }).event);

test('so many events, then the end', async (t) => {
  const world = await withFile(useWorld(t));
  const ran = world.run({ count: 2 });
  await waitUntil('the capture runs', () => world.doors.order.includes('capture starts'));
  world.doors.capture.onEvents([seen(), seen({ turn: 'reset', by: 'server' }), seen({ turn: 'closed' })]);
  assert.equal(await ran, 0);
  assert.deepEqual(names(world.lines()), ['opened', 'reset']);
  assert.deepEqual(world.doors.order.slice(-2), ['capture stops', 'who stops']);
  assert.match(world.stderr, /^2 events in 0 packets, none dropped\.\n$/);
});

test('nothing within the time is found nothing; without a number it is well', async (t) => {
  const world = await withFile(useWorld(t));
  assert.equal(await world.run({ count: 1, durationMs: 20 }), 1);
  assert.equal(await (await withFile(useWorld(t))).run({ durationMs: 20 }), 0);
});

test('what is open at the end is printed still, and goes to the log', async (t) => {
  const world = await withFile(useWorld(t));
  const log = join(world.folder, `${'long-'.repeat(40)}log.txt`);
  world.doors.last = [seen({ turn: 'update', updates: 1 })];
  const ran = world.run({ log, output: 'lines', durationMs: 60 });
  world.doors.capture.onInterface({ name: 'eth8', state: 'captured', trouble: undefined });
  await waitUntil('the capture runs', () => world.doors.order.includes('capture starts'));
  world.doors.capture.onInterface({ name: 'eth9', state: 'absent', trouble: 'no such device' });
  world.doors.capture.onLosses({ timeUs: 1e15, dropped: 5, evicted: 0, heldBack: {} });
  assert.equal(await ran, 0);
  const [first, second, third] = world.lines();
  assert.match(first ?? '', /; eth9; absent, no such device$/);
  assert.match(second ?? '', /LOST; 5 packets dropped/);
  assert.match(third ?? '', /; active, update 1;/);
  const logged = readFileSync(log, 'utf8');
  // What a thread says while the other one is being started may stand before or behind it.
  for (const said of [/; eth8; captured\n/, /; eth9; absent/, /; LOST; 5/]) assert.match(logged, said);
  assert.match(logged, /^\S+ \*+ IP traffic monitor started \*+\n[^]*active, update 1[^]*stopped \*+\n$/);
  assert.match(world.stderr, /; the log is .*log\.txt\.\n$/);
});

test('records are printed where they were asked for', async (t) => {
  const world = await withFile(useWorld(t));
  const ran = world.run({ recordsMs: 60_000, durationMs: 40 });
  await waitUntil('the capture runs', () => world.doors.order.includes('capture starts'));
  world.doors.capture.onRecords(['2 - eth0 10.0.0.2 10.0.0.1 1 2 6 3 180 1 2 ACCEPT OK'], 1e15);
  await ran;
  assert.deepEqual(names(world.lines()), ['record']);
});

test('owners are asked for, unless nobody wants them', async (t) => {
  for (const owners of [true, false]) {
    const world = await withFile(useWorld(t));
    world.doors.owners = { client: { how: 'exact', process: 'nc', pid: 7 } };
    const ran = world.run({ count: 1, owners });
    await waitUntil('the capture runs', () => world.doors.order.includes('capture starts'));
    world.doors.capture.onEvents([seen()]);
    await ran;
    const event = JSON.parse(world.lines()[0] ?? '') as { proc?: string };
    assert.equal(event.proc, owners ? 'nc' : undefined);
  }
});

test('a thread that dies is the end, and no good one', async (t) => {
  const world = await withFile(useWorld(t));
  const ran = world.run({});
  await waitUntil('the capture runs', () => world.doors.order.includes('capture starts'));
  world.doors.capture.onDied(new Error('the ring broke'));
  await assert.rejects(ran, /the ring broke/);
});

test('a right that is missing, or a log that cannot be written, is told before anything else', async (t) => {
  const world = await withFile(useWorld(t));
  const log = join(world.folder, 'none', 'log');
  await assert.rejects(world.run({ log }), (error) => error instanceof Fault && error.exit === 78);
  assert.deepEqual(world.doors.order, []);
  world.doors.refusal = new Fault('CAPTURE_PERMISSION', { what: 'no right', where: 'lo', mend: 'a unit' });
  await assert.rejects(world.run({}), (error) => {
    assert.ok(error instanceof Fault);
    assert.deepEqual([error.exit, error.text.where], [77, 'lo']);
    assert.match(error.text.mend ?? '', /sudo.*setcap/);
    return true;
  });
});

test('a program gets all events, a screen no more than can be read, a log all of them', () => {
  assert.equal(settingsOf(PLAN).capture.rate, undefined);
  const screen = settingsOf({ ...PLAN, output: 'screen' }).capture;
  assert.deepEqual([screen.rate?.perSecond, screen.tellsHeldBack, screen.records], [200, false, undefined]);
  assert.equal(settingsOf({ ...PLAN, output: 'screen', log: 'x' }).capture.tellsHeldBack, true);
  assert.equal(settingsOf({ ...PLAN, recordsMs: 1000 }).capture.records?.intervalUs, 1_000_000);
});

test('an interface that is not there is told, with those that are', async () => {
  const { code, stderr } = await runCommand(monitorCommand, ['-i', 'lo', '-i', 'no-such-one']);
  assert.equal(code, 1);
  assert.match(stderr, /^CAPTURE_NO_INTERFACE .*"no-such-one"\.\n {2}mend {3}There are: .*\blo\b.*any\.$/m);
});

test('arguments that cannot be meant are refused, each with a way out', async () => {
  const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['port', '25x'], /character 6[^]*mend/],
    [['--json', '--lines'], /one of them/],
    [['-t', '0'], /no number of minutes/],
    [['-t', '1', '--duration', '1s'], /one of them/],
    [['--duration', '5'], /no span of time/],
    [['-c', '0'], /no number of events/],
    [['--records', 'often'], /no span of time/],
  ];
  for (const [args, says] of cases) {
    const { code, stderr } = await runCommand(monitorCommand, args);
    assert.equal(code, 64, args.join(' '));
    assert.match(stderr, says);
  }
});
