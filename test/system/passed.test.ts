// Sockets that a service manager opens and passes (sd_listen_fds(3)): by name and address, in any order, also
// those that `listen` does not name, and real systemd-socket-activate where it is installed.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAddress } from '../../base/ip.ts';
import { closeSocket, openBound, type SocketKind } from '../../kernel/socket.ts';
import { BELFRY, writeConfig } from './belfry.ts';
import { Authority, NO_OPENSSL } from './certificates.ts';
import { freePort, makeFolder, Program, startProgram, waitForLines, waitUntil } from './programs.ts';
import { RelpSender } from './relp-sender.ts';
import { sendTls } from './tls-world.ts';
import { askSocket, hangUp, message, numbered, openSender, sendTcp, sendUdp } from './world.ts';

const HAS_ACTIVATE = spawnSync('systemd-socket-activate', ['--version']).status === 0;
const rules = [{ file: 'all.log' }];

interface Passed {
  readonly name: string;
  readonly fd: number;
  readonly port: number;
}

/** A socket that this process opens and never reads: whoever it is passed to has all of it. */
function open(t: TestContext, name: string, kind: SocketKind): Passed {
  const address = parseAddress('127.0.0.1');
  assert.ok(address);
  const bound = openBound({ kind, address, port: 0, reusePort: false, v6Only: false });
  assert.ok(bound.ok);
  t.after(() => closeSocket(bound.socket.fd));
  return { name, fd: bound.socket.fd, port: bound.socket.port };
}

/** Starts Belfry as a service manager would: LISTEN_PID is the process itself. */
async function startWith(t: TestContext, sockets: readonly Passed[], config: string): Promise<Program> {
  const script = `LISTEN_PID=$$ exec "$0" "$@"`;
  const child = spawn('sh', ['-c', script, BELFRY.path, ...BELFRY.args, 'serve', '-c', config], {
    stdio: ['ignore', 'pipe', 'pipe', ...sockets.map(({ fd }) => fd)],
    env: {
      ...process.env,
      LISTEN_FDS: String(sockets.length),
      LISTEN_FDNAMES: sockets.map(({ name }) => name).join(':'),
    },
  });
  const program = new Program('belfry', child);
  t.after(() => program.stop('SIGKILL'));
  await waitUntil('ready', () => /\bready\b/.test(program.stderr) || program.hasEnded());
  assert.ok(!program.hasEnded(), program.stderr);
  return program;
}

for (const turned of [false, true]) {
  test(`sockets are known by their address and name, ${turned ? 'the other way round' : 'in one order'}`, async (t) => {
    const folder = makeFolder('passed');
    t.after(folder.remove);
    const udpPort = await freePort();
    const first = open(t, 'syslog-tcp', 'tcp');
    const second = open(t, 'other-tcp', 'tcp');
    const time = open(t, 'ntp', 'udp');
    const datagrams = open(t, 'syslog-udp', 'udp');
    // `listen` names the first and a UDP port of its own; the second is served because it was passed.
    const listen = [`udp://127.0.0.1:${udpPort}`, `tcp://127.0.0.1:${first.port}`];
    const config = writeConfig(folder.path, udpPort, { rules, syslog: { listen } });
    const sockets = [first, second, time, datagrams];
    const program = await startWith(t, turned ? sockets.reverse() : sockets, config);
    await sendTcp(first.port, numbered('host', 'first', 0, 10));
    await sendTcp(second.port, numbered('host', 'second', 0, 10));
    await sendUdp(udpPort, [message('host', 'udp', 0)]);
    await sendUdp(datagrams.port, [message('host', 'passed-udp', 0)]);
    await waitForLines(join(folder.path, 'out/all.log'), 22);
    const { listeners } = await askSocket(join(folder.path, 'control.sock'), 'status');
    const passed = listeners.filter((one) => one.passed).map(({ name }) => name);
    const expected = [first, second].map((one) => `tcp://127.0.0.1:${one.port}`);
    assert.deepEqual(passed.sort(), [...expected, `udp://127.0.0.1:${datagrams.port}`].sort());

    // A reload keeps them.
    const standing = await openSender(second.port);
    await hangUp(program);
    await standing.write(numbered('host', 'standing', 0, 10));
    await sendTcp(second.port, numbered('host', 'second', 10, 10));
    await waitForLines(join(folder.path, 'out/all.log'), 42);
    await standing.end();
    assert.equal((await program.stop()).code, 0);
  });
}

test('sockets for RELP and TLS are known by their address, and else by their name', {
  skip: NO_OPENSSL,
}, async (t) => {
  const folder = makeFolder('passed');
  t.after(folder.remove);
  const authority = new Authority(t);
  const server = authority.issue({ name: 'server', names: 'DNS:localhost' });
  const [relp, tls, named] = [open(t, 'one', 'tcp'), open(t, 'two', 'tcp'), open(t, 'belfry-tls', 'tcp')];
  const listen = [`relp://127.0.0.1:${relp.port}`, `tls://127.0.0.1:${tls.port}`];
  const config = writeConfig(folder.path, relp.port, { rules, syslog: { listen, tls: server } });
  const program = await startWith(t, [named, tls, relp], config);
  const sender = new RelpSender({ port: relp.port, name: 'relp', count: 10 });
  await waitUntil('the session ends', () => sender.hasClosed);
  assert.ok(sender.hasAll);
  await sendTls({ authority, port: tls.port }, numbered('host', 'tls', 0, 10), {});
  await sendTls({ authority, port: named.port }, numbered('host', 'named', 0, 10), {});
  await waitForLines(join(folder.path, 'out/all.log'), 30);
  await hangUp(program);
  await sendTls({ authority, port: named.port }, numbered('host', 'named', 10, 10), {});
  await waitForLines(join(folder.path, 'out/all.log'), 40);
  const { listeners } = await askSocket(join(folder.path, 'control.sock'), 'status');
  assert.deepEqual(
    listeners.map(({ name, passed }) => [name, passed]),
    [...listen, `tls://127.0.0.1:${named.port}`].map((name) => [name, true]),
  );
  assert.equal((await program.stop()).code, 0);
});

test('sockets that were meant for another process are left alone', async (t) => {
  const folder = makeFolder('passed');
  t.after(folder.remove);
  const port = await freePort();
  const config = writeConfig(folder.path, port, { rules });
  const env = { LISTEN_FDS: '2', LISTEN_PID: '1', LISTEN_FDNAMES: 'a:b' };
  const program = startProgram(BELFRY, ['serve', '-c', config], { env });
  t.after(() => program.stop('SIGKILL'));
  await waitUntil('ready', () => /\bready\b/.test(program.stderr) || program.hasEnded());
  await sendTcp(port, numbered('host', 'app', 0, 1));
  await waitForLines(join(folder.path, 'out/all.log'), 1);
  assert.equal((await program.stop()).code, 0);
});

for (const kind of ['tcp', 'udp'] as const) {
  test(`systemd-socket-activate passes a ${kind} socket`, {
    skip: HAS_ACTIVATE ? false : 'systemd-socket-activate is not installed',
  }, async (t) => {
    const folder = makeFolder('passed');
    t.after(folder.remove);
    const port = await freePort();
    const other = await freePort();
    const listen = [`${kind}://127.0.0.1:${port}`, `tcp://127.0.0.1:${other}`];
    const config = writeConfig(folder.path, port, { rules, syslog: { listen } });
    const args = [`--listen=127.0.0.1:${port}`, `--fdname=syslog`, ...(kind === 'udp' ? ['--datagram'] : [])];
    const program = startProgram({ path: 'systemd-socket-activate', args, env: {} }, [
      BELFRY.path,
      ...BELFRY.args,
      'serve',
      '-c',
      config,
    ]);
    t.after(() => program.stop('SIGKILL'));
    await waitUntil('it listens', () => program.stderr.includes('Listening on'));
    // The first message is what starts the server; it is not lost.
    if (kind === 'tcp') {
      const sender = await openSender(port);
      await sender.write(numbered('host', 'app', 0, 10));
      await sender.end();
    } else {
      await sendUdp(port, [message('host', 'app', 0)]);
    }
    await waitForLines(join(folder.path, 'out/all.log'), kind === 'tcp' ? 10 : 1);
    await waitUntil('ready', () => /\bready\b/.test(program.stderr));
    const { listeners } = await askSocket(join(folder.path, 'control.sock'), 'status');
    assert.deepEqual(
      listeners.map(({ passed }) => passed),
      [true, false],
    );
    assert.equal((await program.stop()).code, 0);
  });
}
