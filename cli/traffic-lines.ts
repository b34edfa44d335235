// What `belfry status` prints of an agent's watching of connections: where it watches, what it saw and told, what was
// lost or held back, and which of the ways to an owner do not work. What did not happen is not told.

import { printCount, printCountOf, printSize } from '../base/units.ts';
import type { TrafficStatus } from '../client/monitor/traffic-status.ts';
import { reasons } from './stream-lines.ts';
import { plainText } from './table.ts';

export function trafficLines(traffic: TrafficStatus): string[] {
  const { counts, heldBack, owners, log, filter, records, events } = traffic;
  const told = reasons(events);
  const held = reasons(heldBack);
  const { recordsOver } = traffic;
  return [
    `Connections are watched on ${interfaceWords(traffic)}${filter === null ? '' : `, filter "${plainText(filter)}"`}, since ${traffic.since}.`,
    `  Seen: ${printCountOf(counts.packets, 'packet')}, ${printCountOf(counts.begun, 'connection')}, ${printCount(counts.flows)} of them remembered now.`,
    ...(counts.dropped > 0
      ? [
          `  LOST: ${printCountOf(counts.dropped, 'packet')} that the kernel dropped; a larger ringSize keeps more.`,
        ]
      : []),
    ...(counts.evicted > 0
      ? [
          `  Forgotten for want of room: ${printCountOf(counts.evicted, 'connection')}; a larger maxFlows keeps more.`,
        ]
      : []),
    `  Told: ${told === '' ? 'nothing yet' : told}${records > 0 ? `; ${printCountOf(records, 'interval record')}` : ''}.`,
    ...(counts.heldBack > 0
      ? [
          `  Held back by the rate limit: ${printCountOf(counts.heldBack, 'event')}${held === '' ? '' : ` (told of: ${held})`}.`,
        ]
      : []),
    ...(recordsOver > 0
      ? [
          `  Not told, since there were more than maxRecords: ${printCountOf(recordsOver, 'interval record')}.`,
        ]
      : []),
    ...(counts.unheard + counts.recordsLost > 0
      ? [
          `  LOST: ${printCountOf(counts.unheard, 'event')} and ${printCountOf(counts.recordsLost, 'interval record')}, since the agent was too busy to hear them.`,
        ]
      : []),
    ...(traffic.ownDelivery > 0
      ? [`  Not told, since they are the agent's own delivery by UDP: ${printCount(traffic.ownDelivery)}.`]
      : []),
    ...(traffic.unasked > 0
      ? [`  Told without an owner, since too many came at once: ${printCount(traffic.unasked)}.`]
      : []),
    ...(owners ?? []).filter(({ works }) => !works).map(({ sentence }) => `  Owners: ${plainText(sentence)}`),
    ...(owners === null ? ['  Owners are not looked for.'] : []),
    ...(log === null
      ? []
      : [
          `  Log: ${plainText(log.path)}, ${printCountOf(log.lines, 'line')} (${printSize(log.bytes)})${log.lost > 0 ? `, ${printCount(log.lost)} LOST` : ''}.`,
          ...(log.trouble === null ? [] : [`  THE LOG CANNOT BE WRITTEN: ${plainText(log.trouble)}.`]),
        ]),
  ];
}

function interfaceWords({ interfaces }: TrafficStatus): string {
  const words = interfaces.map(({ name, state }) =>
    state === 'captured' ? plainText(name) : `${plainText(name)} (${state})`,
  );
  return words.length === 0 ? 'no interface' : words.join(', ');
}
