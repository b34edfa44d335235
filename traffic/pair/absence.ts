// Why one side of a connection is not heard: nobody at its address reports, its reports end before or begin after, or it
// reports and saw nothing of this connection. Only the last is evidence; the others say what is missing.
// Refuses: to take silence for an answer.

import type { Connection, HostView } from './connection.ts';
import type { HostBook } from './hosts.ts';

export interface Absence {
  readonly kind: 'unknown' | 'ended' | 'not-yet' | 'blind';
  readonly address: string;
  /** Empty where it is not known. */
  readonly host: string;
  readonly firstUs: number;
  readonly lastUs: number;
}

export function absenceOf(side: 'client' | 'server', connection: Connection, book: HostBook): Absence {
  const address = side === 'client' ? connection.clientAddress : connection.serverAddress;
  const host = book.ownerOf(address);
  const seen = connection[side === 'client' ? 'server' : 'client'] ?? connection.others[0];
  if (!host || !seen) return { kind: 'unknown', address, host: '', firstUs: 0, lastUs: 0 };
  const { firstUs, lastUs, name } = host;
  return { kind: kindOf(firstUs, lastUs, seen), address, host: name, firstUs, lastUs };
}

function kindOf(firstUs: number, lastUs: number, { startUs, endUs }: HostView): Absence['kind'] {
  if (lastUs < startUs) return 'ended';
  return firstUs > endUs ? 'not-yet' : 'blind';
}
