// Standard input as an input: whatever the pieces and however often the queue is full, each line is a message,
// once and in order, the last one too; and then it is done.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { StdinInput } from '../../../config/agent.ts';
import type { Input } from '../../../client/inputs/input.ts';
import { openStdin } from '../../../client/inputs/stdin/stdin.ts';
import { waitUntil } from '../../system/programs.ts';
import { makeSettings, PLACE, RememberingSink } from './input-parts.ts';

interface Running {
  readonly input: Input;
  readonly sink: RememberingSink;
  readonly stream: PassThrough;
}

async function start(options: Partial<StdinInput> = {}): Promise<Running> {
  const sink = new RememberingSink();
  const stream = new PassThrough();
  const config: StdinInput = {
    type: 'stdin',
    name: 'stdin',
    place: PLACE,
    format: 'plain',
    program: undefined,
    facility: 16,
    severity: 5,
    multiline: undefined,
    timeZone: 'UTC',
    ...options,
  };
  const input = openStdin(config, { sink, settings: makeSettings(), stream });
  await input.start();
  return { input, sink, stream };
}

const isDone = ({ input }: Running) => input.isDone?.() === true;

test('lines become messages; the end ends the last one, and the input is done', async () => {
  const running = await start();
  running.stream.write('one\ntw');
  running.stream.write('o\r\n\nthree');
  await waitUntil('two lines', () => running.sink.taken === 2);
  assert.equal(isDone(running), false);
  running.stream.end();
  await waitUntil('it is done', () => isDone(running));
  assert.deepEqual(running.sink.texts(), ['one', 'two', 'three']);
  assert.match(running.sink.messages[0] ?? '', /^<133>1 \S+ \S+ stdin - - /);
  assert.match(running.input.status().position, /ended/);
});

test('a full queue: nothing is lost, nothing comes twice, and it is not done before all is taken', async () => {
  const running = await start({ program: 'app' });
  const count = 30_000;
  running.sink.room = 10;
  const writing = new Promise<void>((done) => {
    const text = Array.from({ length: count }, (_, i) => `n${i} ${'.'.repeat(i % 300)}\n`).join('');
    running.stream.write(text, () => done());
    running.stream.end();
  });
  await waitUntil('it is held', () => running.input.status().isHeld);
  assert.equal(running.sink.taken, 10);
  for (let room = 1; running.sink.taken + room < count; room *= 4) {
    const before = running.sink.taken;
    running.sink.room = room;
    await waitUntil(`${room} more`, () => {
      running.input.resume();
      return running.sink.taken === before + room;
    });
    assert.equal(isDone(running), false);
  }
  running.sink.room = Number.POSITIVE_INFINITY;
  await waitUntil('it is done', () => {
    running.input.resume();
    return isDone(running);
  });
  await writing;
  const numbers = running.sink.texts().map((text) => Number(/^n(\d+)/.exec(text)?.[1]));
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, i) => i),
  );
});

test('a queue that is full for a moment, again and again', async () => {
  const running = await start();
  running.sink.isMoody = true;
  const count = 20_000;
  running.stream.end(Array.from({ length: count }, (_, i) => `n${i}\n`).join(''));
  await waitUntil('it is done', () => {
    running.input.resume();
    return isDone(running);
  });
  const numbers = running.sink.texts().map((text) => Number(text.slice(1)));
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, i) => i),
  );
});

test('it is not done while the last line waits for room', async () => {
  const running = await start();
  running.sink.room = 1;
  running.stream.write('one\nunfinished');
  await waitUntil('a line', () => running.sink.taken === 1);
  running.stream.end();
  await waitUntil('it is held', () => running.input.status().isHeld);
  assert.equal(isDone(running), false);
  running.sink.room = 1;
  running.input.resume();
  assert.equal(isDone(running), true);
  assert.deepEqual(running.sink.texts(), ['one', 'unfinished']);
});

test('a line over the limit is cut, and the next one is whole', async () => {
  const running = await start();
  running.stream.end(`${'x'.repeat(300_000)}\nnext\n`);
  await waitUntil('it is done', () => isDone(running));
  assert.equal(running.sink.messages[0]?.length, 8192);
  assert.deepEqual(running.sink.texts().slice(1), ['next']);
  assert.equal(running.input.status().dropped['cut'], 1);
});

test('lines of one message are kept together; quiet completes it', async () => {
  const running = await start({ multiline: { source: '^\\S', flags: '' } });
  running.stream.write('Error: one\n  at a\n  at b\nError: two\n  at c\n');
  await waitUntil('both are here', () => running.sink.taken === 2);
  assert.deepEqual(running.sink.texts(), ['Error: one\n  at a\n  at b', 'Error: two\n  at c']);
  await running.input.stop();
});

test('at the stop what was read is given on, and what has no room is counted', async () => {
  const running = await start();
  running.stream.write('one\ntwo\nunfinished');
  await waitUntil('two lines', () => running.sink.taken === 2);
  await running.input.stop();
  await running.input.stop();
  assert.deepEqual(running.sink.texts(), ['one', 'two', 'unfinished']);
  const full = await start();
  full.sink.room = 1;
  full.stream.write('one\ntwo\nthree\n');
  await waitUntil('it is held', () => full.input.status().isHeld);
  await full.input.stop();
  assert.equal(full.input.status().dropped['stopped'], 2);
});

test('a stream that breaks is said, and what came before counts', async () => {
  const running = await start();
  running.stream.write('one\nunfinished');
  await waitUntil('a line', () => running.sink.taken === 1);
  running.stream.destroy(new Error('EIO: i/o error, read'));
  await waitUntil('it is done', () => isDone(running));
  assert.deepEqual(running.sink.texts(), ['one', 'unfinished']);
  assert.match(running.input.status().trouble ?? '', /EIO/);
});
