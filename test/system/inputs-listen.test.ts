// The input `listen` with real senders: logger over UDP and TCP, and connections of our own. A sink that can be
// full stands for the queue: TCP senders then wait and lose nothing, datagrams are counted.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fault } from '../../base/fault.ts';
import { Datagrams } from '../../client/inputs/datagrams/datagrams.ts';
import type { Input } from '../../client/inputs/input.ts';
import { openListen } from '../../client/inputs/listen/listen.ts';
import type { Listen } from '../../config/server.ts';
import {
  HOST,
  makeSettings,
  PLACE,
  range,
  RememberingLog,
  RememberingSink,
} from '../unit/client/input-parts.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { freePort, isListening, startProgram, waitUntil } from './programs.ts';
import { LOOPBACK, openSender } from './world.ts';

interface Running {
  readonly input: Input;
  readonly sink: RememberingSink;
  readonly port: number;
}

function listenAt(transport: 'udp' | 'tcp', port: number): Listen {
  return { transport, host: LOOPBACK, family: 4, port, text: `${transport}://${LOOPBACK}:${port}` };
}

function open(t: TestContext, listen: readonly Listen[], allow = '127.0.0.0/8'): Running {
  const datagrams = new Datagrams(8192, (error) => assert.fail(error));
  t.after(() => datagrams.stop());
  const sink = new RememberingSink();
  const config = {
    type: 'listen',
    name: 'listen',
    place: PLACE,
    listen,
    allow: [range(allow)],
    receiveBufferBytes: 1024 ** 2,
  } as const;
  const log = new RememberingLog();
  const input = openListen(config, { sink, settings: makeSettings(), datagrams, log });
  t.after(() => input.stop());
  return { input, sink, port: listen[0]?.port ?? 0 };
}

async function start(t: TestContext, allow?: string): Promise<Running> {
  const port = await freePort();
  const running = open(t, [listenAt('udp', port), listenAt('tcp', port)], allow);
  await running.input.start();
  return running;
}

const taken = ({ sink }: Running, count: number) =>
  waitUntil(`${count} messages, there are ${sink.taken}`, () => sink.taken >= count);

const dropped = ({ input }: Running, reason: string) => input.status().dropped[reason] ?? 0;

test('logger over UDP and TCP, in each of its forms', { skip: skipWithout('logger') }, async (t) => {
  const running = await start(t);
  const logger = demandPeer('logger');
  const forms = [['-d'], ['-T'], ['-T', '--octet-count'], ['-d', '--rfc3164'], ['-T', '--rfc3164']];
  for (const [i, form] of forms.entries()) {
    const to = ['-n', LOOPBACK, '-P', String(running.port), '-t', 'app', '-p', 'local3.warn'];
    await startProgram(logger, [...to, ...form, `text ${i}`]).success();
    await taken(running, i + 1);
  }
  const shape = /^<156>1 \d{4}-\d\d-\d\dT\S+ \S+ app (?:\d+|-) - (?:-|\[timeQuality [^\]]*\]) text \d$/;
  for (const message of running.sink.messages) assert.match(message, shape);
});

test('what is said is kept; what is not said is this host’s, for programs of this host', async (t) => {
  const running = await start(t);
  const sender = await openSender(running.port);
  await sender.write('<13>1 2026-11-21T03:00:00Z other app 7 ID [x@1 a="b"] precise\n');
  await sender.write('<14>app: bare\n');
  await sender.write('text alone\n<15>Nov 20 12:34:15 other app[7]: old\n');
  await sender.end();
  await taken(running, 4);
  const [precise, bare, text, old] = running.sink.messages;
  assert.equal(precise, '<13>1 2026-11-21T03:00:00Z other app 7 ID [x@1 a="b"] precise');
  assert.match(bare ?? '', new RegExp(`^<14>1 \\S+ ${HOST} app - - \\[timeQuality .*\\] bare$`));
  assert.match(text ?? '', new RegExp(`^<13>1 \\S+ ${HOST} - - - \\[timeQuality .*\\] text alone$`));
  // The time of a host elsewhere: nobody vouches for it.
  assert.match(old ?? '', /^<15>1 \d{4}-11-20T12:34:15\.000000\+00:00 other app 7 - - old$/);
});

test('a stop while the queue is full counts what was read and had no room', async (t) => {
  const running = await start(t);
  running.sink.room = 100;
  const sender = await openSender(running.port);
  // Few enough for one read.
  await sender.write(Array.from({ length: 500 }, (_, i) => `<13>app: ${i}\n`).join(''));
  await taken(running, 100);
  await waitUntil('it is held', () => running.input.status().isHeld);
  await running.input.stop();
  assert.equal(dropped(running, 'stopped'), 400);
});

test('senders that are not allowed are refused and counted', async (t) => {
  const running = await start(t, '10.0.0.0/8');
  const sender = await openSender(running.port);
  await sender.closed;
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.send('<13>app: hello', running.port, LOOPBACK);
  await waitUntil('both are counted', () => dropped(running, 'not_allowed') === 2);
  assert.equal(running.sink.taken, 0);
});

/** Long ones fill a batch by their bytes, short ones by their number. */
for (const padding of [200, 0]) {
  const kind = padding > 0 ? 'long' : 'short';
  test(`TCP senders of ${kind} messages wait for a full queue, and lose nothing`, (t) =>
    fillQueue(t, padding));
}

async function fillQueue(t: TestContext, padding: number): Promise<void> {
  const running = await start(t);
  running.sink.room = 50;
  const count = 20_000;
  const senders = await Promise.all([1, 2, 3].map(() => openSender(running.port)));
  const writing = senders.map(async (sender, at) => {
    for (let i = 0; i < count; i += 1000) {
      const lines = Array.from(
        { length: 1000 },
        (_, k) => `<13>app: s${at} n${i + k} ${'.'.repeat(padding)}\n`,
      );
      await sender.write(lines.join(''));
    }
    await sender.end();
  });
  await waitUntil('it is held', () => running.input.status().isHeld);
  assert.equal(running.sink.taken, 50);
  for (let room = 1; room < 40_000; room *= 3) {
    const before = running.sink.taken;
    running.sink.room = room;
    await waitUntil(`${room} more`, () => {
      running.input.resume();
      return running.sink.taken === before + room;
    });
  }
  running.sink.room = Number.POSITIVE_INFINITY;
  running.input.resume();
  await Promise.all(writing);
  await taken(running, 3 * count);
  assert.equal(running.sink.taken, 3 * count);
  for (const at of [0, 1, 2]) {
    const own = running.sink.texts().filter((text) => text.startsWith(`s${at} `));
    const numbers = own.map((text) => Number(/ n(\d+)/.exec(text)?.[1]));
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, i) => i),
    );
  }
}

test('a queue that is full for a moment, again and again', async (t) => {
  const running = await start(t);
  running.sink.isMoody = true;
  const count = 20_000;
  const sender = await openSender(running.port);
  const text = Array.from({ length: count }, (_, i) => `<13>app: n${i}\n`).join('');
  const writing = sender.write(text).then(() => sender.end());
  await waitUntil('all are here', () => {
    running.input.resume();
    return running.sink.taken === count;
  });
  await writing;
  const numbers = running.sink.texts().map((found) => Number(found.slice(1)));
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, i) => i),
  );
});

test('a sender that ends while the queue is full has its last line, too', async (t) => {
  const running = await start(t);
  running.sink.room = 0;
  const first = await openSender(running.port);
  await first.write('<13>app: first\n');
  await waitUntil('it is held', () => running.input.status().isHeld);
  const second = await openSender(running.port);
  const ending = second.write('<13>app: second\n<13>app: without an end').then(() => second.end());
  running.sink.room = Number.POSITIVE_INFINITY;
  running.input.resume();
  await ending;
  await taken(running, 3);
  assert.deepEqual(running.sink.texts(), ['first', 'second', 'without an end']);
  await first.end();
  await waitUntil('no connection is left', () => /, 0 connections/.test(running.input.status().position));
});

test('messages over the limit are cut, whatever their framing', async (t) => {
  const running = await start(t);
  const sender = await openSender(running.port);
  const long = `<13>app: ${'x'.repeat(20_000)}`;
  await sender.write(`${long}\n${long.length} ${long}<13>app: short\n`);
  await sender.end();
  await taken(running, 3);
  assert.deepEqual(
    running.sink.messages.map(({ length }) => length === 8192),
    [true, true, false],
  );
  assert.equal(running.sink.texts()[2], 'short');
  assert.equal(dropped(running, 'cut'), 2);
});

test('datagrams that a full queue has no room for are counted, each by its reason', async (t) => {
  const running = await start(t);
  running.sink.room = 0;
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const text = `<13>app: ${'.'.repeat(1000)}`;
  let sent = 0;
  const send = () => new Promise<void>((done) => socket.send(text, running.port, LOOPBACK, () => done()));
  while (dropped(running, 'queue_full') === 0 && sent < 50_000) {
    for (let i = 0; i < 50; i += 1) await send();
    sent += 50;
    // Node sends within its own turn: without this the input would never have one.
    await nextTurn();
  }
  assert.ok(dropped(running, 'queue_full') > 0, JSON.stringify(running.input.status()));
  running.sink.room = Number.POSITIVE_INFINITY;
  const all = () => {
    running.input.resume();
    return (
      running.sink.taken +
      dropped(running, 'queue_full') +
      dropped(running, 'kernel') +
      dropped(running, 'busy')
    );
  };
  await waitUntil(`${sent} are here or counted, ${all()} are`, () => all() === sent);
});

test('over 1,024 connections the next ones are refused and counted', async (t) => {
  const running = await start(t);
  const sockets = Array.from({ length: 1030 }, () => connect(running.port, LOOPBACK));
  for (const socket of sockets) socket.on('error', () => undefined);
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await waitUntil('six are refused', () => dropped(running, 'too_many_connections') === 6);
  await waitUntil('1,024 stay', () => /1024 connections/.test(running.input.status().position));
});

test('a port that somebody holds is a Fault, and nothing stays open', async (t) => {
  const running = await start(t);
  const other = await freePort();
  const second = open(t, [listenAt('udp', other), listenAt('tcp', other), listenAt('tcp', running.port)]);
  await assert.rejects(second.input.start(), (fault: unknown) => {
    return (
      fault instanceof Fault &&
      fault.code === 'LISTEN_IN_USE' &&
      fault.text.where?.includes(`${running.port}`)
    );
  });
  assert.equal(isListening('tcp', other), false);
  assert.equal(isListening('udp', other), false);
  const third = open(t, [listenAt('udp', running.port)]);
  await assert.rejects(
    third.input.start(),
    (fault: unknown) => fault instanceof Fault && fault.code === 'LISTEN_IN_USE',
  );
});

test('what was received before the stop is given on', async (t) => {
  const running = await start(t);
  const sender = await openSender(running.port);
  await sender.write('<13>app: one\n<13>app: two, unfinished');
  await taken(running, 1);
  await running.input.stop();
  assert.deepEqual(running.sink.texts(), ['one', 'two, unfinished']);
  assert.equal(isListening('tcp', running.port), false);
});
