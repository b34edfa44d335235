// Sockets made by hand: what is opened is what was asked for, and what cannot be opened says why.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Address, parseAddress, printAddress } from '../../../base/ip.ts';
import {
  adoptSocket,
  type BindWish,
  type BoundSocket,
  closeSocket,
  DropMeter,
  growReceiveBuffer,
  openBound,
} from '../../../kernel/socket.ts';

export function address(text: string): Address {
  const found = parseAddress(text);
  assert.ok(found, text);
  return found;
}

const WISH: BindWish = {
  kind: 'udp',
  address: address('127.0.0.1'),
  port: 0,
  reusePort: false,
  v6Only: false,
};

function open(t: TestContext, changes: Partial<BindWish>): BoundSocket {
  const bound = openBound({ ...WISH, ...changes });
  assert.ok(bound.ok, bound.ok ? '' : bound.error);
  t.after(() => closeSocket(bound.socket.fd));
  return bound.socket;
}

function errorOf(changes: Partial<BindWish>): string {
  const bound = openBound({ ...WISH, ...changes });
  if (!bound.ok) return bound.error;
  closeSocket(bound.socket.fd);
  return 'it opened';
}

test('the kernel chooses a port, and it is told', (t) => {
  for (const kind of ['udp', 'tcp'] as const) {
    for (const text of ['127.0.0.1', '::1']) {
      const socket = open(t, { kind, address: address(text) });
      assert.equal(socket.kind, kind);
      assert.equal(printAddress(socket.address), text);
      assert.ok(socket.port > 1023 && socket.port < 65_536);
    }
  }
});

test('a port that is taken is EADDRINUSE', (t) => {
  for (const kind of ['udp', 'tcp'] as const) {
    const { port } = open(t, { kind });
    assert.equal(errorOf({ kind, port }), 'EADDRINUSE');
  }
});

test('several lanes may share a port when all say so', (t) => {
  const { port } = open(t, { reusePort: true });
  assert.equal(open(t, { reusePort: true, port }).port, port);
  assert.equal(errorOf({ port }), 'EADDRINUSE');
});

test('an address of another host is EADDRNOTAVAIL', () => {
  assert.equal(errorOf({ address: address('192.0.2.1') }), 'EADDRNOTAVAIL');
  assert.equal(errorOf({ address: address('2001:db8::1') }), 'EADDRNOTAVAIL');
});

test('a privileged port without the right is EACCES', (t) => {
  const script = `
    const { openBound } = await import(${JSON.stringify(new URL('../../../kernel/socket.js', import.meta.url).href)});
    const bound = openBound(${JSON.stringify({ ...WISH, port: 514 })});
    console.log(bound.ok ? 'opened' : bound.error);`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  if (process.getuid?.() !== 0) {
    assert.match(spawnSync(node[0] as string, node.slice(1), { encoding: 'utf8' }).stdout, /EACCES|opened/);
    return t.skip('only root can give up the right to be sure that it is missing');
  }
  const drop = ['--bounding-set=-all', '--inh-caps=-all', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const run = spawnSync('setpriv', [...drop, ...node], { encoding: 'utf8' });
  if (run.error) return t.skip('setpriv (util-linux) is not there');
  if (!/EACCES|opened/.test(run.stdout))
    return t.skip(`the user nobody cannot run this: ${run.stderr.slice(0, 200)}`);
  const limit = spawnSync('sysctl', ['-n', 'net.ipv4.ip_unprivileged_port_start'], { encoding: 'utf8' });
  if (Number(limit.stdout) <= 514) return t.skip('here every user may listen on port 514');
  assert.equal(run.stdout.trim(), 'EACCES');
});

test('an IPv6 wildcard takes IPv4 too, unless it is told not to', (t) => {
  const any = address('::');
  const both = open(t, { address: any });
  assert.equal(errorOf({ address: address('0.0.0.0'), port: both.port }), 'EADDRINUSE');
  const only6 = open(t, { address: any, v6Only: true });
  assert.equal(open(t, { address: address('0.0.0.0'), port: only6.port }).port, only6.port);
});

test('a TCP socket accepts as soon as it is bound', async (t) => {
  const { port } = open(t, { kind: 'tcp' });
  const { connect } = await import('node:net');
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  await once(client, 'connect');
});

/** The descriptor of a socket that Node opened, as the service manager would pass it. */
function fdOf(handle: object): number {
  const { fd } = (handle as { _handle: { fd: number } })._handle;
  assert.ok(fd > 2);
  return fd;
}

test('a passed socket is told for what it is', async (t) => {
  const tcp = createServer().listen(0, '127.0.0.1');
  t.after(() => tcp.close());
  await once(tcp, 'listening');
  const adopted = adoptSocket(fdOf(tcp));
  assert.equal(adopted?.kind, 'tcp');
  assert.equal(adopted.port, (tcp.address() as { port: number }).port);
  const bound = open(t, { address: address('::1') });
  assert.deepEqual(adoptSocket(bound.fd), bound);
});

test('what is no UDP or listening TCP socket is not adopted', async (t) => {
  assert.equal(adoptSocket(0), undefined);
  assert.equal(adoptSocket(9999), undefined);
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { connect } = await import('node:net');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  t.after(() => client.destroy());
  await once(client, 'connect');
  assert.equal(adoptSocket(fdOf(client)), undefined, 'a connection');
  const unix = createServer().listen(`\0belfry-test-${process.pid}`);
  t.after(() => unix.close());
  await once(unix, 'listening');
  assert.equal(adoptSocket(fdOf(unix)), undefined, 'a unix socket');
});

test('what the kernel gave as receive buffer is told', (t) => {
  const { fd } = open(t, {});
  const small = growReceiveBuffer(fd, 8192);
  assert.deepEqual(small, { bytes: 16_384, whole: true });
  const large = growReceiveBuffer(fd, 64 * 1024 * 1024);
  assert.equal(large.whole, large.bytes >= 2 * 64 * 1024 * 1024);
  assert.equal(growReceiveBuffer(9999, 8192).bytes, 0);
});

test('every datagram that the kernel dropped is counted, and no other', async (t) => {
  const { fd, port } = open(t, {});
  growReceiveBuffer(fd, 4096);
  const meter = new DropMeter();
  assert.equal(meter.read(fd), 0);
  const sender = createSocket('udp4');
  t.after(() => sender.close());
  const sent = 200;
  const send = () =>
    new Promise<void>((done, fail) =>
      sender.send(Buffer.alloc(200), port, '127.0.0.1', (error) => (error ? fail(error) : done())),
    );
  for (let i = 0; i < sent; i += 1) await send();
  const { DatagramReader, datagramRegionSize } = await import('../../../kernel/datagrams.ts');
  const arena = new ArrayBuffer(datagramRegionSize(2048));
  const reader = new DatagramReader(arena, 0, 2048);
  let received = 0;
  for (let count = reader.receive(fd); count > 0; count = reader.receive(fd)) received += count;
  assert.ok(received > 0 && received < sent, `${received}`);
  assert.equal(meter.read(fd), sent - received);
  assert.equal(meter.read(9999), 0);
});
