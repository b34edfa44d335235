// What is said of a connection: the structured data and the sentence of each turn, interval records in which each packet
// stands once, and a limit that a scan runs into and nobody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, type FlowEvent } from '../../../traffic/events/event.ts';
import { readFacts } from '../../../traffic/events/facts.ts';
import { escapeValue, printEvent } from '../../../traffic/events/print.ts';
import { EventRate, RATE_LIMITS } from '../../../traffic/events/rate.ts';
import { printGap, RECORD_FIELDS, takeRecords, VERSION_2_FIELDS } from '../../../traffic/events/record.ts';
import { isProhibited, unreachableText } from '../../../traffic/events/unreachable.ts';
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
    'TCP 10.0.0.2:41234 -> 10.0.0.1:2525 opened after 500 us; round trip 400 us [flow r1-0 host 2025-11-21T04:40:00.000600Z]',
    'TCP 10.0.0.2:41234 -> 10.0.0.1:2525 reset by the server after 12.3005 s; 3 packets, 180 bytes (60 data) to the server; ' +
      '2 packets, 80 bytes (0 data) back; round trip 400 us [flow r1-0 host 2025-11-21T04:40:12.300600Z]',
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
  assert.match(closed.sentences[1] ?? '', /closed by the server first after (?:0\.)?\d+ [mu]s; /);
  const refused = new Scene().tcp({ from: 'c', flags: 'S' }).tcp({ from: 's', flags: 'RA', ack: 1 });
  assert.match(
    refused.sentences[0] ?? '',
    /-> 10\.0\.0\.1:2525 refused: the server answered the SYN with RST after 100 us; /,
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
    /refused: ICMP prohibited by a filter \(3\/13\) after 100 us; /,
  );
  assert.ok(filtered.events[1]?.params.some(([name, value]) => name === 'reason' && value === 'blocked'));
  const silent = new Scene().tcp({ from: 'c', flags: 'S' }).tcp({ from: 'c', flags: 'S' }, 1e6);
  silent.table.advance(silent.nowUs + 21e6);
  assert.match(silent.sentences[0] ?? '', /no answer to 2 SYNs in 22 s; /);
});

test('who is seen, from where, and how well the clock is kept', () => {
  const table = new FlowTable({ onTurn: () => {}, onRemove: () => {} }, { salt: 3 });
  table.add(tcpPacket({ from: 'c', flags: 'S', seq: 100 }), START_US, 0);
  const facts = {
    ...readFacts(table.flows, 0, 'reset', START_US + 5, 'r1'),
    by: 'server' as const,
    updates: 3,
    interfaceName: 'eth0',
    isClientOwn: false,
    isServerOwn: true,
    isEndOwn: true,
  };
  const owners = {
    client: { how: 'unknown:forwarded' as const },
    server: { how: 'exact' as const, process: 'a b](1', pid: 77, user: 'www-data' },
  };
  const event = describe(facts, owners, { isSynced: true, accuracyUs: 16.4 });
  assert.match(
    event.sentence,
    /; 3 updates before \(server a_b\?\?1\[77\] of www-data\) \[flow r1-0 server sent 2025-11-21T04:40:00\.000005Z \+-16us\]$/,
  );
  const params = new Map(event.params);
  const wanted = {
    view: 'server',
    sent: 'here',
    iface: 'eth0',
    updates: '3',
    procServer: 'a b](1',
    procHow: 'unknown:forwarded',
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(params.get(name), value, name);
  const update = new Map(describe({ ...facts, turn: 'update', isEndOwn: undefined }).params);
  assert.deepEqual(
    [update.get('seq'), update.get('updates'), update.get('sent')],
    ['3', undefined, undefined],
  );
  assert.match(describe(facts, {}, { isSynced: false }).sentence, /000005Z unsynchronised\]$/);
});

test('every code of ICMP has words, and a filter is told from a network', () => {
  for (let code = 0; code < 16; code += 1) assert.notEqual(unreachableText([3, code]), 'unreachable');
  for (let code = 0; code < 9; code += 1) assert.notEqual(unreachableText([1, code]), 'unreachable');
  assert.equal(unreachableText([3, 16]), 'unreachable');
  const filtered = (type: number) => [...Array(17).keys()].filter((code) => isProhibited([type, code]));
  assert.deepEqual(
    [filtered(3), filtered(1)],
    [
      [9, 10, 13],
      [1, 5, 6],
    ],
  );
});

test('a SYN-ACK that nobody acknowledges is told, once', () => {
  const scene = new Scene().tcp({ from: 'c', flags: 'S', seq: 100 });
  scene.tcp({ from: 's', flags: 'SA', seq: 500, ack: 101 }).tcp({ from: 'c', flags: 'S', seq: 100 }, 1e6);
  scene.tcp({ from: 's', flags: 'SA', seq: 500, ack: 101 });
  const told = () => scene.sentences.map((sentence) => sentence.replace(/^.*2525 | \[.*$/g, ''));
  scene.table.advance(scene.nowUs + 19e6);
  assert.deepEqual(told(), []);
  scene.table.advance(scene.nowUs + 20e6);
  scene.table.advance(scene.nowUs + 30e6);
  assert.deepEqual(told(), [
    'timed out after 21.0002 s, the SYN-ACK was never acknowledged, the last packet 20 s before; ' +
      '2 packets, 80 bytes (0 data) to the server; 2 packets, 80 bytes (0 data) back; sent again 1 and 1 back; round trip 100 us',
  ]);
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
