// One event of a connection as a value, read out of the flow table at its turn: what it is called, the parameters of
// its structured data in order, and the sentence for people. The id joins all events of one connection, and with
// the table's salt in it no two runs of the agent share one.
//
// Refuses: names of hosts, and anything that the table does not know; what cannot be said is left out.

import { printAddress } from '../../base/ip.ts';
import { CLIENT, type FlowColumns, MARK, SERVER, type Side } from '../flow/columns.ts';
import { howOf } from '../flow/direction.ts';
import { stateOf } from '../flow/state.ts';
import type { Turn } from '../flow/table.ts';
import { PROTOCOL } from '../packet/packet.ts';
import type { FlowFacts } from './facts.ts';
import { sentenceOf } from './sentence.ts';

/** RFC 5612: the enterprise number for documentation and examples. */
export const FLOW_SD_ID = 'flow@32473';

export interface FlowEvent {
  readonly turn: Turn;
  readonly timeUs: number;
  readonly params: readonly (readonly [name: string, value: string])[];
  readonly sentence: string;
}

const NAMES: Readonly<Record<number, string>> = {
  [PROTOCOL.icmp]: 'icmp',
  [PROTOCOL.tcp]: 'tcp',
  [PROTOCOL.udp]: 'udp',
  [PROTOCOL.icmp6]: 'icmp6',
  [PROTOCOL.sctp]: 'sctp',
  [PROTOCOL.gre]: 'gre',
};

export function protocolName(protocol: number): string {
  return NAMES[protocol] ?? `ip-${protocol}`;
}

export function addressText(flows: FlowColumns, slot: number, side: Side): string {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = flows.addresses.subarray(
    slot * 8 + side * 4,
    slot * 8 + side * 4 + 4,
  );
  return printAddress({ w0, w1, w2, w3 });
}

function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp || protocol === PROTOCOL.sctp;
}

function endText(flows: FlowColumns, slot: number, side: Side): string {
  const address = addressText(flows, slot, side);
  if (!hasPorts(flows.protocol[slot] as number)) return address;
  const port = flows.ports[slot * 2 + side];
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function pair(column: ArrayLike<number>, slot: number): readonly [number, number] {
  return [column[slot * 2 + CLIENT] as number, column[slot * 2 + SERVER] as number];
}

/** Who ended it: the side of the RST, or of the first FIN. */
function endedBy(flows: FlowColumns, slot: number, turn: Turn): FlowFacts['by'] {
  const isReset = turn === 'reset' || turn === 'refused';
  const side = isReset ? flows.firstReset[slot] : flows.firstFin[slot];
  if (turn === 'opened' || turn === 'update' || turn === 'noAnswer' || side === -1) return undefined;
  return side === CLIENT ? 'client' : 'server';
}

function factsOf(flows: FlowColumns, slot: number, turn: Turn, nowUs: number, runId: string): FlowFacts {
  const isUnreachable = flows.has(slot, MARK.unreachable);
  const unreachable = [flows.unreachableType[slot] as number, flows.unreachableCode[slot] as number] as const;
  return {
    turn,
    id: `${runId}-${(flows.id[slot] as number).toString(36)}`,
    proto: protocolName(flows.protocol[slot] as number),
    client: endText(flows, slot, CLIENT),
    server: endText(flows, slot, SERVER),
    durationUs: Math.max(0, nowUs - (flows.startUs[slot] as number)),
    by: endedBy(flows, slot, turn),
    packets: pair(flows.packets, slot),
    ipBytes: pair(flows.ipBytes, slot),
    synCount: flows.synCount[slot] as number,
    rttUs: flows.synRttUs[slot] as number,
    updates: flows.updates[slot] as number,
    outstanding: [flows.outstanding(slot, CLIENT), flows.outstanding(slot, SERVER)],
    isMidstream: flows.has(slot, MARK.midstream),
    unreachable: isUnreachable ? unreachable : undefined,
    version: addressText(flows, slot, CLIENT).includes(':') ? 6 : 4,
  };
}

/** To be called within the listener's onTurn, while the slot is the flow's. `runId` is chance, as long as the program runs. */
export function readEvent(
  flows: FlowColumns,
  slot: number,
  turn: Turn,
  nowUs: number,
  runId: string,
): FlowEvent {
  const facts = factsOf(flows, slot, turn, nowUs, runId);
  const params: [string, string][] = [
    ['id', facts.id],
    ['event', turn],
    ['proto', facts.proto],
    ['src', addressText(flows, slot, CLIENT)],
    ['dst', addressText(flows, slot, SERVER)],
  ];
  const add = (name: string, value: string | number) => params.push([name, String(value)]);
  if (hasPorts(flows.protocol[slot] as number)) {
    add('sport', flows.ports[slot * 2 + CLIENT] as number);
    add('dport', flows.ports[slot * 2 + SERVER] as number);
  }
  add('state', stateOf(flows, slot));
  add('dirHow', howOf(flows.how[slot] as number));
  if (facts.by) add('by', facts.by);
  add('durationUs', Math.round(facts.durationUs));
  addCounts(flows, slot, add);
  if (facts.rttUs >= 0) add('rttUs', Math.round(facts.rttUs));
  if (facts.updates > 0) add('updates', facts.updates);
  if (turn === 'noAnswer') add('syns', facts.synCount);
  if (facts.unreachable) add('icmp', facts.unreachable.join('/'));
  return { turn, timeUs: nowUs, params, sentence: sentenceOf(facts) };
}

type Add = (name: string, value: number) => void;

/** `Out` is from client to server. Zero is said of packets and bytes, and left out of troubles. */
function addCounts(flows: FlowColumns, slot: number, add: Add): void {
  for (const [side, way] of [[CLIENT, 'Out'] as const, [SERVER, 'In'] as const]) {
    const at = slot * 2 + side;
    add(`packets${way}`, flows.packets[at] as number);
    add(`bytes${way}`, flows.ipBytes[at] as number);
    add(`payload${way}`, flows.payloadBytes[at] as number);
    const troubles = [
      ['retransmitted', flows.retransmitted[at]],
      ['outOfOrder', flows.outOfOrder[at]],
      ['zeroWindows', flows.zeroWindows[at]],
      ['outstanding', flows.outstanding(slot, side)],
    ] as const;
    for (const [name, count] of troubles) if (count) add(`${name}${way}`, count);
  }
}
