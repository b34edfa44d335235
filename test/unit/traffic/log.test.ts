// The lines of the traffic log: the shape that users of iptraf-ng know, fields that stay apart whatever names hold, times
// with their zone, and what was lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ViewedFacts } from '../../../traffic/events/facts.ts';
import {
  printLogInterface,
  printLogLine,
  printLogLosses,
  printLogReopened,
  printLogStart,
  printLogStop,
  printLogTime,
} from '../../../traffic/log/line.ts';
import { fc } from '../../property/chance.ts';
import { factsOf } from '../../property/traffic-facts.ts';

const UTC = { offsetMin: () => 0 };
const TIME_US = 1_763_672_183_123_456;

const FACTS: ViewedFacts = {
  turn: 'reset',
  timeUs: TIME_US,
  flow: 0,
  id: 'r1-0',
  protocol: 6,
  clientAddress: '10.0.0.2',
  serverAddress: '10.0.0.1',
  clientPort: 41_234,
  serverPort: 2525,
  state: 'RSTR',
  dirHow: 'syn',
  by: 'server',
  startUs: TIME_US - 12_300_500,
  lastUs: TIME_US,
  packets: [3, 2],
  ipBytes: [180, 80],
  payloadBytes: [60, 0],
  retransmitted: [0, 0],
  outOfOrder: [0, 0],
  zeroWindows: [0, 0],
  outstanding: [60, 0],
  synCount: 1,
  rttUs: 400,
  ackRttUs: 100,
  updates: 0,
  isMidstream: false,
  unreachable: undefined,
  interfaces: [0, 0],
  interfaceName: 'eth0',
  isEndOwn: false,
};

const whatOf = (changes: Partial<ViewedFacts>) =>
  printLogLine({ ...FACTS, ...changes }, {}, UTC).split('; ')[5];

test('a line of an event', () => {
  const owners = { client: { how: 'exact' as const, process: 'curl', pid: 812, user: 'alice' } };
  assert.equal(
    printLogLine(FACTS, owners, { offsetMin: () => 60 }),
    '2025-11-20T21:56:23.123456+01:00; TCP; eth0; 260 bytes; from 10.0.0.2:41234 to 10.0.0.1:2525; ' +
      'Connection reset by the server, received; 3 packets, 180 bytes, avg flow rate 0.12 kbps; ' +
      'opposite direction 2 packets, 80 bytes, avg flow rate 0.05 kbps; lasted 12.3005 s; client curl[812] of alice; r1-0',
  );
});

test('what happened, in each kind of event', () => {
  const udp = { protocol: 17 };
  assert.deepEqual(
    [
      whatOf({ turn: 'opened' }),
      whatOf({ turn: 'opened', rttUs: -1 }),
      whatOf({ turn: 'opened', isMidstream: true }),
      whatOf({ turn: 'opened', ...udp }),
      whatOf({ turn: 'update', updates: 2 }),
      whatOf({ turn: 'closed' }),
      whatOf({ turn: 'closed', ...udp, lastUs: TIME_US - 60e6 }),
      whatOf({ turn: 'reset', isEndOwn: true, by: 'client' }),
      whatOf({ turn: 'refused' }),
      whatOf({ turn: 'refused', unreachable: [3, 3] }),
      whatOf({ turn: 'noAnswer', synCount: 3 }),
      whatOf({ turn: 'timeout', lastUs: TIME_US - 60e6 }),
      whatOf({ turn: 'halfClosed' }),
    ],
    [
      'first packet (SYN), answered after 400 us',
      'first packet (SYN)',
      'first packet seen, open before',
      'first packet',
      'active, update 2',
      'FIN sent by the server first, closed',
      'over, last packet 1 min before',
      'Connection reset by the client, sent by this host',
      'Connection refused (RST)',
      'refused, ICMP port unreachable (3/3)',
      'no answer to 3 SYNs',
      'Connection timed out, 60 bytes and 0 bytes back not acknowledged, last packet 1 min before',
      'FIN sent by the server, half closed',
    ],
  );
});

test('IPv6 stands in brackets, an unknown interface is a dash, and rates have units', () => {
  const facts = { ...FACTS, clientAddress: 'fd77::1', serverAddress: 'fd77::2', interfaceName: undefined };
  const line = printLogLine({ ...facts, ipBytes: [2e9, 2e6], startUs: TIME_US - 1e6 }, {}, UTC);
  assert.match(line, /; TCP; -; 2002000000 bytes; from \[fd77::1\]:41234 to \[fd77::2\]:2525; /);
  assert.match(line, /avg flow rate 16\.00 Gbps; .*avg flow rate 16\.00 Mbps; lasted 1 s; r1-0$/);
  assert.doesNotMatch(printLogLine({ ...facts, startUs: TIME_US - 900 }, {}, UTC), /rate/);
});

test('fields stay apart and a line stays one, whatever names hold', () => {
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('; r9-9', 'a\nb', '\u001b[2J'));
  fc.assert(
    fc.property(factsOf, name, name, (facts, process, interfaceName) => {
      const owners = {
        client: { how: 'exact' as const, process, pid: 1 },
        server: { how: 'exact' as const, unit: process },
      };
      const line = printLogLine({ ...facts, interfaceName }, owners, UTC);
      assert.equal(line.split('; ').length, 12);
      assert.doesNotMatch(line, /\p{Cc}/u);
      assert.equal(line.split('; ')[11], facts.id);
    }),
    { numRuns: 1000 },
  );
});

test('times carry their zone and keep their microseconds', () => {
  assert.equal(printLogTime(TIME_US, { offsetMin: () => -570 }), '2025-11-20T11:26:23.123456-09:30');
  assert.equal(printLogTime(1e15 + 7, UTC), '2001-09-09T01:46:40.000007+00:00');
});

test('start, stop, a new file, an interface, and what was lost', () => {
  const stamp = '2025-11-20T20:56:23.123456+00:00; ';
  assert.equal(printLogStart(TIME_US, UTC), `${stamp}******** IP traffic monitor started ********`);
  assert.equal(printLogStop(TIME_US, UTC), `${stamp}******** IP traffic monitor stopped ********`);
  assert.equal(
    printLogReopened(TIME_US, UTC, 'signal'),
    `${stamp}***** Logfile reopened at the HUP signal *****`,
  );
  assert.equal(
    printLogReopened(TIME_US, UTC, 'moved'),
    `${stamp}***** Logfile reopened since the old one was moved away *****`,
  );
  assert.equal(
    printLogInterface('eth0', 'absent', 'no such device; it may come', TIME_US, UTC),
    `${stamp}eth0; absent, no such device, it may come`,
  );
  const losses = {
    dropped: 12,
    evicted: 3,
    unwritten: 4,
    heldBack: { refused: 1900, noAnswer: 2, opened: 0 },
  };
  assert.equal(
    printLogLosses(losses, TIME_US, UTC),
    `${stamp}LOST; 12 packets dropped by the kernel; 3 connections forgotten, the table was full; ` +
      '4 lines of this file not written; messages held back by the rate limit: 1900 refused, 2 no-answer',
  );
  assert.equal(printLogLosses({ dropped: 0, evicted: 0, heldBack: {} }, TIME_US, UTC), undefined);
});
