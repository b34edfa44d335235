// The parts of the capture that need no network: which flows a snapshot shows, what interval records hold, what is told
// when nobody hears, who listens, and what the kernel's gate lets through.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaptureSettings, SeenFacts } from '../../../../client/monitor/capture.port.ts';
import { CAPTURE_SLOT, makeCaptureCounts } from '../../../../client/monitor/capture-counts.ts';
import { packetOf } from '../../../../client/monitor/capture-flow-packet.ts';
import { InterfaceWatch } from '../../../../client/monitor/capture-interfaces.ts';
import { ListenerBook } from '../../../../client/monitor/capture-listeners.ts';
import { Recorder } from '../../../../client/monitor/capture-records.ts';
import { chooseSlots, SnapshotRates } from '../../../../client/monitor/capture-snapshot.ts';
import { Teller, UNHEARD_MAX } from '../../../../client/monitor/capture-teller.ts';
import { V4_MAPPED } from '../../../../base/ip.ts';
import { VERSION_2_FIELDS } from '../../../../traffic/events/record.ts';
import { compileFilter } from '../../../../traffic/filter/match.ts';
import { compileGate } from '../../../../traffic/filter/gate.ts';
import { parseFilter } from '../../../../traffic/filter/parse.ts';
import { FlowTable } from '../../../../traffic/flow/table.ts';
import type { Turn } from '../../../../traffic/flow/turn.ts';
import { decodeCooked } from '../../../../traffic/packet/decode.ts';
import { newPacket, type Packet } from '../../../../traffic/packet/packet.ts';

const SECOND = 1e6;
const SETTINGS: CaptureSettings = {
  interfaces: ['lo'],
  filter: undefined,
  promiscuous: false,
  snapBytes: 256,
  ringBytes: 1 << 20,
  limits: { flowsMax: 4096 },
  turns: ['opened'],
  rate: undefined,
  tellsHeldBack: false,
  records: { intervalUs: 60 * SECOND, account: '-', fields: VERSION_2_FIELDS },
};

function udp(srcPort: number, bytes: number): Packet {
  const v4 = { src2: V4_MAPPED, dst2: V4_MAPPED, src3: 0x0a000001, dst3: 0x0a000002 };
  const sizes = { ipBytes: bytes, payloadBytes: bytes - 28 };
  const ends = { srcPort, dstPort: 53, hasPorts: true, protocol: 17 };
  return { ...newPacket(), outcome: 'ip', version: 4, ...v4, ...ends, ...sizes };
}

const watch = new InterfaceWatch(['lo'], () => undefined);
const quiet = { onTurn: () => undefined, onRemove: () => undefined };

test('a snapshot shows the flows that matter most, largest first', () => {
  const table = new FlowTable(quiet, { salt: 1, limits: { flowsMax: 256 } });
  for (let flow = 0; flow < 100; flow += 1) {
    const size = 100 + ((flow * 37) % 100);
    table.add(udp(1000 + flow, size), flow, 1);
  }
  const bytesOf = (slot: number) => table.flows.ipBytes[slot * 2];
  const chosen = chooseSlots(table.flows, 'bytes', 10, () => 0);
  assert.deepEqual(chosen.map(bytesOf), [199, 198, 197, 196, 195, 194, 193, 192, 191, 190]);
  const starts = chooseSlots(table.flows, 'start', 3, () => 0).map((slot) => table.flows.startUs[slot]);
  assert.deepEqual(starts, [99, 98, 97]);
  assert.equal(chooseSlots(table.flows, 'last', 1000, () => 0).length, 100);
  assert.deepEqual(
    chooseSlots(table.flows, 'last', 0, () => 0),
    [],
  );
});

test('a rate is that of the last seconds, and a place that another flow had before begins at 0', () => {
  const table = new FlowTable(quiet, { salt: 1, limits: { flowsMax: 4 } });
  const rates = new SnapshotRates();
  const slot = table.add(udp(1000, 1000), SECOND, 1);
  rates.look(table.flows, SECOND);
  table.add(udp(1000, 500), 2 * SECOND, 1);
  rates.tick(table.flows, 2 * SECOND);
  assert.deepEqual(rates.of(table.flows, slot, 3 * SECOND), [2000, 0]);
  table.forget(slot, 3 * SECOND);
  const again = table.add(udp(1001, 250), 3 * SECOND, 1);
  assert.equal(again, slot);
  assert.deepEqual(rates.of(table.flows, slot, 3 * SECOND), [1000, 0]);
});

test('each packet is in one record, the gaps are told, and an interval ends where the clock says', () => {
  const counts = new Float64Array(makeCaptureCounts());
  const lines: string[][] = [];
  const ends: number[] = [];
  const recorder = new Recorder(
    {
      ...{
        settings: SETTINGS.records as NonNullable<CaptureSettings['records']>,
        interfaces: ['lo'],
        counts,
        watch,
      },
      takeQuiet: () => ['eth9'],
      send: (some, endUs) => {
        lines.push(...some.map((line) => line.split(' ')));
        ends.push(endUs);
      },
    },
    90 * SECOND,
  );
  const table = new FlowTable(
    { onTurn: () => undefined, onRemove: (slot) => recorder.take(table.flows, slot) },
    { salt: 1, limits: { flowsMax: 2048 } },
  );
  table.add(udp(1000, 100), 91 * SECOND, 1);
  const leaves = table.add(udp(1001, 100), 91 * SECOND, 1);
  table.forget(leaves, 92 * SECOND);
  assert.equal(recorder.step(table.flows, 119 * SECOND), false);
  assert.equal(lines.length, 0);
  table.add(udp(1000, 100), 119 * SECOND, 1);
  counts[CAPTURE_SLOT.dropped] = 7;
  // The table has more places than one step looks at.
  assert.equal(recorder.step(table.flows, 120 * SECOND), true);
  assert.equal(recorder.step(table.flows, 120 * SECOND), false);
  const told = lines.map((fields) => [fields[5], fields[8], fields[9], fields[13]].join(' '));
  assert.deepEqual(told.sort(), ['- - - NODATA', '- - - SKIPDATA', '1000 2 200 OK', '1001 1 100 OK']);
  assert.deepEqual(new Set(ends), new Set([120 * SECOND]));
  lines.length = 0;
  table.add(udp(1000, 100), 121 * SECOND, 1);
  table.stop(122 * SECOND);
  recorder.stop(122 * SECOND);
  assert.deepEqual(
    lines.map((fields) => [fields[5], fields[8], fields[13]].join(' ')),
    ['1000 1 OK', '- - NODATA'],
  );
});

test('when nobody hears, what is told is bounded, and the rest is counted by kind', () => {
  const counts = new Float64Array(makeCaptureCounts());
  const packet = newPacket();
  let told: SeenFacts[] = [];
  const teller = new Teller(
    { settings: SETTINGS, counts, runId: 'r', packet, watch, send: (events) => told.push(...events) },
    65_536,
  );
  const onTurn = (turn: Turn, slot: number, nowUs: number) => teller.onTurn(table.flows, turn, slot, nowUs);
  const table = new FlowTable({ onTurn, onRemove: () => undefined }, { salt: 1 });
  for (let flow = 0; flow < UNHEARD_MAX + 100; flow += 1) table.add(udp(1000 + flow, 100), flow, 1);
  teller.flush();
  assert.equal(told.length, UNHEARD_MAX);
  assert.deepEqual(teller.takeHeldBack(), { opened: 100 });
  assert.deepEqual(teller.takeHeldBack(), {});
  counts[CAPTURE_SLOT.heard] = UNHEARD_MAX;
  told = [];
  table.add(udp(999, 100), 1e6, 1);
  teller.flush();
  assert.equal(told.length, 1);
  assert.equal(told[0]?.clientPort, 999);
});

test('who listens at any address listens at this one', () => {
  const book = new ListenerBook();
  const any = { protocol: 6, w0: 0, w1: 0, w2: 0, w3: 0, port: 80 };
  book.set([any, { protocol: 17, w0: 0, w1: 0, w2: V4_MAPPED, w3: 7, port: 53 }]);
  assert.equal(book.has(6, 0, 0, V4_MAPPED, 9, 80), true);
  assert.equal(book.has(17, 0, 0, V4_MAPPED, 9, 80), false);
  assert.equal(book.has(17, 0, 0, V4_MAPPED, 7, 53), true);
  assert.equal(book.has(17, 0, 0, V4_MAPPED, 8, 53), false);
  book.set([]);
  assert.equal(book.has(6, 0, 0, V4_MAPPED, 9, 80), false);
});

test('a filter can be asked about a flow', () => {
  const table = new FlowTable(quiet, { salt: 1, limits: { flowsMax: 4 } });
  const slot = table.add(udp(1000, 100), 1, 1);
  const wants = (text: string) => {
    const expression = parseFilter(text)?.expression;
    assert.ok(expression);
    return compileFilter(expression)(packetOf(table.flows, slot));
  };
  assert.deepEqual(['udp port 53', 'host 10.0.0.1', 'ip'].map(wants), [true, true, true]);
  assert.deepEqual(['tcp', 'port 54', 'host 10.0.0.3', 'ip6'].map(wants), [false, false, false, false]);
});

test('a second tag is passed, whether the kernel tells it or what is behind it', () => {
  const ip = '4500002600000000401100000a0000010a0000020fa000350012000061616161616161616161';
  const packet = newPacket();
  for (const [bytes, etherType, vlan, count] of [
    [ip, 0x0800, -1, 0],
    [ip, 0x0800, 7, 1],
    [`00090800${ip}`, 0x8100, 7, 2],
    [`00090800${ip}`, 0x0800, 7, 2],
  ] as const) {
    const frame = Buffer.from(bytes, 'hex');
    assert.equal(decodeCooked(frame, 0, frame.length, frame.length, etherType, vlan, packet), 'ip');
    assert.deepEqual([packet.dstPort, packet.ipBytes, packet.vlan, packet.vlanCount], [53, 38, vlan, count]);
  }
  const cut = Buffer.from('0009', 'hex');
  assert.equal(decodeCooked(cut, 0, 2, 2, 0x8100, -1, packet), 'truncated');
});

test('a gate of many interfaces is a program', () => {
  const interfaces = Array.from({ length: 64 }, (_, at) => at + 1);
  assert.ok(compileGate({ interfaces }, 256));
  // Two for loopback, one load, a jump for each, and the two answers.
  assert.equal(compileGate({ interfaces }, 256)?.length, (4 + 1 + 64 + 2) * 8);
});
