// The framer's rules one by one: octet counting and line framing told apart for each message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COUNT_TRUSTED_MAX,
  datagramMessageStart,
  Frame,
  Framer,
  HEADROOM_EXTRA,
} from '../../../syslog/framing.ts';

const MAX = 64;

interface Options {
  readonly max?: number;
  readonly multiLine?: boolean;
  /** Sizes of the chunks; the last one is repeated. */
  readonly chunk?: number;
}

/** Feeds the text in chunks and gives every frame as text, with its marks behind it. */
function frames(text: string | Buffer, options: Options = {}): string[] {
  const source = typeof text === 'string' ? Buffer.from(text) : text;
  const max = options.max ?? MAX;
  const framer = new Framer({ messageBytesMax: max, multiLine: options.multiLine ?? false });
  const headroom = max + HEADROOM_EXTRA;
  const size = options.chunk ?? Math.max(source.length, 1);
  const arena = Buffer.alloc(headroom + size + 2, 0x78);
  const frame = new Frame();
  const found: string[] = [];
  const drain = () => {
    while (framer.next(frame)) {
      const marks = `${frame.counted ? 'n' : ''}${frame.cut ? 'c' : ''}${frame.partial ? 'p' : ''}`;
      found.push(`${arena.toString('latin1', frame.start, frame.end)}${marks && ` [${marks}]`}`);
    }
    framer.keepRest();
  };
  for (let at = 0; at < source.length; at += size) {
    const end = Math.min(at + size, source.length);
    source.copy(arena, headroom, at, end);
    framer.feed(arena, headroom, headroom + end - at);
    drain();
    assert.ok(framer.kept <= headroom, 'the carry fits the headroom');
  }
  framer.finish();
  framer.feed(arena, headroom, headroom);
  drain();
  assert.equal(framer.kept, 0, 'nothing is left after the end');
  if (framer.skippedBytes > 0) found.push(`skipped ${framer.skippedBytes}`);
  return found;
}

test('lines end with LF or CR LF, empty lines are no messages, the last needs no end', () => {
  assert.deepEqual(frames('<1>a\n<2>b\r\n\n\r\n<3>c'), ['<1>a', '<2>b', '<3>c']);
  assert.deepEqual(frames('<1>a\r<b\n'), ['<1>a\r<b']);
  assert.deepEqual(frames(''), []);
});

test('an octet count before a PRI is a count; the message may hold line ends', () => {
  assert.deepEqual(frames('5 <1>ab6 <2>c\nd'), ['<1>ab [n]', '<2>c\nd [n]']);
  assert.deepEqual(frames('3 <1>'), ['<1> [n]']);
});

test('each message is framed in its own way', () => {
  assert.deepEqual(frames('5 <1>ab<2>line\n6 <3>cde\n<4>f\n'), [
    '<1>ab [n]',
    '<2>line',
    '<3>cde [n]',
    '<4>f',
  ]);
});

test('a line end after or inside a counted message is not part of it', () => {
  assert.deepEqual(frames('5 <1>ab\n5 <2>cd\r\n6 <3>ef\n7 <4>gh\r\n'), [
    '<1>ab [n]',
    '<2>cd [n]',
    '<3>ef [n]',
    '<4>gh [n]',
  ]);
});

test('a line that starts with digits is a line', () => {
  const lines = ['10 little Indians', '7', '42<1>x', '1 <23>4', '3 <1', '12 <1234>x', '007 <1>x', '9 <>x'];
  assert.deepEqual(frames(`${lines.join('\n')}\n`), lines);
  assert.deepEqual(frames('1 <23>4\n1 <23>4\n', { chunk: 1 }), ['1 <23>4', '1 <23>4']);
});

test('a count of nought is passed over, an absurd count becomes the start of a line', () => {
  assert.deepEqual(frames('0 <12>a\n'), ['<12>a']);
  assert.deepEqual(frames('214000000000 <12>a\n5 <1>bc', { chunk: 3 }), ['214000000000<12>a', '<1>bc [n]']);
  assert.deepEqual(frames(`${COUNT_TRUSTED_MAX + 1} <12>a\n`), [`${COUNT_TRUSTED_MAX + 1}<12>a`]);
  const digits = '1'.repeat(40);
  assert.deepEqual(frames(`${digits} <12>a\n`), [`${digits} <12>a`]);
});

test('a counted message over the limit is cut, the rest is passed over and counted', () => {
  const text = `<1>${'a'.repeat(97)}`;
  const expected = [`${text.slice(0, MAX)} [nc]`, '<2>b [n]', '<3>c', `skipped ${100 - MAX}`];
  for (const chunk of [1, 7, 64, 1000])
    assert.deepEqual(frames(`100 ${text}4 <2>b<3>c\n`, { chunk }), expected, `${chunk}`);
});

test('a line over the limit is cut, the rest up to its end is passed over and counted', () => {
  const text = `<1>${'a'.repeat(97)}`;
  const expected = [`${text.slice(0, MAX)} [c]`, '<2>b', `skipped ${100 - MAX}`];
  for (const chunk of [1, 7, 64, 1000])
    assert.deepEqual(frames(`${text}\n<2>b\n`, { chunk }), expected, `${chunk}`);
  const exact = 'e'.repeat(MAX);
  for (const chunk of [1, 5, 1000])
    assert.deepEqual(frames(`${exact}\r\n${exact}\n`, { chunk }), [exact, exact]);
});

test('NUL ends a line only where a message follows, then always on that connection', () => {
  assert.deepEqual(frames('<1>a\0<2>b\0c\0'), ['<1>a', '<2>b', 'c']);
  assert.deepEqual(frames('<1>a\x005 <2>bc<3>d\n'), ['<1>a', '<2>bc [n]', '<3>d']);
  assert.deepEqual(frames('<1>a\0b\n<2>c\n'), ['<1>a\0b', '<2>c']);
  assert.deepEqual(frames('<1>a\0\0<2>b\n'), ['<1>a\0', '<2>b']);
  assert.deepEqual(frames('<1>a\0'), ['<1>a\0']);
});

test('after a wrong count the next count is found again', () => {
  // The first count is 2 too small, as with a sender that counts characters instead of bytes.
  assert.deepEqual(frames('5 <1>abéé7 <2>cdef<3>g\n'), ['<1>ab [n]', 'Ã©Ã©', '<2>cdef [n]', '<3>g']);
  assert.deepEqual(frames('16 <1>1 - - - - - -xaaa'), ['<1>1 - - - - - - [n]', 'xaaa']);
});

test('the end of a connection gives what has arrived of a counted message', () => {
  assert.deepEqual(frames('16 <1>1'), ['<1>1 [np]']);
  assert.deepEqual(frames('16<1>1'), ['16<1>1']);
  assert.deepEqual(frames('16'), ['16']);
  assert.deepEqual(frames('16 '), ['16 ']);
  assert.deepEqual(frames('16 <1'), ['16 <1']);
});

test('in multi-line mode a line that does not start like a message belongs to the one before', () => {
  const text = '<1>a\n b\n<t/>\n\n<2>c\r\n d\r\n<3>e\n5 <4>fg<5>h\n';
  const expected = ['<1>a\n b\n<t/>', '<2>c\r\n d', '<3>e', '<4>fg [n]', '<5>h'];
  for (const chunk of [1, 2, 3, 1000]) assert.deepEqual(frames(text, { multiLine: true, chunk }), expected);
});

test('a refused frame comes again, and a whole chunk can be kept', () => {
  const headroom = MAX + HEADROOM_EXTRA;
  const arena = Buffer.alloc(headroom + 600);
  const framer = new Framer({ messageBytesMax: MAX });
  const frame = new Frame();
  const text = '<1>first\n7 <2>next<3>last\n'.repeat(12);
  arena.write(text, headroom);
  framer.feed(arena, headroom, headroom + text.length);
  assert.ok(framer.next(frame));
  assert.ok(framer.next(frame));
  framer.refuse();
  assert.equal(framer.keepRest(), text.length - '<1>first\n'.length);
  const found: string[] = [];
  for (let round = 0; round < 3; round++) {
    arena.fill(0x2e);
    framer.feed(arena, headroom, headroom);
    for (let taken = 0; framer.next(frame); taken++) {
      if (round < 2 && taken === 10) {
        framer.refuse();
        break;
      }
      found.push(arena.toString('latin1', frame.start, frame.end));
    }
    framer.keepRest();
  }
  assert.deepEqual(
    ['<1>first', ...found],
    Array.from({ length: 12 }, () => ['<1>first', '<2>next', '<3>last']).flat(),
  );
});

test('a refused frame that was cut counts its skipped bytes once', () => {
  const headroom = MAX + HEADROOM_EXTRA;
  const arena = Buffer.alloc(headroom + 600);
  const framer = new Framer({ messageBytesMax: MAX });
  const frame = new Frame();
  arena.write(`${'a'.repeat(100)}\n100 <1>${'b'.repeat(97)}<2>c\n`, headroom);
  framer.feed(arena, headroom, headroom + 101 + 104 + 5);
  const found: string[] = [];
  while (framer.next(frame)) {
    framer.refuse();
    framer.keepRest();
    framer.feed(arena, headroom, headroom);
    assert.ok(framer.next(frame));
    found.push(arena.toString('latin1', frame.start, frame.end));
  }
  assert.deepEqual(found, ['a'.repeat(MAX), `<1>${'b'.repeat(MAX - 3)}`, '<2>c']);
  assert.equal(framer.skippedBytes, 36 + 36);
});

test('the bytes after the chunk are given back', () => {
  const arena = Buffer.from(
    '................................................................................'.repeat(4),
  );
  const framer = new Framer({ messageBytesMax: 32 });
  framer.feed(arena, 100, 110);
  while (framer.next(new Frame()));
  framer.keepRest();
  assert.ok(arena.every((byte) => byte === 0x2e));
  assert.equal(framer.kept, 10);
});

test("a datagram's own length before its message is passed over, any other number is text", () => {
  const start = (text: string) => datagramMessageStart(Buffer.from(`....${text}`), 4, 4 + text.length) - 4;
  assert.equal(start('5 <1>ab'), 2);
  assert.equal(start('13 <191>12345678'), 3);
  for (const text of ['4 <1>ab', '6 <1>ab', '5 1>abc', '5<1>ab', '', '5', '5 ', '<1>ab', '000000005 <1>ab'])
    assert.equal(start(text), 0, text);
});
