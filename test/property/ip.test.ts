// Addresses and ranges against the slow and obvious way: one number of 128 bits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from './chance.ts';
import {
  type Address,
  inAny,
  inRange,
  isV4,
  parseAddress,
  parseRange,
  printAddress,
  printRange,
  rangesMeet,
  sameAddress,
} from '../../base/ip.ts';

const toBig = (address: Address) =>
  [address.w0, address.w1, address.w2, address.w3].reduce((all, word) => (all << 32n) | BigInt(word), 0n);

/** Words with few different bits, so that ranges hold addresses and zeros stand in rows. */
const word = fc.oneof(fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff, 0x80000000), fc.nat(0xffffffff));
const anyAddress = fc.oneof(
  fc.record({ w0: word, w1: word, w2: word, w3: word }),
  word.map((w3) => ({ w0: 0, w1: 0, w2: 0xffff, w3 })),
);

const maskOf = (bits: number) => ((1n << 128n) - 1n) ^ ((1n << BigInt(128 - bits)) - 1n);

function fromBig(big: bigint): Address {
  const part = (shift: bigint) => Number((big >> shift) & 0xffffffffn);
  return { w0: part(96n), w1: part(64n), w2: part(32n), w3: part(0n) };
}

const anyRange = fc
  .tuple(anyAddress, fc.integer({ min: 0, max: 128 }))
  .map(([address, bits]) => ({ ...fromBig(toBig(address) & maskOf(bits)), bits }));

test('what is printed is read back', () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      const text = printAddress(address);
      const read = parseAddress(text);
      assert.ok(read && sameAddress(read, address), text);
      assert.equal(printAddress(read), text, 'one text for one address');
    }),
    { numRuns: 5000 },
  );
});

test('any way of writing an IPv6 address is the same address', () => {
  fc.assert(
    fc.property(anyAddress, fc.nat(7), fc.boolean(), (address, at, upper) => {
      const parts = [address.w0, address.w1, address.w2, address.w3].flatMap((w) => [w >>> 16, w & 0xffff]);
      const long = parts.map((part) => part.toString(16).padStart(at % 2 === 0 ? 4 : 1, '0')).join(':');
      const read = parseAddress(upper ? long.toUpperCase() : long);
      assert.ok(read && sameAddress(read, address), long);
      const { w3 } = address;
      const dotted = [w3 >>> 24, (w3 >>> 16) & 255, (w3 >>> 8) & 255, w3 & 255].join('.');
      const mixed = `${parts
        .slice(0, 6)
        .map((part) => part.toString(16))
        .join(':')}:${dotted}`;
      const readMixed = parseAddress(mixed);
      assert.ok(readMixed && sameAddress(readMixed, address), mixed);
    }),
  );
});

test('an address lies in a range when its first bits are the range’s', () => {
  fc.assert(
    fc.property(anyRange, anyAddress, fc.nat(127), (range, other, flip) => {
      for (const address of [other, range, fromBig(toBig(range) ^ (1n << BigInt(flip)))]) {
        const holds = (toBig(address) & maskOf(range.bits)) === toBig(range);
        assert.equal(inRange(range, address), holds, `${printRange(range)} ${printAddress(address)}`);
        assert.equal(inAny([range], address), holds);
      }
      assert.equal(inAny([], other), false);
    }),
    { numRuns: 5000 },
  );
});

test('a range is printed and read back', () => {
  fc.assert(
    fc.property(anyRange, (range) => {
      const text = printRange(range);
      const read = parseRange(text);
      assert.ok(read, text);
      assert.deepEqual([read.bits, toBig(read)], [range.bits, toBig(range)], text);
    }),
    { numRuns: 5000 },
  );
});

test('host bits that are set make it no range', () => {
  fc.assert(
    fc.property(anyRange, fc.nat(127), (range, bit) => {
      const loose = fromBig(toBig(range) | (1n << BigInt(bit)));
      const isHostBit = bit < 128 - range.bits;
      const text = isV4(loose) && range.bits >= 96 ? `${printAddress(loose)}/${range.bits - 96}` : '';
      if (text === '' || !isHostBit) return;
      assert.equal(parseRange(text), undefined, text);
    }),
  );
});

test('two ranges meet when one holds the other’s beginning', () => {
  fc.assert(
    fc.property(anyRange, anyRange, (a, b) => {
      const bits = Math.min(a.bits, b.bits);
      const naive = (toBig(a) & maskOf(bits)) === (toBig(b) & maskOf(bits));
      assert.equal(rangesMeet(a, b), naive);
      assert.equal(rangesMeet(b, a), naive);
    }),
  );
});

test('no text throws, and what is no literal is no address', () => {
  const near = fc.array(fc.constantFrom('1', '255', '256', 'f', '::', ':', '.', '/', '%', 'g', ' '), {
    maxLength: 9,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        near.map((all) => all.join('')),
        fc.string(),
      ),
      (text) => {
        const address = parseAddress(text);
        if (address) assert.ok(sameAddress(parseAddress(printAddress(address)) as Address, address));
        const range = parseRange(text);
        if (range) assert.ok(inRange(range, range));
      },
    ),
    { numRuns: 5000 },
  );
});
