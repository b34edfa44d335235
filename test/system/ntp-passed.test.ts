// A socket for the time server that a service manager opens and passes: served under the name that says so, also
// through a reload, and told of when there is nobody to serve it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { parseAddress } from '../../base/ip.ts';
import { closeSocket, openBound } from '../../kernel/socket.ts';
import { BELFRY, writeConfig } from './belfry.ts';
import { goodRequest, makeAsker } from './ntp.ts';
import { freePort, makeFolder, Program, waitUntil } from './programs.ts';

interface Passed {
  readonly fd: number;
  readonly port: number;
}

function open(t: TestContext): Passed {
  const address = parseAddress('127.0.0.1');
  assert.ok(address);
  const bound = openBound({ kind: 'udp', address, port: 0, reusePort: false, v6Only: false });
  assert.ok(bound.ok);
  t.after(() => closeSocket(bound.socket.fd));
  return bound.socket;
}

async function startWith(t: TestContext, socket: Passed, ntp: object | undefined): Promise<Program> {
  const folder = makeFolder('ntp-passed');
  t.after(folder.remove);
  const more = ntp === undefined ? {} : { ntp };
  const config = writeConfig(folder.path, await freePort(), { rules: [{ file: 'all.log' }], more });
  const script = 'LISTEN_PID=$$ exec "$0" "$@"';
  const child = spawn('sh', ['-c', script, BELFRY.path, ...BELFRY.args, 'serve', '-c', config], {
    stdio: ['ignore', 'pipe', 'pipe', socket.fd],
    env: { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'belfry-ntp' },
  });
  const program = new Program('belfry', child);
  t.after(() => program.stop('SIGKILL'));
  await waitUntil('ready', () => /\bready\b/.test(program.stderr) || program.hasEnded());
  assert.ok(!program.hasEnded(), program.stderr);
  return program;
}

async function answers(t: TestContext, port: number): Promise<void> {
  const asker = await makeAsker(t);
  await asker.send(goodRequest(1), port, '127.0.0.1');
  await waitUntil('an answer', () => asker.answers.length > 0);
}

test('is served, whether or not `listen` names its address', async (t) => {
  const [named, unnamed] = [open(t), open(t)];
  const own = await freePort();
  await startWith(t, named, { listen: [`127.0.0.1:${named.port}`], local: {} });
  await answers(t, named.port);
  const program = await startWith(t, unnamed, { listen: [`127.0.0.1:${own}`], local: {} });
  await answers(t, unnamed.port);
  await answers(t, own);
  program.signal('SIGHUP');
  await waitUntil('it has reloaded', () => program.stderr.includes('Reloaded'));
  await answers(t, unnamed.port);
  assert.match(
    program.stderr,
    /Serving time on ntp:\/\/127\.0\.0\.1:\d+ \(passed by the service manager\)\./,
  );
  assert.equal((await program.stop()).code, 0);
});

test('is told of when time is not served', async (t) => {
  const program = await startWith(t, open(t), undefined);
  assert.match(program.stderr, /passed a socket for time.*has no section "ntp"/);
});
