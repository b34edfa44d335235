// Disconnects for programs: one object with every connection and its verdict, the views as they were told, the context of
// those that a person would be shown, and the summary. Times are RFC 3339 in UTC, spans in microseconds.
// Refuses: to leave out a member; what is not known is null.

import type { ToldEvent } from '../../traffic/events/read-sentence.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import { printTime } from '../../traffic/events/view.ts';
import type { HostView } from '../../traffic/pair/connection.ts';
import type { Found } from './find.ts';
import { byTime, type Group, type Judged } from './group.ts';
import { type Around, summaryCounts } from './print.ts';

function eventJson(event: ToldEvent) {
  const { isEndOwn, clockErrorUs, packets, payloadBytes, outstanding, syns, unreachable, rttUs } = event;
  return {
    event: EVENT_NAMES[event.turn],
    time: printTime(event.timeUs),
    // Infinity is no number of JSON's: a clock that nobody keeps.
    clockErrorUs: clockErrorUs === undefined || !Number.isFinite(clockErrorUs) ? null : clockErrorUs,
    isClockKept: clockErrorUs === undefined ? null : Number.isFinite(clockErrorUs),
    afterUs: event.afterUs,
    by: event.by ?? null,
    sent: isEndOwn === undefined ? null : isEndOwn,
    packets: packets ?? null,
    payloadBytes: payloadBytes ?? null,
    retransmitted: event.retransmitted,
    outstanding: outstanding ?? null,
    syns: syns ?? null,
    icmp: unreachable ?? null,
    rttUs: rttUs ?? null,
    who: event.who === '' ? null : event.who,
  };
}

function viewJson(view: HostView | undefined) {
  if (!view) return null;
  return { host: view.host, ids: view.ids, events: view.events.map(eventJson) };
}

function judgedJson({ connection, verdict }: Judged, around: Around | undefined) {
  const { laterUs, errorUs } = verdict.order ?? {};
  return {
    time: printTime(verdict.timeUs),
    kind: EVENT_NAMES[verdict.turn],
    verdict: verdict.code,
    sentence: verdict.sentence,
    notes: verdict.notes,
    protocol: connection.protocol,
    client: { address: connection.clientAddress, port: connection.clientPort },
    server: { address: connection.serverAddress, port: connection.serverPort },
    clientSawLaterUs: laterUs ?? null,
    orderErrorUs: errorUs ?? null,
    views: {
      client: viewJson(connection.client),
      server: viewJson(connection.server),
      others: connection.others.map(viewJson),
    },
    context: around?.lines.map(({ timeUs, host, text }) => ({ time: printTime(timeUs), host, text })) ?? null,
  };
}

export function printJson(
  all: readonly Judged[],
  groups: readonly Group[],
  around: ReadonlyMap<Group, Around>,
  found: Found,
): string {
  const context = new Map(groups.map((group) => [group.newest, around.get(group)]));
  const report = {
    disconnects: [...all].sort(byTime).map((one) => judgedJson(one, context.get(one))),
    summary: {
      count: all.length,
      verdicts: Object.fromEntries(summaryCounts(all)),
      events: found.events,
      leftOut: found.leftOut,
      hosts: found.book.hosts.map(({ name, events, firstUs, lastUs }) => ({
        name,
        events,
        first: printTime(firstUs),
        last: printTime(lastUs),
      })),
      troubles: found.troubles,
    },
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
