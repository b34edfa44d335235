// What holds for every PROXY header: any bytes in any chunks give the verdict that they give in one piece, and
// what was printed as a header is read as it was meant, with the data behind it untouched.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, printAddress } from '../../base/ip.ts';
import { ProxyHeader } from '../../syslog/proxy.ts';
import { fc } from './chance.ts';

const RUNS = 3000;
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

interface Verdict {
  readonly state: string;
  readonly source: string;
  readonly taken: number;
}

/** Chunks of these sizes, over and over; the header may lie anywhere in a larger arena. */
function read(bytes: Buffer, sizes: readonly number[], offset: number): Verdict {
  const header = new ProxyHeader();
  const arena = Buffer.concat([Buffer.alloc(offset, 0x50), bytes, Buffer.from('PROXY ')]);
  let taken = 0;
  for (let i = 0; taken < bytes.length && header.state === 'more'; i += 1) {
    const size = Math.min(sizes[i % sizes.length] ?? 1, bytes.length - taken);
    const end = offset + taken + size;
    const at = header.feed(arena, offset + taken, end);
    assert.ok(at === end || header.state !== 'more', 'all bytes belong to a header that goes on');
    taken = at - offset;
  }
  const { source } = header;
  const name = source ? `${printAddress(source.address)} ${source.port}` : '-';
  return { state: header.state, source: name, taken: header.state === 'bad' ? -1 : taken };
}

const chunks = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
const port = fc.integer({ min: 0, max: 65_535 });
const v4 = fc.ipV4();
const v6 = fc.ipV6().filter((text) => parseAddress(text) !== undefined);

const line = fc
  .oneof(fc.tuple(fc.constant('TCP4'), v4, v4, port, port), fc.tuple(fc.constant('TCP6'), v6, v6, port, port))
  .map(([family, from, to, fromPort, toPort]) => ({
    bytes: Buffer.from(`PROXY ${family} ${from} ${to} ${fromPort} ${toPort}\r\n`),
    source: `${printAddress(parseAddress(from) ?? assert.fail())} ${fromPort}`,
  }))
  .filter(({ bytes }) => bytes.length <= 107);

const binary = fc
  .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), port, fc.uint8Array({ maxLength: 300 }))
  .map(([from, fromPort, extensions]) => {
    const fixed = Buffer.from([0x21, 0x11, (12 + extensions.length) >> 8, (12 + extensions.length) & 255]);
    const ports = Buffer.from([fromPort >> 8, fromPort & 255, 2, 2]);
    return {
      bytes: Buffer.concat([SIGNATURE, fixed, from, Buffer.from([1, 2, 3, 4]), ports, extensions]),
      source: `${from.join('.')} ${fromPort}`,
    };
  });

test('a header is read as it was meant, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.oneof(line, binary),
      fc.uint8Array({ maxLength: 50 }),
      chunks,
      fc.nat(9),
      (header, data, sizes, offset) => {
        const bytes = Buffer.concat([header.bytes, data]);
        assert.deepEqual(read(bytes, sizes, offset), {
          state: 'done',
          source: header.source,
          taken: header.bytes.length,
        });
      },
    ),
    { numRuns: RUNS },
  );
});

/** Headers with bytes changed, cut and put in: what an enemy would send. */
const spoiled = fc
  .tuple(
    fc.oneof(line, binary),
    fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 3 }),
    fc.nat(150),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([header, changes, cut, more]) => {
    const bytes = Buffer.from(header.bytes);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return Buffer.concat([bytes.subarray(0, cut), more]);
  });

test('any bytes in any chunks give one verdict, and nothing is thrown', () => {
  const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(any, spoiled), chunks, fc.nat(9), (bytes, sizes, offset) => {
      assert.deepEqual(read(bytes, sizes, offset), read(bytes, [bytes.length + 1], 0));
    }),
    { numRuns: RUNS },
  );
});
