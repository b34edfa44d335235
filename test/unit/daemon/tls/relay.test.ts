// Between TLS and the socket pair of a lane: nothing that was decrypted is lost however the connection ends, each side
// waits for the other, and both are closed in the end. TLS is played by a stream; the pair is a real one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Relay } from '../../../../daemon/tls/relay.ts';
import { openSocketPair } from '../../../../kernel/socket-pair.ts';

interface World {
  /** As if the peer did it. */
  readonly tls: Duplex;
  /** What went out to the peer. */
  readonly sent: Buffer[];
  /** The lane's end; nobody reads it until the test does. */
  readonly lane: Socket;
  readonly relay: Relay;
  readonly state: { ended: number };
}

function useRelay(t: TestContext, highWaterMark = 16_384): World {
  const sent: Buffer[] = [];
  const tls = new Duplex({
    allowHalfOpen: true,
    writableHighWaterMark: highWaterMark,
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk);
      setImmediate(done);
    },
  });
  const pair = openSocketPair();
  assert.ok(pair.ok);
  const near = new Socket({ fd: pair.near, allowHalfOpen: true, readable: true, writable: true });
  const lane = new Socket({ fd: pair.far, allowHalfOpen: true, readable: true, writable: true });
  const state = { ended: 0 };
  const relay = new Relay(tls as unknown as TLSSocket, near, () => {
    state.ended += 1;
  });
  t.after(() => {
    relay.destroy();
    lane.destroy();
  });
  return { tls, sent, lane, relay, state };
}

async function allOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setImmediate(done));
}

/** Until the kernel takes no more: what comes then waits in the relay. */
async function stuff({ tls, relay }: World): Promise<number> {
  let bytes = 0;
  while (relay.isFlushed) {
    tls.push(Buffer.alloc(4096, 'x'));
    bytes += 4096;
    await new Promise((done) => setImmediate(done));
  }
  return bytes;
}

describe('a relay', () => {
  test('hands on both directions, and closes when both have ended', async (t) => {
    const { tls, sent, lane, state } = useRelay(t);
    tls.push('in');
    tls.push(null);
    const received = allOf(lane);
    lane.write('out');
    assert.equal((await received).toString(), 'in');
    assert.equal(state.ended, 0);
    lane.end('!');
    await until(() => state.ended > 0);
    assert.equal(Buffer.concat(sent).toString(), 'out!');
    assert.ok(tls.destroyed);
    assert.equal(state.ended, 1);
  });

  for (const [how, end] of [
    ['ends', (tls: Duplex) => tls.push(null)],
    ['breaks', (tls: Duplex) => tls.destroy(new Error('bad record'))],
    ['is closed', (tls: Duplex) => tls.destroy()],
  ] as const) {
    test(`what was decrypted arrives when the connection ${how} behind it`, async (t) => {
      const world = useRelay(t);
      const bytes = await stuff(world);
      end(world.tls);
      await new Promise((done) => setImmediate(done));
      const received = await allOf(world.lane);
      assert.equal(received.length, bytes);
      world.lane.end();
      await until(() => world.state.ended === 1);
    });
  }

  test('a lane that does not read stops the peer, and nothing piles up', async (t) => {
    const world = useRelay(t);
    await stuff(world);
    for (let i = 0; i < 8; i += 1) world.tls.push(Buffer.alloc(16_384));
    await new Promise((done) => setImmediate(done));
    const { received } = world.relay;
    for (let i = 0; i < 100; i += 1) world.tls.push(Buffer.alloc(16_384));
    await new Promise((done) => setImmediate(done));
    assert.equal(world.relay.received, received);
    world.lane.resume();
    await until(() => world.relay.received > received && world.relay.isFlushed);
  });

  test('a peer that does not read stops the lane', async (t) => {
    const { tls, sent, lane } = useRelay(t, 1);
    const state = { isStuck: true, waiting: [] as (() => void)[] };
    tls._write = (chunk: Buffer, _encoding, done) => {
      sent.push(chunk);
      if (state.isStuck) state.waiting.push(done);
      else done();
    };
    let taken = 0;
    const block = Buffer.alloc(65_536);
    while (lane.write(block) || taken < 20) {
      taken += 1;
      await new Promise((done) => setImmediate(done));
      if (taken > 200) assert.fail('all was taken');
    }
    assert.equal(sent.length, 1, 'the first piece waits with the peer');
    state.isStuck = false;
    for (const done of state.waiting) done();
    await once(lane, 'drain');
  });

  test('a lane that closes ends the connection, and what still comes is thrown away', async (t) => {
    // It ends because the peer does, not because it has waited long enough for it.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { tls, lane, relay, state } = useRelay(t);
    lane.destroy();
    await until(() => tls.writableEnded);
    tls.push(Buffer.alloc(100_000));
    await until(() => relay.received === 100_000);
    tls.push(null);
    await until(() => state.ended === 1);
  });

  test('after a pause nothing more is taken, and answers still go out', async (t) => {
    const { tls, sent, lane, relay } = useRelay(t);
    tls.push('one');
    await until(() => relay.received === 3);
    relay.pause();
    tls.push('two');
    lane.write('answer');
    await until(() => sent.length > 0);
    assert.equal(relay.received, 3);
    lane.resume();
    await new Promise((done) => setImmediate(done));
    assert.equal(relay.received, 3);
  });
});
