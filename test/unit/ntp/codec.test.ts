// The codec against the vectors of other programs and against ntp-packet-parser, and at the edges that no
// vector names: the ends of an era, the ends of the era window, signs, clamping.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../../base/ip.ts';
import { listFields, readTail, TAIL } from '../../../ntp/extension.ts';
import { readHeader, type Stamp, versionOf, writeHeader } from '../../../ntp/header.ts';
import { precisionOf } from '../../../ntp/precision.ts';
import { kissCode, LOCAL_REFERENCE, printReferenceId, referenceIdOf } from '../../../ntp/reference.ts';
import { reportPacket } from '../../../ntp/report.ts';
import { decodeShort, encodeShort } from '../../../ntp/short.ts';
import {
  ERA_WINDOW_UNIX,
  fractionOf,
  nanosBetween,
  nanosOf,
  ntpSeconds,
  unixSeconds,
} from '../../../ntp/timestamp.ts';
import { bytesOf, vectors, type Vector, withoutVectors } from './vectors.ts';

const ERA_1 = Date.UTC(2036, 1, 7, 6, 28, 16) / 1000;

function hex(stamp: Stamp): string {
  const half = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
  return half(stamp.seconds) + half(stamp.fraction);
}

describe('header', () => {
  test('known packets read as they are known', { skip: withoutVectors }, () => {
    const known = vectors('header', 'header-version-policy', 'nts-packet');
    assert.ok(known.length > 80);
    for (const vector of known) checkHeader(vector);
  });

  test('known packets are written as they were', { skip: withoutVectors }, () => {
    for (const vector of vectors('header', 'nts-packet')) {
      const bytes = bytesOf(vector);
      const header = readHeader(bytes);
      assert.ok(header);
      assert.deepEqual(Buffer.from(writeHeader(header)), bytes.subarray(0, 48), vector.src);
    }
  });

  test('poll and precision have signs', () => {
    const bytes = new Uint8Array(48);
    bytes[2] = 0xfa;
    bytes[3] = 0xe7;
    assert.equal(readHeader(bytes)?.poll, -6);
    assert.equal(readHeader(bytes)?.precision, -25);
  });

  test('less than a header is none', () => {
    assert.equal(readHeader(new Uint8Array(47)), undefined);
  });
});

function checkHeader(vector: Vector): void {
  const { expect, src } = vector;
  const header = readHeader(bytesOf(vector));
  assert.ok(header, src);
  const found = {
    li: header.leap,
    vn: header.version,
    mode: header.mode,
    stratum: header.stratum,
    poll: header.poll,
    precision: header.precision,
    root_delay_raw: header.rootDelay >>> 0,
    root_delay_s: decodeShort(header.rootDelay),
    root_disp_raw: header.rootDispersion >>> 0,
    root_disp_s: decodeShort(header.rootDispersion),
    refid: (header.referenceId >>> 0).toString(16).padStart(8, '0'),
    ref: hex(header.reference),
    org: hex(header.origin),
    rec: hex(header.receive),
    xmt: hex(header.transmit),
  };
  for (const [name, value] of Object.entries(found)) {
    if (name in expect) assert.equal(value, expect[name], `${src}: ${name}`);
  }
  if ('kiss' in expect) assert.equal(kissCode(header.stratum, header.referenceId), expect['kiss'], src);
}

describe('what follows the header', () => {
  test('known packets', { skip: withoutVectors }, () => {
    for (const vector of vectors('header', 'nts-packet')) {
      const bytes = bytesOf(vector);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const tail = readTail(view, 0, bytes.length, versionOf(bytes[0] ?? 0));
      assert.equal(tail, wantedTail(vector), `${vector.src} ${vector.hex}`);
      const fields = vector.expect['efs'] as { off: number; type: string; len: number }[];
      const found = listFields(bytes).map(({ at, type, length }) => ({
        off: at,
        type: type.toString(16).padStart(4, '0'),
        len: length,
      }));
      if (tail === TAIL.nts || tail === TAIL.fields) assert.deepEqual(found, fields, vector.src);
    }
  });

  test('malformed ones are never answered', { skip: withoutVectors }, () => {
    const known = vectors('malformed').filter(
      ({ expect }) => !String(expect['reason']).includes('decrypted'),
    );
    for (const vector of known) {
      const bytes = bytesOf(vector);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const tail = readTail(view, 0, bytes.length, 4);
      assert.ok(
        tail === TAIL.malformed || tail === TAIL.nts,
        `${vector.src} ${String(vector.expect['reason'])}`,
      );
    }
  });
});

function wantedTail({ expect }: Vector): number {
  const fields = (expect['efs'] ?? []) as { type: string }[];
  if (expect['valid'] === false) return TAIL.malformed;
  if (expect['crypto_nak'] === true) return TAIL.cryptoNak;
  if ('mac' in expect) return TAIL.mac;
  return fields.length === 0 ? TAIL.none : TAIL.nts;
}

describe('timestamps', () => {
  test('known stamps are the seconds they are', { skip: withoutVectors }, () => {
    const known = vectors('ntp64-unix');
    assert.ok(known.length >= 20);
    for (const { hex: text, expect } of known) {
      const seconds = Number.parseInt(text.slice(0, 8), 16) | 0;
      const unix = expect['unix'] as number;
      assert.equal(unixSeconds(seconds, expect['era_pivot_unix'] as number), unix, text);
      assert.equal(ntpSeconds(unix), seconds, text);
    }
  });

  test('either side of the end of era 0', () => {
    assert.equal(ntpSeconds(ERA_1 - 1) >>> 0, 0xffffffff);
    assert.equal(ntpSeconds(ERA_1), 0);
    for (const unix of [ERA_1 - 500, ERA_1 - 1, ERA_1, ERA_1 + 1, ERA_1 + 500]) {
      assert.equal(unixSeconds(ntpSeconds(unix)), unix);
    }
    const before = ntpSeconds(ERA_1 - 1);
    // A fraction is 0.23 ns.
    assert.equal(Math.round(nanosBetween(0, fractionOf(100), before, fractionOf(999_999_900))), 200);
    assert.equal(Math.round(nanosBetween(before, fractionOf(999_999_900), 0, fractionOf(100))), -200);
  });

  test('the ends of the era window', () => {
    const last = ERA_WINDOW_UNIX + 2 ** 32 - 1;
    for (const unix of [ERA_WINDOW_UNIX, last, Date.UTC(2104, 1, 26, 9, 42, 24) / 1000]) {
      assert.equal(unixSeconds(ntpSeconds(unix)), unix);
    }
    assert.equal(unixSeconds(ntpSeconds(last + 1)), ERA_WINDOW_UNIX);
    assert.equal(unixSeconds(ntpSeconds(ERA_WINDOW_UNIX - 1)), last);
  });

  test('a hundred nanoseconds survive at any second', () => {
    const seconds = ntpSeconds(1_795_210_961);
    for (const nanos of [0, 1, 499_999_999, 999_999_899]) {
      const difference = nanosBetween(seconds, fractionOf(nanos + 100), seconds, fractionOf(nanos));
      assert.ok(Math.abs(difference - 100) < 0.5, String(difference));
    }
  });

  test('every nanosecond comes back from its fraction', () => {
    for (let nanos = 0; nanos < 1e9; nanos += 9_999_991) assert.equal(nanosOf(fractionOf(nanos)), nanos);
    assert.equal(nanosOf(fractionOf(999_999_999)), 999_999_999);
  });
});

describe('the short format', () => {
  test('known values', { skip: withoutVectors }, () => {
    for (const { hex: text, expect } of vectors('ntp32-encode')) {
      const wire = encodeShort(expect['seconds'] as number) >>> 0;
      assert.equal(wire.toString(16).padStart(8, '0'), text, String(expect['seconds']));
    }
    for (const { hex: text, expect } of vectors('ntp32')) {
      assert.equal(decodeShort(Number.parseInt(text, 16)), expect['seconds']);
    }
  });

  test('rounds up and clamps', () => {
    assert.equal(encodeShort(1e-9), 1);
    assert.equal(encodeShort(0), 0);
    assert.equal(encodeShort(-1), 0);
    assert.equal(encodeShort(Number.NaN), 0);
    assert.equal(encodeShort(65536) >>> 0, 0xffffffff);
    assert.equal(decodeShort(-1), 65536 - 1 / 65536);
  });
});

describe('reference ids', () => {
  test('known ones', { skip: withoutVectors }, () => {
    for (const { hex: text, expect } of vectors('refid-ipv4', 'refid-ipv6')) {
      const address = parseAddress(expect['address'] as string);
      assert.ok(address);
      assert.equal((referenceIdOf(address) >>> 0).toString(16).padStart(8, '0'), text);
    }
    for (const vector of vectors('kiss-code')) {
      assert.equal(kissCode(0, bytesOf(vector).readInt32BE(0)) ?? '', vector.expect['kiss']);
    }
  });

  test('are printed as what they are at their stratum', () => {
    const gps = Buffer.from('GPS\0').readInt32BE(0);
    assert.equal(printReferenceId(1, gps), 'GPS');
    assert.equal(printReferenceId(2, gps), '71.80.83.0');
    assert.equal(printReferenceId(10, LOCAL_REFERENCE), '127.127.1.1');
    assert.equal(printReferenceId(0, 0), 'none');
    assert.equal(kissCode(1, gps), undefined);
    const own = parseAddress('::1');
    assert.ok(own);
    assert.equal((referenceIdOf(own) >>> 0).toString(16), 'cf404dc8');
  });
});

describe('precision', () => {
  test('is the time that a reading takes', () => {
    assert.equal(precisionOf(new Array<number>(100).fill(50)), -24);
    assert.equal(precisionOf(new Array<number>(100).fill(60)), -23);
    assert.equal(precisionOf(new Array<number>(100).fill(1e6)), -9);
  });

  test('is kept plausible', () => {
    assert.equal(precisionOf([]), -6);
    assert.equal(precisionOf([0, 0, 0]), -6);
    assert.equal(precisionOf([0.1]), -30);
    assert.equal(precisionOf([1e9]), -6);
  });
});

describe('ntp-packet-parser as a witness', () => {
  test('reads known packets as we do', { skip: withoutVectors }, () => {
    for (const vector of vectors('header', 'nts-packet')) checkWitness(bytesOf(vector), vector.src);
  });

  test('reads what we write, on either side of the end of era 0', () => {
    for (const unix of [1_795_210_961, ERA_1 - 1, ERA_1, ERA_1 + 86_400]) {
      const stamp = { seconds: ntpSeconds(unix), fraction: fractionOf(250_000_000) };
      const bytes = writeHeader({
        leap: 1,
        version: 4,
        mode: 4,
        stratum: 10,
        poll: -3,
        precision: -24,
        rootDelay: encodeShort(0.5),
        rootDispersion: encodeShort(0.25),
        referenceId: LOCAL_REFERENCE,
        reference: stamp,
        origin: stamp,
        receive: stamp,
        transmit: stamp,
      });
      const report = reportPacket(bytes);
      assert.equal(report?.transmitTime?.getTime(), unix * 1000 + 250);
      assert.equal(report?.rootDelayMs, 500);
      assert.equal(report?.rootDispersionMs, 250);
      assert.equal(report?.referenceId, '127.127.1.1');
      checkWitness(Buffer.from(bytes), `${unix}`);
    }
  });

  test('is not asked about what is too short', () => {
    assert.equal(reportPacket(new Uint8Array(47)), undefined);
  });
});

function checkWitness(bytes: Buffer, what: string): void {
  const report = reportPacket(bytes);
  const header = readHeader(bytes);
  assert.ok(report && header);
  const { leap, version, mode, stratum, poll, precision } = header;
  const { leapIndicator, version: v, mode: m, stratum: s, poll: p, precision: q } = report;
  assert.deepEqual([leapIndicator, v, m, s, p, q], [leap, version, mode, stratum, poll, precision], what);
  const { seconds, fraction } = header.transmit;
  const ms = unixSeconds(seconds) * 1000 + nanosOf(fraction) / 1e6;
  const found = report.transmitTime?.getTime();
  if (found !== undefined) assert.ok(Math.abs(found - ms) <= 1.001, `${what}: ${found} and ${ms}`);
}
