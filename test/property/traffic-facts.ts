// Facts of events as chance makes them: every turn, protocol and end, counts and spans small and large.
// Refuses: only what no flow table could say, such as an end before the beginning.

import type { Pair, ViewedFacts } from '../../traffic/events/facts.ts';
import { fc } from './chance.ts';

const count = fc.oneof(fc.nat(9), fc.nat(2 ** 31 - 1));
const pair: fc.Arbitrary<Pair> = fc.tuple(count, count);
const address = fc.oneof(fc.ipV4(), fc.constantFrom('fd00::1', '2001:db8::ff', '::1', '::', 'fe80::a:b:c:d'));
const port = fc.integer({ min: 0, max: 65_535 });
export const spanUs = fc.oneof(
  fc.nat(999),
  fc.nat(999_999),
  fc.nat(1e9),
  fc.nat({ max: 1e13 }),
  fc.constant(3600e6),
);
const flag = fc.option(fc.boolean(), { nil: undefined });

export const factsOf: fc.Arbitrary<ViewedFacts> = fc
  .record({
    turn: fc.constantFrom(
      ...(['opened', 'update', 'closed', 'reset', 'refused', 'noAnswer', 'timeout', 'halfClosed'] as const),
    ),
    timeUs: fc.integer({ min: 0, max: 4e15 }),
    flow: count,
    id: fc.stringMatching(/^[a-z0-9]{1,12}-[a-z0-9]{1,8}$/),
    protocol: fc.constantFrom(6, 6, 6, 17, 132, 1, 58, 47, 200),
    clientAddress: address,
    serverAddress: address,
    clientPort: port,
    serverPort: port,
    state: fc.constantFrom('S0', 'S1', 'SF', 'RSTR', 'OTH'),
    dirHow: fc.constant('syn' as const),
    by: fc.constantFrom('client' as const, 'server' as const, undefined),
    lastUs: fc.constant(0),
    startUs: fc.constant(0),
    packets: pair,
    ipBytes: pair,
    payloadBytes: pair,
    retransmitted: pair,
    outOfOrder: pair,
    zeroWindows: pair,
    outstanding: pair,
    synCount: fc.integer({ min: 1, max: 9 }),
    rttUs: fc.oneof(fc.constant(-1), spanUs),
    ackRttUs: fc.constant(-1),
    updates: fc.nat(500),
    isMidstream: fc.boolean(),
    unreachable: fc.option(fc.tuple(fc.constantFrom(1, 3), fc.nat(20)), { nil: undefined }),
    interfaces: fc.constant([0, 0] as const),
  })
  .chain((facts) =>
    fc
      .tuple(spanUs, spanUs, flag, flag, flag)
      .map(([before, silent, isClientOwn, isServerOwn, isEndOwn]) => ({
        ...facts,
        state: facts.state as ViewedFacts['state'],
        startUs: facts.timeUs - before,
        lastUs: facts.timeUs - silent,
        isClientOwn,
        isServerOwn,
        isEndOwn,
      })),
  );
