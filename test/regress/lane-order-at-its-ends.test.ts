// An order to a lane that had not said yet that it runs was heard only with the next one, and one to a lane that had
// stopped was never answered: a rotation waited for it, with all others behind it, and the server took its whole deadline
// to stop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeLockTable } from '../../daemon/files/line-locks.ts';
import { makeCountTable } from '../../daemon/intake/counts.ts';
import { bootLaneThread, Lane } from '../../daemon/intake/lane.ts';
import { makeSenderTable } from '../../daemon/intake/senders.ts';
import { config, useFolder } from '../unit/daemon/samples.ts';

test('every order to a lane is answered, whenever it comes', { timeout: 30_000 }, async (t) => {
  const start = {
    number: 1,
    via: 'tcp' as const,
    config: config(useFolder(t), []),
    sockets: [],
    counts: makeCountTable(),
    senders: makeSenderTable(),
    locks: makeLockTable(),
    openTotal: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
  };
  const lane = new Lane(bootLaneThread(), start, {
    report: () => undefined,
    died: (error) => assert.fail(error),
  });
  // It has not loaded its code yet.
  await lane.reopen('before it runs');
  await lane.reopen('while it runs');
  await Promise.all([lane.stop(Date.now() + 10_000), lane.reopen('behind its last order')]);
  await lane.reopen('when it has ended');
});
