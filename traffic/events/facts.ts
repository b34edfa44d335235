// What an event knows of its flow: plain values, read out of the flow table within the table's turn, which may cross to
// another thread and be put into words later. Pairs are client to server, then back. The id joins all events of one
// connection; with chance in it no two runs of the agent share one.
// Refuses: places in the flow table; a fact is read after the slot may be another flow's. Words are event.ts.

import { printAddress } from '../../base/ip.ts';
import { CLIENT, type DirectionHow, type FlowColumns, MARK, SERVER, type Side } from '../flow/columns.ts';
import { howOf } from '../flow/direction.ts';
import { type ConnectionState, stateOf } from '../flow/state.ts';
import type { Turn } from '../flow/turn.ts';
import { hasPorts } from './names.ts';

export type Pair = readonly [out: number, back: number];

export interface FlowFacts {
  readonly turn: Turn;
  /** When it happened, microseconds since 1970 by this host's clock. */
  readonly timeUs: number;
  /** The flow's number in this run. */
  readonly flow: number;
  readonly id: string;
  /** IANA number. */
  readonly protocol: number;
  readonly clientAddress: string;
  readonly serverAddress: string;
  /** 0 where the protocol has no ports. */
  readonly clientPort: number;
  readonly serverPort: number;
  readonly state: ConnectionState;
  readonly dirHow: DirectionHow;
  readonly by: 'client' | 'server' | undefined;
  readonly startUs: number;
  /** Of the last packet; for an event of silence that is before `timeUs`. */
  readonly lastUs: number;
  readonly packets: Pair;
  readonly ipBytes: Pair;
  readonly payloadBytes: Pair;
  readonly retransmitted: Pair;
  readonly outOfOrder: Pair;
  readonly zeroWindows: Pair;
  /** Bytes that nobody has acknowledged. */
  readonly outstanding: Pair;
  readonly synCount: number;
  /** SYN to SYN-ACK; -1 where not seen. */
  readonly rttUs: number;
  /** SYN-ACK to ACK; -1 where not seen. */
  readonly ackRttUs: number;
  /** Updates that were told before, this one included. */
  readonly updates: number;
  readonly isMidstream: boolean;
  /** An ICMP type and code that said "unreachable". */
  readonly unreachable: readonly [type: number, code: number] | undefined;
  /** Index of the interface that counts each direction; -1 where nothing was seen. */
  readonly interfaces: Pair;
}

/** Facts with what the one who captured knows besides: where he stands. Undefined: he does not know. */
export interface ViewedFacts extends FlowFacts {
  readonly interfaceName?: string | undefined;
  /** Which ends are addresses of this host. */
  readonly isClientOwn?: boolean | undefined;
  readonly isServerOwn?: boolean | undefined;
  /** Whether this host itself sent the RST or FIN. */
  readonly isEndOwn?: boolean | undefined;
}

export function addressText(flows: FlowColumns, slot: number, side: Side): string {
  const at = slot * 8 + side * 4;
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = flows.addresses.subarray(at, at + 4);
  return printAddress({ w0, w1, w2, w3 });
}

function pairOf(column: ArrayLike<number>, slot: number): Pair {
  return [column[slot * 2 + CLIENT] as number, column[slot * 2 + SERVER] as number];
}

/** Who ended it: the side of the RST, or of the first FIN. */
function endedBy(flows: FlowColumns, slot: number, turn: Turn): FlowFacts['by'] {
  const isReset = turn === 'reset' || turn === 'refused';
  const side = isReset ? flows.firstReset[slot] : flows.firstFin[slot];
  if (turn === 'opened' || turn === 'update' || turn === 'noAnswer' || side === -1) return undefined;
  return side === CLIENT ? 'client' : 'server';
}

/** To be called within the listener's onTurn, while the slot is the flow's. `runId` is chance, as long as the program runs. */
export function readFacts(
  flows: FlowColumns,
  slot: number,
  turn: Turn,
  nowUs: number,
  runId: string,
): FlowFacts {
  const flow = flows.id[slot] as number;
  const protocol = flows.protocol[slot] as number;
  const [clientPort, serverPort] = hasPorts(protocol) ? pairOf(flows.ports, slot) : [0, 0];
  return {
    turn,
    timeUs: nowUs,
    flow,
    id: `${runId}-${flow.toString(36)}`,
    protocol,
    clientAddress: addressText(flows, slot, CLIENT),
    serverAddress: addressText(flows, slot, SERVER),
    clientPort,
    serverPort,
    state: stateOf(flows, slot),
    dirHow: howOf(flows.how[slot] as number),
    by: endedBy(flows, slot, turn),
    startUs: flows.startUs[slot] as number,
    lastUs: flows.lastUs[slot] as number,
    ...countsOf(flows, slot),
    synCount: flows.synCount[slot] as number,
    rttUs: flows.synRttUs[slot] as number,
    ackRttUs: flows.ackRttUs[slot] as number,
    updates: flows.updates[slot] as number,
    isMidstream: flows.has(slot, MARK.midstream),
    unreachable: unreachableOf(flows, slot),
    interfaces: pairOf(flows.observer, slot),
  };
}

function countsOf(flows: FlowColumns, slot: number) {
  return {
    packets: pairOf(flows.packets, slot),
    ipBytes: pairOf(flows.ipBytes, slot),
    payloadBytes: pairOf(flows.payloadBytes, slot),
    retransmitted: pairOf(flows.retransmitted, slot),
    outOfOrder: pairOf(flows.outOfOrder, slot),
    zeroWindows: pairOf(flows.zeroWindows, slot),
    outstanding: [flows.outstanding(slot, CLIENT), flows.outstanding(slot, SERVER)] as const,
  };
}

function unreachableOf(flows: FlowColumns, slot: number): FlowFacts['unreachable'] {
  if (!flows.has(slot, MARK.unreachable)) return undefined;
  return [flows.unreachableType[slot] as number, flows.unreachableCode[slot] as number];
}
