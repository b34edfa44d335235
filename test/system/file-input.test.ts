// Files into the real queue, by a process that is killed at random moments while the files are written and rotated:
// each line that was written arrives at least once, and none before the one that was written before it.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from '../../base/log.ts';
import { nodeDisk } from '../../delivery/spool/node-disk.ts';
import { openSpool } from '../../delivery/spool/spool.ts';

const ROUNDS = Number(process.env['BELFRY_KILL_ROUNDS'] ?? 6);
/** Times of change that are nearer than a tick of the kernel tell no order. */
const BETWEEN_ROTATIONS_MS = 30;
/** Waiting in vain for the last line: some seconds of a busy machine. */
const PATIENCE_MS = 30_000;

/** Lines of one log, numbered, with a rotation now and then. */
class Writer {
  last = 0;
  rotations = 0;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, '');
  }

  write(count: number): void {
    let text = '';
    for (let i = 0; i < count; i += 1) {
      this.last += 1;
      text += `${this.last} ${'x'.repeat(this.last % 90)}\n`;
    }
    appendFileSync(this.#path, text);
  }

  rotate(): void {
    for (let old = this.rotations; old > 0; old -= 1)
      renameSync(`${this.#path}.${old}`, `${this.#path}.${old + 1}`);
    renameSync(this.#path, `${this.#path}.1`);
    writeFileSync(this.#path, '');
    this.rotations += 1;
  }
}

function startReader(folder: string): { child: ChildProcess; gone: Promise<unknown>; isReading(): boolean } {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'file-reader.js'), join(folder, 'queue'), join(folder, 'app.log*')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let isReading = false;
  child.stdout?.on('data', () => {
    isReading = true;
  });
  return { child, gone: once(child, 'exit'), isReading: () => isReading };
}

/** Numbers of the lines in the queue, in its order. */
function readQueue(folder: string): number[] {
  const limits = {
    destinations: ['a'],
    maxDiskSpaceBytes: 512 * 1024 ** 2,
    onFull: 'block',
    sync: 'none',
  } as const;
  const log = openLog('silent', 'text', () => undefined);
  const spool = openSpool(join(folder, 'queue', 'records'), limits, {
    disk: nodeDisk,
    now: Date.now,
    log,
    salt: () => 1,
  });
  const reader = spool.reader('a');
  const numbers: number[] = [];
  for (let batch = reader.next(); batch.count > 0; batch = reader.next()) {
    for (let i = 0; i < batch.count; i += 1) {
      const text = Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString('latin1');
      numbers.push(Number.parseInt(/\] (\d+)/.exec(text)?.[1] ?? 'NaN', 10));
    }
  }
  spool.stop(Date.now() + 5000);
  return numbers;
}

test(`a reader of files that is killed ${ROUNDS} times skips nothing`, { timeout: 180_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-file-killed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const writer = new Writer(join(folder, 'app.log'));
  for (let round = 0; round < ROUNDS; round += 1) {
    const reader = startReader(folder);
    for (let i = 0; i < 500 && !reader.isReading(); i += 1) await sleep(10);
    let rotatedMs = 0;
    const endMs = performance.now() + 100 + Math.random() * 1500;
    while (performance.now() < endMs) {
      writer.write(1 + Math.floor(Math.random() * 300));
      if (Math.random() < 0.05 && performance.now() - rotatedMs > BETWEEN_ROTATIONS_MS) {
        writer.rotate();
        rotatedMs = performance.now();
      }
      await sleep(2);
    }
    reader.child.kill('SIGKILL');
    await reader.gone;
    // While nobody reads: more lines, and up to two rotations.
    for (let part = 0; part < 3; part += 1) {
      writer.write(5000);
      if (Math.random() < 0.5) writer.rotate();
      // The order of files is that of their last change.
      await sleep(10);
    }
  }
  const numbers = await finish(folder, writer.last);
  let highest = 0;
  for (const number of numbers) {
    assert.ok(number <= highest + 1, `${number} comes after ${highest}`);
    highest = Math.max(highest, number);
  }
  assert.equal(highest, writer.last);
  t.diagnostic(
    `${writer.last} lines, ${writer.rotations} rotations, ${numbers.length - writer.last} lines twice`,
  );
});

async function finish(folder: string, last: number): Promise<number[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const reader = startReader(folder);
    for (let i = 0; i < 500 && !reader.isReading(); i += 1) await sleep(10);
    // Long enough for what it has read to be kept, once a second.
    await sleep(2500);
    reader.child.kill('SIGKILL');
    await reader.gone;
    const numbers = readQueue(folder);
    if (numbers.includes(last) || performance.now() > deadline) return numbers;
  }
}
