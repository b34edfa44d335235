// What is said of a connection: the structured data and the sentence of each turn, interval records in which each packet
// stands once, and a limit that a scan runs into and nobody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, type FlowEvent } from '../../../traffic/events/event.ts';
import { readFacts } from '../../../traffic/events/facts.ts';
import { escapeValue, printEvent } from '../../../traffic/events/print.ts';
import { EventRate, RATE_LIMITS } from '../../../traffic/events/rate.ts';
import { printGap, RECORD_FIELDS, takeRecords, VERSION_2_FIELDS } from '../../../traffic/events/record.ts';
import { FlowTable } from '../../../traffic/flow/table.ts';
import { newPacket, type Packet } from '../../../traffic/packet/packet.ts';
import { fc } from '../../property/chance.ts';
import { type Segment, setEnds, tcpPacket } from './segments.ts';

const START_US = 1_763_700_000_000_000;

class Scene {
  readonly events: FlowEvent[] = [];
  readonly table: FlowTable;
  nowUs = START_US;

  constructor() {
    this.table = new FlowTable(
      {
        onTurn: (turn, slot, nowUs) =>
          this.events.push(describe(readFacts(this.table.flows, slot, turn, nowUs, 'r1'))),
        onRemove: () => {},
      },
      { salt: 3 },
    );
  }

  add(packet: Packet, afterUs = 100): this {
    this.nowUs += afterUs;
    this.table.add(packet, this.nowUs, 0);
    return this;
  }

  tcp(segment: Segment, afterUs?: number): this {
    return this.add(tcpPacket(segment), afterUs);
  }

  open(): this {
    this.tcp({ from: 'c', flags: 'S', seq: 100 }).tcp({ from: 's', flags: 'SA', seq: 500, ack: 101 }, 400);
    return this.tcp({ from: 'c', flags: 'A', seq: 101, ack: 501 });
  }

  get sentences(): string[] {
    return this.events.map(({ sentence }) => sentence);
  }
}

test('a connection that the server resets', () => {
  const scene = new Scene().open().tcp({ from: 'c', flags: 'PA', seq: 101, ack: 501, data: 60 }, 12_000_000);
  scene.tcp({ from: 's', flags: 'R', seq: 501 }, 300_000);
  assert.deepEqual(scene.sentences, [
    'TCP 10.0.0.2:41234 -> 10.0.0.1:2525 opened; the server answered after 400 us',
    'TCP 10.0.0.2:41234 -> 10.0.0.1:2525 reset by the server after 12.3 s; 3 packets, 180 bytes to the server; 2 packets, 80 bytes back',
  ]);
  assert.equal(
    printEvent(scene.events[1] as FlowEvent).toString(),
    '[flow@32473 id="r1-0" event="reset" proto="tcp" src="10.0.0.2" dst="10.0.0.1" sport="41234" dport="2525" ' +
      'state="RSTR" dirHow="syn" by="server" durationUs="12300500" packetsOut="3" bytesOut="180" payloadOut="60" ' +
      'outstandingOut="60" packetsIn="2" bytesIn="80" payloadIn="0" rttUs="400"] ' +
      scene.sentences[1],
  );
});

test('who closed first, who refused and why, and who never answered', () => {
  const closed = new Scene().open().tcp({ from: 's', flags: 'FA', seq: 501, ack: 101 });
  closed
    .tcp({ from: 'c', flags: 'FA', seq: 101, ack: 502 })
    .tcp({ from: 's', flags: 'A', seq: 502, ack: 102 });
  assert.match(
    closed.sentences[1] ?? '',
    /closed by the server first after 0\.\d ms|closed by the server first after \d+ us/,
  );
  const refused = new Scene().tcp({ from: 'c', flags: 'S' }).tcp({ from: 's', flags: 'RA', ack: 1 });
  assert.match(
    refused.sentences[0] ?? '',
    /-> 10\.0\.0\.1:2525 refused: the server answered the SYN with a RST$/,
  );
  const filtered = new Scene().tcp({ from: 'c', flags: 'S' });
  const error = newPacket();
  setEnds(error, false, 41_234);
  Object.assign(error, {
    protocol: 1,
    hasPorts: false,
    hasIcmp: true,
    icmpType: 3,
    icmpCode: 13,
    hasQuote: true,
  });
  Object.assign(error.quote, tcpPacket({ from: 'c', flags: 'S' }));
  assert.match(
    filtered.add(error).sentences[1] ?? '',
    /refused: ICMP unreachable, prohibited by a filter, code 13$/,
  );
  const silent = new Scene().tcp({ from: 'c', flags: 'S' }).tcp({ from: 'c', flags: 'S' }, 1e6);
  silent.table.advance(silent.nowUs + 21e6);
  assert.match(silent.sentences[0] ?? '', /no answer to 2 SYNs in 22\.0 s$/);
});

test('whatever a value holds, a reader finds its end', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constant('\\'.repeat(1500)), fc.constant('"]'.repeat(900))),
      (value) => {
        const text = escapeValue(value);
        assert.match(text, /^(?:[^"\\\]]|\\["\\\]])*$/);
        assert.ok(text.length <= 1024 && !/\p{Cc}/u.test(text));
      },
    ),
    { numRuns: 500 },
  );
});

const CONTEXT = { account: 'site', interfaceName: () => 'eth0', fields: VERSION_2_FIELDS };

test('interval records: one direction a line, each packet once, chosen fields', () => {
  const scene = new Scene().open();
  const lines = takeRecords(scene.table.flows, 0, CONTEXT);
  assert.deepEqual(lines, [
    '2 site eth0 10.0.0.2 10.0.0.1 41234 2525 6 2 80 1763700000 1763700000 ACCEPT OK',
    '2 site eth0 10.0.0.1 10.0.0.2 2525 41234 6 1 40 1763700000 1763700000 ACCEPT OK',
  ]);
  assert.deepEqual(takeRecords(scene.table.flows, 0, CONTEXT), []);
  scene.tcp({ from: 's', flags: 'FA', seq: 501, ack: 101 }, 5e6);
  const fields = ['srcport', 'packets', 'start', 'tcp-flags', 'flow-direction'] as const;
  const isOwn = (address: string) => address === '10.0.0.1';
  assert.deepEqual(takeRecords(scene.table.flows, 0, { ...CONTEXT, fields, isOwn }), [
    '2525 1 1763700005 1 egress',
  ]);
});

test('an interval without data, or with lost data, says so', () => {
  assert.equal(printGap('NODATA', 'eth0', 60e6, 120e6, CONTEXT), '2 site eth0 - - - - - - - 60 120 - NODATA');
  assert.equal(
    printGap('SKIPDATA', 'eth0', 60e6, 120e6, { ...CONTEXT, fields: RECORD_FIELDS }),
    '5 site eth0 - - - - - - - 60 120 - SKIPDATA - - -',
  );
});

test('a scan is held back and counted, and others are not', () => {
  const rate = new EventRate();
  let said = 0;
  for (let i = 0; i < 2000; i += 1) said += rate.allows('refused', 0xffff, 0x0a000063, 1e12) ? 1 : 0;
  assert.equal(said, RATE_LIMITS.clientBurst);
  assert.equal(rate.allows('reset', 0xffff, 0x0a000002, 1e12), true);
  assert.equal(rate.allows('update', 0xffff, 0x0a000063, 1e12), true);
  assert.deepEqual([...rate.take()], [['refused', 1900]]);
  assert.equal(rate.take().size, 0);
  assert.equal(rate.allows('refused', 0xffff, 0x0a000063, 1e12 + 1e6), true, 'tokens come back');
});
