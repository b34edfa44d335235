// Every metric of the server, declared once, here and in the tables of its parts. `/metrics` and docs/metrics.md are
// made from this table.

import type { Metric } from '../base/metric.ts';
import { RELP_METRICS } from './intake/relp-metrics.ts';
import { counter, gauge, perReason, type Read } from './metric.ts';
import type { ListenerStatus, ServerStatus } from './status.ts';
import { NTP_METRICS } from './time/ntp-metrics.ts';
import { TLS_METRICS } from './tls/tls-metrics.ts';

const LISTENER = { listener: 'address of the listener, such as udp://0.0.0.0:514' };

function perListener(read: (listener: ListenerStatus) => number): Read {
  return ({ listeners }) => listeners.map((one) => ({ labels: { listener: one.name }, value: read(one) }));
}

const refusals: Read = ({ listeners }) =>
  listeners.flatMap((one) =>
    Object.entries(one.refused).map(([reason, value]) => ({ labels: { listener: one.name, reason }, value })),
  );

export const METRICS: readonly Metric<ServerStatus>[] = [
  counter(
    'syslog_messages_total',
    'Messages taken.',
    perListener((one) => one.messages),
    LISTENER,
  ),
  counter(
    'syslog_bytes_total',
    'Bytes of the messages taken, without framing.',
    perListener((one) => one.bytes),
    LISTENER,
  ),
  counter(
    'syslog_oversized_total',
    'Messages cut at syslog.maxMessageSize.',
    perListener((one) => one.oversized),
    LISTENER,
  ),
  counter(
    'syslog_kernel_drops_total',
    'Datagrams that the kernel dropped because the receive buffer was full.',
    perListener((one) => one.kernelDrops),
    LISTENER,
  ),
  gauge(
    'syslog_receive_buffer_bytes',
    'Receive buffer that the kernel granted (UDP).',
    perListener((one) => one.receiveBufferBytes ?? 0),
    LISTENER,
  ),
  counter('syslog_refused_total', 'Datagrams and connections refused.', refusals, {
    ...LISTENER,
    reason:
      'not_allowed (syslog.allow), too_many_connections (syslog.maxConnections), too_many_from_source (syslog.maxConnectionsPerSource), too_many_open_files, bad_proxy_header (syslog.proxyProtocol)',
  }),
  counter(
    'syslog_unparsed_total',
    'Messages kept whole because they could not be read as what they claim to be.',
    perReason(({ messages }) => messages.unparsed),
    {
      reason: 'empty, no_header, bad_pri, bad_time, bad_header, bad_structured_data',
    },
  ),
  counter('syslog_discarded_total', 'Messages that a rule threw away.', ({ messages }) => messages.discarded),
  counter('syslog_unrouted_total', 'Messages that no rule wanted.', ({ messages }) => messages.unrouted),
  counter(
    'syslog_dropped_total',
    'Messages lost.',
    perReason(({ messages }) => messages.dropped),
    {
      reason:
        'kernel (receive buffer full), stopped (not written by the end of a stop), or the trouble of the file',
    },
  ),
  counter(
    'syslog_connections_total',
    'Connections accepted; with TLS, those whose handshake was good.',
    perListener((one) => one.connections),
    LISTENER,
  ),
  gauge('syslog_connections_open', 'Connections open now.', ({ connections }) => connections.open),
  counter(
    'syslog_connections_closed_total',
    'Connections that ended.',
    perReason(({ connections }) => connections.closed),
    {
      reason:
        'by_peer, idle (syslog.idleTimeout), reset, memory, not_allowed (by a reload), stopped, too_many_from_source, bad_proxy_header, handshake (syslog.handshakeTimeout), session_ended (RELP), not_synced (RELP: fdatasync failed)',
    },
  ),
  counter(
    'syslog_partial_frames_total',
    'Messages that were unfinished when their connection ended; kept.',
    ({ connections }) => connections.partialFrames,
  ),
  counter(
    'syslog_held_total',
    'How often a sender was made to wait because a file could not be written.',
    ({ connections }) => connections.held,
  ),
  counter('file_lines_total', 'Lines taken for files.', ({ files }) => files.lines),
  counter('file_bytes_total', 'Bytes written to files.', ({ files }) => files.bytes),
  counter('file_writes_total', 'Writes to files.', ({ files }) => files.writes),
  gauge('files_open', 'Log files open now.', ({ files }) => files.open),
  counter('files_evicted_total', 'Files closed to stay below files.maxOpen.', ({ files }) => files.evicted),
  gauge('files_troubled', 'Files that cannot be written now.', ({ files }) => files.troubledCount),
  counter('files_rotated_total', 'Files rotated by size.', ({ files }) => files.rotated),
  counter('file_jobs_failed_total', 'Rotations and syncs that failed.', ({ files }) => files.jobsFailed),
  gauge(
    'file_jobs_waiting',
    'Rotations and syncs that wait for their turn.',
    ({ files }) => files.jobsWaiting,
  ),
  gauge(
    'routing_decisions',
    'Kinds of messages that a routing decision is kept for.',
    ({ routing }) => routing.decisions,
  ),
  counter(
    'routing_decisions_forgotten_total',
    'How often all kept decisions were dropped.',
    ({ routing }) => routing.decisionsForgotten,
  ),
  gauge('senders_known', 'Sending hosts known.', ({ senders }) => senders.known),
  gauge(
    'senders_silent',
    'Sending hosts silent for longer than senders.silentAfter.',
    ({ senders }) => senders.silent,
  ),
  counter(
    'senders_silences_total',
    'How often a sending host fell silent.',
    ({ senders }) => senders.silences,
  ),
  counter(
    'senders_untracked_total',
    'Messages of hosts for which the table of senders had no room.',
    ({ senders }) => senders.untracked,
  ),
  ...RELP_METRICS,
  ...TLS_METRICS,
  ...NTP_METRICS,
  counter(
    'config_failed_reloads_total',
    'Reloads refused because of faults in the configuration.',
    ({ config }) => config.failedReloads,
  ),
  gauge('uptime_seconds', 'Seconds since the start.', ({ uptimeS }) => uptimeS),
  counter('process_cpu_seconds_total', 'CPU time used, user and system.', ({ process }) => process.cpuS),
  gauge('process_resident_memory_bytes', 'Memory resident.', ({ process }) => process.residentBytes),
];

/** docs/metrics.md, as it must be. */
export function renderMetricDocs(): string {
  const rows = METRICS.map(({ name, kind, labels, help }) => {
    const words = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
    return `| \`${name}\` | ${kind} | ${words.join('; ')} | ${help} |`;
  });
  return [
    '# Metrics',
    '',
    'Served at `/metrics` on `http.listen`, in the Prometheus text format. Host names are never labels:',
    '`belfry senders` shows what each host does. This page is made from `daemon/metrics.ts`.',
    '',
    '| name | kind | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
