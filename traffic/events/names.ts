// What things are called in what is said of connections: events, protocols, ends.
// Refuses: names of hosts and of services; numbers are what both hosts agree on.

import type { Turn } from '../flow/turn.ts';
import { PROTOCOL } from '../packet/packet.ts';

/** RFC 5612: the enterprise number for documentation and examples. */
export const FLOW_SD_ID = 'flow@32473';

/** As an operator reads and writes them. */
export const EVENT_NAMES: Readonly<Record<Turn, string>> = {
  opened: 'opened',
  update: 'update',
  closed: 'closed',
  reset: 'reset',
  refused: 'refused',
  noAnswer: 'no-answer',
  timeout: 'timeout',
  halfClosed: 'half-closed',
};

/** Back from the name; undefined where it is none. */
export function turnOf(name: string): Turn | undefined {
  return TURNS.get(name);
}

const TURNS: ReadonlyMap<string, Turn> = new Map(
  Object.entries(EVENT_NAMES).map(([turn, name]) => [name, turn as Turn]),
);

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [PROTOCOL.icmp]: 'icmp',
  [PROTOCOL.tcp]: 'tcp',
  [PROTOCOL.udp]: 'udp',
  [PROTOCOL.icmp6]: 'icmp6',
  [PROTOCOL.sctp]: 'sctp',
  [PROTOCOL.gre]: 'gre',
};

export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `ip-${protocol}`;
}

/** With brackets around IPv6, and the port where there is one. */
export function endText(address: string, port: number, protocol: number): string {
  if (!hasPorts(protocol)) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether the protocol's ends have ports. */
export function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp || protocol === PROTOCOL.sctp;
}

export function isTcp(protocol: number): boolean {
  return protocol === PROTOCOL.tcp;
}
