// What watching would bring in a day, before it is switched on: messages and bytes, from the connections that the host
// has now and from how many began since it did. `belfry check` says it. An estimate: rounded, and with its grounds.
// Refuses: to look at packets; it must cost nothing and need no right.

import { inRange, parseRange, V4_MAPPED } from '../../base/ip.ts';
import { printCount, printCountOf, printSize, printSpan } from '../../base/units.ts';
import type { TrafficConfig } from '../../config/agent.ts';
import { compileFilter } from '../../traffic/filter/match.ts';
import { parseFilter } from '../../traffic/filter/parse.ts';
import { newPacket, PROTOCOL } from '../../traffic/packet/packet.ts';
import type { HostConnection, HostConnections } from './host-connections.ts';

/** Of a message on the wire, with its structured data: those of test/system/traffic-agent have 780 to 1,050. */
const EVENT_BYTES = 900;
/** Of an interval record with its header and the fields of version 2. */
const RECORD_BYTES = 240;
const DAY_MS = 86_400_000;

export interface Estimate {
  readonly eventsPerDay: number;
  readonly eventBytesPerDay: number;
  readonly recordsPerDay: number;
  readonly recordBytesPerDay: number;
  /** For a person, one line each. */
  readonly sentences: readonly string[];
}

export function estimateTraffic(config: TrafficConfig, host: HostConnections): Estimate {
  const passes = chooser(config);
  const open = host.open.filter(passes).length;
  // Where none of them passes, those that are too short to be open now may still: then all that come count.
  const isBlind = open === 0;
  const share = isBlind ? 1 : open / host.open.length;
  // Where both ends are here the kernel counts both.
  const whole = host.rows === 0 ? 1 : host.open.length / host.rows;
  const begunPerDay = host.opensPerDay * whole * share;
  const eventsPerDay = limited(config, begunPerDay * eventsOf(config)) + updatesPerDay(config, open);
  const recordsPerDay = recordsOf(config, open, begunPerDay);
  const estimate = {
    eventsPerDay,
    eventBytesPerDay: eventsPerDay * EVENT_BYTES,
    recordsPerDay,
    recordBytesPerDay: recordsPerDay * RECORD_BYTES,
  };
  return { ...estimate, sentences: sentencesOf(config, host, { ...estimate, open, begunPerDay, isBlind }) };
}

/** Of one connection: its beginning, and its end in one way or another. */
function eventsOf({ events }: TrafficConfig): number {
  const hasEnd = (['closed', 'reset', 'refused', 'no-answer'] as const).some((end) => events.includes(end));
  return (events.includes('opened') ? 1 : 0) + (hasEnd ? 1 : 0);
}

function limited({ rateLimit }: TrafficConfig, perDay: number): number {
  return rateLimit === undefined ? perDay : Math.min(perDay, (rateLimit.perSecond * DAY_MS) / 1000);
}

function updatesPerDay({ events, updateIntervalMs }: TrafficConfig, open: number): number {
  return events.includes('update') ? (open * DAY_MS) / updateIntervalMs : 0;
}

/** Each direction of each connection that had packets; one that is new has some in one interval at least. */
function recordsOf(config: TrafficConfig, open: number, begunPerDay: number): number {
  const { flowIntervalMs, maxRecords } = config;
  if (flowIntervalMs === undefined) return 0;
  const intervals = DAY_MS / flowIntervalMs;
  return Math.min(2 * (open * intervals + begunPerDay), maxRecords * intervals);
}

const LOOPBACK = [parseRange('127.0.0.0/8'), parseRange('::1')];

/** By the filter, and without what stays within the host where `lo` is not watched. */
function chooser({ filter, interfaces }: TrafficConfig): (connection: HostConnection) => boolean {
  const parsed = filter === undefined ? undefined : parseFilter(filter);
  const wants = parsed?.expression && compileFilter(parsed.expression);
  const hasLoopback = interfaces.includes('any') || interfaces.includes('lo');
  return (connection) => {
    const isWithin = LOOPBACK.some((range) => range !== undefined && inRange(range, connection.remote));
    if (isWithin && !hasLoopback) return false;
    return wants === undefined || wants(packetOf(connection)) || wants(packetOf(turned(connection)));
  };
}

function turned({ local, localPort, remote, remotePort }: HostConnection): HostConnection {
  return { local: remote, localPort: remotePort, remote: local, remotePort: localPort };
}

function packetOf({ local, localPort, remote, remotePort }: HostConnection) {
  const packet = newPacket();
  packet.version = local.w0 === 0 && local.w1 === 0 && local.w2 === V4_MAPPED ? 4 : 6;
  packet.protocol = PROTOCOL.tcp;
  packet.hasPorts = true;
  [packet.src0, packet.src1, packet.src2, packet.src3] = [local.w0, local.w1, local.w2, local.w3];
  [packet.dst0, packet.dst1, packet.dst2, packet.dst3] = [remote.w0, remote.w1, remote.w2, remote.w3];
  packet.srcPort = localPort;
  packet.dstPort = remotePort;
  return packet;
}

// ---- for a person

/** Two digits: more would pretend to know. */
function about(value: number): string {
  if (value < 100) return printCount(Math.ceil(value));
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return printCount(Math.round(value / unit) * unit);
}

function sentencesOf(
  config: TrafficConfig,
  host: HostConnections,
  told: Omit<Estimate, 'sentences'> & {
    readonly open: number;
    readonly begunPerDay: number;
    readonly isBlind: boolean;
  },
): string[] {
  const of = host.open.length === told.open ? '' : ` of ${printCount(host.open.length)}`;
  const size = (bytes: number) => printSize(Math.round(bytes / 1024) * 1024);
  const grounds = `${printCount(told.open)}${of} TCP connections are open now, and about ${about(told.begunPerDay)} new ones come in a day`;
  const isDoubtful = told.isBlind && told.begunPerDay > 0;
  const doubt = isDoubtful ? '; nobody can say how many of those it would watch' : '';
  return [
    `${isDoubtful ? 'at most ' : ''}about ${about(told.eventsPerDay)} events (${size(told.eventBytesPerDay)}) a day: ${grounds}${doubt}`,
    ...(config.flowIntervalMs === undefined
      ? []
      : [
          `at most about ${about(told.recordsPerDay)} interval records (${size(told.recordBytesPerDay)}) a day, one for each direction of a connection that had packets within ${printSpan(config.flowIntervalMs)}`,
        ]),
    ...(config.rateLimit === undefined
      ? []
      : [`never more than ${printCountOf(config.rateLimit.perSecond, 'event')} a second in the long run`]),
    ...(config.filter === undefined && host.datagramsPerDay >= 1
      ? [`UDP comes on top: this host sends about ${about(host.datagramsPerDay)} datagrams a day`]
      : []),
  ];
}
