// Lines are the same however the bytes come in pieces: against a plain split of the whole, over random pieces and
// over every border of some texts; also where a line is too long, and where messages have several lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageBatch } from '../../client/inputs/message.ts';
import { type Following, LineReader } from '../../client/inputs/lines/line-reader.ts';
import type { LineSettings } from '../../config/agent.ts';
import { messageSettings, textOf } from '../unit/client/use-files.ts';
import { fc } from './chance.ts';

const LIMIT = 600;

const PLAIN: LineSettings = {
  format: 'plain',
  program: undefined,
  facility: 1,
  severity: 5,
  multiline: undefined,
  timeZone: 'UTC',
};
const STARTS: LineSettings = { ...PLAIN, multiline: { source: '^S', flags: '' } };

/** As a file is read: what was not taken is offered again, with what follows. */
function readPieces(settings: LineSettings, whole: Buffer, cuts: readonly number[], room = 1024): string[] {
  const batch = new MessageBatch(messageSettings(LIMIT), room);
  const reader = new LineReader(settings, batch, LIMIT);
  const state = { isPassing: false };
  const texts: string[] = [];
  const take = () => {
    for (let i = 0; i < batch.count; i += 1)
      texts.push(textOf(Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i]))));
    batch.clear();
  };
  let at = 0;
  for (const end of [...cuts, whole.length]) {
    const following: Following = end === whole.length ? 'end' : 'unknown';
    for (let isFull = true; isFull; ) {
      at = reader.read(state, whole, at, end, following);
      isFull = !batch.hasRoom;
      take();
    }
  }
  assert.equal(at, whole.length, 'all is taken at the end');
  return texts;
}

function lineTexts(whole: Buffer): string[] {
  const lines = whole
    .toString('latin1')
    .split('\n')
    .map((line) => line.replace(/^\0+/, '').replace(/\r+$/, ''));
  return lines.filter((line) => line !== '');
}

const word = fc.stringMatching(/^[a-zS]{0,12}$/);
const line = fc.oneof(
  { weight: 6, arbitrary: word },
  { weight: 1, arbitrary: fc.constantFrom('', '\r', 'S\r', '\0\0after a hole', 'in\0side', 'S\r\r') },
);
const text = fc
  .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
  .map(([lines, hasEnd]) => Buffer.from(lines.join('\n') + (hasEnd ? '\n' : ''), 'latin1'));

const pieces = text.chain((whole) =>
  fc.record({
    whole: fc.constant(whole),
    cuts: fc.array(fc.nat(whole.length), { maxLength: 12 }).map((cuts) => cuts.sort((a, b) => a - b)),
    room: fc.integer({ min: 1, max: 5 }),
  }),
);

test('lines are those of a split, whatever the pieces and however small the batch', () => {
  fc.assert(
    fc.property(pieces, ({ whole, cuts, room }) => {
      assert.deepEqual(readPieces(PLAIN, whole, cuts, room), lineTexts(whole));
    }),
    { numRuns: 5000 },
  );
});

test('messages of several lines are the same whatever the pieces', () => {
  fc.assert(
    fc.property(pieces, ({ whole, cuts, room }) => {
      assert.deepEqual(readPieces(STARTS, whole, cuts, room), readPieces(STARTS, whole, []));
    }),
    { numRuns: 5000 },
  );
});

test('every message of several lines begins with a start, and no line is lost or moved', () => {
  fc.assert(
    fc.property(pieces, ({ whole, cuts }) => {
      const messages = readPieces(STARTS, whole, cuts);
      for (const message of messages.slice(1)) assert.match(message, /^\0*S/);
      for (const message of messages)
        for (const later of message.split('\n').slice(1)) assert.doesNotMatch(later, /^S/);
      const lines = (all: string) =>
        all
          .split('\n')
          .map((one) => one.replaceAll(/[\0\r]/g, ''))
          .filter(Boolean);
      assert.deepEqual(messages.flatMap(lines), lines(whole.toString('latin1')));
    }),
    { numRuns: 3000 },
  );
});

const LONG = Buffer.from(`S one\n${'long '.repeat(300)}\nS two\r\n\nthree\n${'x'.repeat(LIMIT + 5)}`);

for (const [what, settings] of [
  ['lines', PLAIN],
  ['messages of several lines', STARTS],
] as const) {
  test(`every border: ${what}, also those that are too long`, () => {
    const whole = readPieces(settings, LONG, []);
    for (let cut = 0; cut <= LONG.length; cut += 1)
      assert.deepEqual(readPieces(settings, LONG, [cut]), whole, `cut at ${cut}`);
    for (let size = 1; size < 40; size += 1) {
      const cuts = Array.from({ length: Math.floor(LONG.length / size) }, (_, i) => i * size);
      assert.deepEqual(readPieces(settings, LONG, cuts), whole, `pieces of ${size}`);
    }
  });
}

test('lines of one message that are too much for one are several messages, and none is cut', () => {
  const lines = Array.from({ length: 200 }, (_, i) => `line ${i} ${'y'.repeat(i % 30)}`);
  const messages = readPieces(STARTS, Buffer.from(`S\n${lines.join('\n')}\n`), []);
  assert.ok(messages.length > 8 && messages.every((message) => message.length <= LIMIT));
  assert.deepEqual(messages.join('\n').split('\n'), ['S', ...lines]);
});

test('a line that is too long is cut, the rest of it passed over', () => {
  const texts = readPieces(PLAIN, LONG, []);
  assert.equal(texts.length, 5);
  assert.deepEqual([texts[0], texts[2], texts[3]], ['S one', 'S two', 'three']);
  assert.match(texts[1] ?? '', /^(long )+[long]*$/);
  assert.ok((texts[1]?.length ?? 0) > LIMIT / 2 && (texts[4]?.length ?? 0) > LIMIT / 2);
});
