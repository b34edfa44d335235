// A queue that is emptied as datagrams: one record each, cut where they must be, and kept while the other host
// says that nobody listens.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { type TestContext, test } from 'node:test';
import { freePort, waitUntil } from '../../system/programs.ts';
import { lines } from './use-spool.ts';
import { startSending, targetOf } from './use-transport.ts';

async function receive(t: TestContext, port: number, host = '127.0.0.1'): Promise<string[]> {
  const texts: string[] = [];
  const socket = createSocket({ type: host === '::1' ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 ** 2 });
  socket.on('message', (bytes) => texts.push(bytes.toString()));
  await new Promise<void>((done) => socket.bind(port, host, done));
  t.after(() => socket.close());
  return texts;
}

test('each record is a datagram', async (t) => {
  const port = await freePort();
  const texts = await receive(t, port);
  const sending = startSending(t, [targetOf('udp', port)]);
  assert.equal(sending.why(), 'connecting');
  sending.append(1, 3000);
  await waitUntil('the queue is empty', () => sending.waiting() === 0);
  await waitUntil('all are here', () => texts.length === 3000);
  assert.deepEqual(texts, lines(1, 3000));
  assert.equal(sending.transport.state().kind, 'connected');
});

test('what does not fit is cut, counted and said', async (t) => {
  const port = await freePort();
  const texts = await receive(t, port);
  const sending = startSending(t, [targetOf('udp', port)]);
  sending.appendTexts(['short', 'x'.repeat(65_507), 'y'.repeat(65_536), 'last']);
  await waitUntil('all are here', () => texts.length === 4);
  assert.deepEqual(
    texts.map((text) => text.length),
    [5, 65_507, 65_507, 4],
  );
  assert.equal(sending.transport.counts().cutRecords, 1);
  assert.equal(sending.log.count(/65536 bytes for fwdRule1 was cut at 65507/), 1);
});

test('while nobody listens nothing is lost, and little is tried', async (t) => {
  const port = await freePort();
  const sending = startSending(t, [targetOf('udp', port)], { retry: { minMs: 20, maxMs: 50 } });
  sending.append(1, 1000);
  await waitUntil('it waits', () => /^connection refused by 127\.0\.0\.1:\d+$/.test(sending.why()));
  await waitUntil('it has tried more', () => sending.transport.counts().failures > 4);
  assert.equal(sending.waiting(), 1000);
  assert.ok(sending.transport.counts().sentRecords < 200, `${sending.transport.counts().sentRecords}`);
  const texts = await receive(t, port);
  await waitUntil('the queue is empty', () => sending.waiting() === 0);
  await waitUntil('all are here', () => texts.length >= 1000);
  assert.deepEqual([...new Set(texts)], lines(1, 1000));
});

test('a stop waits for the last to be done', async (t) => {
  const port = await freePort();
  const texts = await receive(t, port);
  const sending = startSending(t, [targetOf('udp', port)]);
  sending.append(1, 10);
  await waitUntil('all are here', () => texts.length === 10);
  await sending.transport.stop(Date.now() + 5000);
  assert.equal(sending.waiting(), 0);
});

test('the next address of a name is tried when one is refused', async (t) => {
  const port = await freePort();
  const texts = await receive(t, port, '::1');
  const sending = startSending(
    t,
    [targetOf('udp', port, 'logs.example.org')],
    {},
    {
      resolve: async () => ['127.0.0.1', '::1'],
    },
  );
  sending.append(1, 100);
  await waitUntil('all are here', () => new Set(texts).size === 100);
});

test('where no datagram can be sent at all, it is told why and tried again', async (t) => {
  // A broadcast address, for which nobody has asked the kernel.
  const sending = startSending(t, [targetOf('udp', 514, '255.255.255.255')]);
  sending.append(1, 10);
  await waitUntil('it has tried more than once', () => sending.transport.counts().failures > 2);
  await waitUntil('why', () => /does not let it connect/.test(sending.why()));
  assert.equal(sending.waiting(), 10);
});
