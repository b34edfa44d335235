// Why one side of a connection is not heard: nobody at its address reports, its reports end before or begin after, or it
// reports and saw nothing of this connection. Only the last is evidence; the others say what is missing.
// Refuses: to take silence for an answer.

import type { Gap } from '../events/watch.ts';
import type { Connection, HostView } from './connection.ts';
import type { HostBook, HostRecord } from './hosts.ts';
import type { LifeSigns } from './ruling.ts';

export interface Absence {
  readonly kind: 'unknown' | 'ended' | 'not-yet' | 'blind' | 'gap';
  readonly address: string;
  /** Empty where it is not known. */
  readonly host: string;
  readonly firstUs: number;
  readonly lastUs: number;
  /** What it may have missed. */
  readonly gap?: Gap | undefined;
}

/** Around an end, a host that told nothing of it may still have been about to. */
const AROUND_US = 60_000_000;

export function gapAround(host: string, { startUs, endUs }: HostView, book: HostBook): Gap | undefined {
  return book.gapOf(host, Math.max(startUs, endUs - AROUND_US), endUs + AROUND_US);
}

/** `life`: whether the host was heard about then, by any line of its logs; undefined: nobody looked. */
export function absenceOf(
  side: 'client' | 'server',
  connection: Connection,
  book: HostBook,
  life: (host: string, aroundUs: number) => LifeSigns | undefined,
): Absence {
  const address = side === 'client' ? connection.clientAddress : connection.serverAddress;
  const host = book.ownerOf(address);
  const seen = connection[side === 'client' ? 'server' : 'client'] ?? connection.others[0];
  if (!host || !seen) return { kind: 'unknown', address, host: '', firstUs: 0, lastUs: 0 };
  const { firstUs, lastUs, name } = host;
  const kind = kindOf(host, seen, book, life(name, seen.endUs));
  const gap = kind === 'blind' ? gapAround(name, seen, book) : undefined;
  return { kind: gap ? 'gap' : kind, address, host: name, firstUs, lastUs, gap };
}

function kindOf(
  host: HostRecord,
  { startUs, endUs }: HostView,
  book: HostBook,
  life: LifeSigns | undefined,
): Absence['kind'] {
  if (host.firstUs > endUs) return 'not-yet';
  const isWatching = book.isWatching(host, startUs);
  if (isWatching === false) return 'ended';
  if (host.lastUs >= startUs) return 'blind';
  // It had nothing to tell; but it was there, as its other logs show.
  const isAlive = life !== undefined && (life.nextUs !== undefined || (life.lastUs ?? 0) >= startUs);
  return isWatching && isAlive ? 'blind' : 'ended';
}
