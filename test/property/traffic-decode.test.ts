// What holds for every captured frame: any bytes, cut anywhere, give one of the outcomes, and nothing behind the
// captured end is looked at. What capture files are written is read back, in whatever pieces, and cut anywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../traffic/packet/decode.ts';
import { LINK } from '../../traffic/packet/link.ts';
import { newPacket, OUTCOMES, type Packet } from '../../traffic/packet/packet.ts';
import {
  type CapturedPacket,
  pcapHeader,
  pcapngInterface,
  pcapngPacket,
  pcapngSection,
  pcapRecord,
} from '../../traffic/pcap/write.ts';
import { readerOf } from '../unit/traffic/captures.ts';
import { fc } from './chance.ts';
import { frame, spoiledFrame } from './frames.ts';

const RUNS = 4000;

const link = fc.constantFrom(...Object.values(LINK), 12, 147);
const noise = fc.tuple(link, fc.uint8Array({ maxLength: 200 })).map(([number, bytes]) => ({
  link: number,
  bytes: Buffer.from(bytes),
}));
const anyFrame = fc.oneof(frame, spoiledFrame, noise);

/** The record after decoding a cut frame that lies in an arena full of `fill`. */
function decodeIn(bytes: Buffer, cut: number, fill: number, number: number, packet: Packet): Packet {
  const arena = Buffer.alloc(bytes.length + 200, fill);
  bytes.copy(arena, 50, 0, cut);
  decode(arena, 50, 50 + cut, bytes.length, number, packet);
  return packet;
}

test('any bytes cut anywhere are decoded alike, whatever lies behind the end and was there before', () => {
  const used = newPacket();
  fc.assert(
    fc.property(anyFrame, fc.nat(200), ({ link: number, bytes }, at) => {
      const cut = Math.min(at, bytes.length);
      const first = decodeIn(bytes, cut, 0x00, number, newPacket());
      const second = decodeIn(bytes, cut, 0x45, number, newPacket());
      assert.deepEqual(first, second);
      assert.ok(OUTCOMES.includes(first.outcome));
      assert.ok(first.outcome !== 'ip' || first.capturedEnd <= 50 + cut);
      decodeIn(bytes, cut, 0x60, number, used);
      for (const key of [
        'outcome',
        'protocol',
        'hasPorts',
        'srcPort',
        'tunnel',
        'hasTcp',
        'hasQuote',
      ] as const) {
        assert.equal(used[key], first[key], `${key} is not left over from the packet before`);
      }
    }),
    { numRuns: RUNS },
  );
});

const captured: fc.Arbitrary<CapturedPacket> = fc
  .tuple(fc.nat(0x7fffffff), fc.nat(999_999_999), fc.uint8Array({ maxLength: 120 }), fc.nat(3000))
  .map(([sec, nanos, bytes, more]) => ({ sec, nanos, bytes, frameBytes: bytes.length + more }));

interface Written {
  readonly pieces: readonly Buffer[];
  readonly packets: readonly CapturedPacket[];
}

const written: fc.Arbitrary<Written> = fc
  .tuple(fc.array(captured, { maxLength: 8 }), fc.constantFrom('micros', 'nanos', 'ng'), fc.boolean())
  .map(([packets, form, hasComment]) => {
    if (form === 'ng') {
      const head = Buffer.concat([pcapngSection(), pcapngInterface('eth0', LINK.ethernet, 0)]);
      const comment = hasComment ? 'curl.205562' : undefined;
      return { packets, pieces: [head, ...packets.map((packet) => pcapngPacket(0, packet, comment))] };
    }
    const unit = form as 'micros' | 'nanos';
    return {
      packets,
      pieces: [pcapHeader(LINK.ethernet, 65_535, unit), ...packets.map((packet) => pcapRecord(packet, unit))],
    };
  });

test('a capture file is read as it was written, and of a cut one every whole packet', () => {
  fc.assert(
    fc.property(
      written,
      fc.nat(2000),
      fc.integer({ min: 1, max: 90 }),
      ({ pieces, packets }, at, pieceBytes) => {
        const bytes = Buffer.concat(pieces);
        const cut = at > 1000 ? bytes.length : Math.min(at, bytes.length);
        const reader = readerOf(bytes.subarray(0, cut), pieceBytes);
        let count = 0;
        while (reader.next()) {
          const packet = packets[count] as CapturedPacket;
          assert.deepEqual([...reader.bytes.subarray(reader.start, reader.end)], [...packet.bytes]);
          assert.equal(reader.frameBytes, packet.frameBytes);
          assert.ok(Math.abs(reader.timeUs - (packet.sec * 1e6 + packet.nanos / 1000)) <= 1);
          count += 1;
        }
        const sizes = pieces.map((piece) => piece.length);
        let fits = 0;
        for (let end = 0; fits < sizes.length && end + (sizes[fits] as number) <= cut; fits += 1) {
          end += sizes[fits] as number;
        }
        assert.equal(count, Math.max(0, fits - 1));
      },
    ),
    { numRuns: 500 },
  );
});

test('any bytes as a capture file end somehow, and never throw', () => {
  const spoiled = fc
    .tuple(written, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }))
    .map(([{ pieces }, changes]) => {
      const bytes = Buffer.concat(pieces);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  const any = fc.oneof(fc.uint8Array({ maxLength: 200 }), spoiled);
  fc.assert(
    fc.property(any, (bytes) => {
      const reader = readerOf(bytes);
      let count = 0;
      while (reader.next()) count += 1;
      assert.ok(count <= bytes.length);
      assert.notEqual(reader.ending, 'open');
    }),
    { numRuns: 1000 },
  );
});
