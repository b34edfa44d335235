// Stream sockets: who is ready, who comes, what they send, and how they end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { parseAddress, printAddress } from '../../../base/ip.ts';
import { BellRope, hushBell, openBell } from '../../../kernel/bell.ts';
import { nap } from '../../../kernel/datagrams.ts';
import { closeSocket, openBound } from '../../../kernel/socket.ts';
import {
  acceptStream,
  endSending,
  Readiness,
  readStream,
  sendStream,
  sendWithoutDelay,
  streamError,
  WATCH,
} from '../../../kernel/stream.ts';

function listen(t: TestContext, host: string): { fd: number; port: number } {
  const address = parseAddress(host);
  assert.ok(address);
  const bound = openBound({ kind: 'tcp', address, port: 0, reusePort: false, v6Only: false });
  assert.ok(bound.ok);
  t.after(() => closeSocket(bound.socket.fd));
  return bound.socket;
}

function useReadiness(t: TestContext): Readiness {
  const readiness = new Readiness();
  t.after(() => readiness.close());
  return readiness;
}

async function dial(t: TestContext, port: number, host = '127.0.0.1'): Promise<Socket> {
  const client = connect(port, host);
  t.after(() => client.destroy());
  client.on('error', () => undefined);
  await once(client, 'connect');
  return client;
}

/** Waits in short steps, so that the other side, which is this thread too, has its turn. */
async function readyTokens(readiness: Readiness): Promise<number[]> {
  for (let i = 0; i < 200; i += 1) {
    const count = readiness.wait(5);
    if (count > 0) return Array.from({ length: count }, (_, at) => readiness.token(at));
    await sleep(5);
  }
  return [];
}

async function acceptOne(t: TestContext, fd: number): Promise<number> {
  for (let i = 0; i < 200; i += 1) {
    const accepted = acceptStream(fd);
    if (accepted.ok) {
      t.after(() => closeSocket(accepted.fd));
      return accepted.fd;
    }
    assert.equal(accepted.error, 'EAGAIN');
    await sleep(5);
  }
  throw new Error('nobody came');
}

test('nobody there: no token, EAGAIN, and no longer wait than asked for', (t) => {
  const { fd } = listen(t, '127.0.0.1');
  const readiness = useReadiness(t);
  assert.ok(readiness.watch(fd, 7));
  const startedAt = performance.now();
  assert.equal(readiness.wait(20), 0);
  assert.equal(readiness.wait(0), 0);
  assert.ok(performance.now() - startedAt < 10_000);
  assert.deepEqual(acceptStream(fd), { ok: false, error: 'EAGAIN' });
});

test('no nap is longer than a tenth of a second, whatever is asked', () => {
  const startedAt = performance.now();
  nap(60_000);
  assert.ok(performance.now() - startedAt < 10_000);
});

test('a bell that another thread rings ends a long wait', async (t) => {
  const readiness = useReadiness(t);
  const bell = openBell();
  t.after(() => closeSocket(bell));
  readiness.watch(bell, 3);
  const ringer = new Worker(
    `const one = new Uint8Array(new BigUint64Array([1n]).buffer);
     setTimeout(() => require('node:fs').writeSync(${bell}, one), 30);`,
    { eval: true },
  );
  t.after(() => ringer.terminate());
  assert.equal(readiness.wait(30_000), 1);
  assert.equal(readiness.token(0), 3);
  hushBell(bell);
  const rope = new BellRope();
  rope.pull();
  rope.tie(bell);
  assert.equal(readiness.wait(0), 1, 'it was pulled before there was a bell');
  hushBell(bell);
  rope.pull();
  rope.pull();
  assert.equal(readiness.wait(0), 1);
  hushBell(bell);
  assert.equal(readiness.wait(0), 0);
});

test('a token is what it was given as, up to the largest', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const readiness = useReadiness(t);
  readiness.watch(fd, 0xffffffff);
  await dial(t, port);
  assert.deepEqual(await readyTokens(readiness), [0xffffffff]);
});

for (const host of ['127.0.0.1', '::1']) {
  test(`who comes from ${host} is told`, async (t) => {
    const { fd, port } = listen(t, host);
    const client = await dial(t, port, host);
    await sleep(5);
    const accepted = acceptStream(fd);
    assert.ok(accepted.ok);
    t.after(() => closeSocket(accepted.fd));
    assert.equal(printAddress(accepted.address), host);
    assert.equal(accepted.port, client.localPort);
  });
}

test('what is sent is read, then nothing, then the end', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const client = await dial(t, port);
  const peer = await acceptOne(t, fd);
  const readiness = useReadiness(t);
  readiness.watch(peer, 3);
  const into = Buffer.alloc(100);
  assert.equal(readStream(peer, into), -1);
  assert.equal(streamError(), 'EAGAIN');
  client.write('x'.repeat(150));
  assert.deepEqual(await readyTokens(readiness), [3]);
  assert.equal(readStream(peer, into), 100);
  assert.equal(readStream(peer, into), 50);
  assert.equal(into.toString('latin1', 0, 50), 'x'.repeat(50));
  client.end();
  assert.deepEqual(await readyTokens(readiness), [3]);
  assert.equal(readStream(peer, into), 0);
});

test('a connection that was cut off is told apart from one that ended', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const client = await dial(t, port);
  const peer = await acceptOne(t, fd);
  client.resetAndDestroy();
  const readiness = useReadiness(t);
  readiness.watch(peer, 1);
  assert.deepEqual(await readyTokens(readiness), [1]);
  assert.equal(readStream(peer, Buffer.alloc(10)), -1);
  assert.equal(streamError(), 'ECONNRESET');
});

test('what is forgotten is not told, and can be watched again', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const client = await dial(t, port);
  const peer = await acceptOne(t, fd);
  const readiness = useReadiness(t);
  readiness.watch(peer, 1);
  assert.equal(readiness.watch(peer, 2), false, 'once is enough');
  client.write('x');
  assert.deepEqual(await readyTokens(readiness), [1]);
  readiness.forget(peer);
  assert.equal(readiness.wait(20), 0);
  assert.ok(readiness.watch(peer, 2));
  assert.deepEqual(await readyTokens(readiness), [2]);
});

test('more that is ready than one wait can tell is told by the next', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const readiness = useReadiness(t);
  for (let token = 0; token < 300; token += 1) {
    const client = await dial(t, port);
    const peer = await acceptOne(t, fd);
    client.write('x');
    readiness.watch(peer, token);
  }
  await sleep(50);
  const into = Buffer.alloc(10);
  const seen = new Set<number>();
  for (let rounds = 0; rounds < 10 && seen.size < 300; rounds += 1) {
    const count = readiness.wait(5);
    for (let at = 0; at < count; at += 1) seen.add(readiness.token(at));
  }
  assert.equal(seen.size, 300);
  assert.equal(into.length, 10);
});

test('what is sent arrives, as much as fits; room is told of, and an end behind it', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const client = await dial(t, port);
  const peer = await acceptOne(t, fd);
  sendWithoutDelay(peer);
  const readiness = useReadiness(t);
  readiness.watch(peer, 9);
  client.pause();
  const piece = Buffer.alloc(65_536, 'x');
  let sent = 0;
  for (;;) {
    const count = sendStream(peer, piece);
    if (count < 0) break;
    sent += count;
  }
  assert.equal(streamError(), 'EAGAIN');
  readiness.change(peer, 9, WATCH.writing);
  assert.equal(readiness.wait(50), 0);
  let read = 0;
  client.on('data', (part: Buffer) => {
    read += part.length;
  });
  client.resume();
  assert.deepEqual(await readyTokens(readiness), [9]);
  assert.ok(readiness.canWrite(0) && !readiness.canRead(0));
  client.write('y');
  readiness.change(peer, 9, WATCH.reading + WATCH.writing);
  for (let i = 0; i < 200 && !(readiness.wait(5) > 0 && readiness.canRead(0)); i += 1) await sleep(5);
  assert.ok(readiness.canWrite(0) && readiness.canRead(0));
  endSending(peer);
  await once(client, 'end');
  assert.equal(read, sent);
});

test('sending to who is gone is an error, and no signal', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const client = await dial(t, port);
  const peer = await acceptOne(t, fd);
  client.resetAndDestroy();
  const readiness = useReadiness(t);
  readiness.watch(peer, 1, WATCH.writing);
  await readyTokens(readiness);
  await sleep(20);
  while (sendStream(peer, Buffer.from('x')) >= 0) await sleep(5);
  assert.match(streamError(), /^(ECONNRESET|EPIPE)$/);
  assert.equal(sendStream(peer, Buffer.from('x')), -1);
  assert.equal(streamError(), 'EPIPE');
});

test('who has ended is told of without a read', async (t) => {
  const { fd, port } = listen(t, '127.0.0.1');
  const client = await dial(t, port);
  const peer = await acceptOne(t, fd);
  const readiness = useReadiness(t);
  readiness.watch(peer, 4, WATCH.ending);
  client.write('unread');
  await sleep(20);
  assert.equal(readiness.wait(10), 0);
  client.end();
  assert.deepEqual(await readyTokens(readiness), [4]);
  assert.ok(readiness.hasEnded(0));
});
