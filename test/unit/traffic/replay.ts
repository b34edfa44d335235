// A capture through decoder and flow table, and the connections that came out, in the words of the index of known
// answers: packets, IP bytes and payload by side, state, and whether the flow's client is theirs.

import { printAddress } from '../../../base/ip.ts';
import { CLIENT, type FlowColumns, SERVER, type Side } from '../../../traffic/flow/columns.ts';
import { howOf } from '../../../traffic/flow/direction.ts';
import { type ConnectionState, stateOf } from '../../../traffic/flow/state.ts';
import { FlowTable } from '../../../traffic/flow/table.ts';
import type { Turn } from '../../../traffic/flow/turn.ts';
import { decode, type TunnelView } from '../../../traffic/packet/decode.ts';
import { newPacket } from '../../../traffic/packet/packet.ts';
import { bytesOf, readerOf } from './captures.ts';

export interface Replayed {
  readonly proto: string;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly state: ConnectionState;
  readonly how: string;
  readonly packets: readonly [number, number];
  readonly ipBytes: readonly [number, number];
  readonly payloadBytes: readonly [number, number];
  readonly retransmitted: readonly [number, number];
  readonly outOfOrder: readonly [number, number];
  readonly synRttUs: number;
}

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };

export function addressOf(flows: FlowColumns, slot: number, side: Side): string {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = flows.addresses.subarray(
    slot * 8 + side * 4,
    slot * 8 + side * 4 + 4,
  );
  return printAddress({ w0, w1, w2, w3 });
}

function pair(column: ArrayLike<number>, slot: number): readonly [number, number] {
  return [column[slot * 2 + CLIENT] as number, column[slot * 2 + SERVER] as number];
}

/** ICMP shows type and code where others have ports. */
function read(flows: FlowColumns, slot: number): Replayed {
  const protocol = flows.protocol[slot] as number;
  const icmp = flows.icmp[slot] as number;
  const isIcmp = protocol === 1 || protocol === 58;
  const [sport, dport] = isIcmp ? [icmp >> 8, icmp & 255] : pair(flows.ports, slot);
  return {
    proto: NAMES[protocol] ?? `ip-${protocol}`,
    src: addressOf(flows, slot, CLIENT),
    sport,
    dst: addressOf(flows, slot, SERVER),
    dport,
    state: stateOf(flows, slot),
    how: howOf(flows.how[slot] as number),
    packets: pair(flows.packets, slot),
    ipBytes: pair(flows.ipBytes, slot),
    payloadBytes: pair(flows.payloadBytes, slot),
    retransmitted: pair(flows.retransmitted, slot),
    outOfOrder: pair(flows.outOfOrder, slot),
    synRttUs: flows.synRttUs[slot] as number,
  };
}

export interface Replay {
  readonly connections: readonly Replayed[];
  readonly turns: readonly Turn[];
  readonly table: FlowTable;
}

/** Nothing ends by silence: the lists of known answers have no timeouts either. */
export function replay(file: string, view: TunnelView): Replay {
  const connections: Replayed[] = [];
  const turns: Turn[] = [];
  const table: FlowTable = new FlowTable(
    {
      onTurn: (turn) => turns.push(turn),
      onRemove: (slot) => connections.push(read(table.flows, slot)),
    },
    { salt: 7 },
  );
  const reader = readerOf(bytesOf(file));
  const packet = newPacket();
  while (reader.next()) {
    decode(reader.bytes, reader.start, reader.end, reader.frameBytes, reader.link, packet, view);
    table.add(packet, reader.timeUs, reader.interfaceIndex);
  }
  table.stop(0);
  return { connections, turns, table };
}
