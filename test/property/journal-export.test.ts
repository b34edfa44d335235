// The journal's export format: entries are the same wherever the chunks are cut; whatever comes, nothing is
// thrown and no more is kept than was asked for; behind garbage the next whole entry is found again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExportParser } from '../../client/inputs/journald/export-format.ts';
import { fc, SEED } from './chance.ts';

const WANTED = [
  { name: 'MESSAGE', bytesMax: 50 },
  { name: '_PID', bytesMax: 8 },
  { name: '__CURSOR', bytesMax: 100 },
];

type Fields = readonly (readonly [name: string, value: Buffer])[];

/** As journalctl writes it: binary where a control byte stands in it. */
function print(fields: Fields): Buffer {
  const parts = fields.map(([name, value]) => {
    if (!value.some((byte) => byte < 0x20))
      return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')]);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(value.length));
    return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')]);
  });
  return Buffer.concat([...parts, Buffer.from('\n')]);
}

/** What the parser is to give: of each wanted field the first, cut to its limit. */
function expected(fields: Fields): (string | undefined)[] {
  return WANTED.map(({ name, bytesMax }) => {
    const value = fields.find((field) => field[0] === name)?.[1];
    return value?.subarray(0, bytesMax).toString('latin1');
  });
}

function parse(parser: ExportParser, chunks: readonly Buffer[]): (string | undefined)[][] {
  const entries: (string | undefined)[][] = [];
  for (const chunk of chunks) {
    parser.feed(chunk);
    while (parser.next()) {
      entries.push(
        WANTED.map((_, i) => {
          const start = parser.starts[i] as number;
          return start < 0 ? undefined : parser.values.toString('latin1', start, parser.ends[i]);
        }),
      );
    }
  }
  return entries;
}

/** Cuts a text at places given as shares of its length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => Math.floor(place * bytes.length)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length));
}

const value = fc.oneof(
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ maxLength: 80 }).map((text) => Buffer.from(text)),
);
const name = fc.oneof(
  fc.constantFrom('MESSAGE', '_PID', '__CURSOR', 'MESSAGES', 'PID', 'A'),
  fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,63}$/),
);
const entry = fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 8 });
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 12 });

test('entries are the same wherever the chunks are cut', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), places, (entries, at) => {
      const parser = new ExportParser(WANTED);
      const chunks = cut(Buffer.concat(entries.map(print)), at);
      assert.deepEqual(parse(parser, chunks), entries.map(expected));
      assert.equal(parser.garbage, 0);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('one byte at a time', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3 }), (entries) => {
      const bytes = Buffer.concat(entries.map(print));
      const chunks = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
      assert.deepEqual(parse(new ExportParser(WANTED), chunks), entries.map(expected));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('any bytes at all: nothing is thrown, and no value is longer than was asked for', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    entry.map(print),
    fc.constantFrom('MESSAGE\n', 'MESSAGE=', '\n', '\n\n', '=', 'MESSAGE').map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), places, (pieces, at) => {
      const parser = new ExportParser(WANTED);
      for (const found of parse(parser, cut(Buffer.concat(pieces), at))) {
        for (const [i, text] of found.entries()) assert.ok((text?.length ?? 0) <= (WANTED[i]?.bytesMax ?? 0));
      }
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test('behind garbage, the entry after the next empty line is whole', () => {
  // A line that cannot be a name: then everything up to an empty line is passed over.
  const garbage = fc
    .array(fc.stringMatching(/^[a-z ]{1,40}$/), { minLength: 1, maxLength: 4 })
    .map((lines) => Buffer.from(`${lines.join('\n')}\n\n`));
  fc.assert(
    fc.property(entry, garbage, entry, places, (before, rubbish, after, at) => {
      const parser = new ExportParser(WANTED);
      const bytes = Buffer.concat([print(before), rubbish, print(after)]);
      assert.deepEqual(parse(parser, cut(bytes, at)), [expected(before), expected(after)]);
      assert.equal(parser.garbage, 1);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('a length that nothing can have is garbage, not a small one', () => {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(4, 0);
  length.writeUInt32LE(1, 4);
  const parser = new ExportParser(WANTED);
  const bytes = Buffer.concat([Buffer.from('MESSAGE\n'), length, Buffer.from('text\n\nMESSAGE=after\n\n')]);
  assert.deepEqual(parse(parser, [bytes]), [['after', undefined, undefined]]);
  assert.equal(parser.garbage, 1);
});
