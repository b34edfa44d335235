// What holds for every NTP packet: any bytes of any length end in silence or in an answer of 48 octets that is
// no longer than they were; the codec gives back what it was given; differences of times are right in every
// era; the table of clients keeps its bounds.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from './chance.ts';
import { parseRange } from '../../base/ip.ts';
import { Access } from '../../ntp/access.ts';
import { Answerer, Request } from '../../ntp/answer.ts';
import { ClientRows, makeClientTable, readClients } from '../../ntp/clients.ts';
import { Dice } from '../../ntp/dice.ts';
import { judgeReply, sampleOf } from '../../ntp/exchange.ts';
import { listFields } from '../../ntp/extension.ts';
import { AT, type Header, readHeader, type Stamp, writeHeader } from '../../ntp/header.ts';
import { SentTimes } from '../../ntp/interleave.ts';
import { reportPacket } from '../../ntp/report.ts';
import { VERDICT } from '../../ntp/shape.ts';
import { decodeShort, encodeShort } from '../../ntp/short.ts';
import { Served } from '../../ntp/standing.ts';
import { fractionOf, nanosBetween, nanosOf, ntpSeconds, unixSeconds } from '../../ntp/timestamp.ts';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const stamp: fc.Arbitrary<Stamp> = fc.record({ seconds: word, fraction: word }, { noNullPrototype: true });
const header: fc.Arbitrary<Header> = fc.record(
  {
    leap: fc.nat(3),
    version: fc.nat(7),
    mode: fc.nat(7),
    stratum: fc.nat(255),
    poll: fc.integer({ min: -128, max: 127 }),
    precision: fc.integer({ min: -128, max: 127 }),
    rootDelay: word,
    rootDispersion: word,
    referenceId: word,
    reference: stamp,
    origin: stamp,
    receive: stamp,
    transmit: stamp,
  },
  { noNullPrototype: true },
);

/** A header, whole or cut, with fields or rubbish behind it. */
const packet: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 1200 }),
  fc.tuple(header, fc.uint8Array({ maxLength: 200 }), fc.nat(60)).map(([fields, tail, cut]) => {
    const bytes = Buffer.concat([writeHeader(fields), tail]);
    return cut > 48 ? bytes : bytes.subarray(0, Math.max(48 - cut, 0) + tail.length);
  }),
  fc
    .tuple(header, fc.array(fc.tuple(fc.nat(0xffff), fc.integer({ min: 3, max: 20 })), { maxLength: 5 }))
    .map(([fields, list]) =>
      Buffer.concat([writeHeader({ ...fields, version: 4, mode: 3 }), ...list.map(makeField)]),
    ),
);

function makeField([type, words]: [number, number]): Buffer {
  const bytes = Buffer.alloc(words * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(words * 4, 2);
  return bytes;
}

function makeServer(seed: number): { answerer: Answerer; clients: ClientRows; table: SharedArrayBuffer } {
  const table = makeClientTable(32);
  const clients = new ClientRows(table, seed);
  const dice = new Dice([seed, 1, 2, 3]);
  const served = new Served(-24, dice);
  served.update({ kind: 'local', stratum: 10, rootDispersionSec: 0, leap: 0 }, ntpSeconds(1_795_210_961), 0);
  const every = parseRange('::/0');
  assert.ok(every);
  const answerer = new Answerer(new Access([every], []), { clients, served, dice, sent: new SentTimes(32) });
  return { answerer, clients, table };
}

const GUARD = 0xa5;

describe('the server', () => {
  test('any bytes: silence, or one answer that is no longer than the question', () => {
    const { answerer } = makeServer(1);
    const out = new DataView(new ArrayBuffer(96));
    fc.assert(
      fc.property(packet, fc.nat(65535), word, word, word, (bytes, port, from, seconds, fraction) => {
        // Bytes behind the packet must not be read: they differ between two askings.
        const [a, b] = [0x00, 0xff].map((filler) => {
          const buffer = Buffer.alloc(bytes.length + 64, filler);
          buffer.set(bytes);
          const request = new Request(new DataView(buffer.buffer, buffer.byteOffset, buffer.length));
          Object.assign(request, { length: bytes.length, port, w3: from });
          Object.assign(request, { receivedSec: seconds, receivedFraction: fraction });
          new Uint8Array(out.buffer).fill(GUARD);
          return answerer.answer(request, out, 16);
        });
        assert.equal(a, b);
        const written = new Uint8Array(out.buffer);
        assert.ok(written.subarray(0, 16).every((octet) => octet === GUARD));
        assert.ok(written.subarray(64).every((octet) => octet === GUARD));
        if (a !== VERDICT.answer) {
          assert.ok(written.every((octet) => octet === GUARD));
          return;
        }
        assert.ok(bytes.length >= 48);
        answerer.stamp(out, 16, answerer.kind, seconds, fraction);
        const answer = readHeader(written.subarray(16, 64));
        const question = readHeader(bytes);
        assert.ok(answer && question);
        assert.equal(answer.version, question.version);
        assert.equal(answer.mode, question.mode === 1 ? 2 : 4);
      }),
      { numRuns: 20_000 },
    );
  });

  test('the table of clients keeps its bounds and forgets nobody in silence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, fc.nat(10_000)), { minLength: 1, maxLength: 200 }),
        fc.nat(),
        (asked, seed) => {
          const { clients, table } = makeServer(seed);
          let nowMs = 0;
          for (const [address, elapsed] of asked) {
            nowMs += elapsed;
            clients.setTime(nowMs);
            clients.count(clients.find(0, 0, 0xffff, address));
          }
          const known = readClients(table);
          assert.ok(known.length <= 32);
          assert.ok(clients.forgotten >= new Set(asked.map(([address]) => address)).size - known.length);
          const last = asked.at(-1)?.[0] ?? 0;
          assert.ok(known.some(({ address }) => (address.w3 | 0) === last));
        },
      ),
    );
  });
});

describe('the codec', () => {
  test('gives back every header', () => {
    fc.assert(
      fc.property(header, (fields) => {
        const bytes = writeHeader(fields);
        const back = readHeader(bytes);
        assert.ok(back);
        assert.deepEqual({ ...back }, { ...fields });
        assert.deepEqual(writeHeader(back), bytes);
      }),
    );
  });

  test('reads any bytes without a throw', () => {
    fc.assert(
      fc.property(packet, stamp, (bytes, cookie) => {
        readHeader(bytes);
        judgeReply(bytes, cookie);
        reportPacket(bytes);
        if (bytes.length >= 48) listFields(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  test('rounds short times up, by less than a unit', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 65535, noNaN: true }), (seconds) => {
        const back = decodeShort(encodeShort(seconds));
        assert.ok(back >= seconds && back - seconds < 1 / 65536 + 1e-12);
      }),
    );
  });

  test('keeps every nanosecond of every second of the window', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.nat(999_999_999), (seconds, nanos) => {
        const unix = Date.UTC(1976, 0, 1) / 1000 + seconds;
        assert.equal(unixSeconds(ntpSeconds(unix)), unix);
        assert.equal(nanosOf(fractionOf(nanos)), nanos);
      }),
    );
  });

  test('differences are right across the ends of eras', () => {
    const nanos = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
    fc.assert(
      fc.property(stamp, nanos, (a, difference) => {
        const whole = (BigInt(a.seconds >>> 0) << 32n) | BigInt(a.fraction >>> 0);
        const other = BigInt.asUintN(64, whole + (difference * 2n ** 32n) / 1_000_000_000n);
        const seconds = Number(BigInt.asIntN(32, other >> 32n));
        const fraction = Number(BigInt.asIntN(32, other));
        const found = nanosBetween(seconds, fraction, a.seconds, a.fraction);
        assert.ok(Math.abs(found - Number(difference)) < 1, `${found} and ${difference}`);
      }),
    );
  });
});

describe('a client', () => {
  test('finds the offset that was put in, whatever the delays', () => {
    const micros = fc.nat(1_000_000);
    fc.assert(
      fc.property(
        stamp,
        fc.integer({ min: -1_000_000, max: 1_000_000 }),
        micros,
        micros,
        (start, offset, way, busy) => {
          const later = (ns: number): Stamp => {
            const whole = (BigInt(start.seconds >>> 0) << 32n) | BigInt(start.fraction >>> 0);
            const moved = BigInt.asUintN(64, whole + (BigInt(ns) * 2n ** 32n) / 1_000_000_000n);
            return {
              seconds: Number(BigInt.asIntN(32, moved >> 32n)),
              fraction: Number(BigInt.asIntN(32, moved)),
            };
          };
          const bytes = writeHeader({
            leap: 0,
            version: 4,
            mode: 4,
            stratum: 1,
            poll: 6,
            precision: -30,
            rootDelay: 0,
            rootDispersion: 0,
            referenceId: 0,
            reference: start,
            origin: start,
            receive: later(offset * 1000 + way * 1000),
            transmit: later(offset * 1000 + way * 1000 + busy * 1000),
          });
          const found = readHeader(bytes);
          assert.ok(found);
          const sample = sampleOf(found, start, later(way * 2000 + busy * 1000));
          assert.ok(Math.abs(sample.offsetNs - offset * 1000) < 2);
          assert.ok(Math.abs(sample.delayNs - way * 2000) < 4);
        },
      ),
    );
  });

  test('believes no answer that does not bring back its cookie', () => {
    fc.assert(
      fc.property(header, stamp, (fields, cookie) => {
        const reply = judgeReply(writeHeader({ ...fields, mode: 4, version: 4 }), cookie);
        const isOurs = fields.origin.seconds === cookie.seconds && fields.origin.fraction === cookie.fraction;
        assert.equal(reply.kind === 'stray', !isOurs);
      }),
    );
    assert.equal(AT.origin, 24);
  });
});
