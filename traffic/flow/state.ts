// What became of a connection, in Zeek's letters (conn_state of its conn.log), from what was seen of it. A connection of
// which neither SYN nor SYN-ACK was seen is OTH, however it ends. A RST after both FINs does not undo a clean close.
// Refuses: to guess at what was not captured.

import { PROTOCOL } from '../packet/packet.ts';
import { CLIENT, type FlowColumns, MARK, SERVER } from './columns.ts';

export type ConnectionState =
  /** A SYN, no answer. */
  | 'S0'
  /** Established and open. */
  | 'S1'
  /** Closed by the client, by the server alone. */
  | 'S2'
  | 'S3'
  /** Opened and closed. */
  | 'SF'
  /** A SYN answered by a RST. */
  | 'REJ'
  /** Reset by the client, by the server. */
  | 'RSTO'
  | 'RSTR'
  /** A SYN and a RST of the client, no answer seen. */
  | 'RSTOS0'
  /** A SYN-ACK and a RST of the server, no SYN seen. */
  | 'RSTRH'
  /** A SYN and a FIN of the client, no answer seen. */
  | 'SH'
  /** A SYN-ACK and a FIN of the server, no SYN seen; for UDP: the server alone was heard. */
  | 'SHR'
  | 'OTH';

export function stateOf(flows: FlowColumns, slot: number): ConnectionState {
  if (flows.protocol[slot] === PROTOCOL.udp) return udpState(flows, slot);
  if (!flows.isTcp(slot)) return 'OTH';
  const hasSyn = flows.has(slot, MARK.clientSyn);
  const hasAnswer = flows.has(slot, MARK.serverSynAck);
  if (hasSyn && hasAnswer) return establishedState(flows, slot);
  if (hasSyn) return unansweredState(flows, slot);
  return hasAnswer ? answerState(flows, slot) : 'OTH';
}

function udpState(flows: FlowColumns, slot: number): ConnectionState {
  if (flows.packets[slot * 2 + SERVER] === 0) return 'S0';
  return flows.packets[slot * 2 + CLIENT] === 0 ? 'SHR' : 'SF';
}

function establishedState(flows: FlowColumns, slot: number): ConnectionState {
  const reset = flows.firstReset[slot];
  if (reset === CLIENT) return 'RSTO';
  if (reset === SERVER) return 'RSTR';
  const clientFin = flows.has(slot, MARK.clientFin);
  const serverFin = flows.has(slot, MARK.serverFin);
  if (clientFin && serverFin) return 'SF';
  if (clientFin) return 'S2';
  return serverFin ? 'S3' : 'S1';
}

function unansweredState(flows: FlowColumns, slot: number): ConnectionState {
  if (flows.firstReset[slot] === SERVER) return 'REJ';
  if (flows.firstReset[slot] === CLIENT) return 'RSTOS0';
  if (!flows.has(slot, MARK.clientFin)) return 'S0';
  return flows.has(slot, MARK.serverFin) ? 'SF' : 'SH';
}

function answerState(flows: FlowColumns, slot: number): ConnectionState {
  if (flows.firstReset[slot] === SERVER) return 'RSTRH';
  if (flows.firstReset[slot] === CLIENT) return 'RSTO';
  const serverFin = flows.has(slot, MARK.serverFin);
  if (serverFin && flows.has(slot, MARK.clientFin)) return 'SF';
  return serverFin ? 'SHR' : 'OTH';
}
