// The start: how soon the first message is taken, what an idle server costs, and every way in which a start
// fails: with a code, what, where, mend, and the exit code that a service manager acts on.

import assert from 'node:assert/strict';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BELFRY, useBelfry, writeConfig } from './belfry.ts';
import type { Peer } from './peers.ts';
import { freePort, makeFolder, startProgram, waitForLines } from './programs.ts';
import {
  eventually,
  logLines,
  mebibytes,
  memoryOf,
  NO_OTHER_USER,
  numbered,
  openSender,
  readText,
  sendTcp,
} from './world.ts';

const rules = [{ file: 'all.log' }];

interface Failed {
  readonly code: number | null;
  readonly said: string;
}

async function startAndFail(config: string, program: Peer = BELFRY): Promise<Failed> {
  const started = startProgram(program, ['serve', '-c', config]);
  const late = setTimeout(() => started.signal('SIGKILL'), 10_000);
  const { code } = await started.ended;
  clearTimeout(late);
  return { code, said: started.stderr };
}

function assertFault(failed: Failed, fault: string, exit: number, where: RegExp): void {
  assert.equal(failed.code, exit, failed.said);
  assert.match(failed.said, new RegExp(`^${fault}  \\S.*\\.$`, 'm'));
  assert.match(failed.said, /^ {2}where {2}\S/m);
  assert.match(failed.said, where);
  assert.match(failed.said, /^ {2}mend {3}\S.*\.?$/m);
  assert.doesNotMatch(failed.said, / at .*\.js:\d+/, 'no stack trace');
}

describe('a start that fails says what, where, and how to mend it', () => {
  test('no configuration', async () => {
    const failed = await startAndFail('/nonexistent/server.json');
    assertFault(failed, 'CONFIG_NOT_FOUND', 78, /\/nonexistent\/server\.json/);
  });

  test('a configuration with faults: all of them', async (t) => {
    const folder = makeFolder('start');
    t.after(folder.remove);
    const config = join(folder.path, 'server.json');
    writeFileSync(
      config,
      '{ "rules": [{ "match": { "hots": "a" }, "file": "a.log" }, { "file": "{hots}.log" }] }',
    );
    const failed = await startAndFail(config);
    assertFault(
      failed,
      'CONFIG_UNKNOWN_KEY',
      78,
      /server\.json, line 1, column \d+: rules\[0\]\.match\.hots/,
    );
    assertFault(failed, 'CONFIG_BAD_TEMPLATE', 78, /rules\[1\]\.file/);
  });

  for (const kind of ['tcp', 'udp'] as const) {
    test(`a ${kind} port that another program holds`, async (t) => {
      const folder = makeFolder('start');
      t.after(folder.remove);
      const port = await freePort();
      if (kind === 'tcp') {
        const holder = createServer().listen(port, '127.0.0.1');
        t.after(() => holder.close());
        await new Promise((done) => holder.once('listening', done));
      } else {
        const holder = createSocket('udp4').bind(port, '127.0.0.1');
        t.after(() => holder.close());
        await new Promise((done) => holder.once('listening', done));
      }
      const failed = await startAndFail(writeConfig(folder.path, port, { rules }));
      assertFault(failed, 'LISTEN_IN_USE', 78, new RegExp(`${kind}://127.0.0.1:${port}`));
    });
  }

  test('an http port that another program holds', async (t) => {
    const folder = makeFolder('start');
    t.after(folder.remove);
    const holder = createServer().listen(0, '127.0.0.1');
    t.after(() => holder.close());
    await new Promise((done) => holder.once('listening', done));
    const { port } = holder.address() as { port: number };
    const more = { http: { listen: `127.0.0.1:${port}` } };
    const failed = await startAndFail(writeConfig(folder.path, await freePort(), { rules, more }));
    assertFault(failed, 'LISTEN_IN_USE', 78, /http\.listen/);
  });

  test('an address that this machine does not have', async (t) => {
    const folder = makeFolder('start');
    t.after(folder.remove);
    const config = writeConfig(folder.path, await freePort(), { rules, host: '192.0.2.1' });
    assertFault(await startAndFail(config), 'LISTEN_FAILED', 78, /192\.0\.2\.1/);
  });

  test('a port below 1024 without the right to it', { skip: NO_OTHER_USER }, async (t) => {
    if (Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) <= 514) {
      t.skip('every port is free for everybody on this machine');
      return;
    }
    const folder = makeFolder('start');
    t.after(folder.remove);
    const config = writeConfig(folder.path, 514, { rules });
    chownSync(folder.path, 65534, 65534);
    const args = ['--reuid', '65534', '--regid', '65534', '--clear-groups', BELFRY.path, ...BELFRY.args];
    const failed = await startAndFail(config, { path: 'setpriv', args, env: {} });
    assertFault(failed, 'LISTEN_PERMISSION', 77, /udp:\/\/127\.0\.0\.1:514/);
    assert.match(failed.said, /CAP_NET_BIND_SERVICE/);
  });

  test('a control socket on which another server answers; that one goes on', async (t) => {
    const first = await useBelfry(t, { rules });
    const folder = makeFolder('start');
    t.after(folder.remove);
    const socket = join(first.folder, 'control.sock');
    const config = writeConfig(folder.path, await freePort(), { rules, more: { control: { socket } } });
    assertFault(await startAndFail(config), 'CONTROL_IN_USE', 78, /control\.sock/);
    await sendTcp(first.port, numbered('host', 'app', 0, 1));
    await waitForLines(first.file('all.log'), 1);
  });
});

/** CPU time of a process in ms (proc(5): utime and stime, in ticks of 10 ms). */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test('the first message is taken soon after the start, and an idle server costs little', async (t) => {
  const folder = makeFolder('start');
  t.after(folder.remove);
  const port = await freePort();
  const config = writeConfig(folder.path, port, {
    rules,
    more: { http: { listen: `127.0.0.1:${await freePort()}` } },
  });
  const began = performance.now();
  const program = startProgram(BELFRY, ['serve', '-c', config]);
  t.after(() => program.stop('SIGKILL'));
  await eventually('somebody takes the message', async () => {
    try {
      await sendTcp(port, numbered('host', 'app', 0, 1));
      return true;
    } catch {
      return false;
    }
  });
  await eventually('it is written', () => readText(join(folder.path, 'out/all.log')).includes('n=0;'));
  const tookMs = performance.now() - began;
  assert.ok(tookMs < 20_000, `${tookMs} ms`);
  await eventually('ready', () => program.stderr.includes('ready'));
  await sleep(1000);
  const cpu = cpuOf(program.pid);
  await sleep(3000);
  const share = (cpuOf(program.pid) - cpu) / 3000;
  const resident = memoryOf(program.pid, 'VmRSS');
  t.diagnostic(
    `first message stored ${Math.round(tookMs)} ms after the start; idle: ${mebibytes(resident)}, ${(share * 100).toFixed(2)} % of a core`,
  );
  assert.ok(share < 0.2 && resident < 300 * 1024 ** 2);
  assert.equal((await program.stop()).code, 0);
});

test('out of descriptors: one line of the log, no spinning, and senders are taken when there are some again', async (t) => {
  const folder = makeFolder('start');
  t.after(folder.remove);
  const port = await freePort();
  const config = writeConfig(folder.path, port, { rules });
  const limited: Peer = {
    path: 'sh',
    args: ['-c', 'ulimit -n 120; exec "$0" "$@"', BELFRY.path, ...BELFRY.args],
    env: {},
  };
  const program = startProgram(limited, ['serve', '-c', config]);
  t.after(() => program.stop('SIGKILL'));
  await eventually('ready', () => program.stderr.includes('ready'));
  await sendTcp(port, numbered('host', 'app', 0, 1));
  const senders = await Promise.all(Array.from({ length: 200 }, () => openSender(port)));
  await eventually('told', () => logLines(program, 'descriptors_exhausted').length > 0);
  const cpu = cpuOf(program.pid);
  await sleep(3000);
  const share = (cpuOf(program.pid) - cpu) / 3000;
  t.diagnostic(`${(share * 100).toFixed(1)} % of a core while descriptors are short`);
  assert.ok(share < 0.3, `${share} of a core`);
  assert.equal(logLines(program, 'descriptors_exhausted').length, 1);
  for (const sender of senders.slice(0, 150)) sender.socket.destroy();
  await Promise.all(senders.slice(150).map((sender, at) => sender.write(numbered('host', `s${at}`, 0, 1))));
  await waitForLines(join(folder.path, 'out/all.log'), 51);
  for (const sender of senders) sender.socket.destroy();
  assert.equal((await program.stop()).code, 0);
});
