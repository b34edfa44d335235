// The TCP side of a lane with real connections, in steps of the test's own: who is accepted, what is taken,
// who is held back, and how it ends.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from '../../../base/ip.ts';
import type { SyslogConfig } from '../../../config/server.ts';
import { CountReader, type LaneCount, makeCountTable } from '../../../daemon/intake/counts.ts';
import { Peers } from '../../../daemon/intake/peers.ts';
import { Pipeline } from '../../../daemon/intake/pipeline.ts';
import { makeSenderTable, SenderRows } from '../../../daemon/intake/senders.ts';
import { type Connection, type StreamListener, Tokens } from '../../../daemon/intake/connection.ts';
import { READ_MAX, StreamIntake } from '../../../daemon/intake/stream-intake.ts';
import { closeSocket, openBound } from '../../../kernel/socket.ts';
import { Readiness } from '../../../kernel/stream.ts';
import { HEADROOM_EXTRA } from '../../../syslog/framing.ts';
import { line, linesIn, makeLaneParts } from './lane-parts.ts';
import { config, range, target, useFolder } from './samples.ts';

const HEADROOM = (65_536 + HEADROOM_EXTRA + 63) & ~63;

class World {
  readonly streams: StreamIntake;
  readonly pipeline: Pipeline;
  readonly counts: CountReader;
  readonly file: string;
  nowMs = Date.now();
  readonly #readiness = new Readiness();
  readonly #tokens = new Tokens<Connection | StreamListener>();
  readonly #port: number;
  readonly #t: TestContext;

  constructor(t: TestContext, changes: Partial<SyslogConfig> = {}) {
    const root = useFolder(t);
    this.file = join(root, 'all.log');
    const whole = config(root, [{ file: target('all.log', root) }]);
    const syslog = { ...whole.syslog, ...changes };
    const own = makeLaneParts({ streamBytes: HEADROOM + READ_MAX + 64 });
    const table = makeCountTable();
    const counts = new Float64Array(table);
    this.counts = new CountReader([table]);
    const senders = new SenderRows(makeSenderTable(), () => undefined);
    this.pipeline = new Pipeline(whole, { arena: own.arena, counts, senders, files: own.parts });
    this.streams = new StreamIntake(syslog, {
      arena: own.arena,
      readAt: own.streamAt + HEADROOM,
      readiness: this.#readiness,
      pipeline: this.pipeline,
      peers: new Peers(syslog),
      counts,
      tokens: this.#tokens,
      accepting: () => undefined,
    });
    const address = parseAddress('127.0.0.1');
    assert.ok(address);
    const bound = openBound({ kind: 'tcp', address, port: 0, reusePort: false, v6Only: false });
    assert.ok(bound.ok);
    const { fd, port } = bound.socket;
    this.#port = port;
    const socket = { fd, kind: 'tcp', speaks: 'syslog', listener: 0, receiveBufferBytes: 0 } as const;
    const listener = this.#tokens.give<StreamListener>((token) => ({ socket, token }));
    this.#readiness.watch(fd, listener.token);
    this.#t = t;
    t.after(() => {
      this.streams.abandon();
      this.pipeline.files.reopen();
      closeSocket(fd);
      this.#readiness.close();
    });
  }

  async dial(): Promise<Socket> {
    const client = connect(this.#port, '127.0.0.1');
    client.on('error', () => undefined);
    this.#t.after(() => client.destroy());
    await once(client, 'connect');
    await this.turn();
    return client;
  }

  /** What the loop of a lane does, until nothing is ready any more. */
  async turn(): Promise<void> {
    await sleep(10);
    this.pipeline.setTime(this.nowMs);
    for (let quiet = 0; quiet < 2; ) {
      const ready = this.#readiness.wait(5);
      for (let at = 0; at < ready; at += 1) {
        const found = this.#tokens.get(this.#readiness.token(at));
        if (found === undefined) continue;
        if (!('framer' in found)) this.streams.acceptor.accept(found, this.nowMs);
        else this.streams.ready(found, this.nowMs, this.#readiness.canWrite(at), this.#readiness.canRead(at));
      }
      if (ready === 0) quiet += 1;
      await sleep(1);
    }
  }

  later(ms = 2000): void {
    this.nowMs += ms;
    this.pipeline.setTime(this.nowMs);
    this.pipeline.flush();
    if (this.streams.heldCount > 0) this.streams.resume();
    this.streams.tick(this.nowMs);
    this.pipeline.flush();
  }

  counted(...names: LaneCount[]): number[] {
    return names.map((name) => this.counts.lane(name));
  }
}

const wire = (text: string) => `<13>${line(text)}\n`;

test('lines of several connections, cut anywhere', async (t) => {
  const world = new World(t);
  const [one, other] = [await world.dial(), await world.dial()];
  for (const [client, part] of [
    [one, '<13>Nov 20 12:34:15 we'],
    [other, wire('whole').slice(0, 10)],
    [one, 'b1 app: first\n<13>Nov 20 12:34:15 web1 app: sec'],
    [other, wire('whole').slice(10)],
    [one, 'ond\n'],
  ] as const) {
    client.write(part);
    await world.turn();
  }
  world.later();
  assert.deepEqual(linesIn(world.file), [line('first'), line('whole'), line('second')]);
  assert.deepEqual(world.counted('connectionsOpen', 'partialFrames'), [2, 0]);
});

test('what is unfinished when its connection ends is a message all the same', async (t) => {
  const world = new World(t);
  const client = await world.dial();
  client.end(`${wire('whole')}${wire('unfinished').trimEnd()}`);
  await world.turn();
  world.later();
  assert.deepEqual(linesIn(world.file), [line('whole'), line('unfinished')]);
  assert.deepEqual(world.counted('connectionsOpen', 'closed:by_peer'), [0, 1]);
});

test('who is not allowed, and one too many, is refused and counted', async (t) => {
  const stranger = new World(t, { allow: [range('192.0.2.0/24')] });
  await stranger.dial();
  assert.equal(stranger.counts.listener(0, 'refused:not_allowed'), 1);
  assert.deepEqual(stranger.counted('connectionsOpen'), [0]);
  const full = new World(t, { maxConnections: 2 });
  const clients = [await full.dial(), await full.dial(), await full.dial()];
  assert.equal(full.counts.listener(0, 'refused:too_many_connections'), 1);
  assert.deepEqual(full.counted('connectionsOpen'), [2]);
  clients[0]?.destroy();
  await full.turn();
  await full.dial();
  assert.deepEqual(full.counted('connectionsOpen'), [2]);
});

test('a connection that says nothing for long is closed, one that speaks is not', async (t) => {
  const world = new World(t, { idleTimeoutMs: 60_000 });
  const [idle, busy] = [await world.dial(), await world.dial()];
  idle.write('<13>Nov 20 12:34:15 web1 app: half');
  await world.turn();
  for (let i = 0; i < 4; i += 1) {
    busy.write(wire(`${i}`));
    await world.turn();
    world.later(25_000);
  }
  assert.deepEqual(world.counted('connectionsOpen', 'closed:idle'), [1, 1]);
  assert.ok(linesIn(world.file).includes(line('half')));
});

test('while a file is in trouble senders wait; then every line is there once, in order', async (t) => {
  const world = new World(t);
  const clients = [await world.dial(), await world.dial(), await world.dial()];
  mkdirSync(world.file);
  const count = 3000;
  const padded = (number: number) => `${number % 3}-${number} ${'x'.repeat(200)}`;
  for (let number = 0; number < count; number += 1) clients[number % 3]?.write(wire(padded(number)));
  for (let i = 0; i < 5; i += 1) {
    await world.turn();
    world.later();
  }
  assert.equal(world.streams.heldCount, 3);
  assert.deepEqual(world.counted('dropped:not_a_file', 'dropped:busy'), [0, 0]);
  clients[2]?.end();
  await world.turn();
  rmSync(world.file, { recursive: true });
  for (let i = 0; i < 10; i += 1) {
    world.later();
    await world.turn();
  }
  world.later();
  assert.equal(world.streams.heldCount, 0);
  const written = linesIn(world.file);
  assert.equal(written.length, count);
  for (const sender of [0, 1, 2]) {
    const own = written.filter((one) => one.includes(`app: ${sender}-`));
    const wanted = Array.from({ length: count / 3 }, (_, at) => line(padded(at * 3 + sender)));
    assert.deepEqual(own, wanted);
  }
  assert.deepEqual(world.counted('connectionsOpen', 'closed:by_peer'), [2, 1]);
});

test('a message that is too long is cut and counted, and the connection lives on', async (t) => {
  const world = new World(t, { maxMessageBytes: 600 });
  const client = await world.dial();
  client.write(wire('x'.repeat(2000)));
  client.write(wire('next'));
  await world.turn();
  world.later();
  assert.equal(world.counts.listener(0, 'oversized'), 1);
  assert.equal(linesIn(world.file).at(-1), line('next'));
});

test('at the end what the kernel has is read, and everyone is closed once', async (t) => {
  const world = new World(t);
  const clients = [await world.dial(), await world.dial()];
  for (const client of clients) client.write(`${wire('one')}${wire('two').trimEnd()}`);
  await sleep(20);
  world.streams.stop(Date.now() + 1000);
  world.later();
  assert.deepEqual(linesIn(world.file).sort(), [line('one'), line('one'), line('two'), line('two')]);
  assert.deepEqual(world.counted('connectionsOpen', 'closed:stopped'), [0, 2]);
  assert.equal(world.streams.abandon(), 0);
});

test('tokens are given again, each to one thing at a time', () => {
  const tokens = new Tokens<{ token: number }>();
  const give = () => tokens.give((token) => ({ token }));
  const [a, b] = [give(), give()];
  assert.notEqual(a.token, b.token);
  tokens.release(a.token);
  assert.equal(tokens.get(a.token), undefined);
  const c = give();
  assert.equal(c.token, a.token);
  assert.equal(tokens.get(c.token), c);
});
