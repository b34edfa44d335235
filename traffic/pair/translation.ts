// Two one-sided views that are probably one connection behind an address translation: each host saw other addresses, but the
// same amount of data in both directions, from the same moment to the same moment, to the same port of a server.
// Refuses: to pair them. It is said as what it is, a likeness; and only where there is one candidate and no other.

import { endText } from '../events/names.ts';
import type { ToldEvent } from '../events/read-sentence.ts';
import type { Connection, HostView } from './connection.ts';

/** The clocks of both hosts, and the way between them. */
const APART_US_MAX = 2_000_000;
/** Connections to one port that are held against each other: more would cost the square of their number. */
const CANDIDATES_MAX = 1000;
const TCP = 6;

interface OneSided {
  readonly connection: Connection;
  readonly view: HostView;
  readonly outcome: ToldEvent;
}

function oneSided(connection: Connection, side: 'client' | 'server'): OneSided[] {
  const view = connection[side];
  const other = connection[side === 'client' ? 'server' : 'client'];
  const outcome = view?.outcome;
  if (!view || other || !outcome?.payloadBytes || connection.protocol !== 'tcp') return [];
  // Without data everything is alike.
  return outcome.payloadBytes[0] + outcome.payloadBytes[1] === 0 ? [] : [{ connection, view, outcome }];
}

function isAlike(a: OneSided, b: OneSided): boolean {
  return (
    a.view.host !== b.view.host &&
    a.outcome.payloadBytes?.[0] === b.outcome.payloadBytes?.[0] &&
    a.outcome.payloadBytes?.[1] === b.outcome.payloadBytes?.[1] &&
    Math.abs(a.view.startUs - b.view.startUs) <= APART_US_MAX &&
    Math.abs(a.outcome.timeUs - b.outcome.timeUs) <= APART_US_MAX
  );
}

function sentence({ connection, view }: OneSided): string {
  const { clientAddress, clientPort, serverAddress, serverPort } = connection;
  const ends = `${endText(clientAddress, clientPort, TCP)} -> ${endText(serverAddress, serverPort, TCP)}`;
  return `Perhaps it is ${ends}, of which ${view.host} alone reports: the same data at the same time. Then an address translation is between them.`;
}

/** What to say of a connection besides its verdict. */
export function translationNotes(connections: readonly Connection[]): ReadonlyMap<Connection, string> {
  const byPort = new Map<number, OneSided[]>();
  for (const server of connections.flatMap((one) => oneSided(one, 'server'))) {
    const { serverPort } = server.connection;
    const others = byPort.get(serverPort) ?? [];
    byPort.set(serverPort, others);
    if (others.length < CANDIDATES_MAX) others.push(server);
  }
  const found = connections
    .flatMap((one) => oneSided(one, 'client'))
    .flatMap((client) => {
      const alike = (byPort.get(client.connection.serverPort) ?? []).filter((server) =>
        isAlike(client, server),
      );
      return alike.length === 1 ? [{ client, server: alike[0] as OneSided }] : [];
    });
  const times = new Map<OneSided, number>();
  for (const { server } of found) times.set(server, (times.get(server) ?? 0) + 1);
  return new Map(
    found
      .filter(({ server }) => times.get(server) === 1)
      .flatMap(({ client, server }) => [
        [client.connection, sentence(server)] as const,
        [server.connection, sentence(client)] as const,
      ]),
  );
}
