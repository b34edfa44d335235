// What is sent to a terminal: only lines that changed, and nothing that a terminal remembers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENTER_SCREEN, LEAVE_SCREEN, Painter } from '../../../../cli/monitor/painter.ts';
import {
  fit,
  fitMiddle,
  type Line,
  safe,
  short,
  shortMs,
  shortSpan,
  span,
  textWidth,
} from '../../../../cli/monitor/text.ts';

const SIZE = { columns: 10, rows: 3 };
const lines = (...texts: readonly string[]): Line[] => texts.map((text) => [span(text)]);

test('the first frame is all of it, the next only what changed, the same nothing', () => {
  const painter = new Painter(true);
  const first = painter.paint(lines('one', 'two', 'three'), SIZE);
  assert.equal(
    first,
    '\x1b[?2026h\x1b[0m\x1b[2J\x1b[1;1Hone       \x1b[2;1Htwo       \x1b[3;1Hthree     \x1b[?2026l',
  );
  assert.equal(painter.paint(lines('one', '2', 'three'), SIZE), '\x1b[?2026h\x1b[2;1H2         \x1b[?2026l');
  assert.equal(painter.paint(lines('one', '2', 'three'), SIZE), '');
  painter.forget();
  assert.match(painter.paint(lines('one', '2', 'three'), SIZE), /one[^]*2[^]*three/);
});

test('another size is another picture; missing lines are blank', () => {
  const painter = new Painter(true);
  painter.paint(lines('one', 'two', 'three'), SIZE);
  const small = painter.paint(lines('one'), { columns: 4, rows: 2 });
  assert.match(small, /\x1b\[2J\x1b\[1;1Hone \x1b\[2;1H {4}\x1b\[\?2026l$/);
});

test('each line begins and ends plain, with and without colours', () => {
  const line: Line = [span('a', 'bad'), span('b'), span('c', 'bar')];
  const coloured = new Painter(true).paint([line], { columns: 3, rows: 1 });
  assert.match(coloured, /\x1b\[1;1H\x1b\[1;31ma\x1b\[0mb\x1b\[7mc\x1b\[0m/);
  const plain = new Painter(false).paint([[span('a', 'good'), span('b', 'bad'), span('c', 'bar')]], {
    columns: 3,
    rows: 1,
  });
  assert.doesNotMatch(plain, /\x1b\[3\dm|;3\dm/);
  assert.match(plain, /a\x1b\[1mb\x1b\[0m\x1b\[7mc\x1b\[0m/);
});

test('what is switched on at the start is switched off at the end', () => {
  const on = [...ENTER_SCREEN.matchAll(/\?(\d+)([hl])/g)].map(([, mode, way]) => [mode, way]);
  const off = [...LEAVE_SCREEN.matchAll(/\?(\d+)([hl])/g)].map(([, mode, way]) => [mode, way]);
  for (const [mode, way] of on)
    assert.ok(
      off.some(([other, back]) => other === mode && back !== way),
      `mode ${mode}`,
    );
});

test('numbers are short, and never wider than their column', () => {
  assert.deepEqual([0, 999, 999.6, 1234, 9949, 9960, 12_345, 999_499, 999_500, 1.2e6, 5e15].map(short), [
    ...['0', '999', '1.0k', '1.2k', '9.9k', '10k', '12k', '999k', '1.0M', '1.2M', '5.0P'],
  ]);
  for (let value = 1; value < 1e17; value *= 1.37) assert.ok(short(value).length <= 4, String(value));
  assert.deepEqual([-1, 42, 420, 12_345, 123_456, 9e12].map(shortMs), [
    '',
    '0.042',
    '0.42',
    '12.3',
    '123',
    '99999',
  ]);
  assert.deepEqual([0, 9.94e6, 9.96e6, 59.6e6, 200e6, 3.6e9, 7.5e9, 90_000e6, 9e12].map(shortSpan), [
    ...['0.0s', '9.9s', '10s', '1m00s', '3m20s', '1h00m', '2h05m', '1d01h', '104d04h'],
  ]);
});

test('texts are cut to columns, not to letters', () => {
  assert.equal(fit('abcdef', 4), 'abc~');
  assert.equal(fit('ab', 4, 'right'), '  ab');
  assert.equal(fit('世界世界', 5), '世界~');
  assert.equal(fit('世界世界', 4), '世~ ');
  assert.equal(fitMiddle('[2001:db8::1234]:443', 11), '[2001~]:443');
  assert.equal(safe('e\u0301\u200b\u001b[31m'), 'e??[31m');
  assert.equal(textWidth('a世é'), 4);
});
