// The server's thinking without a socket: every shape of request and its verdict, what stands in an answer,
// interleaved mode, access, the rate limit, the table of clients; in virtual time and with known dice.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress, parseRange, type Range } from '../../../base/ip.ts';
import { Access } from '../../../ntp/access.ts';
import { Answerer, KIND, Request } from '../../../ntp/answer.ts';
import { ClientRows, makeClientTable, readClients } from '../../../ntp/clients.ts';
import { Dice } from '../../../ntp/dice.ts';
import { type Header, LEAP, MODE, readHeader, type Stamp, writeHeader } from '../../../ntp/header.ts';
import { SentTimes } from '../../../ntp/interleave.ts';
import { type RateLimit, RateGate } from '../../../ntp/rate.ts';
import { LOCAL_REFERENCE } from '../../../ntp/reference.ts';
import { VERDICT } from '../../../ntp/shape.ts';
import { decodeShort } from '../../../ntp/short.ts';
import { isLeapDay, Served, type Standing, standingOf } from '../../../ntp/standing.ts';
import { fractionOf, nanosBetween, ntpSeconds } from '../../../ntp/timestamp.ts';
import { SHAPES } from './shapes.ts';
import { bytesOf, vectors, withoutVectors } from './vectors.ts';

const NOW = 1_795_210_961;
const PRECISION = -24;
const LOCAL: Standing = { kind: 'local', stratum: 10, rootDispersionSec: 0, leap: LEAP.none };
const MICRO = 1000;

function ranges(...texts: readonly string[]): Range[] {
  return texts.map((text) => parseRange(text) ?? assert.fail(text));
}

interface Asked {
  readonly bytes: Uint8Array;
  readonly from?: string;
  readonly port?: number;
  /** Milliseconds of the server's life. */
  readonly atMs?: number;
}

/** A server in virtual time. */
class World {
  readonly table = makeClientTable(64);
  readonly clients: ClientRows;
  readonly served: Served;
  readonly dice = new Dice([1, 2, 3, 4]);
  readonly sent = new SentTimes(64);
  readonly answerer: Answerer;
  readonly #out = new DataView(new ArrayBuffer(64));
  nowUnix = NOW;

  constructor(standing: Standing = LOCAL, allow: readonly string[] = [], limit?: RateLimit) {
    this.clients = new ClientRows(this.table, 7);
    this.served = new Served(PRECISION, this.dice);
    this.served.update(standing, ntpSeconds(NOW), 0);
    const access = new Access(ranges(...allow), []);
    const { clients, served, dice, sent } = this;
    this.answerer = new Answerer(access, { clients, served, dice, sent });
    this.answerer.configure(access, limit && new RateGate(limit, dice), limit?.interval ?? -7);
  }

  ask(asked: Asked): { verdict: number; answer: Header | undefined } {
    const { bytes, atMs = 0 } = asked;
    const address = parseAddress(asked.from ?? '127.0.0.1') ?? assert.fail();
    const request = new Request(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    request.length = bytes.length;
    request.port = asked.port ?? 40_000;
    request.w0 = address.w0 | 0;
    request.w1 = address.w1 | 0;
    request.w2 = address.w2 | 0;
    request.w3 = address.w3 | 0;
    const unix = this.nowUnix + Math.floor(atMs / 1000);
    request.receivedSec = ntpSeconds(unix);
    request.receivedFraction = fractionOf((atMs % 1000) * 1e6);
    this.answerer.setTime(atMs);
    const verdict = this.answerer.answer(request, this.#out, 8);
    if (verdict !== VERDICT.answer) return { verdict, answer: undefined };
    const sentFraction = (request.receivedFraction + fractionOf(5 * MICRO)) | 0;
    this.answerer.stamp(this.#out, 8, this.answerer.kind, request.receivedSec, sentFraction);
    return { verdict, answer: readHeader(new Uint8Array(this.#out.buffer, 8, 48)) };
  }
}

const ZERO: Stamp = { seconds: 0, fraction: 0 };
const COOKIE: Stamp = { seconds: 0x01234567, fraction: 0x09abcdef };

function question(changes: Partial<Header> = {}): Uint8Array {
  return writeHeader({
    leap: 0,
    version: 4,
    mode: MODE.client,
    stratum: 0,
    poll: 6,
    precision: 32,
    rootDelay: 0,
    rootDispersion: 0,
    referenceId: 0,
    reference: ZERO,
    origin: ZERO,
    receive: ZERO,
    transmit: COOKIE,
    ...changes,
  });
}

function ask(changes: Partial<Header> = {}, world = new World()): Header {
  return world.ask({ bytes: question(changes) }).answer ?? assert.fail('silence');
}

describe('verdicts', () => {
  for (const shape of SHAPES) {
    test(`${shape.name}: ${shape.answered ? 'an answer' : 'silence'}`, () => {
      const { verdict } = new World().ask({ bytes: shape.bytes, port: shape.port });
      const reason = Object.entries(VERDICT).find(([, value]) => value === verdict)?.[0];
      assert.equal(reason, shape.answered ? 'answer' : shape.reason);
    });
  }

  test('control and private messages of ntpd get silence', { skip: withoutVectors }, () => {
    const world = new World();
    for (const vector of vectors('mode6-request', 'mode7-request')) {
      assert.notEqual(world.ask({ bytes: bytesOf(vector) }).verdict, VERDICT.answer, vector.src);
    }
  });
});

describe('an answer', () => {
  test('of a local reference', () => {
    const answer = ask();
    assert.deepEqual(
      [answer.leap, answer.version, answer.mode, answer.stratum, answer.precision],
      [LEAP.none, 4, MODE.server, 10, PRECISION],
    );
    assert.equal(answer.referenceId, LOCAL_REFERENCE);
    assert.deepEqual([answer.rootDelay, answer.rootDispersion], [0, 0]);
  });

  test('of a server that is not synchronised', () => {
    const answer = ask({}, new World({ kind: 'unsynchronised' }));
    assert.deepEqual([answer.leap, answer.stratum, answer.referenceId], [LEAP.unsynchronised, 0, 0]);
    assert.deepEqual([decodeShort(answer.rootDelay), decodeShort(answer.rootDispersion)], [1, 1]);
    assert.deepEqual(answer.reference, ZERO);
  });

  test('of a synchronised server: the dispersion grows', () => {
    const standing: Standing = {
      kind: 'synchronised',
      stratum: 3,
      referenceId: 0x0a000001,
      rootDelaySec: 0.25,
      rootDispersionSec: 0.001,
      updatedSec: ntpSeconds(NOW - 99),
      updatedFraction: 0,
      growthPerSec: 15e-6,
      leap: LEAP.insert,
    };
    const answer = ask({}, new World(standing));
    assert.deepEqual([answer.leap, answer.stratum, answer.referenceId], [LEAP.insert, 3, 0x0a000001]);
    assert.equal(decodeShort(answer.rootDelay), 0.25);
    const dispersion = decodeShort(answer.rootDispersion);
    assert.ok(dispersion >= 0.001 + 100 * 15e-6 && dispersion < 0.00253, String(dispersion));
    assert.equal(answer.reference.seconds, ntpSeconds(NOW - 99));
  });

  test('echoes version and poll, and the transmit time bit for bit', () => {
    for (const version of [1, 2, 3, 4]) assert.equal(ask({ version }).version, version);
    assert.equal(ask({ poll: 10 }).poll, 10);
    assert.equal(ask({ poll: 127 }).poll, 17);
    assert.equal(ask({ poll: -128 }).poll, -7);
    for (const transmit of [COOKIE, ZERO, { seconds: -1, fraction: -1 }]) {
      assert.deepEqual(ask({ transmit }).origin, transmit);
    }
  });

  test('answers mode 1 with 2, and asks clients to keep the rate limit', () => {
    assert.equal(ask({ mode: MODE.active }).mode, MODE.passive);
    const limited = new World(LOCAL, [], { interval: 3, burst: 8, leak: 2 });
    assert.equal(ask({ poll: 0 }, limited).poll, 3);
  });

  test('has a receive time that is odd and a transmit time that is even and later', () => {
    const world = new World();
    const seen = new Set<number>();
    for (let i = 0; i < 500; i += 1) {
      const answer = ask({}, world);
      assert.equal(answer.receive.fraction & 1, 1);
      assert.equal(answer.transmit.fraction & 1, 0);
      const tookNs = nanosBetween(
        answer.transmit.seconds,
        answer.transmit.fraction,
        answer.receive.seconds,
        answer.receive.fraction,
      );
      assert.ok(Math.abs(tookNs - 5000) <= 120, String(tookNs));
      seen.add(answer.receive.fraction & 0xff);
    }
    // Of 128 odd values of the eight bits below 2^-24 s, nearly all have come.
    assert.ok(seen.size > 110, String(seen.size));
  });

  test('has a reference time before its transmit time, kept for 64 s', () => {
    const world = new World();
    const before = world.served.referenceSec;
    assert.ok([1, 2].includes(ntpSeconds(NOW) - before));
    world.served.update(LOCAL, ntpSeconds(NOW + 60), 0);
    assert.equal(world.served.referenceSec, before);
    world.served.update(LOCAL, ntpSeconds(NOW + 64), 0);
    assert.equal(world.served.referenceSec, ntpSeconds(NOW + 62));
    // The clock was set back: no reference may lie in the future.
    world.served.update(LOCAL, ntpSeconds(NOW - 5000), 0);
    assert.equal(world.served.referenceSec, ntpSeconds(NOW - 5002));
  });

  test('is right either side of 2036-02-07 06:28:16', () => {
    const era1 = Date.UTC(2036, 1, 7, 6, 28, 16) / 1000;
    for (const unix of [era1 - 1, era1, era1 + 1]) {
      const world = new World();
      world.nowUnix = unix;
      world.served.update(LOCAL, ntpSeconds(unix), 0);
      const answer = ask({}, world);
      assert.equal(answer.receive.seconds, ntpSeconds(unix));
      const age = nanosBetween(
        answer.transmit.seconds,
        answer.transmit.fraction,
        answer.reference.seconds,
        answer.reference.fraction,
      );
      assert.ok(age > 1e9 && age < 2.1e9, `${unix}: ${age}`);
    }
  });

  test('never says 0 for a real time', () => {
    const world = new World();
    const out = new DataView(new ArrayBuffer(48));
    out.setInt32(24, 1);
    for (let i = 0; i < 300; i += 1) {
      world.answerer.stamp(out, 0, KIND.plain, 0, 0);
      assert.notEqual(out.getInt32(40) | out.getInt32(44), 0);
    }
  });

  test('has no receive time of another setting of the clock', () => {
    const world = new World();
    const out = new DataView(new ArrayBuffer(48));
    for (const [received, sound] of [
      [NOW, true],
      [NOW - 1, true],
      [NOW + 1, true],
      [NOW - 3600, false],
      [NOW + 3600, false],
    ] as const) {
      out.setInt32(32, ntpSeconds(received));
      out.setInt32(36, 5);
      assert.equal(
        world.answerer.stamp(out, 0, KIND.plain, ntpSeconds(NOW), 1000),
        sound,
        String(received - NOW),
      );
      const took = nanosBetween(out.getInt32(40), out.getInt32(44), out.getInt32(32), out.getInt32(36));
      assert.ok(took > 0 && took <= 1.1e9, String(took));
    }
  });

  test('is never its own question: the transmit time is neither the origin nor the receive time', () => {
    const world = new World();
    for (let i = 0; i < 2000; i += 1) {
      const fraction = (fractionOf(5 * MICRO) & ~0xff) | (i & 0xff);
      const answer = ask({ transmit: { seconds: ntpSeconds(NOW), fraction } }, world);
      assert.notDeepEqual(answer.transmit, answer.origin);
      assert.notDeepEqual(answer.receive, answer.origin);
      assert.notDeepEqual(answer.transmit, answer.receive);
    }
  });
});

describe('interleaved mode', () => {
  test('from the third request on, the answer carries the time of the one before', () => {
    const world = new World();
    const first = ask({}, world);
    const clientTime = { seconds: 5, fraction: 6 };
    const again = (last: Header) => ask({ origin: last.receive, receive: clientTime }, world);
    const second = again(first);
    assert.deepEqual(second.origin, COOKIE);
    const third = again(second);
    assert.deepEqual(third.origin, clientTime);
    assert.deepEqual(third.transmit, second.transmit);
    const fourth = again(third);
    assert.deepEqual(fourth.origin, clientTime);
    assert.equal(fourth.transmit.fraction & 1, 0);
  });

  test('a repeated request gets a plain answer', () => {
    const world = new World();
    const first = ask({}, world);
    const second = ask({ origin: first.receive, receive: { seconds: 1, fraction: 1 } }, world);
    const repeat = question({ origin: second.receive, receive: { seconds: 2, fraction: 2 } });
    assert.deepEqual(world.ask({ bytes: repeat }).answer?.origin, { seconds: 2, fraction: 2 });
    assert.deepEqual(world.ask({ bytes: repeat }).answer?.origin, COOKIE);
  });

  test('a client that gives back our transmit time is not kept', () => {
    const world = new World();
    const first = ask({}, world);
    const second = ask({ origin: first.transmit, receive: { seconds: 1, fraction: 1 } }, world);
    assert.equal(world.sent.find(second.receive.seconds, second.receive.fraction), false);
    assert.deepEqual(second.origin, COOKIE);
  });

  test('the memory is bounded, and after a step of the clock empty', () => {
    const sent = new SentTimes(16);
    for (let i = 0; i < 1000; i += 1) sent.keep(i, i | 1, i, 0);
    let kept = 0;
    for (let i = 0; i < 1000; i += 1) if (sent.find(i, i | 1)) kept += 1;
    assert.ok(kept > 0 && kept <= 16, String(kept));
    sent.keep(1, 1, 1, 0);
    sent.clear();
    assert.equal(sent.find(1, 1), false);
  });
});

describe('access', () => {
  const at = (text: string) => parseAddress(text) ?? assert.fail(text);

  test('nobody but this host, unless a range says so', () => {
    const access = new Access([], []);
    for (const own of ['127.0.0.1', '127.5.5.5', '::1']) assert.ok(access.isAllowed(at(own)), own);
    for (const other of ['10.0.0.1', '172.31.96.1', '2001:db8::1']) assert.ok(!access.isAllowed(at(other)));
  });

  test('the narrowest range decides, and says so', () => {
    const access = new Access(
      ranges('10.0.0.0/8', '10.1.2.3', '2001:db8::/32'),
      ranges('10.1.0.0/16', '::1'),
    );
    assert.deepEqual(access.explain(at('10.2.0.1')), { allowed: true, by: '10.0.0.0/8' });
    assert.deepEqual(access.explain(at('10.1.0.1')), { allowed: false, by: '10.1.0.0/16' });
    assert.deepEqual(access.explain(at('10.1.2.3')), { allowed: true, by: '10.1.2.3' });
    assert.deepEqual(access.explain(at('2001:db8::5')), { allowed: true, by: '2001:db8::/32' });
    assert.deepEqual(access.explain(at('::1')), { allowed: false, by: '::1' });
    assert.deepEqual(access.explain(at('192.0.2.1')), { allowed: false, by: undefined });
  });

  test('of two alike the denial', () => {
    assert.equal(new Access(ranges('10.0.0.0/8'), ranges('10.0.0.0/8')).isAllowed(at('10.0.0.1')), false);
  });

  test('a refusal is silence, is counted, and can be lifted', () => {
    const world = new World();
    const from = '192.0.2.7';
    assert.equal(world.ask({ bytes: question(), from }).verdict, VERDICT.acl);
    assert.equal(world.ask({ bytes: new Uint8Array(1), from }).verdict, VERDICT.acl);
    const [client] = readClients(world.table);
    assert.deepEqual([client?.requests, client?.dropped.acl], [2, 2]);
    world.answerer.configure(new Access(ranges('192.0.2.0/24'), []), undefined, -7);
    assert.equal(world.ask({ bytes: question(), from }).verdict, VERDICT.answer);
  });
});

describe('the rate limit', () => {
  const LIMIT: RateLimit = { interval: 1, burst: 8, leak: 2 };

  function answersOf(
    world: World,
    requests: number,
    stepMs: number,
    from = '127.0.0.1',
    startMs = 0,
  ): number {
    let answers = 0;
    for (let i = 0; i < requests; i += 1) {
      const { verdict } = world.ask({ bytes: question(), from, atMs: startMs + i * stepMs });
      if (verdict === VERDICT.answer) answers += 1;
    }
    return answers;
  }

  test('a burst is answered, and then one request in four', () => {
    const answers = answersOf(new World(LOCAL, [], LIMIT), 4008, 0);
    assert.ok(answers > 900 && answers < 1120, String(answers));
  });

  test('a client that keeps to the interval is always answered', () => {
    assert.equal(answersOf(new World(LOCAL, [], LIMIT), 200, 2000), 200);
  });

  test('a flood in the name of a victim does not silence it', () => {
    const world = new World(LOCAL, ['192.0.2.0/24'], LIMIT);
    answersOf(world, 10_000, 0.1, '192.0.2.1');
    let own = 0;
    for (let i = 0; i < 200; i += 1) {
      answersOf(world, 50, 1, '192.0.2.1', 2000 + i * 64_000);
      own += answersOf(world, 1, 0, '192.0.2.1', 2050 + i * 64_000);
    }
    assert.ok(own > 30, String(own));
    assert.equal(answersOf(world, 5, 0, '192.0.2.2'), 5);
  });

  test('a client that asks faster without answers is answered mostly', () => {
    const world = new World(LOCAL, [], LIMIT);
    let atMs = 0;
    let answers = 0;
    for (let i = 0; i < 2000; i += 1) {
      const { verdict } = world.ask({ bytes: question(), atMs });
      answers += verdict === VERDICT.answer ? 1 : 0;
      atMs += verdict === VERDICT.answer ? 1000 : 100;
    }
    assert.ok(answers > 1100, String(answers));
  });
});

describe('the table of clients', () => {
  test('knows how often each asks and when it was last seen', () => {
    const world = new World();
    for (let i = 0; i < 40; i += 1) world.ask({ bytes: question(), atMs: 1000 + i * 64_000 });
    world.ask({ bytes: new Uint8Array(12).fill(0x23), atMs: 1000 + 40 * 64_000 });
    const [client] = readClients(world.table);
    assert.equal(client?.requests, 41);
    assert.equal(Math.round(client?.intervalMs ?? 0), 64_000);
    assert.equal(client?.lastMs, 1000 + 40 * 64_000);
    assert.deepEqual([client?.dropped.short, client?.dropped.rate], [1, 0]);
    assert.deepEqual(client?.address, parseAddress('127.0.0.1'));
  });

  test('is bounded: newcomers take the rows that were silent longest', () => {
    const world = new World(LOCAL, ['0.0.0.0/0']);
    for (let i = 0; i < 1000; i += 1) {
      world.ask({ bytes: question(), from: `10.0.${i >> 8}.${i & 255}`, atMs: i });
      world.ask({ bytes: question(), from: '10.9.9.9', atMs: i });
    }
    const clients = readClients(world.table);
    assert.equal(clients.length, 64);
    assert.equal(world.clients.forgotten, 1001 - 64);
    const faithful = clients.find(({ address }) => address.w3 === 0x0a090909);
    assert.equal(faithful?.requests, 1000);
  });
});

describe('standing', () => {
  const clock = { synchronised: false, maxErrorSec: 16, pending: 'none', leaping: false } as const;

  test('with a local stratum we serve, and say what the kernel says of its error', () => {
    assert.deepEqual(standingOf(clock, { stratum: 10 }, NOW), LOCAL);
    const kept = { ...clock, synchronised: true, maxErrorSec: 0.25 };
    assert.deepEqual(standingOf(kept, { stratum: 10 }, NOW), { ...LOCAL, rootDispersionSec: 0.25 });
    const adrift = { ...clock, synchronised: true, maxErrorSec: 2 };
    assert.deepEqual(standingOf(adrift, { stratum: 10 }, NOW), LOCAL);
  });

  test('without one nobody knows our stratum', () => {
    assert.deepEqual(standingOf(clock, undefined, NOW), { kind: 'unsynchronised' });
    assert.deepEqual(standingOf({ ...clock, synchronised: true }, undefined, NOW), {
      kind: 'unsynchronised',
    });
  });

  test('leap seconds are told on their day alone', () => {
    const leapDay = Date.UTC(2028, 5, 30, 12) / 1000;
    assert.ok(isLeapDay(leapDay) && isLeapDay(Date.UTC(2028, 11, 31) / 1000));
    assert.ok(
      !isLeapDay(leapDay + 86_400) &&
        !isLeapDay(leapDay - 86_400) &&
        !isLeapDay(Date.UTC(2028, 2, 31) / 1000),
    );
    const told = (pending: 'insert' | 'remove', unix: number, leaping = false) => {
      const standing = standingOf({ ...clock, pending, leaping }, { stratum: 10 }, unix);
      return standing.kind === 'local' ? standing.leap : undefined;
    };
    assert.equal(told('insert', leapDay), LEAP.insert);
    assert.equal(told('remove', leapDay), LEAP.remove);
    assert.equal(told('insert', NOW), LEAP.none);
    assert.equal(told('insert', leapDay, true), LEAP.unsynchronised);
  });
});
