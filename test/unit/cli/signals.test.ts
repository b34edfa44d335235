// The signals of a program that runs: which one ends it, and what SIGHUP does before and after.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { untilStopped } from '../../../cli/signals.ts';

test('SIGHUP reloads once it is open, one after the other, and not any more when it ends', async (t) => {
  const before = (['SIGHUP', 'SIGTERM', 'SIGINT'] as const).map(
    (name) => [name, process.listeners(name)] as const,
  );
  t.after(() => {
    for (const [name, kept] of before) {
      process.removeAllListeners(name);
      for (const listener of kept) process.on(name, listener as () => void);
    }
  });
  let open: () => void = () => undefined;
  let finish: () => void = () => undefined;
  let reloads = 0;
  const opened = new Promise<void>((done) => {
    open = done;
  });
  const stopped = untilStopped(opened, () => {
    reloads += 1;
    return new Promise<void>((done) => {
      finish = done;
    });
  });
  // Waiting for a signal keeps no loop alive.
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  const signal = async (name: 'SIGHUP' | 'SIGTERM') => {
    const heard = once(process, name);
    process.kill(process.pid, name);
    await heard;
    await turn();
  };
  await signal('SIGHUP');
  assert.equal(reloads, 0, 'it is not open yet');
  open();
  await turn();
  assert.equal(reloads, 1);
  await signal('SIGHUP');
  assert.equal(reloads, 1, 'the first is under way');
  await signal('SIGTERM');
  assert.equal(await stopped, 'SIGTERM');
  finish();
  await turn();
  assert.equal(reloads, 1, 'nothing is reloaded while it ends');
});
