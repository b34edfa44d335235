// The TCP side of a lane with real connections, in steps of the test's own: who is accepted, what is taken,
// who is held back, and how it ends.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tokens } from '../../../daemon/intake/connection.ts';
import { line, linesIn } from './lane-parts.ts';
import { range } from './samples.ts';
import { StreamWorld } from './stream-world.ts';

const wire = (text: string) => `<13>${line(text)}\n`;

test('lines of several connections, cut anywhere', async (t) => {
  const world = new StreamWorld(t);
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
  const world = new StreamWorld(t);
  const client = await world.dial();
  client.end(`${wire('whole')}${wire('unfinished').trimEnd()}`);
  await world.turn();
  world.later();
  assert.deepEqual(linesIn(world.file), [line('whole'), line('unfinished')]);
  assert.deepEqual(world.counted('connectionsOpen', 'closed:by_peer'), [0, 1]);
});

test('who is not allowed, and one too many, is refused and counted', async (t) => {
  const stranger = new StreamWorld(t, { syslog: { allow: [range('192.0.2.0/24')] } });
  await stranger.dial();
  assert.equal(stranger.counts.listener(0, 'refused:not_allowed'), 1);
  assert.deepEqual(stranger.counted('connectionsOpen'), [0]);
  const full = new StreamWorld(t, { syslog: { maxConnections: 2 } });
  const clients = [await full.dial(), await full.dial(), await full.dial()];
  assert.equal(full.counts.listener(0, 'refused:too_many_connections'), 1);
  assert.deepEqual(full.counted('connectionsOpen'), [2]);
  clients[0]?.destroy();
  await full.turn();
  await full.dial();
  assert.deepEqual(full.counted('connectionsOpen'), [2]);
});

test('a connection that says nothing for long is closed, one that speaks is not', async (t) => {
  const world = new StreamWorld(t, { syslog: { idleTimeoutMs: 60_000 } });
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
  const world = new StreamWorld(t);
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
  const world = new StreamWorld(t, { syslog: { maxMessageBytes: 600 } });
  const client = await world.dial();
  client.write(wire('x'.repeat(2000)));
  client.write(wire('next'));
  await world.turn();
  world.later();
  assert.equal(world.counts.listener(0, 'oversized'), 1);
  assert.equal(linesIn(world.file).at(-1), line('next'));
});

test('at the end what the kernel has is read, and everyone is closed once', async (t) => {
  const world = new StreamWorld(t);
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
