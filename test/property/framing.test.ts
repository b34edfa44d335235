// What holds for every stream: the same frames wherever the chunks are cut and however often the reader stops
// midway; what a sender framed well comes out as it went in; no bytes lost but the skipped ones; no crash.
// The many random streams come from a seeded generator of our own (its seed is printed on failure).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc, SEED } from './chance.ts';
import { Frame, Framer, HEADROOM_EXTRA } from '../../syslog/framing.ts';

const MAX = 40;
const STREAMS = 120_000;

/** A small fast generator (mulberry32): 32 bits of state, good enough to shuffle test bytes. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

interface Outcome {
  readonly frames: string[];
  readonly skipped: number;
  readonly bytes: number;
}

const HEADROOM = MAX + HEADROOM_EXTRA;
const ARENA = Buffer.alloc(HEADROOM + 4096);

/** `cut` gives the size of the next chunk; `stop` says whether the reader refuses the frame for now. */
function run(source: Buffer, multiLine: boolean, cut: () => number, stop: () => boolean): Outcome {
  const framer = new Framer({ messageBytesMax: MAX, multiLine });
  const frame = new Frame();
  const frames: string[] = [];
  let bytes = 0;
  const drain = () => {
    while (framer.next(frame)) {
      if (stop()) {
        framer.refuse();
        framer.keepRest();
        ARENA.fill(0x37);
        framer.feed(ARENA, HEADROOM, HEADROOM);
        continue;
      }
      const marks = (frame.counted ? 1 : 0) + (frame.cut ? 2 : 0) + (frame.partial ? 4 : 0);
      frames.push(`${marks} ${ARENA.toString('latin1', frame.start, frame.end)}`);
      assert.ok(frame.start <= frame.end && frame.end - frame.start <= MAX, 'a frame has its limit');
      bytes += frame.end - frame.start;
    }
    framer.keepRest();
    assert.ok(framer.kept <= HEADROOM, 'the carry fits the headroom');
  };
  for (let at = 0; at < source.length; ) {
    const size = Math.min(Math.max(cut(), 1), source.length - at);
    source.copy(ARENA, HEADROOM, at, at + size);
    framer.feed(ARENA, HEADROOM, HEADROOM + size);
    drain();
    at += size;
  }
  framer.finish();
  framer.feed(ARENA, HEADROOM, HEADROOM);
  drain();
  assert.equal(framer.kept, 0);
  return { frames, skipped: framer.skippedBytes, bytes };
}

const whole = () => 4096;
const never = () => false;

/** Pieces that the rules turn on, so that random streams meet all of them often. */
const DELIMITERS = '\n|\r\n|\0|\r| |0|1|5|9|12|41 |60 |<|>|<1>|<34>|<191>'.split('|');
const COUNTS =
  '5 <1>ab|6 <12>c\n|3 <1>|50 <5>|99999999 <5>|100000000 <5>|214000000000 <5>|0 <5>|007 <1>'.split('|');
const TEXTS = [
  'a',
  'text',
  'é',
  '\xff',
  'x'.repeat(30),
  'y'.repeat(MAX),
  '<13>Nov 20 12:34:15 h p: t\n',
  '00',
];
const PIECES = [...DELIMITERS, ...COUNTS, ...TEXTS].map((piece) =>
  Buffer.from(piece, piece === '\xff' ? 'latin1' : 'utf8'),
);

function randomStream(next: () => number): Buffer {
  const count = 1 + (next() % 12);
  return Buffer.concat(Array.from({ length: count }, () => PIECES[next() % PIECES.length] as Buffer));
}

test(`the same frames wherever ${STREAMS} random streams are cut (seed ${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < STREAMS; round++) {
    const source = randomStream(next);
    const multiLine = next() % 8 === 0;
    const expected = run(source, multiLine, whole, never);
    const size = 1 + (next() % 9);
    const cut = next() % 2 ? () => size : () => 1 + (next() % 20);
    const stop = next() % 2 ? never : () => next() % 3 === 0;
    const found = run(source, multiLine, cut, stop);
    const seen = `seed ${SEED}, round ${round}: ${JSON.stringify(source.toString('latin1'))}`;
    assert.deepEqual(found, expected, seen);
    assert.ok(expected.bytes + expected.skipped <= source.length, seen);
  }
});

test('only line ends, NULs and counts are not in a frame', () => {
  const next = random(SEED + 1);
  const letters = (text: string) => text.replace(/[^a-zA-Z<>]/g, '');
  for (let round = 0; round < 20_000; round++) {
    const source = randomStream(next);
    const { frames, skipped } = run(source, false, whole, never);
    if (skipped > 0) continue;
    const found = letters(frames.map((frame) => frame.slice(2)).join(''));
    assert.equal(found, letters(source.toString('latin1')), `seed ${SEED + 1}, round ${round}`);
  }
});

const text = fc.string({ unit: 'binary', maxLength: 12 });
const line = text.map((body) => `<13>${body.replace(/[\n\0]/g, '.').replace(/\r+$/, '')}`);
const counted = fc.tuple(text, fc.constantFrom('', '\n', '\r\n')).map(([body, end]) => ({
  body: `<13>${body.replace(/\n$/, '.')}`,
  end,
}));

test('what a sender framed well comes out as it went in', () => {
  const message = fc.oneof(
    line.map((body) => ({ body, wire: Buffer.from(`${body}\n`), counted: false })),
    counted.map(({ body, end }) => ({
      body,
      wire: Buffer.from(`${Buffer.byteLength(body)} ${body}${end}`),
      counted: true,
    })),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (messages, size) => {
      fc.pre(messages.every(({ body }) => Buffer.byteLength(body) <= MAX));
      const wire = Buffer.concat(messages.map((one) => one.wire));
      const { frames } = run(wire, false, () => size, never);
      const expected = messages.map(
        (one) => `${one.counted ? 1 : 0} ${Buffer.from(one.body).toString('latin1')}`,
      );
      assert.deepEqual(frames, expected);
    }),
    { numRuns: 2000 },
  );
});
