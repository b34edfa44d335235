// Rotation by size: what was one file is all there, in order, in its generations; nothing is lost when it
// fails or is told to end, and no more generations are kept than were asked for.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rotate } from '../../../config/server.ts';
import { FileJobs } from '../../../daemon/files/rotation.ts';
import { waitUntil } from '../../system/programs.ts';
import { useFolder } from './samples.ts';

interface Jobs {
  readonly jobs: FileJobs;
  readonly told: string[];
  readonly reopened: string[];
  /** Until so many jobs have ended. */
  ended(count: number): Promise<void>;
}

function useJobs(t: TestContext, reopen: (path: string) => Promise<void> = async () => undefined): Jobs {
  const told: string[] = [];
  const reopened: string[] = [];
  const jobs = new FileJobs({
    reopen: async (path) => {
      reopened.push(path);
      await reopen(path);
    },
    done: (job, path) => told.push(`${job} ${path}`),
    failed: (job, path, error) => told.push(`${job} ${path} failed: ${error.message}`),
  });
  t.after(() => jobs.stop(Date.now()));
  const ended = async (count: number) => {
    await waitUntil(`${count} jobs have ended`, () => told.length >= count);
    assert.equal(told.length, count, told.join('; '));
  };
  return { jobs, told, reopened, ended };
}

const ROTATE: Rotate = { sizeBytes: 100, keep: 3, compress: true };

/** All generations and the file itself, the oldest first. */
function wholeText(path: string): string {
  const texts: string[] = [];
  for (let number = 50; number >= 1; number -= 1) {
    if (existsSync(`${path}.${number}.gz`))
      texts.push(gunzipSync(readFileSync(`${path}.${number}.gz`)).toString());
    if (existsSync(`${path}.${number}`)) texts.push(readFileSync(`${path}.${number}`, 'utf8'));
  }
  if (existsSync(path)) texts.push(readFileSync(path, 'utf8'));
  return texts.join('');
}

test('generations in order hold every line once', async (t) => {
  const path = join(useFolder(t), 'app.log');
  const { jobs, ended } = useJobs(t);
  let all = '';
  for (let round = 1; round <= 5; round += 1) {
    for (let i = 0; i < 10; i += 1) {
      const line = `round ${round} line ${i} of a log file\n`;
      appendFileSync(path, line);
      all += line;
    }
    jobs.rotate(path, { ...ROTATE, keep: 10, compress: round % 2 === 1 });
    await ended(round);
  }
  assert.equal(wholeText(path), all);
  assert.equal(existsSync(path), false);
});

test('no more than `keep` generations stay, also where there were more before', async (t) => {
  const folder = useFolder(t);
  const path = join(folder, 'app.log');
  for (let number = 1; number <= 9; number += 1) {
    if (number % 2 === 0) writeFileSync(`${path}.${number}`, `old ${number}\n`);
    else writeFileSync(`${path}.${number}.gz`, gzipSync(`old ${number}\n`));
  }
  writeFileSync(path, 'x'.repeat(100));
  const { jobs, ended } = useJobs(t);
  jobs.rotate(path, ROTATE);
  await ended(1);
  assert.deepEqual(readdirSync(folder).sort(), ['app.log.1.gz', 'app.log.2.gz', 'app.log.3']);
  assert.equal(wholeText(path), `old 2\nold 1\n${'x'.repeat(100)}`);
});

test('both forms of one generation, as a crash leaves them, become one', async (t) => {
  const path = join(useFolder(t), 'app.log');
  writeFileSync(`${path}.1`, 'first\n');
  writeFileSync(`${path}.1.gz`, gzipSync('first\n'));
  writeFileSync(path, 'x'.repeat(100));
  const { jobs, ended } = useJobs(t);
  jobs.rotate(path, ROTATE);
  await ended(1);
  assert.equal(wholeText(path), `first\n${'x'.repeat(100)}`);
});

test('mode and owner go with the file', async (t) => {
  const path = join(useFolder(t), 'app.log');
  writeFileSync(path, 'x'.repeat(100));
  chmodSync(path, 0o604);
  const { jobs, ended } = useJobs(t);
  jobs.rotate(path, ROTATE);
  await ended(1);
  assert.equal(statSync(`${path}.1.gz`).mode & 0o777, 0o604);
});

test('a file that is small again, or gone, is only opened anew', async (t) => {
  const folder = useFolder(t);
  writeFileSync(join(folder, 'small.log'), 'x');
  const { jobs, ended, reopened } = useJobs(t);
  jobs.rotate(join(folder, 'small.log'), ROTATE);
  jobs.rotate(join(folder, 'gone.log'), ROTATE);
  await ended(2);
  assert.deepEqual(readdirSync(folder), ['small.log']);
  assert.deepEqual(reopened.sort(), [join(folder, 'gone.log'), join(folder, 'small.log')]);
});

test('it is not compressed before every lane has let go', async (t) => {
  const path = join(useFolder(t), 'app.log');
  writeFileSync(path, 'x'.repeat(100));
  // What a lane still writes while it is being told goes to the old file.
  const { jobs, ended } = useJobs(t, async () => {
    await sleep(50);
    appendFileSync(`${path}.1`, 'late\n');
  });
  jobs.rotate(path, ROTATE);
  await ended(1);
  assert.equal(wholeText(path), `${'x'.repeat(100)}late\n`);
});

test('asking often is asking once, and once more for what came meanwhile', async (t) => {
  const folder = useFolder(t);
  const path = join(folder, 'app.log');
  writeFileSync(path, 'x'.repeat(100));
  const { jobs, ended, told } = useJobs(t);
  for (let i = 0; i < 5; i += 1) jobs.rotate(path, ROTATE);
  await ended(2);
  await sleep(50);
  assert.equal(told.length, 2);
  assert.deepEqual(readdirSync(folder), ['app.log.1.gz']);
});

test('what fails is told, and leaves the file and no remains', async (t) => {
  const folder = useFolder(t);
  const path = join(folder, 'app.log');
  writeFileSync(path, 'x'.repeat(100));
  const { jobs, ended, told } = useJobs(t, async () => {
    // Takes the place of the compressed file: the last step cannot be made.
    mkdirSync(`${path}.1.gz`);
  });
  jobs.rotate(path, ROTATE);
  await ended(1);
  assert.match(told[0] ?? '', /failed/);
  assert.deepEqual(readdirSync(folder).sort(), ['app.log.1', 'app.log.1.gz']);
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'x'.repeat(100));
});

test('a stop does not wait for a large compression, and leaves the plain file whole', async (t) => {
  const folder = useFolder(t);
  const path = join(folder, 'app.log');
  // Noise takes the longest: a second and more.
  const random = randomBytes(32 * 1024 * 1024);
  writeFileSync(path, random);
  const { jobs, reopened } = useJobs(t);
  jobs.rotate(path, ROTATE);
  while (reopened.length === 0) await sleep(1);
  await sleep(20);
  const startedAt = performance.now();
  await jobs.stop(Date.now() + 20);
  assert.ok(performance.now() - startedAt < 2000);
  await waitUntil('what was begun is removed', () => readdirSync(folder).join(' ') === 'app.log.1');
  assert.equal(statSync(`${path}.1`).size, random.length);
});

test('a stop does not wait for a lane that has ended', async (t) => {
  const path = join(useFolder(t), 'app.log');
  writeFileSync(path, 'x'.repeat(100));
  const { jobs } = useJobs(t, () => new Promise(() => undefined));
  jobs.rotate(path, ROTATE);
  await sleep(30);
  const startedAt = performance.now();
  await jobs.stop(Date.now() + 50);
  await jobs.stop(Date.now() + 50);
  assert.ok(performance.now() - startedAt < 2000);
});

test('a sync of a file that is gone is nothing to do', async (t) => {
  const folder = useFolder(t);
  writeFileSync(join(folder, 'a.log'), 'x');
  const { jobs, ended, told } = useJobs(t);
  jobs.sync(join(folder, 'a.log'));
  jobs.sync(join(folder, 'gone.log'));
  await ended(2);
  assert.ok(told.every((text) => !text.includes('failed')));
});

test('a sync of what has no disk behind it, or cannot be read, is no failure', async (t) => {
  const folder = useFolder(t);
  symlinkSync('/dev/null', join(folder, 'null'));
  writeFileSync(join(folder, 'secret.log'), 'x', { mode: 0o200 });
  const { jobs, ended, told } = useJobs(t);
  jobs.sync(join(folder, 'null'));
  jobs.sync(join(folder, 'secret.log'));
  await ended(2);
  assert.ok(!told.some((text) => text.includes('failed')), told.join('; '));
});
