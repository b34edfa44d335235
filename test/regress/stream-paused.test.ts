// A server died while this process stood still for more than a second (a slow disk, a paused machine). Afterwards the
// timer that asks came before the news of the end: what the server's kernel had taken counted as delivered.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { waitUntil } from '../system/programs.ts';
import { startSending, targetOf } from '../unit/delivery/use-transport.ts';

/** Takes one connection, reads nothing of it, and ends half a second later. */
const SERVER = `
  const server = require('node:net').createServer({ pauseOnConnect: true }, () => setTimeout(process.exit, 500));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

test('what a server took that died while we stood still is sent again', async (t) => {
  const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill('SIGKILL'));
  const [port] = (await once(server.stdout, 'data')) as [Buffer];
  const sending = startSending(t, [targetOf('tcp', Number(port))]);
  sending.append(1, 10);
  await waitUntil('it is sent', () => sending.transport.counts().sentRecords === 10);
  // The other kernel takes it at once; that is noted.
  await new Promise((done) => setTimeout(done, 100));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1700);
  await waitUntil('the end is heard', () => /refused/.test(sending.why()));
  assert.equal(sending.waiting(), 10);
});
