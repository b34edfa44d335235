// A thread of a lane that was booted ahead, and was not needed or came too late for a fault of the configuration,
// was ended from outside while it loaded native code: Node aborts then, and the whole server was gone with it,
// about once in a hundred starts on a busy machine. Now it is told to end, and waited for.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootLaneThread, dismissLaneThread } from '../../daemon/intake/lane.ts';
import { BELFRY } from '../system/belfry.ts';
import { makeFolder, startProgram } from '../system/programs.ts';

const AT_ONCE = 6;
const ROUNDS = 2;

test('a start that fails while threads are loading says why, and ends with 78', async (t) => {
  const folder = makeFolder('start');
  t.after(folder.remove);
  const config = join(folder.path, 'server.json');
  writeFileSync(config, '{ "syslog": { "lisen": [] } }');
  for (let round = 0; round < ROUNDS; round += 1) {
    const programs = Array.from({ length: AT_ONCE }, () => startProgram(BELFRY, ['serve', '-c', config]));
    const ends = await Promise.all(programs.map(({ ended }) => ended));
    assert.deepEqual(
      ends,
      ends.map(() => ({ code: 78, signal: null })),
      programs.map(({ stderr }) => stderr).join('\n'),
    );
  }
});

test('a thread that is not needed is gone when that is said', async () => {
  const threads = [bootLaneThread(), bootLaneThread()];
  await Promise.all(threads.map(dismissLaneThread));
  assert.deepEqual(
    threads.map(({ worker }) => worker.threadId),
    [-1, -1],
  );
});
