// Whatever packets come, in whatever order and time: every one is booked to one flow or counted as ignored, the sums of
// the flows are the sums of the packets, the table holds no more than it may, and an ended flow ends once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateOf } from '../../traffic/flow/state.ts';
import { FlowTable } from '../../traffic/flow/table.ts';
import { decode } from '../../traffic/packet/decode.ts';
import { newPacket } from '../../traffic/packet/packet.ts';
import { fc } from './chance.ts';
import { frame, spoiledFrame } from './frames.ts';

const ENDS = ['closed', 'reset', 'refused', 'noAnswer'];

test('packets in are packets in flows and ignored, and an end comes once', () => {
  const step = fc.record({
    frame: fc.oneof(frame, spoiledFrame),
    waitUs: fc.constantFrom(0, 10, 1e6, 5e7),
    eth: fc.nat(1),
  });
  const packet = newPacket();
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer(),
      (steps, flowsMax, salt) => {
        let [packets, bytes, inPackets, inBytes] = [0, 0, 0, 0];
        const ended = new Set<number>();
        const table: FlowTable = new FlowTable(
          {
            onTurn: (turn, slot) => {
              const id = table.flows.id[slot] as number;
              assert.ok(!ended.has(id), `${turn} after the end`);
              if (ENDS.includes(turn)) ended.add(id);
            },
            onRemove: (slot) => {
              packets +=
                (table.flows.packets[slot * 2] as number) + (table.flows.packets[slot * 2 + 1] as number);
              bytes +=
                (table.flows.ipBytes[slot * 2] as number) + (table.flows.ipBytes[slot * 2 + 1] as number);
              assert.notEqual(stateOf(table.flows, slot), undefined);
            },
          },
          { salt, limits: { flowsMax } },
        );
        let nowUs = 1e12;
        for (const { frame: one, waitUs, eth } of steps) {
          nowUs += waitUs;
          if (waitUs >= 1e6) table.advance(nowUs);
          decode(one.bytes, 0, one.bytes.length, one.bytes.length, one.link, packet);
          const slot = table.add(packet, nowUs, eth);
          if (slot >= 0) {
            inPackets += 1;
            inBytes += packet.ipBytes;
          }
          assert.ok(table.count <= flowsMax);
        }
        table.stop(nowUs);
        const ignored = Object.values(table.ignored).reduce((sum, count) => sum + count, 0);
        assert.deepEqual([table.count, packets, bytes], [0, inPackets, inBytes]);
        assert.deepEqual([table.booked, table.booked + ignored], [inPackets, steps.length]);
        const removed = Object.values(table.removed).reduce((sum, count) => sum + count, 0);
        assert.equal(removed, table.begun);
      },
    ),
    { numRuns: 600 },
  );
});
