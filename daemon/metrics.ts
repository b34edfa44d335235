// Every metric of the server, declared once. `/metrics` and docs/metrics.md are made from this table.

import type { Metric, Sample } from '../base/metric.ts';
import type { ListenerStatus, ServerStatus } from './status.ts';
import type { NtpStatus } from './time/status.ts';

type Read = (status: ServerStatus) => number | readonly Sample[];

function counter(
  name: string,
  help: string,
  read: Read,
  labels: Record<string, string> = {},
): Metric<ServerStatus> {
  return { name: `belfry_${name}`, kind: 'counter', labels, help, read };
}

function gauge(
  name: string,
  help: string,
  read: Read,
  labels: Record<string, string> = {},
): Metric<ServerStatus> {
  return { name: `belfry_${name}`, kind: 'gauge', labels, help, read };
}

const LISTENER = { listener: 'address of the listener, such as udp://0.0.0.0:514' };

function perListener(read: (listener: ListenerStatus) => number): Read {
  return ({ listeners }) => listeners.map((one) => ({ labels: { listener: one.name }, value: read(one) }));
}

function perReason(read: (status: ServerStatus) => Readonly<Record<string, number>>): Read {
  return (status) => Object.entries(read(status)).map(([reason, value]) => ({ labels: { reason }, value }));
}

const refusals: Read = ({ listeners }) =>
  listeners.flatMap((one) =>
    Object.entries(one.refused).map(([reason, value]) => ({ labels: { listener: one.name, reason }, value })),
  );

/** Nothing where time is not served. */
function ofNtp(read: (ntp: NtpStatus) => number): Read {
  return ({ ntp }) => (ntp === null ? [] : read(ntp));
}

const ntpDrops: Read = ({ ntp }) =>
  Object.entries(ntp?.dropped ?? {}).map(([reason, value]) => ({ labels: { reason }, value }));

const NTP_METRICS: readonly Metric<ServerStatus>[] = [
  counter(
    'ntp_requests_total',
    'Requests for the time.',
    ofNtp((ntp) => ntp.requests),
  ),
  counter(
    'ntp_answers_total',
    'Requests that were answered.',
    ofNtp((ntp) => ntp.answers),
  ),
  counter('ntp_dropped_total', 'Requests that got silence.', ntpDrops, {
    reason:
      'acl (ntp.allow, ntp.deny), rate (ntp.rateLimit), short, version, mode, extension (malformed), mac (no keys here)',
  }),
  counter(
    'ntp_interleaved_total',
    'Answers in interleaved mode.',
    ofNtp((ntp) => ntp.interleaved),
  ),
  counter(
    'ntp_unsent_total',
    'Answers that the kernel did not take.',
    ofNtp((ntp) => ntp.unsent),
  ),
  counter(
    'ntp_kernel_drops_total',
    'Requests that the kernel dropped because the receive buffer was full.',
    ofNtp((ntp) => ntp.kernelDrops),
  ),
  counter(
    'ntp_unstamped_total',
    'Requests that the kernel gave no usable receive time for.',
    ofNtp((ntp) => ntp.unstamped),
  ),
  counter(
    'ntp_clients_forgotten_total',
    'Addresses whose place in the table of clients went to a newcomer.',
    ofNtp((ntp) => ntp.clientsForgotten),
  ),
  counter(
    'ntp_clock_steps_total',
    'How often the clock of this host was set while it was served.',
    ofNtp((ntp) => ntp.kernel.steps),
  ),
  gauge(
    'ntp_synchronised',
    '1: answers carry a time that clients may follow.',
    ofNtp((ntp) => (ntp.synchronised ? 1 : 0)),
  ),
  gauge(
    'ntp_stratum',
    'The stratum that answers carry; 0 when not synchronised.',
    ofNtp((ntp) => ntp.stratum),
  ),
  gauge(
    'ntp_root_dispersion_seconds',
    'How far the time that is served may be off, as answers say.',
    ofNtp((ntp) => ntp.rootDispersionS),
  ),
  gauge(
    'ntp_kernel_synchronised',
    '1: the kernel says that somebody keeps the clock of this host.',
    ofNtp((ntp) => (ntp.kernel.synchronised ? 1 : 0)),
  ),
  gauge(
    'ntp_kernel_max_error_seconds',
    'How far the clock of this host may be off, as the kernel says.',
    ofNtp((ntp) => ntp.kernel.maxErrorS),
  ),
];

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
    reason: 'not_allowed (syslog.allow), too_many_connections (syslog.maxConnections), too_many_open_files',
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
    'TCP connections accepted.',
    perListener((one) => one.connections),
    LISTENER,
  ),
  gauge('syslog_connections_open', 'TCP connections open now.', ({ connections }) => connections.open),
  counter(
    'syslog_connections_closed_total',
    'TCP connections that ended.',
    perReason(({ connections }) => connections.closed),
    {
      reason: 'by_peer, idle (syslog.idleTimeout), reset, memory, not_allowed (by a reload), stopped',
    },
  ),
  counter(
    'syslog_partial_frames_total',
    'Messages that were unfinished when their connection ended; kept.',
    ({ connections }) => connections.partialFrames,
  ),
  counter(
    'syslog_held_total',
    'How often a TCP sender was made to wait because a file could not be written.',
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
