// A flow as if it were a packet of its client's, so that a filter can be asked whether it still wants it.
// Refuses: what a flow does not keep, such as tags and tunnels; they are as if there were none.

import { V4_MAPPED } from '../../base/ip.ts';
import type { FlowColumns } from '../../traffic/flow/columns.ts';
import { newPacket, type Packet, PROTOCOL } from '../../traffic/packet/packet.ts';

const PORTS: readonly number[] = [PROTOCOL.tcp, PROTOCOL.udp, PROTOCOL.sctp];

export function packetOf(flows: FlowColumns, slot: number): Packet {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, v0 = 0, v1 = 0, v2 = 0, v3 = 0] = flows.addresses.subarray(
    slot * 8,
    slot * 8 + 8,
  );
  const protocol = flows.protocol[slot] as number;
  const ends = { src0: w0, src1: w1, src2: w2, src3: w3, dst0: v0, dst1: v1, dst2: v2, dst3: v3 };
  const isV4 = w0 === 0 && w1 === 0 && w2 === V4_MAPPED;
  return {
    ...newPacket(),
    ...ends,
    ...{ outcome: 'ip', version: isV4 ? 4 : 6, protocol, hasPorts: PORTS.includes(protocol) },
    srcPort: flows.ports[slot * 2] as number,
    dstPort: flows.ports[slot * 2 + 1] as number,
  };
}
