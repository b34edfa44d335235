// A client's judgement of what comes back: each test of an answer by itself, and what is measured from a good one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  bestOf,
  jitterNs,
  judgeReply,
  makeQuestion,
  rootDistanceSec,
  sampleOf,
} from '../../../ntp/exchange.ts';
import { type Header, LEAP, MODE, readHeader, type Stamp, writeHeader } from '../../../ntp/header.ts';
import { encodeShort } from '../../../ntp/short.ts';
import { fractionOf } from '../../../ntp/timestamp.ts';

const COOKIE: Stamp = { seconds: 0x1234, fraction: -7 };

function at(seconds: number, nanos: number): Stamp {
  return { seconds, fraction: fractionOf(nanos) };
}

function answer(changes: Partial<Header> = {}): Header {
  return {
    leap: LEAP.none,
    version: 4,
    mode: MODE.server,
    stratum: 2,
    poll: 6,
    precision: -25,
    rootDelay: encodeShort(0.01),
    rootDispersion: encodeShort(0.02),
    referenceId: 0x0a000001,
    reference: at(50, 0),
    origin: COOKIE,
    receive: at(100, 0),
    transmit: at(100, 1000),
    ...changes,
  };
}

function judge(changes: Partial<Header>): string {
  const reply = judgeReply(writeHeader(answer(changes)), COOKIE);
  return reply.kind === 'time' ? 'time' : `${reply.kind}: ${reply.why}`;
}

describe('a question', () => {
  test('gives nothing away but its cookie', () => {
    const bytes = makeQuestion(COOKIE);
    const header = readHeader(bytes);
    assert.deepEqual(header?.transmit, COOKIE);
    assert.deepEqual(
      [header?.version, header?.mode, header?.leap, header?.precision],
      [4, MODE.client, 0, 32],
    );
    assert.ok(bytes.subarray(4, 40).every((octet) => octet === 0));
  });
});

describe('an answer', () => {
  test('that passes every test is a time', () => assert.equal(judge({}), 'time'));

  const STRAYS: Readonly<Record<string, Partial<Header>>> = {
    'other seconds': { origin: { ...COOKIE, seconds: 0x1235 } },
    'another fraction': { origin: { ...COOKIE, fraction: -8 } },
    'our own question': { mode: MODE.client },
    'version 0': { version: 0 },
    'version 5': { version: 5 },
  };
  for (const [name, changes] of Object.entries(STRAYS)) {
    test(`with ${name} is not ours`, () => assert.match(judge(changes), /^stray: /));
  }

  test('that is cut is not ours', () => {
    const reply = judgeReply(writeHeader(answer()).subarray(0, 47), COOKIE);
    assert.equal(reply.kind, 'stray');
  });

  const REFUSALS: readonly (readonly [string, Partial<Header>, RegExp])[] = [
    ['a kiss of death', { stratum: 0, referenceId: Buffer.from('RATE').readInt32BE(0) }, /kiss code RATE/],
    ['leap indicator 3', { leap: LEAP.unsynchronised }, /not synchronised/],
    ['stratum 0', { stratum: 0, referenceId: 0 }, /not synchronised/],
    ['stratum 16', { stratum: 16 }, /stratum 16/],
    ['an unknown receive time', { receive: at(0, 0) }, /receive time is unknown/],
    ['an unknown transmit time', { transmit: at(0, 0) }, /transmit time is unknown/],
    ['a great root distance', { rootDispersion: encodeShort(16) }, /root distance is 16 s or more/],
  ];
  for (const [name, changes, why] of REFUSALS) {
    test(`with ${name} is a refusal`, () => {
      assert.match(judge(changes), /^refusal: /);
      assert.match(judge(changes), why);
    });
  }
});

describe('what is measured', () => {
  test('is the offset in the middle of the way, and the way without the stay', () => {
    const { offsetNs, delayNs } = sampleOf(answer(), at(99, 999_000_000), at(100, 1_201_000));
    assert.ok(Math.abs(offsetNs - -100_000) < 1, String(offsetNs));
    assert.ok(Math.abs(delayNs - 2_200_000) < 1, String(delayNs));
  });

  test('is never less than the server can tell', () => {
    const quick = sampleOf(answer({ precision: -10 }), at(100, 0), at(100, 500));
    assert.equal(quick.delayNs, 2 ** -10 * 1e9);
  });

  test('is best where the delay is least', () => {
    const samples = [
      { offsetNs: 50, delayNs: 900 },
      { offsetNs: 10, delayNs: 100 },
      { offsetNs: 40, delayNs: 500 },
    ];
    assert.deepEqual(bestOf(samples), samples[1]);
    assert.equal(jitterNs(samples), Math.sqrt((40 ** 2 + 30 ** 2) / 2));
    assert.deepEqual([bestOf([]), jitterNs([]), jitterNs(samples.slice(0, 1))], [undefined, 0, 0]);
  });

  test('has a root distance', () => {
    assert.ok(Math.abs(rootDistanceSec(answer()) - 0.025) < 1e-4);
  });
});
