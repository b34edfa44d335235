// Control bytes never reach a file as they came, and everything else does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyEscaped, copyPlain, isClean } from '../../../syslog/escape.ts';

function escaped(text: string | Buffer): string {
  const bytes = Buffer.from(text as string);
  const out = Buffer.alloc(4 * bytes.length + 8, 0x2e);
  const to = copyEscaped(bytes, 0, bytes.length, out, 4);
  assert.equal(out.toString('latin1', to), '.'.repeat(out.length - to), 'nothing behind the end');
  assert.equal(out.toString('latin1', 0, 4), '....', 'nothing before the start');
  return out.toString('latin1', 4, to);
}

test('control bytes are written as # and three octal digits', () => {
  assert.equal(escaped('a\nb\0c\td\x1b[31m\x7f'), 'a#012b#000c#011d#033[31m#177');
  assert.equal(escaped('\x1f#012'), '#037#012');
});

test('C1 controls in UTF-8 are controls, every other character is text', () => {
  assert.equal(escaped('\u009b1m\u0085'), '#302#2331m#302#205');
  const text = 'é \u00a0 日本 😀 \u0400';
  assert.equal(escaped(text), Buffer.from(text).toString('latin1'));
});

test('bytes that are not UTF-8 stay as they are', () => {
  const bytes = Buffer.from([0xff, 0x80, 0x9b, 0xc2, 0x41, 0xe9, 0xc2]);
  assert.equal(escaped(bytes), bytes.toString('latin1'));
});

test('clean means printable ASCII, at every alignment and length', () => {
  const words = new Int32Array(16);
  const bytes = new Uint8Array(words.buffer);
  for (let start = 0; start < 12; start++) {
    for (let end = start; end <= 40; end++) {
      for (const bad of [0, 9, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xc3, 0xff]) {
        for (let at = start; at < end; at++) {
          bytes.fill(0x1b);
          bytes.fill(0x61, start, end);
          bytes[at] = bad;
          assert.equal(
            isClean(words, bytes, start, end),
            bad === 0x20 || bad === 0x7e,
            `${start} ${at} ${end} ${bad}`,
          );
        }
      }
    }
  }
  assert.equal(isClean(words, bytes, 5, 5), true);
});

test('clean is exact for every pair of neighbouring bytes', () => {
  const words = new Int32Array(1);
  const bytes = new Uint8Array(words.buffer);
  const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f;
  for (let pair = 0; pair < 65_536; pair++) {
    bytes.set([0x61, pair & 255, pair >> 8, 0x61]);
    assert.equal(isClean(words, bytes, 0, 4), isPlain(pair & 255) && isPlain(pair >> 8));
  }
});

test('a plain copy works within one array and between two, short and long', () => {
  for (const length of [0, 1, 12, 13, 200]) {
    const one = Buffer.from(`${'x'.repeat(length)}|${'.'.repeat(300)}`);
    assert.equal(copyPlain(one, 0, length, one, 220), 220 + length);
    assert.equal(one.toString('latin1', 220, 220 + length), 'x'.repeat(length));
    const other = Buffer.alloc(300, 0x2e);
    assert.equal(copyPlain(one, 0, length, other, 7), 7 + length);
    assert.equal(
      other.toString('latin1'),
      `${'.'.repeat(7)}${'x'.repeat(length)}${'.'.repeat(293 - length)}`,
    );
  }
});
