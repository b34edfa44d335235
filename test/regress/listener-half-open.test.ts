// A UDP listener has a socket for each lane. When the second one could not be opened, the first was left open: the kernel
// went on to give it its share of the datagrams, and nobody read them.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { Fault } from '../../base/fault.ts';
import { parseAddress } from '../../base/ip.ts';
import { openListeners } from '../../daemon/intake/listeners.ts';
import { closeSocket, openBound } from '../../kernel/socket.ts';
import { freePort } from '../system/programs.ts';
import { config } from '../unit/daemon/samples.ts';

/** All numbers below this one are taken; two sockets then need a number that there is not. */
const FILLED = 300;

function limitDescriptors(soft: number): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]);
}

test('a listener that cannot be opened whole leaves nothing open', async (t) => {
  if (spawnSync('prlimit', ['--version']).status !== 0) return t.skip('prlimit (util-linux) is not there');
  const port = await freePort();
  const { syslog } = config('/', []);
  const text = `udp://127.0.0.1:${port}`;
  const listen = [{ transport: 'udp' as const, host: '127.0.0.1', family: 4 as const, port, text }];
  const before = Number(execFileSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' }));
  limitDescriptors(FILLED + 2);
  const fillers: number[] = [];
  t.after(() => fillers.forEach((fd) => closeSync(fd)));
  while ((fillers.at(-1) ?? 0) < FILLED) fillers.push(openSync('/dev/null', 'r'));
  assert.throws(
    () => openListeners({ ...syslog, lanes: 3, listen }, []),
    (fault) => fault instanceof Fault && fault.code === 'LISTEN_FAILED',
  );
  for (const fd of fillers.splice(0)) closeSync(fd);
  limitDescriptors(before);
  const address = parseAddress('127.0.0.1');
  assert.ok(address);
  const alone = openBound({ kind: 'udp', address, port, reusePort: false, v6Only: false });
  assert.ok(alone.ok, 'nobody else has the port');
  closeSocket(alone.socket.fd);
});
