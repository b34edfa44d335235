// A queue that is emptied over RELP, with servers that answer, refuse, fall silent, end, and come again.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { waitUntil } from '../../system/programs.ts';
import { lines } from './use-spool.ts';
import { listenOn, receiveRelp, startSending, targetOf, type Verdict } from './use-transport.ts';

describe('a server that answers', () => {
  test('gets every record once, in order, and the queue is empty', async (t) => {
    const receiver = await receiveRelp(t);
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 3000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.taken, lines(1, 3000));
    const state = sending.transport.state();
    assert.equal(state.kind, 'connected');
    assert.equal(state.kind === 'connected' && state.address, `127.0.0.1:${receiver.port}`);
    const { sentRecords, resentRecords, connections, failures, refusedRecords } = sending.transport.counts();
    assert.deepEqual(
      { sentRecords, resentRecords, connections, failures, refusedRecords },
      { sentRecords: 3000, resentRecords: 0, connections: 1, failures: 0, refusedRecords: 0 },
    );
  });

  test('gets a record that comes later, alone', async (t) => {
    const receiver = await receiveRelp(t);
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    await waitUntil('it is connected', () => sending.transport.state().kind === 'connected');
    for (let i = 1; i <= 3; i++) {
      sending.append(i, i);
      await waitUntil('it has arrived', () => sending.waiting() === 0);
    }
    assert.deepEqual(receiver.taken, lines(1, 3));
  });

  test('may answer in any order', async (t) => {
    const receiver = await receiveRelp(t);
    receiver.turned = true;
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 1000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.taken, lines(1, 1000));
    assert.equal(sending.transport.counts().resentRecords, 0);
  });

  for (const window of [1, 2, 3, 2048]) {
    test(`with a window of ${window}`, async (t) => {
      const receiver = await receiveRelp(t);
      const sending = startSending(t, [targetOf('relp', receiver.port)], { window });
      sending.append(1, 500);
      await waitUntil('the queue is empty', () => sending.waiting() === 0);
      assert.deepEqual(receiver.taken, lines(1, 500));
    });
  }

  test('gets long records as well', async (t) => {
    const receiver = await receiveRelp(t);
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 300, 60_000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.taken, lines(1, 300, 60_000));
  });

  test('is left in order at a stop, when the answers are here', async (t) => {
    const receiver = await receiveRelp(t);
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 100);
    await waitUntil('something was sent', () => receiver.seen.length > 0);
    await sending.transport.stop(Date.now() + 5000);
    assert.equal(sending.transport.state().kind, 'stopped');
    await waitUntil('the connection has ended', () => receiver.ends.length === 1);
    assert.deepEqual(receiver.ends, ['closed']);
    assert.equal(sending.waiting(), 100 - receiver.taken.length);
  });
});

/** The first message that is not `ok` is number `at`, once. */
function once(at: number, verdict: Verdict) {
  let isDone = false;
  return (_text: string, message: number): Verdict => {
    if (message < at || isDone) return 'ok';
    isDone = true;
    return verdict;
  };
}

describe('a connection that breaks', () => {
  for (const verdict of ['end', 'reset', 'garbage', 'unknown', 'close', 'abort'] as const) {
    test(`within the window (${verdict}): nothing is lost, and no more than a window comes twice`, async (t) => {
      const receiver = await receiveRelp(t, once(500, verdict));
      const sending = startSending(t, [targetOf('relp', receiver.port)]);
      sending.append(1, 2000);
      await waitUntil('the queue is empty', () => sending.waiting() === 0);
      assert.deepEqual([...new Set(receiver.taken)], lines(1, 2000));
      const { resentRecords, connections } = sending.transport.counts();
      assert.ok(resentRecords >= 1 && resentRecords <= 64, `${resentRecords}`);
      assert.ok(connections >= 2, `${connections}`);
      assert.equal(sending.log.count(/^Not delivering fwdRule1: /), 1);
      assert.equal(sending.log.count(/^Delivering fwdRule1 to /), 2);
    });
  }

  test('with one record unanswered: what was answered behind it does not come twice', async (t) => {
    const receiver = await receiveRelp(t, (text, message, connection) => {
      if (connection > 1) return 'ok';
      return text === 'line 5' ? 'silent' : message === 40 ? 'end' : 'ok';
    });
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 100);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.equal(receiver.taken.length, 100);
    assert.deepEqual([...receiver.taken].sort(), lines(1, 100).sort());
  });

  test('a silent server is given up after the timeout', async (t) => {
    const receiver = await receiveRelp(t, once(50, 'silent'));
    const sending = startSending(t, [targetOf('relp', receiver.port)], { timeoutMs: 1000 });
    sending.append(1, 200);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual([...new Set(receiver.taken)].sort(), lines(1, 200).sort());
    assert.equal(sending.log.count(/has answered nothing for 1 s/), 1);
  });

  test('a server that never answers gets one record at a time, and loses none', async (t) => {
    let isMute = true;
    const receiver = await receiveRelp(t, () => (isMute ? 'silent' : 'ok'));
    const sending = startSending(t, [targetOf('relp', receiver.port)], { timeoutMs: 100 });
    sending.append(1, 200);
    await waitUntil('it has tried four times', () => receiver.connections >= 5);
    const seen = receiver.seen.length;
    assert.ok(seen <= 64 + receiver.connections, `${seen} were sent`);
    assert.equal(sending.waiting(), 200);
    isMute = false;
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual([...new Set(receiver.taken)], lines(1, 200));
    assert.equal(sending.transport.counts().refusedRecords, 0);
  });

  test('a server that is away and comes again gets everything', async (t) => {
    const first = await receiveRelp(t);
    const sending = startSending(t, [targetOf('relp', first.port)]);
    sending.append(1, 500);
    await waitUntil('some have arrived', () => first.taken.length > 10);
    first.close();
    sending.append(501, 600);
    await waitUntil('it waits', () => /^connection refused by 127\.0\.0\.1:\d+$/.test(sending.why()));
    assert.ok(sending.transport.counts().failures > 0);
    const second = await receiveRelp(t, () => 'ok', first.port);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual([...new Set([...first.taken, ...second.taken])], lines(1, 600));
    assert.equal(sending.transport.counts().failures, 0);
  });
});

describe('a record that the server does not take', () => {
  test('is given up after three refusals, and said; all others arrive, once', async (t) => {
    const receiver = await receiveRelp(t, (text) => (/ (7|100|101)$/.test(text) ? 'no' : 'ok'));
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 1000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    const expected = lines(1, 1000).filter((text) => !/ (7|100|101)$/.test(text));
    assert.deepEqual(receiver.taken, expected);
    assert.equal(sending.transport.counts().refusedRecords, 3);
    assert.equal(receiver.seen.filter((text) => text === 'line 7').length, 3);
    assert.equal(sending.log.count(/takes other messages, but not number 7 .*"500 no way" 3 times/), 1);
  });

  test('is kept by all means while the server refuses everything', async (t) => {
    let says: Verdict = 'no';
    const receiver = await receiveRelp(t, () => says);
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 100);
    await waitUntil('it has tried six times', () => receiver.connections >= 6);
    assert.match(sending.log.said.join('\n'), /refused a message with "500 no way"/);
    assert.equal(sending.transport.counts().refusedRecords, 0);
    says = 'ok';
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.taken, lines(1, 100));
  });

  for (const verdict of ['end', 'reset'] as const) {
    test(`and ends the connection each time (${verdict}): the others arrive`, async (t) => {
      const bad = / (50|51|200)$/;
      const receiver = await receiveRelp(t, (text) => (bad.test(text) ? verdict : 'ok'));
      const sending = startSending(t, [targetOf('relp', receiver.port)]);
      sending.append(1, 300);
      await waitUntil('the queue is empty', () => sending.waiting() === 0);
      assert.deepEqual(
        [...new Set(receiver.taken)].sort(),
        lines(1, 300)
          .filter((text) => !bad.test(text))
          .sort(),
      );
      assert.equal(sending.transport.counts().refusedRecords, 3);
    });
  }

  test('but is silent about is kept, and the others arrive once', async (t) => {
    let isMute = true;
    const bad = / (50|51|200)$/;
    const receiver = await receiveRelp(t, (text) => (isMute && bad.test(text) ? 'silent' : 'ok'));
    const sending = startSending(t, [targetOf('relp', receiver.port)], { timeoutMs: 400 });
    sending.append(1, 300);
    const expected = lines(1, 300).filter((text) => !bad.test(text));
    await waitUntil('the others arrive', () => receiver.taken.length >= expected.length);
    const { connections } = receiver;
    await waitUntil('it has tried again', () => receiver.connections >= connections + 3);
    assert.deepEqual(receiver.taken, expected);
    assert.equal(sending.waiting(), 300 - 49);
    assert.equal(sending.transport.counts().refusedRecords, 0);
    isMute = false;
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.equal(receiver.taken.length, 300);
  });

  test('and is the last is done with, when it has been given up', async (t) => {
    const receiver = await receiveRelp(t, (text) => (text === 'line 100' ? 'no' : 'ok'));
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    await waitUntil('it is connected', () => sending.transport.state().kind === 'connected');
    for (let i = 1; sending.transport.counts().refusedRecords === 0; i++) {
      sending.append(i === 1 ? 1 : i + 99, i + 99);
      await waitUntil('it is tried', () => sending.waiting() === 0 || receiver.taken.length === i + 98);
    }
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.equal(sending.transport.counts().refusedRecords, 1);
  });

  test('and ends the connection is kept while it is the last', async (t) => {
    const receiver = await receiveRelp(t, (text) => (text === 'line 10' ? 'end' : 'ok'));
    const sending = startSending(t, [targetOf('relp', receiver.port)]);
    sending.append(1, 10);
    await waitUntil('it has been tried ten times', () => receiver.connections >= 10);
    assert.equal(sending.waiting(), 1);
    assert.equal(sending.transport.counts().refusedRecords, 0);
    sending.append(11, 12);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.equal(sending.transport.counts().refusedRecords, 1);
    assert.deepEqual(receiver.taken.slice(-2), ['line 11', 'line 12']);
  });
});

describe('a server that does not speak RELP', () => {
  test('is named in words', async (t) => {
    const server = await listenOn(t);
    server.on('connection', (socket) => socket.write('220 mail.example.org ESMTP\r\n'));
    const { port } = server.address() as { port: number };
    const sending = startSending(t, [targetOf('relp', port)]);
    await waitUntil('it waits', () => /does not keep to RELP/.test(sending.why()));
  });

  test('or nothing at all', async (t) => {
    const server = await listenOn(t);
    server.on('connection', (socket) => socket.resume());
    const { port } = server.address() as { port: number };
    const sending = startSending(t, [targetOf('relp', port)], { timeoutMs: 100 });
    await waitUntil('it waits', () => /did not open a session within 100 ms/.test(sending.why()));
  });

  test('or ends at once', async (t) => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const sending = startSending(t, [targetOf('relp', port)]);
    await waitUntil('it waits', () => /ended the connection before a session was open/.test(sending.why()));
  });
});
