// The input `journald` with real journals: systemd-journal-remote writes them from entries in the export format,
// and the machine's journalctl reads them. Reboots, a rotation while it is followed, a journal that was emptied:
// the numbers that the entries carry tell what was lost and what came twice.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openCheckpoints } from '../../client/checkpoints.ts';
import type { Input } from '../../client/inputs/input.ts';
import { openJournald } from '../../client/inputs/journald/journald.ts';
import { makeSettings, PLACE, RememberingLog, RememberingSink } from '../unit/client/input-parts.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { makeFolder, waitUntil } from './programs.ts';

const skip = skipWithout('journalctl', 'systemd-journal-remote');

/** Entries from..to of a boot; each fifth has a text of two lines, which travels in binary. */
function entries(from: number, to: number, boot = 1): Buffer {
  const parts: Buffer[] = [];
  for (let i = from; i <= to; i += 1) {
    const head = [
      `__REALTIME_TIMESTAMP=${1_763_690_000_000_000 + i * 1000}`,
      `__MONOTONIC_TIMESTAMP=${i * 1000}`,
      `_BOOT_ID=${String(boot).padStart(32, '0')}`,
      'PRIORITY=5',
      'SYSLOG_IDENTIFIER=counter',
      `_PID=${100 + (i % 7)}`,
      '_HOSTNAME=web1',
      '_TRANSPORT=syslog',
      '_SYSTEMD_UNIT=counter.service',
    ];
    parts.push(Buffer.from(`${head.join('\n')}\n`));
    const text = Buffer.from(i % 5 === 0 ? `number ${i}\nsecond line` : `number ${i}`);
    const length = Buffer.alloc(8);
    length.writeUInt32LE(text.length);
    const field = i % 5 === 0 ? [Buffer.from('MESSAGE\n'), length, text] : [Buffer.from('MESSAGE='), text];
    parts.push(...field, Buffer.from('\n\n'));
  }
  return Buffer.concat(parts);
}

/** Writes a journal file; it stays open for more until `end`. */
class JournalWriter {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(t: TestContext, path: string) {
    const { path: program, env } = demandPeer('systemd-journal-remote');
    const stdio = ['pipe', 'ignore', 'ignore'] as const;
    this.#child = spawn(program, ['--output', path, '-'], {
      env: { ...process.env, ...env },
      stdio: [...stdio],
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#ended = new Promise((done) => this.#child.once('close', () => done()));
    t.after(() => this.#child.kill('SIGKILL'));
  }

  write(bytes: Buffer): void {
    this.#child.stdin?.write(bytes);
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}

async function writeJournal(t: TestContext, path: string, ...parts: readonly Buffer[]): Promise<void> {
  const writer = new JournalWriter(t, path);
  for (const part of parts) writer.write(part);
  await writer.end();
}

interface Scene {
  readonly journal: string;
  readonly checkpoints: string;
  readonly log: RememberingLog;
}

function makeScene(t: TestContext): Scene {
  const { path, remove } = makeFolder('journal');
  t.after(remove);
  mkdirSync(join(path, 'journal'));
  return {
    journal: join(path, 'journal'),
    checkpoints: join(path, 'checkpoints'),
    log: new RememberingLog(),
  };
}

interface Running {
  readonly input: Input;
  readonly sink: RememberingSink;
}

async function start(t: TestContext, scene: Scene, matches: readonly string[] = []): Promise<Running> {
  const { log } = scene;
  const sink = new RememberingSink();
  const checkpoints = openCheckpoints(scene.checkpoints, 'none', { log, now: Date.now });
  const input = openJournald(
    {
      type: 'journald',
      name: 'journal',
      place: PLACE,
      directory: scene.journal,
      matches,
      from: 'beginning',
    },
    {
      sink,
      settings: makeSettings(),
      checkpoint: checkpoints.of('journal'),
      log,
      now: Date.now,
      journalctl: demandPeer('journalctl').path,
      pauseMinMs: 50,
    },
  );
  t.after(() => input.stop());
  await input.start();
  return { input, sink };
}

async function waitFor({ sink, input }: Running, count: number): Promise<void> {
  await waitUntil(`${count} messages, there are ${sink.taken}: ${input.status().trouble}`, () => {
    input.resume();
    return sink.taken >= count;
  });
}

const numbersOf = ({ sink }: Running) => sink.texts().map((text) => Number(/^number (\d+)/.exec(text)?.[1]));
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('a journal is read whole and in order, of all boots, and followed', { skip }, async (t) => {
  const scene = makeScene(t);
  await writeJournal(t, join(scene.journal, 'a.journal'), entries(1, 50, 1), entries(51, 100, 2));
  const running = await start(t, scene);
  await waitFor(running, 100);
  assert.deepEqual(numbersOf(running), run(1, 100));
  assert.equal(
    running.sink.messages[4],
    '<13>1 2025-11-21T01:53:20.005000+00:00 web1 counter 105 - - number 5\nsecond line',
  );
  // A rotation: a new file appears and grows while the journal is followed; and so does a new boot.
  const writer = new JournalWriter(t, join(scene.journal, 'b.journal'));
  writer.write(entries(101, 120, 2));
  await waitFor(running, 120);
  writer.write(entries(121, 140, 3));
  await waitFor(running, 140);
  await writer.end();
  assert.deepEqual(numbersOf(running), run(1, 140));
  assert.deepEqual(scene.log.lines, []);
});

test('after a stop it goes on with the next entry, over reboots', { skip }, async (t) => {
  const scene = makeScene(t);
  await writeJournal(t, join(scene.journal, 'a.journal'), entries(1, 30, 1));
  const first = await start(t, scene);
  await waitFor(first, 30);
  await first.input.stop();
  await writeJournal(t, join(scene.journal, 'b.journal'), entries(31, 60, 1), entries(61, 90, 2));
  await writeJournal(t, join(scene.journal, 'c.journal'), entries(91, 99, 3));
  const second = await start(t, scene);
  await waitFor(second, 69);
  assert.deepEqual(numbersOf(second), run(31, 99));
});

test('when its place was removed, it goes on with the oldest entry that is left', { skip }, async (t) => {
  const scene = makeScene(t);
  const old = join(scene.journal, 'a.journal');
  await writeJournal(t, old, entries(1, 30));
  const first = await start(t, scene);
  await waitFor(first, 30);
  await first.input.stop();
  rmSync(old);
  await writeJournal(t, join(scene.journal, 'b.journal'), entries(41, 60));
  const second = await start(t, scene);
  await waitFor(second, 20);
  assert.deepEqual(numbersOf(second), run(41, 60));
  assert.equal(scene.log.count('no longer holds'), 1);
});

test('a journal that was emptied: what comes then is read', { skip }, async (t) => {
  const scene = makeScene(t);
  const old = join(scene.journal, 'a.journal');
  await writeJournal(t, old, entries(1, 10));
  const first = await start(t, scene);
  await waitFor(first, 10);
  await first.input.stop();
  rmSync(old);
  const second = await start(t, scene);
  await writeJournal(t, join(scene.journal, 'b.journal'), entries(21, 25));
  await waitFor(second, 5);
  assert.deepEqual(numbersOf(second), run(21, 25));
});

test('matches choose', { skip }, async (t) => {
  const scene = makeScene(t);
  await writeJournal(t, join(scene.journal, 'a.journal'), entries(1, 70));
  const running = await start(t, scene, ['_PID=103', '_SYSTEMD_UNIT=counter.service']);
  await waitFor(running, 10);
  assert.deepEqual(
    numbersOf(running),
    run(1, 70).filter((i) => i % 7 === 3),
  );
});

test('how fast it is read', { skip }, async (t) => {
  const scene = makeScene(t);
  const count = 50_000;
  await writeJournal(t, join(scene.journal, 'a.journal'), entries(1, count));
  const before = process.cpuUsage();
  const from = performance.now();
  const running = await start(t, scene);
  await waitFor(running, count);
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(before);
  assert.deepEqual(numbersOf(running), run(1, count));
  t.diagnostic(
    `${Math.round(count / seconds)} entries/s; ${((user + system) / count).toFixed(1)} µs of our CPU each, the test's own included`,
  );
});
