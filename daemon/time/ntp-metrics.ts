// The metrics of the time server. Where time is not served they have no samples.
//
// Part of the table in daemon/metrics.ts.

import type { Metric } from '../../base/metric.ts';
import { counter, gauge, type Read } from '../metric.ts';
import type { ServerStatus } from '../status.ts';
import type { NtpStatus } from './status.ts';

/** Nothing where time is not served. */
function ofNtp(read: (ntp: NtpStatus) => number): Read {
  return ({ ntp }) => (ntp === null ? [] : read(ntp));
}

const ntpDrops: Read = ({ ntp }) =>
  Object.entries(ntp?.dropped ?? {}).map(([reason, value]) => ({ labels: { reason }, value }));

export const NTP_METRICS: readonly Metric<ServerStatus>[] = [
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
