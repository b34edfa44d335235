// A real process with a real spool, killed at random moments: all that it took arrives, in order, and at most
// one batch twice for each time it was killed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeDisk } from '../../delivery/spool/node-disk.ts';
import { openSpool } from '../../delivery/spool/spool.ts';

const ROUNDS = Number(process.env['BELFRY_KILL_ROUNDS'] ?? 5);
/** What the writer hands over at once. */
const BATCH_MAX = 25;

/** Runs the writer for a moment, and gives what it noted. */
async function runAndKill(folder: string, first: number): Promise<string[]> {
  const notes = join(folder, 'notes');
  const fd = openSync(notes, 'w');
  const writer = join(import.meta.dirname, 'spool-writer.js');
  const child = spawn(process.execPath, [writer, join(folder, 'queue'), String(first)], {
    stdio: ['ignore', fd, 'inherit'],
  });
  const gone = once(child, 'exit');
  // Enough for the process to start, on a busy machine too; the moment of the end is left to chance.
  for (let i = 0; i < 2000 && readFileSync(notes).length === 0; i += 1) await sleep(10);
  await sleep(Math.random() * 150);
  child.kill('SIGKILL');
  await gone;
  closeSync(fd);
  return readFileSync(notes, 'utf8').split('\n');
}

function drain(folder: string): number[] {
  const limits = { destinations: ['a'], maxDiskSpaceBytes: 300_000, onFull: 'block', sync: 'none' } as const;
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    fault: () => undefined,
    setLevel: () => undefined,
  };
  const spool = openSpool(join(folder, 'queue'), limits, {
    disk: nodeDisk,
    now: Date.now,
    log,
    salt: () => 1,
  });
  const reader = spool.reader('a');
  const ids: number[] = [];
  for (let batch = reader.next(); batch.count > 0; batch = reader.next()) {
    for (let i = 0; i < batch.count; i += 1) {
      ids.push(
        Number.parseInt(Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString(), 10),
      );
    }
    reader.acknowledge(batch.sequences[batch.count - 1] as number);
  }
  const { dropped } = reader.counts();
  assert.equal(
    Object.values(dropped).reduce((sum, { records }) => sum + records, 0),
    0,
  );
  spool.stop(Date.now() + 5000);
  return ids;
}

test(`a process that is killed ${ROUNDS} times loses nothing`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-killed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const arrived: number[] = [];
  let taken = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const notes = await runAndKill(folder, taken + 1);
    const numbers = (mark: string) =>
      notes.filter((line) => line[0] === mark).map((line) => Number(line.slice(2)));
    arrived.push(...numbers('D'));
    taken = Math.max(taken, ...numbers('T'));
  }
  arrived.push(...drain(folder));
  const seen = new Set(arrived);
  const missing = Array.from({ length: taken }, (_, i) => i + 1).filter((id) => !seen.has(id));
  assert.deepEqual(missing, []);
  assert.ok(taken > ROUNDS * 20, `only ${taken} were taken`);
  // Twice: what was under way, and what was appended when the writer could not note it any more.
  const twice = arrived.length - seen.size;
  assert.ok(twice <= ROUNDS * 2 * BATCH_MAX, `${twice} arrived twice`);
  t.diagnostic(`${taken} records, ${twice} of them twice`);
});
