// Sizes and spans as an operator writes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSize, parseSpan, printSize, printSpan } from '../../../base/units.ts';

const sizes: readonly [text: string, bytes: number | undefined][] = [
  ['0', 0],
  ['4096', 4096],
  ['64KiB', 65_536],
  [' 64 kib ', 65_536],
  ['64k', 65_536],
  ['64kB', 64_000],
  ['1.5GiB', 1_610_612_736],
  ['1TB', 1e12],
  ['0.5', undefined],
  ['1.0001KiB', undefined],
  ['', undefined],
  ['KiB', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['1 K B', undefined],
  ['1PiB', undefined],
  ['9999999999999999999', undefined],
  ['0x10', undefined],
  ['１', undefined],
];

for (const [text, bytes] of sizes) {
  test(`the size "${text}" is ${bytes ?? 'none'}`, () => assert.equal(parseSize(text), bytes));
}

const spans: readonly [text: string, ms: number | undefined][] = [
  ['30s', 30_000],
  ['100ms', 100],
  ['1h30m', 5_400_000],
  ['1 h 30 min', 5_400_000],
  ['1.5s', 1500],
  ['2W', 14 * 86_400_000],
  ['0s', 0],
  ['30', undefined],
  ['', undefined],
  ['s', undefined],
  ['-5s', undefined],
  ['1y', undefined],
  ['1h 30', undefined],
  ['1month', undefined],
];

for (const [text, ms] of spans) {
  test(`the span "${text}" is ${ms === undefined ? 'none' : `${ms} ms`}`, () =>
    assert.equal(parseSpan(text), ms));
}

test('sizes are printed with one decimal at most, and never as 1024 of a unit', () => {
  assert.equal(printSize(0), '0 B');
  assert.equal(printSize(1023), '1023 B');
  assert.equal(printSize(1024), '1 KiB');
  assert.equal(printSize(1536), '1.5 KiB');
  assert.equal(printSize(1_048_575), '1.0 MiB');
  assert.equal(printSize(64 * 1024 ** 2), '64 MiB');
  assert.equal(printSize(5 * 1024 ** 5), '5120 TiB');
});

test('spans are printed in their two largest units', () => {
  assert.equal(printSpan(0), '0 ms');
  assert.equal(printSpan(999), '999 ms');
  assert.equal(printSpan(1000), '1 s');
  assert.equal(printSpan(59_999), '1 min');
  assert.equal(printSpan(90_000), '1 min 30 s');
  assert.equal(printSpan(3_661_000), '1 h 1 min');
  assert.equal(printSpan(3_600_000 + 1000), '1 h 1 s');
  assert.equal(printSpan(9 * 86_400_000 + 3_600_000), '9 d 1 h');
});

test('a size of endless digits is answered at once', () => {
  const startedAt = performance.now();
  assert.equal(parseSpan(`${'1'.repeat(50_000)}!`), undefined);
  assert.equal(parseSpan(`${'1s'.repeat(25_000)}!`), undefined);
  assert.equal(parseSize(`${'1'.repeat(50_000)}!`), undefined);
  assert.ok(performance.now() - startedAt < 5000);
});
