// The journal as an input: fields, places, and the stories of how others lost or repeated entries, played with
// a program that stands for journalctl (fake-journal.ts).

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JournaldInput } from '../../../config/agent.ts';
import { Fault } from '../../../base/fault.ts';
import { openCheckpoints } from '../../../client/checkpoints.ts';
import type { Input } from '../../../client/inputs/input.ts';
import { openJournald } from '../../../client/inputs/journald/journald.ts';
import { makeFolder, waitUntil } from '../../system/programs.ts';
import { type FakeEntry, FakeJournal } from './fake-journal.ts';
import { makeSettings, PLACE, RememberingLog, RememberingSink } from './input-parts.ts';

interface Scene {
  readonly folder: string;
  readonly journal: FakeJournal;
  readonly log: RememberingLog;
}

function makeScene(t: TestContext): Scene {
  const { path, remove } = makeFolder('journal');
  t.after(remove);
  return { folder: path, journal: new FakeJournal(path), log: new RememberingLog() };
}

interface Running {
  readonly input: Input;
  readonly sink: RememberingSink;
}

type Options = Partial<JournaldInput> & { sink?: RememberingSink; pauseMinMs?: number; command?: string };

function open(scene: Scene, options: Options = {}): Running {
  const { sink = new RememberingSink(), pauseMinMs = 20, command = scene.journal.command, ...rest } = options;
  const config: JournaldInput = {
    type: 'journald',
    name: 'journal',
    place: PLACE,
    directory: undefined,
    matches: [],
    from: 'beginning',
    ...rest,
  };
  const { log } = scene;
  const checkpoints = openCheckpoints(join(scene.folder, 'checkpoints'), 'none', { log, now: Date.now });
  const input = openJournald(config, {
    sink,
    settings: makeSettings(),
    checkpoint: checkpoints.of(config.name),
    log,
    now: Date.now,
    journalctl: command,
    pauseMinMs,
  });
  return { input, sink };
}

async function start(t: TestContext, scene: Scene, options: Options = {}): Promise<Running> {
  const running = open(scene, options);
  t.after(() => running.input.stop());
  await running.input.start();
  return running;
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `number ${from + i}`);

async function waitFor({ sink, input }: Running, count: number): Promise<void> {
  await waitUntil(`${count} messages, there are ${sink.taken}`, () => {
    input.resume();
    return sink.taken >= count;
  });
}

/** Nothing more comes: a new entry is the next that is seen. */
async function seesOnlyNew(scene: Scene, running: Running, number: number): Promise<void> {
  const before = running.sink.taken;
  scene.journal.addNumbers(number, number);
  await waitFor(running, before + 1);
  assert.equal(running.sink.texts().at(-1), `number ${number}`);
  assert.equal(running.sink.taken, before + 1);
}

const entry = (number: number, fields: FakeEntry['fields']): FakeEntry => ({ number, fields });

// ---- fields

test('fields become facility, severity, program, pid, host and time', async (t) => {
  const scene = makeScene(t);
  const all = {
    MESSAGE: 'hello',
    PRIORITY: '3',
    SYSLOG_FACILITY: '10',
    SYSLOG_IDENTIFIER: 'sshd',
    SYSLOG_PID: '77',
    _COMM: 'sshd-session',
    _PID: '78',
    _HOSTNAME: 'web1',
    _SOURCE_REALTIME_TIMESTAMP: '1600000000123456',
    _TRANSPORT: 'syslog',
  };
  const { SYSLOG_FACILITY: _f, SYSLOG_IDENTIFIER: _i, SYSLOG_PID: _p, PRIORITY: _s, ...bare } = all;
  scene.journal.add(entry(1, all), entry(2, bare));
  scene.journal.add(entry(3, { MESSAGE: 'oops', _TRANSPORT: 'kernel' }));
  scene.journal.add(
    entry(4, { MESSAGE: 'printed', _TRANSPORT: 'stdout', PRIORITY: '9', SYSLOG_FACILITY: 'x' }),
  );
  const running = await start(t, scene);
  await waitFor(running, 4);
  assert.deepEqual(running.sink.messages, [
    '<83>1 2020-09-13T12:26:40.123456+00:00 web1 sshd 77 - - hello',
    '<14>1 2020-09-13T12:26:40.123456+00:00 web1 sshd-session 78 - - hello',
    '<6>1 2023-11-14T22:13:20.003000+00:00 tower.example.org - - - - oops',
    '<30>1 2023-11-14T22:13:20.004000+00:00 tower.example.org - - - - printed',
  ]);
});

test('texts of several lines and of any bytes travel as they are', async (t) => {
  const scene = makeScene(t);
  scene.journal.add(entry(1, { MESSAGE: 'one\n\ntwo\nMESSAGE=three\n' }));
  scene.journal.add(entry(2, { MESSAGE: '\x00\x01\xff' }), entry(3, { MESSAGE: 'long '.repeat(40_000) }));
  const running = await start(t, scene);
  await waitFor(running, 3);
  const [first, second, third] = running.sink.texts();
  assert.equal(first, 'one\n\ntwo\nMESSAGE=three\n');
  assert.equal(second, '\x00\x01\xff');
  assert.ok(third?.startsWith('long long') && (running.sink.messages[2]?.length ?? 0) <= 8192);
  assert.equal(running.input.status().dropped['cut'], 1);
});

test('entries without a text, and our own, are counted and left away', async (t) => {
  const scene = makeScene(t);
  scene.journal.add(entry(1, { PRIORITY: '3' }), entry(2, { MESSAGE: '' }));
  // Ours by number, boot and time; another had the number before, or in another boot.
  const own = {
    _PID: String(process.pid),
    _BOOT_ID: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', ''),
    __REALTIME_TIMESTAMP: String(Date.now() * 1000),
  };
  scene.journal.add(
    entry(3, { ...own, MESSAGE: 'before our time', __REALTIME_TIMESTAMP: '1763690000000000' }),
    entry(4, { ...own, MESSAGE: 'in another boot', _BOOT_ID: '0'.repeat(32) }),
    entry(5, { ...own, MESSAGE: 'mine' }),
    entry(6, { MESSAGE: 'theirs' }),
  );
  const running = await start(t, scene);
  await waitFor(running, 3);
  assert.deepEqual(running.sink.texts(), ['before our time', 'in another boot', 'theirs']);
  assert.deepEqual(running.input.status().dropped, { no_text: 2, garbage: 0, cut: 0 });
  assert.match(running.input.status().position, /, 1 entries of our own left away$/);
  // Another host's journal has none of ours.
  const theirs = await start(t, scene, { name: 'theirs', directory: scene.folder });
  await waitFor(theirs, 4);
  assert.ok(theirs.sink.texts().includes('mine'));
});

// ---- where to begin

test('from the end: only what comes after the first start, also when nothing came before the second', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 5);
  const first = open(scene, { from: 'end' });
  await first.input.start();
  await first.input.stop();
  assert.equal(first.sink.taken, 0);
  scene.journal.addNumbers(6, 8);
  const second = await start(t, scene, { from: 'end' });
  await waitFor(second, 3);
  assert.deepEqual(second.sink.texts(), numbers(6, 8));
});

test('from the end of an empty journal: everything that comes', async (t) => {
  const scene = makeScene(t);
  const running = await start(t, scene, { from: 'end' });
  scene.journal.addNumbers(1, 3);
  await waitFor(running, 3);
  assert.deepEqual(running.sink.texts(), numbers(1, 3));
});

test('it goes on after the last entry that was safe, and repeats nothing else', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 10);
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 10);
  await first.input.stop();
  const second = await start(t, scene);
  await seesOnlyNew(scene, second, 11);
});

test('what was taken and is not safe comes again after a crash', async (t) => {
  const scene = makeScene(t);
  const sink = new RememberingSink();
  scene.journal.addNumbers(1, 4);
  const first = open(scene, { sink });
  await first.input.start();
  await waitFor(first, 4);
  first.input.resume();
  sink.safeCount = 4;
  scene.journal.addNumbers(5, 9);
  await waitFor(first, 9);
  await first.input.stop();
  const second = await start(t, scene);
  await waitFor(second, 5);
  assert.deepEqual(second.sink.texts(), numbers(5, 9));
});

test('matches are passed on behind --, so that none is an option', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 1);
  const running = await start(t, scene, { matches: ['_SYSTEMD_UNIT=nginx.service', '--file=/etc/shadow'] });
  await waitFor(running, 1);
  for (const args of scene.journal.starts()) {
    assert.deepEqual(args.slice(args.indexOf('--')), [
      '--',
      '_SYSTEMD_UNIT=nginx.service',
      '--file=/etc/shadow',
    ]);
  }
});

// ---- stories

test('a reboot: what the last boot left unread is not skipped', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 2, { boot: 1 });
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 2);
  await first.input.stop();
  scene.journal.addNumbers(3, 5, { boot: 1 });
  scene.journal.addNumbers(6, 7, { boot: 2 });
  const second = await start(t, scene);
  await waitFor(second, 5);
  assert.deepEqual(second.sink.texts(), numbers(3, 7));
});

test('an empty state file: said, and everything is read rather than nothing', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 3);
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 3);
  await first.input.stop();
  const checkpoint = join(scene.folder, 'checkpoints/journal.json');
  assert.ok(existsSync(checkpoint));
  writeFileSync(checkpoint, '');
  const second = await start(t, scene, { from: 'end' });
  await waitFor(second, 3);
  assert.deepEqual(second.sink.texts(), numbers(1, 3));
  assert.equal(scene.log.count('is not known'), 1);
});

test('a state file that holds something else is as good as none', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 3);
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 3);
  await first.input.stop();
  const checkpoint = join(scene.folder, 'checkpoints/journal.json');
  const kept = JSON.parse(readFileSync(checkpoint, 'utf8')) as object;
  for (const position of [{ cursor: '--file=/etc/shadow x', realtimeUs: 1 }, { cursor: 'c=2' }, 7, null]) {
    writeFileSync(checkpoint, JSON.stringify({ ...kept, position }));
    const second = open(scene);
    await second.input.start();
    await waitFor(second, 3);
    await second.input.stop();
    assert.deepEqual(second.sink.texts(), numbers(1, 3));
  }
});

test('a cursor that the journal refuses: it goes on by the time, said once, without a busy loop', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 5000);
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 5000);
  await first.input.stop();
  const checkpoint = join(scene.folder, 'checkpoints/journal.json');
  writeFileSync(checkpoint, readFileSync(checkpoint, 'utf8').replace('c=5000', 'broken'));
  scene.journal.addNumbers(5001, 5002);
  const before = scene.journal.starts().length;
  const second = await start(t, scene);
  await waitFor(second, 3);
  // Entry 5000 came at 22:13:25.000: that second, and all after it.
  assert.deepEqual(second.sink.texts(), numbers(5000, 5002));
  assert.equal(scene.log.count('does not know the place'), 1);
  assert.ok(scene.journal.starts().length - before <= 4);
});

test('the cursor’s entry was removed: the first one that is left is not lost, and it is said', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 5);
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 5);
  await first.input.stop();
  scene.journal.addNumbers(6, 12);
  scene.journal.removeUpTo(8);
  const second = await start(t, scene);
  await waitFor(second, 4);
  assert.deepEqual(second.sink.texts(), numbers(9, 12));
  assert.equal(scene.log.count('no longer holds'), 1);
});

test('a clock that was set back repeats nothing and skips nothing', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 5);
  const first = open(scene);
  await first.input.start();
  await waitFor(first, 5);
  await first.input.stop();
  for (let i = 6; i <= 9; i += 1) {
    scene.journal.add({ number: i, fields: { MESSAGE: `number ${i}` }, realtimeUs: 1.5e15 + i });
  }
  const second = await start(t, scene);
  await waitFor(second, 4);
  assert.deepEqual(second.sink.texts(), numbers(6, 9));
  await seesOnlyNew(scene, second, 10);
});

test('a journalctl that dies, as at a rotation, is started again where it was', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 6);
  scene.journal.behave({ dieAfter: 3 });
  const running = await start(t, scene);
  await waitFor(running, 3);
  await waitUntil('the death is said', () => scene.log.has('journalctl ended with code 3'));
  scene.journal.behave({});
  await waitFor(running, 6);
  assert.deepEqual(running.sink.texts(), numbers(1, 6));
  scene.journal.behave({ dieNow: true });
  await waitUntil('it is down', () => running.input.status().trouble !== undefined);
  scene.journal.addNumbers(7, 8);
  scene.journal.behave({});
  await waitFor(running, 8);
  assert.deepEqual(running.sink.texts(), numbers(1, 8));
  assert.equal(running.input.status().trouble, undefined);
});

test('a journalctl that always fails is tried more and more seldom, and said once a minute', async (t) => {
  const scene = makeScene(t);
  scene.journal.behave({ say: 'Failed to iterate through journal: Bad message' });
  const from = performance.now();
  const running = await start(t, scene, { pauseMinMs: 20 });
  await waitUntil('six tries', () => scene.journal.starts().length >= 6);
  // 20, 40, 80, 160 and 320 ms lie between them.
  assert.ok(performance.now() - from >= 620);
  assert.equal(scene.log.count('Bad message'), 1);
  await waitUntil('it says why', () => running.input.status().trouble !== undefined);
  assert.match(running.input.status().trouble ?? '', /Bad message.*started again/);
});

test('it reads on to the end, and then follows with one journalctl', async (t) => {
  const scene = makeScene(t);
  scene.journal.addNumbers(1, 3);
  const running = await start(t, scene);
  await waitFor(running, 3);
  for (let number = 4; number < 8; number += 1) await seesOnlyNew(scene, running, number);
  const starts = scene.journal.starts().map((args) => args.includes('--follow'));
  assert.deepEqual(starts, [false, true]);
});

test('while the queue is full nothing is read; afterwards everything comes, once', async (t) => {
  const scene = makeScene(t);
  const sink = new RememberingSink();
  sink.room = 7;
  for (let from = 1; from <= 2000; from += 500) {
    scene.journal.addNumbers(from, from + 499, { fields: { MESSAGE: 'x'.repeat(1000) } });
  }
  const running = await start(t, scene, { sink });
  await waitUntil('it is held', () => running.input.status().isHeld);
  assert.equal(sink.taken, 7);
  running.input.resume();
  assert.equal(sink.taken, 7);
  sink.room = 1000;
  await waitFor(running, 1007);
  await waitUntil('it is held again', () => running.input.status().isHeld);
  sink.room = Number.POSITIVE_INFINITY;
  await waitFor(running, 2000);
  await seesOnlyNew(scene, running, 2001);
  await running.input.stop();
  const second = await start(t, scene);
  await seesOnlyNew(scene, second, 2002);
});

test('a queue that is full for a moment, again and again', async (t) => {
  const scene = makeScene(t);
  const sink = new RememberingSink();
  sink.isMoody = true;
  // So short that a piece of 64 KiB, as Node reads it, holds more of them than a batch.
  const short = (number: number) => ({ number, realtimeUs: number, fields: { MESSAGE: `${number}` } });
  scene.journal.add(...Array.from({ length: 9000 }, (_, i) => short(i + 1)));
  const running = await start(t, scene, { sink });
  await waitFor(running, 9000);
  assert.deepEqual(
    sink.texts(),
    Array.from({ length: 9000 }, (_, i) => `${i + 1}`),
  );
});

test('only a part of the journal can be seen: said, with how to mend it', async (t) => {
  const scene = makeScene(t);
  const words = 'Hint: You are currently not seeing messages from other users and the system.';
  scene.journal.behave({ say: words, probe: true, code: 0 });
  const running = await start(t, scene);
  assert.match(running.input.status().trouble ?? '', /systemd-journal/);
  assert.equal(scene.log.count('group systemd-journal'), 1);
});

test('where there is no journalctl, or it refuses the directory, the input says so', async (t) => {
  const scene = makeScene(t);
  const missing = open(scene, { command: join(scene.folder, 'absent') });
  await assert.rejects(missing.input.start(), (fault: unknown) => {
    return (
      fault instanceof Fault &&
      fault.code === 'INPUT_FAILED' &&
      /cannot be run \(ENOENT\)/.test(fault.message)
    );
  });
  await missing.input.stop();
  scene.journal.behave({ say: 'Failed to open /x: No such file or directory', probe: true });
  const refused = open(scene, { directory: '/x' });
  await assert.rejects(refused.input.start(), /Failed to open \/x: No such file or directory/);
  await refused.input.stop();
});
