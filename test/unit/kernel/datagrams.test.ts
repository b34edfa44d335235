// Datagrams in batches: each whole, in order, with its sender; of any length, down to nothing.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress, printAddress } from '../../../base/ip.ts';
import { BATCH_MAX, DatagramReader, datagramRegionSize } from '../../../kernel/datagrams.ts';
import { closeSocket, growReceiveBuffer, openBound } from '../../../kernel/socket.ts';

interface Seen {
  readonly text: string;
  readonly from: string;
  readonly cut: boolean;
}

class World {
  readonly port: number;
  readonly fd: number;
  readonly reader: DatagramReader;
  readonly #arena: ArrayBuffer;
  readonly #t: TestContext;

  /** The reader's region lies behind others, as in a lane. */
  constructor(t: TestContext, max: number, host = '127.0.0.1') {
    this.#t = t;
    const address = parseAddress(host);
    assert.ok(address);
    const bound = openBound({ kind: 'udp', address, port: 0, reusePort: false, v6Only: false });
    assert.ok(bound.ok);
    t.after(() => closeSocket(bound.socket.fd));
    this.fd = bound.socket.fd;
    this.port = bound.socket.port;
    growReceiveBuffer(this.fd, 8 * 1024 * 1024);
    this.#arena = new ArrayBuffer(4096 + datagramRegionSize(max));
    this.reader = new DatagramReader(this.#arena, 4096, max);
  }

  async sender(type: 'udp4' | 'udp6' = 'udp4'): Promise<(bytes: string | Uint8Array) => Promise<void>> {
    const socket: Socket = createSocket(type);
    this.#t.after(() => socket.close());
    const host = type === 'udp4' ? '127.0.0.1' : '::1';
    socket.bind(0, host);
    await once(socket, 'listening');
    return (bytes) =>
      new Promise((done, fail) =>
        socket.send(bytes, this.port, host, (error) => (error ? fail(error) : done())),
      );
  }

  /** One batch. */
  take(): Seen[] {
    const count = this.reader.receive(this.fd);
    return Array.from({ length: Math.max(0, count) }, (_, i) => {
      const { reader } = this;
      reader.at(i);
      const { w0, w1, w2, w3, start, end, cut } = reader;
      const text = Buffer.from(this.#arena, start, end - start).toString('latin1');
      return { text, from: printAddress({ w0, w1, w2, w3 }), cut };
    });
  }
}

test('nothing there is EAGAIN', (t) => {
  const world = new World(t, 65_536);
  assert.equal(world.reader.receive(world.fd), -1);
  assert.equal(world.reader.error(), 'EAGAIN');
  assert.equal(world.reader.receive(9999), -1);
  assert.equal(world.reader.error(), 'EBADF');
});

test('a batch holds datagrams whole, in order, with their sender', async (t) => {
  const world = new World(t, 65_536);
  const send = await world.sender();
  for (let i = 0; i < 100; i += 1) await send(`message ${i}`);
  assert.deepEqual(
    world.take(),
    Array.from({ length: 100 }, (_, i) => ({ text: `message ${i}`, from: '127.0.0.1', cut: false })),
  );
});

test('more than a batch comes in several', async (t) => {
  const world = new World(t, 4096);
  const send = await world.sender();
  for (let i = 0; i < BATCH_MAX + 3; i += 1) await send(`${i}`);
  const first = world.take();
  const second = world.take();
  assert.deepEqual([first.length, second.length], [BATCH_MAX, 3]);
  assert.equal(second[2]?.text, `${BATCH_MAX + 2}`);
});

test('any length, up to the longest that UDP has, and nothing at all', async (t) => {
  const world = new World(t, 65_536);
  const send = await world.sender();
  const lengths = [0, 1, 2047, 2048, 2049, 2112, 4096, 9000, 65_507, 0, 3];
  const texts = lengths.map((length, i) =>
    Buffer.from(Array.from({ length }, (_, at) => 33 + ((at + i * 7) % 90))).toString('latin1'),
  );
  for (const text of texts) await send(Buffer.from(text, 'latin1'));
  const seen = world.take();
  assert.deepEqual(
    seen.map(({ text }) => text.length),
    lengths,
  );
  assert.ok(seen.every(({ text, cut }, i) => text === texts[i] && !cut));
  // The same slots once more: nothing of a longer one before shows.
  for (const text of [...texts].reverse()) await send(Buffer.from(text, 'latin1'));
  assert.deepEqual(
    world.take().map(({ text }) => text),
    [...texts].reverse(),
  );
});

for (const max of [480, 2048, 2049, 5000]) {
  test(`longer than ${max} is cut there, and told`, async (t) => {
    const world = new World(t, max);
    const send = await world.sender();
    for (const length of [max - 1, max, max + 1, max + 3000]) await send('x'.repeat(length));
    assert.deepEqual(
      world.take().map(({ text, cut }) => [text.length, cut]),
      [
        [max - 1, false],
        [max, false],
        [max, true],
        [max, true],
      ],
    );
  });
}

test('IPv4 and IPv6 senders in turn on one socket keep their addresses', async (t) => {
  const world = new World(t, 4096, '::');
  const send4 = await world.sender('udp4');
  const send6 = await world.sender('udp6');
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 10; i += 1) await (i % 2 === round % 2 ? send4 : send6)(`${i}`);
    assert.deepEqual(
      world.take().map(({ from }) => from),
      Array.from({ length: 10 }, (_, i) => (i % 2 === round % 2 ? '127.0.0.1' : '::1')),
    );
  }
});

test('one reader serves sockets of both families in turn', async (t) => {
  const four = new World(t, 4096);
  const six = new World(t, 4096, '::1');
  const send4 = await four.sender('udp4');
  const send6 = await six.sender('udp6');
  const seen: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    await send4('4');
    await send6('6');
    await sleep(1);
    for (const { fd } of [four, six]) {
      assert.equal(four.reader.receive(fd), 1);
      four.reader.at(0);
      const { w0, w1, w2, w3 } = four.reader;
      seen.push(printAddress({ w0, w1, w2, w3 }));
    }
  }
  assert.deepEqual(seen, ['127.0.0.1', '::1', '127.0.0.1', '::1', '127.0.0.1', '::1', '127.0.0.1', '::1']);
});
