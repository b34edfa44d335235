// Disconnects that are alike, put together for a person: the same verdict between the same two hosts on the same port of
// the server, or on many ports where somebody scanned. The newest of a group stands for it.
// Refuses: to hide: how many there were, from when and on which ports is said.

import type { Connection } from '../../traffic/pair/connection.ts';
import type { Verdict } from '../../traffic/pair/verdict.ts';

export interface Judged {
  readonly connection: Connection;
  readonly verdict: Verdict;
}

export interface Group {
  readonly newest: Judged;
  readonly count: number;
  readonly firstUs: number;
  readonly clientPorts: readonly number[];
  readonly serverPorts: readonly number[];
}

/** From so many ports of a server on, it is no matter of one service. */
const PORTS_MANY = 5;

export function byTime(a: Judged, b: Judged): number {
  return a.verdict.timeUs - b.verdict.timeUs || (textOf(a) < textOf(b) ? -1 : 1);
}

function textOf({ connection }: Judged): string {
  const { protocol, clientAddress, clientPort, serverAddress, serverPort } = connection;
  return [protocol, clientAddress, clientPort, serverAddress, serverPort].join(' ');
}

function groupBy(all: readonly Judged[], keyOf: (one: Judged) => string): Map<string, Judged[]> {
  const groups = new Map<string, Judged[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}

function hostsKey({ connection, verdict }: Judged): string {
  const { protocol, clientAddress, serverAddress } = connection;
  return `${verdict.code} ${protocol} ${clientAddress} ${serverAddress}`;
}

function ports(values: Iterable<number>): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function groupOf(members: readonly Judged[]): Group {
  return {
    newest: members.at(-1) as Judged,
    count: members.length,
    firstUs: (members[0] as Judged).verdict.timeUs,
    clientPorts: ports(members.map(({ connection }) => connection.clientPort)),
    serverPorts: ports(members.map(({ connection }) => connection.serverPort)),
  };
}

/** `all` in order of time; groups in order of their newest. `isEach`: every one by itself. */
export function groupsOf(all: readonly Judged[], isEach: boolean): Group[] {
  if (isEach) return all.map((one) => groupOf([one]));
  const groups: Group[] = [];
  for (const members of groupBy(all, hostsKey).values()) {
    const byPort = groupBy(members, ({ connection }) => String(connection.serverPort));
    if (byPort.size >= PORTS_MANY) groups.push(groupOf(members));
    else for (const some of byPort.values()) groups.push(groupOf(some));
  }
  return groups.sort((a, b) => byTime(a.newest, b.newest));
}
