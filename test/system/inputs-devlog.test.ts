// The input `devlog` with real senders: util-linux's logger, and datagrams of our own. A sink that can be full
// stands for the queue. What is shown above all: no program ever waits for a queue, and the path is treated with
// respect for whoever else stands there.

import assert from 'node:assert/strict';
import {
  closeSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault, type FaultCode } from '../../base/fault.ts';
import { Datagrams } from '../../client/inputs/datagrams/datagrams.ts';
import { openDevlog } from '../../client/inputs/devlog/devlog.ts';
import type { Input } from '../../client/inputs/input.ts';
import { bindUnixDatagram, sendUnixDatagram } from '../../kernel/unix-datagram.ts';
import { HOST, makeSettings, PLACE, RememberingLog, RememberingSink } from '../unit/client/input-parts.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { makeFolder, startProgram, waitUntil } from './programs.ts';

interface Running {
  readonly input: Input;
  readonly path: string;
  readonly sink: RememberingSink;
  readonly log: RememberingLog;
  readonly datagrams: Datagrams;
}

const threads = (t: TestContext): Datagrams => {
  const datagrams = new Datagrams(8192, (error) => assert.fail(error));
  t.after(() => datagrams.stop());
  return datagrams;
};

function useFolder(t: TestContext): string {
  const { path, remove } = makeFolder('devlog');
  t.after(remove);
  return path;
}

function open(path: string, datagrams: Datagrams): Running {
  const sink = new RememberingSink();
  const log = new RememberingLog();
  const config = {
    type: 'devlog',
    name: 'devlog',
    place: PLACE,
    path,
    mode: 0o666,
    receiveBufferBytes: 1024 ** 2,
  } as const;
  return {
    input: openDevlog(config, { sink, settings: makeSettings(), datagrams, log }),
    path,
    sink,
    log,
    datagrams,
  };
}

async function start(t: TestContext, path = join(useFolder(t), 'log')): Promise<Running> {
  const running = open(path, threads(t));
  t.after(() => running.input.stop());
  await running.input.start();
  return running;
}

/** The queue of a unix socket is short (net.unix.max_dgram_qlen, 10): a sender of ours waits for room. */
async function send(path: string, text: string): Promise<void> {
  let error = 'EAGAIN';
  await waitUntil(`room for a datagram at ${path}`, () => {
    const sent = sendUnixDatagram(path, Buffer.from(text));
    error = sent.ok ? '' : sent.error;
    return error !== 'EAGAIN';
  });
  assert.equal(error, '');
}

/** Descriptors of this process that are sockets. */
function countSockets(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith('socket:')).length;
}

const taken = ({ sink }: Running, count: number) =>
  waitUntil(`${count} messages, there are ${sink.taken}`, () => sink.taken >= count);

const lost = ({ input }: Running) =>
  Object.values(input.status().dropped).reduce((sum, count) => sum + count, 0);

function refuses(promise: Promise<void>, code: FaultCode, words: RegExp): Promise<void> {
  return assert.rejects(promise, (fault: unknown) => {
    assert.ok(fault instanceof Fault, String(fault));
    assert.equal(fault.code, code);
    assert.match(`${fault.text.what} ${fault.text.mend}`, words);
    return true;
  });
}

test('logger, in each of its forms', { skip: skipWithout('logger') }, async (t) => {
  const running = await start(t);
  assert.equal(lstatSync(running.path).mode & 0o777, 0o666);
  const logger = demandPeer('logger');
  const say = (...args: string[]) => startProgram(logger, ['-u', running.path, ...args]).success();
  const plain = await say('-t', 'app', '-p', 'local3.warn', 'one: two');
  await say('--rfc5424', '-t', 'app', '--msgid', 'ID1', '--sd-id', 'x@1', '--sd-param', 'a="b"', 'precise');
  await say('-t', 'app', '-i', 'with id');
  await taken(running, 3);
  const [first = '', second = '', third = ''] = running.sink.messages;
  assert.match(first, new RegExp(`^<156>1 \\S+ ${HOST} app ${plain.pid} - \\[timeQuality .*\\] one: two$`));
  assert.match(second, /^<13>1 \S+ \S+ app \d+ ID1 \[timeQuality [^\]]*\]\[x@1 a="b"\] precise$/);
  assert.match(third, /^<13>1 \S+ \S+ app \d+ - \[timeQuality [^\]]*\] with id$/);
});

test('the kernel says who sent, whatever the message claims', async (t) => {
  const running = await start(t);
  await send(running.path, '<13>Nov 21 03:00:00 liar[1]: I am init');
  await taken(running, 1);
  const trusted = `[trusted@32473 pid="${process.pid}" uid="${process.getuid?.()}" gid="${process.getgid?.()}"]`;
  assert.ok(running.sink.messages[0]?.includes(trusted), running.sink.messages[0]);
});

test('programs never wait for a full queue: what has no room is counted', {
  skip: skipWithout('logger'),
}, async (t) => {
  const running = await start(t);
  running.sink.room = 10;
  const lines = 60_000;
  const file = join(useFolder(t), 'lines');
  writeFileSync(file, Array.from({ length: lines }, (_, i) => `line ${i} ${'.'.repeat(150)}\n`).join(''));
  const logger = demandPeer('logger');
  await startProgram(logger, ['-u', running.path, '-t', 'app', '-f', file]).success();
  await waitUntil('the queue is full', () => running.input.status().dropped['queue_full'] !== 0);
  assert.equal(running.sink.taken, 10);
  assert.equal(running.input.status().isHeld, true);
  running.sink.room = Number.POSITIVE_INFINITY;
  running.input.resume();
  await waitUntil('each line is here or counted', () => running.sink.taken + lost(running) === lines);
  // What was kept are the oldest, in order.
  const numbers = running.sink.texts().map((text) => Number(/^line (\d+)/.exec(text)?.[1]));
  assert.deepEqual(
    numbers.slice(0, 5000),
    Array.from({ length: 5000 }, (_, i) => i),
  );
  await send(running.path, '<13>app: afterwards');
  await waitUntil('it goes on', () => running.sink.texts().at(-1) === 'afterwards');
});

test('programs do not wait for a busy agent either', { skip: skipWithout('logger') }, async (t) => {
  const running = await start(t);
  const lines = 60_000;
  const file = join(useFolder(t), 'lines');
  writeFileSync(file, `${'x'.repeat(150)}\n`.repeat(lines));
  const program = startProgram(demandPeer('logger'), ['-u', running.path, '-f', file]);
  // This very loop keeps the main thread from doing anything.
  const until = performance.now() + 15_000;
  while (running.input.status().dropped['busy'] === 0 && performance.now() < until);
  await program.success();
  await waitUntil('each line is here or counted', () => running.sink.taken + lost(running) === lines);
  const { busy, queue_full } = running.input.status().dropped;
  assert.ok((busy ?? 0) > 0);
  assert.equal(queue_full, 0);
});

test('a queue that is full for a moment, again and again', async (t) => {
  const running = await start(t);
  running.sink.isMoody = true;
  for (let i = 0; i < 3000; i += 1) await send(running.path, `<13>app: n${i}`);
  await waitUntil('all are here', () => {
    running.input.resume();
    return running.sink.taken === 3000;
  });
  const numbers = running.sink.texts().map((text) => Number(text.slice(1)));
  assert.deepEqual(
    numbers,
    Array.from({ length: 3000 }, (_, i) => i),
  );
});

test('what was sent before the stop is taken, and the socket is gone after it', async (t) => {
  const running = await start(t);
  for (let i = 0; i < 300; i += 1) await send(running.path, `<13>app: ${i}`);
  await running.input.stop();
  assert.equal(running.sink.taken, 300);
  assert.throws(() => lstatSync(running.path), /ENOENT/);
});

test('what waits in a socket when it is given up is taken', async (t) => {
  const path = join(useFolder(t), 'log');
  const bound = bindUnixDatagram(path);
  assert.ok(bound.ok);
  for (let i = 0; i < 5; i += 1) assert.ok(sendUnixDatagram(path, Buffer.from(`${i}`)).ok);
  const inlet = threads(t).openQueue(() => undefined);
  // Both orders are there before the thread has looked at the socket.
  await Promise.all([inlet.watch({ fd: bound.fd, kind: 'local', allow: [] }), inlet.forget(bound.fd)]);
  assert.equal(inlet.queue.countOf('received'), 5);
  await inlet.close();
});

test('at the stop, what a full queue does not take is counted', async (t) => {
  const running = await start(t);
  running.sink.room = 100;
  for (let i = 0; i < 300; i += 1) await send(running.path, `<13>app: ${i}`);
  await running.input.stop();
  assert.equal(running.sink.taken, 100);
  assert.equal(running.input.status().dropped['stopped'], 200);
});

test('a message that is too long is cut and counted, an empty one is none', async (t) => {
  const running = await start(t);
  await send(running.path, `<13>app: ${'x'.repeat(9000)}`);
  await send(running.path, '\0');
  await send(running.path, '<13>app: short');
  await taken(running, 2);
  assert.equal(running.sink.messages[0]?.length, 8192);
  assert.equal(running.sink.texts()[1], 'short');
  const { cut, empty } = running.input.status().dropped;
  assert.deepEqual([cut, empty], [1, 1]);
});

// ---- the path

test('a socket whose owner is gone is replaced', async (t) => {
  const path = join(useFolder(t), 'log');
  const dead = bindUnixDatagram(path);
  assert.ok(dead.ok);
  closeSync(dead.fd);
  const running = await start(t, path);
  await send(path, '<13>app: hello');
  await taken(running, 1);
});

test('a living owner is left alone, and named', async (t) => {
  const running = await start(t);
  const other = open(running.path, running.datagrams);
  await refuses(other.input.start(), 'INPUT_IN_USE', new RegExp(`\\(pid ${process.pid}\\) receives there`));
  await other.input.stop();
  await send(running.path, '<13>app: still here');
  await taken(running, 1);
});

test('journald’s link, a file, a missing folder: each is refused in its own words', async (t) => {
  const folder = useFolder(t);
  const datagrams = threads(t);
  const at = (name: string) => open(join(folder, name), datagrams).input.start();
  symlinkSync('/run/systemd/journal/dev-log', join(folder, 'link'));
  await refuses(at('link'), 'INPUT_IN_USE', /systemd-journald receives there.*"type": "journald"/);
  symlinkSync('/somewhere/else', join(folder, 'other'));
  await refuses(at('other'), 'INPUT_IN_USE', /a link to \/somewhere\/else\. .*path of the socket itself/);
  writeFileSync(join(folder, 'file'), 'precious');
  await refuses(at('file'), 'INPUT_FAILED', /no socket/);
  assert.equal(lstatSync(join(folder, 'file')).size, 8);
  await refuses(at('missing/log'), 'INPUT_FAILED', /directory does not exist/);
  await refuses(at('x'.repeat(120)), 'INPUT_FAILED', /too long/);
});

test('without the right to write the folder, it says what is missing', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can become somebody else');
  const folder = useFolder(t);
  const running = open(join(folder, 'log'), threads(t));
  process.seteuid?.(65_534);
  try {
    await refuses(running.input.start(), 'INPUT_PERMISSION', /may not make a socket there/);
  } finally {
    process.seteuid?.(0);
  }
  await running.input.stop();
});

test('a socket that somebody removed is there again', async (t) => {
  const running = await start(t);
  const sockets = countSockets();
  unlinkSync(running.path);
  await waitUntil('it is said', () => running.log.has('it is there again'));
  await waitUntil('the old one is closed', () => countSockets() === sockets);
  await send(running.path, '<13>app: back');
  await taken(running, 1);
  assert.equal(running.input.status().trouble, undefined);
});

test('a socket that somebody else took is his; taken back when he has gone', async (t) => {
  const running = await start(t);
  unlinkSync(running.path);
  const other = bindUnixDatagram(running.path);
  assert.ok(other.ok);
  await waitUntil('it is said', () => running.log.has('is not ours any more'));
  assert.match(running.input.status().trouble ?? '', /receives there already/);
  closeSync(other.fd);
  await waitUntil('it is ours', () => running.input.status().trouble === undefined);
  await send(running.path, '<13>app: back');
  await taken(running, 1);
});

test('the socket of somebody else is not removed at the stop', async (t) => {
  const running = await start(t);
  unlinkSync(running.path);
  const other = bindUnixDatagram(running.path);
  assert.ok(other.ok);
  t.after(() => closeSync(other.fd));
  await running.input.stop();
  assert.ok(lstatSync(running.path).isSocket());
});
