// What a packet costs: decoding alone, with a filter, and with the flow table, over 10,000 TCP connections whose packets
// come mixed; and what the memory of the table is. One thread, packets in memory.
//
//   node dist/bench/micro/traffic/bench.js [--packets N] [--flows N]
//
// Refuses: to decide anything. The kernel's ring is not part of it.

import { parseArgs } from 'node:util';
import { compileFilter } from '../../../traffic/filter/match.ts';
import { parseFilter } from '../../../traffic/filter/parse.ts';
import { FlowTable } from '../../../traffic/flow/table.ts';
import { decode } from '../../../traffic/packet/decode.ts';
import { LINK } from '../../../traffic/packet/link.ts';
import { newPacket } from '../../../traffic/packet/packet.ts';

const FRAME_BYTES = 66 + 100;
const TCP_AT = 34;

/** One frame for each flow, ready to be sent from either side. */
function makeFrames(flows: number): Buffer {
  const frames = Buffer.alloc(flows * FRAME_BYTES);
  for (let flow = 0; flow < flows; flow += 1) {
    const at = flow * FRAME_BYTES;
    frames.writeUInt16BE(0x0800, at + 12);
    frames[at + 14] = 0x45;
    frames.writeUInt16BE(FRAME_BYTES - 14, at + 16);
    frames[at + 23] = 6;
    frames.writeUInt32BE(0x0a000000 + (flow >> 4), at + 26);
    frames.writeUInt32BE(0x0a800001, at + 30);
    frames.writeUInt16BE(30_000 + (flow % 30_000), at + TCP_AT);
    frames.writeUInt16BE(2525, at + TCP_AT + 2);
    frames[at + TCP_AT + 12] = 0x80;
    frames[at + TCP_AT + 13] = 0x10;
    frames.writeUInt16BE(1000, at + TCP_AT + 14);
  }
  return frames;
}

function measure(name: string, packets: number, run: (index: number) => void): void {
  for (let i = 0; i < packets / 10; i += 1) run(i);
  const from = process.hrtime.bigint();
  for (let i = 0; i < packets; i += 1) run(i);
  const ns = Number(process.hrtime.bigint() - from) / packets;
  console.log(
    `${name.padEnd(34)} ${ns.toFixed(0).padStart(6)} ns a packet  ${(1e3 / ns).toFixed(2)} M packets/s`,
  );
}

const { values } = parseArgs({ options: { packets: { type: 'string' }, flows: { type: 'string' } } });
const packets = Number(values.packets ?? 3_000_000);
const flows = Number(values.flows ?? 10_000);
const frames = makeFrames(flows);
const packet = newPacket();
const parsed = parseFilter('tcp port 2525 and net 10.0.0.0/8');
const filter = parsed?.expression && compileFilter(parsed.expression);
const before = process.memoryUsage().arrayBuffers;
const table = new FlowTable({ onTurn: () => {}, onRemove: () => {} }, { salt: 1 });
const tableMiB = (process.memoryUsage().arrayBuffers - before) / 1024 ** 2;

/** A step that is prime to the number of flows mixes them. */
function decodeOne(index: number): void {
  const at = ((index * 7919) % flows) * FRAME_BYTES;
  decode(frames, at, at + FRAME_BYTES, FRAME_BYTES, LINK.ethernet, packet);
}

measure('decode', packets, decodeOne);
measure('decode and filter', packets, (index) => {
  decodeOne(index);
  filter?.(packet);
});
measure(`decode and flow table, ${flows} flows`, packets, (index) => {
  decodeOne(index);
  table.add(packet, 1e12 + index, 1);
});
const ticks = 100;
measure('a look at all flows (advance)', ticks, (index) => table.advance(1e12 + packets + index));
console.log(
  `flow table: ${tableMiB.toFixed(1)} MiB for ${table.limits.flowsMax} flows, ${table.count} in use`,
);
