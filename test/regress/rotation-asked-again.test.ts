// Once, a file that grew over its limit while its last generation was still being compressed was never rotated
// again: the second request met the first and was dropped, and the lane waited for an answer.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileJobs } from '../../daemon/files/rotation.ts';
import { makeFolder, waitUntil } from '../system/programs.ts';

test('a rotation that is asked for while another of the same file is under way follows it', async (t) => {
  const folder = makeFolder('rotation');
  t.after(folder.remove);
  const path = join(folder.path, 'a.log');
  const rotate = { sizeBytes: 1000, keep: 5, compress: true };
  const failed: Error[] = [];
  let rotations = 0;
  const jobs = new FileJobs({
    // The file is let go of, and at once grows too large again.
    reopen: (reopened) => {
      if (rotations === 0 && !existsSync(path)) {
        writeFileSync(path, randomBytes(2000));
        jobs.rotate(reopened, rotate);
      }
      return Promise.resolve();
    },
    done: () => {
      rotations += 1;
    },
    failed: (_job, _path, error) => failed.push(error),
  });
  writeFileSync(path, randomBytes(4_000_000));
  jobs.rotate(path, rotate);
  await waitUntil('two rotations', () => rotations === 2);
  await jobs.stop(Date.now() + 5000);
  assert.deepEqual(failed, []);
  assert.deepEqual(readdirSync(folder.path).sort(), ['a.log.1.gz', 'a.log.2.gz']);
});
