// The same connections by host, by port of the service, or by process: one row each, with what went both ways. A
// connection between two hosts, or two processes of this host, counts for both, as each of them had it.
// Refuses: to add such rows up; the totals of the screen are the capture's.

import { hasPorts, protocolName } from '../../traffic/events/names.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import { ownerName } from './owner-text.ts';
import type { Connection, Pivot, Sort } from './view.ts';

export interface PivotRow {
  readonly key: string;
  connections: number;
  open: number;
  /** Of the other side: hosts that it talks with; clients of a port. */
  readonly peers: Set<string>;
  packets: number;
  /** What the host or process sent, or what went to the port. */
  bytesOut: number;
  bytesIn: number;
  bitsOut: number;
  bitsIn: number;
  lastUs: number;
  startUs: number;
}

/** 10.0.0.9 before 10.0.0.10. Made once: a comparison that makes its own costs fifty times as much. */
export const compareNames = new Intl.Collator('en', { numeric: true }).compare;

/** "tcp 2525"; the protocol alone where there is no port. */
export function portKey(protocol: number, serverPort: number): string {
  return hasPorts(protocol) ? `${protocolName(protocol)} ${serverPort}` : protocolName(protocol);
}

function emptyRow(key: string): PivotRow {
  return {
    key,
    connections: 0,
    open: 0,
    peers: new Set(),
    packets: 0,
    bytesOut: 0,
    bytesIn: 0,
    bitsOut: 0,
    bitsIn: 0,
    lastUs: 0,
    startUs: 0,
  };
}

interface Share {
  readonly key: string;
  readonly peer: string;
  /** 0: what the client sent went out of it. */
  readonly side: 0 | 1;
}

/** Of a connection whose ends are both on other hosts, or whose owners nobody has asked for. */
const NOBODY = '(not asked)';

/** The processes at its ends, each once. */
export function processKeys({ client, server }: Owners): readonly string[] {
  const names = [client, server].filter((owner) => owner !== undefined).map(ownerName);
  return names.length === 0 ? [NOBODY] : [...new Set(names)];
}

function sharesOf({ row, owners }: Connection, pivot: Pivot): readonly Share[] {
  const client: Share = { key: row.clientAddress, peer: row.serverAddress, side: 0 };
  const server: Share = { key: row.serverAddress, peer: row.clientAddress, side: 1 };
  switch (pivot) {
    case 'hosts':
      return client.key === server.key ? [client] : [client, server];
    case 'ports':
      return [{ key: portKey(row.protocol, row.serverPort), peer: row.clientAddress, side: 0 }];
    case 'processes':
      return processKeys(owners).map((key) => {
        const isServer = owners.server !== undefined && ownerName(owners.server) === key;
        return { ...(isServer ? server : client), key };
      });
    case 'connections':
      return [];
  }
}

function add(into: PivotRow, { row }: Connection, { peer, side }: Share): void {
  const other = side === 0 ? 1 : 0;
  into.connections += 1;
  into.open += row.isEnded ? 0 : 1;
  into.peers.add(peer);
  into.packets += row.packets[0] + row.packets[1];
  into.bytesOut += row.ipBytes[side];
  into.bytesIn += row.ipBytes[other];
  into.bitsOut += row.bitsPerSecond[side];
  into.bitsIn += row.bitsPerSecond[other];
  into.lastUs = Math.max(into.lastUs, row.lastUs);
  into.startUs = into.startUs === 0 ? row.startUs : Math.min(into.startUs, row.startUs);
}

/** Larger first. A round trip is no sum: by it hosts and processes stand in the order of their bytes. */
function measure(row: PivotRow, sort: Sort): number {
  switch (sort) {
    case 'packets':
      return row.packets;
    case 'rate':
      return row.bitsOut + row.bitsIn;
    case 'last':
      return row.lastUs;
    case 'start':
      return row.startUs;
    case 'bytes':
    case 'roundTrip':
    case 'name':
      return row.bytesOut + row.bytesIn;
  }
}

export function pivotRows(
  connections: readonly Connection[],
  pivot: Pivot,
  sort: Sort,
  isReversed: boolean,
): readonly PivotRow[] {
  const rows = new Map<string, PivotRow>();
  for (const connection of connections) {
    for (const share of sharesOf(connection, pivot)) {
      const row = rows.get(share.key) ?? emptyRow(share.key);
      rows.set(share.key, row);
      add(row, connection, share);
    }
  }
  const way = isReversed ? -1 : 1;
  const byName = (a: PivotRow, b: PivotRow) => compareNames(a.key, b.key);
  return [...rows.values()].toSorted((a, b) => {
    const order = sort === 'name' ? byName(a, b) : measure(b, sort) - measure(a, sort);
    return way * order || byName(a, b);
  });
}
