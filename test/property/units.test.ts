// Sizes and spans: what is printed reads back as nearly the same, what is whole as exactly the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from './chance.ts';
import { parseSize, parseSpan, printSize, printSpan } from '../../base/units.ts';

test('a printed size reads back within a twentieth of its unit', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(4096), fc.nat(2 ** 31 - 1), fc.maxSafeNat()), (bytes) => {
      const text = printSize(bytes);
      assert.match(text, /^\d{1,4}(\.\d)? (B|KiB|MiB|GiB|TiB)$|TiB$/);
      const [number = '', unit = ''] = text.split(' ');
      const unitBytes = parseSize(`1${unit}`) ?? 0;
      assert.ok(Math.abs(Number(number) * unitBytes - bytes) <= unitBytes / 20 + 1, `${bytes}: ${text}`);
      if (unit !== 'TiB') assert.ok(Number(number) < 1024, `${bytes}: ${text}`);
    }),
    { numRuns: 3000 },
  );
});

test('a whole number of units reads back exactly', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1023 }),
      fc.constantFrom('B', 'KiB', 'MiB', 'GiB'),
      (count, unit) => {
        const bytes = parseSize(`${count} ${unit}`);
        assert.ok(bytes !== undefined);
        assert.equal(parseSize(printSize(bytes)), bytes);
      },
    ),
  );
});

test('a printed span reads back within its smaller unit', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(5000), fc.nat(90_000_000), fc.nat(2 ** 31 - 1)), (ms) => {
      const text = printSpan(ms);
      const read = parseSpan(text);
      assert.ok(read !== undefined, text);
      const finest = ms < 1000 ? 1 : ms < 3_600_000 ? 1000 : ms < 86_400_000 ? 60_000 : 3_600_000;
      assert.ok(Math.abs(read - ms) <= finest, `${ms}: ${text}`);
    }),
    { numRuns: 3000 },
  );
});

test('no text throws; what is read is a whole number that is not negative', () => {
  const near = fc.array(fc.constantFrom('1', '30', '.', 's', 'min', 'KiB', 'MB', ' ', '-', 'e', '0'), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        near.map((all) => all.join('')),
        fc.string(),
      ),
      (text) => {
        for (const read of [parseSize(text), parseSpan(text)]) {
          assert.ok(read === undefined || (Number.isSafeInteger(read) && read >= 0), text);
        }
      },
    ),
    { numRuns: 5000 },
  );
});

test('a span is the sum of its parts', () => {
  const part = fc.tuple(fc.nat(500), fc.constantFrom('ms', 's', 'min', 'm', 'h', 'd', 'w'));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const text = parts.map(([count, unit]) => `${count}${unit}`);
      const sum = text.reduce((total, one) => total + (parseSpan(one) ?? Number.NaN), 0);
      assert.equal(parseSpan(text.join('')), sum);
      assert.equal(parseSpan(text.join(' ')), sum);
    }),
  );
});
