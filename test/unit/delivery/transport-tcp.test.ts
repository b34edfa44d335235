// A queue that is emptied over plain TCP, where nobody answers: what is known to have arrived, and what is sent
// again when a server ends, resets, stops reading, or comes again.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { waitUntil } from '../../system/programs.ts';
import { lines } from './use-spool.ts';
import { listenOn, startSending, StreamReceiver, targetOf } from './use-transport.ts';

describe('a server that reads', () => {
  test('is done with a record after a second, however many follow it', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t));
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    let next = 1;
    const trickle = setInterval(() => sending.append(next, next++), 5);
    t.after(() => clearInterval(trickle));
    await waitUntil('the first are done', () => sending.waiting() < next - 1);
  });

  test('gets every record once, in order, with its octet count', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t));
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    sending.append(1, 5000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.messages(), lines(1, 5000));
    assert.equal(sending.transport.counts().resentRecords, 0);
    assert.equal(sending.transport.state().kind, 'connected');
  });

  test('gets lines, and a record of two lines is one', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t));
    const sending = startSending(t, [targetOf('tcp', receiver.port)], { framing: 'lf' });
    sending.appendTexts(['one', 'two\nlines', '\n', 'four\n\n', 'five']);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    const expected = ['one', 'two#012lines', '#012', 'four#012#012', 'five'];
    assert.deepEqual(receiver.messages('lf'), expected);
  });

  test('gets what comes later, alone', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t));
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    for (let i = 1; i <= 3; i++) {
      sending.append(i, i);
      await waitUntil('it is known to have arrived', () => sending.waiting() === 0);
    }
    assert.deepEqual(receiver.messages(), lines(1, 3));
  });

  test('gets everything before a stop ends the connection', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t));
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    sending.append(1, 300);
    await waitUntil('something has arrived', () => receiver.bytes > 0);
    await sending.transport.stop(Date.now() + 5000);
    await waitUntil('the connection has ended', () => receiver.sockets.size === 0);
    assert.equal(sending.waiting(), 0);
    assert.deepEqual(receiver.messages(), lines(1, 300));
  });
});

describe('a server that does not read', () => {
  test('is not sent more than the kernels hold, and loses nothing in the end', async (t) => {
    let isStuck = true;
    const receiver = new StreamReceiver(await listenOn(t), (socket) => {
      if (isStuck) socket.pause();
    });
    const sending = startSending(t, [targetOf('tcp', receiver.port)], { timeoutMs: 300 });
    for (let i = 0; i < 10; i++) sending.append(i * 600 + 1, i * 600 + 600, 4000);
    await waitUntil('it is stuck', () => sending.transport.counts().sentRecords > 200);
    const { connections } = receiver;
    await new Promise((done) => setTimeout(done, 1000));
    // A window that is closed is no silence: the connection stands.
    assert.equal(receiver.connections, connections);
    assert.ok(sending.waiting() > 0);
    isStuck = false;
    for (const socket of receiver.sockets) socket.resume();
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.messages(), lines(1, 6000, 4000));
  });

  test('and resets the connection gets what it has not read again', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t), (socket, connection) => {
      if (connection > 1) return;
      socket.pause();
      void waitUntil('something is sent', hasSent).then(() => socket.resetAndDestroy());
    });
    const hasSent = () => sending.transport.counts().sentRecords > 0;
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    sending.append(1, 1000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.distinct(), lines(1, 1000));
    assert.ok(sending.transport.counts().resentRecords > 0);
    assert.equal(sending.log.count(/Not delivering fwdRule1: connection reset by 127/), 1);
  });
});

describe('a server that ends', () => {
  test('after each connection, gets everything in the end', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t), (socket, connection) => {
      if (connection <= 5) setTimeout(() => socket.end(), 10);
    });
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    for (let i = 0; i < 30; i++) {
      sending.append(i * 100 + 1, i * 100 + 100);
      await new Promise((done) => setTimeout(done, 5));
    }
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.distinct(), lines(1, 3000));
    assert.ok(receiver.connections >= 2);
  });

  test('and half closes is not written to any more', async (t) => {
    const receiver = new StreamReceiver(await listenOn(t), (socket, connection) => {
      if (connection === 1) socket.end();
    });
    const sending = startSending(t, [targetOf('tcp', receiver.port)]);
    await waitUntil('it has come again', () => receiver.connections === 2);
    sending.append(1, 10);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(splitOf(receiver, 1), lines(1, 10).length);
  });

  test('between two messages does not lose the next', async (t) => {
    const first = new StreamReceiver(await listenOn(t));
    const sending = startSending(t, [targetOf('tcp', first.port)]);
    sending.append(1, 1);
    await waitUntil('it has arrived', () => sending.waiting() === 0);
    first.close();
    // Before the event loop can know of the end.
    sending.append(2, 2);
    await waitUntil('the server is away', () => /connection refused/.test(sending.why()));
    const second = new StreamReceiver(await listenOn(t, first.port));
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual([...new Set([...first.messages(), ...second.messages()])], lines(1, 2));
  });
});

function splitOf(receiver: StreamReceiver, connection: number): number {
  const text = Buffer.concat(receiver.streams[connection] ?? []).toString();
  return text.split('line ').length - 1;
}
