// The metrics of RELP listeners, with TLS and without.
//
// Part of the table in daemon/metrics.ts.

import type { Metric } from '../../base/metric.ts';
import { counter, gauge, perReason } from '../metric.ts';
import type { ServerStatus } from '../status.ts';
import { RELP_ENDS } from './counts.ts';

export const RELP_METRICS: readonly Metric<ServerStatus>[] = [
  gauge('relp_sessions_open', 'RELP sessions open now.', ({ relp }) => relp.sessions),
  gauge(
    'relp_unanswered',
    'Messages that came by RELP and wait for their answer, until their files have them.',
    ({ relp }) => relp.unanswered,
  ),
  counter('relp_answers_total', 'Messages that RELP senders were told are safe.', ({ relp }) => relp.answers),
  counter(
    'relp_orphans_total',
    'Messages taken by RELP that could not be answered any more; their senders send them again.',
    ({ relp }) => relp.orphans,
  ),
  counter(
    'relp_sessions_ended_total',
    'RELP sessions that ended.',
    perReason(({ relp }) => relp.ended),
    {
      reason: `${RELP_ENDS.join(', ')} (docs/relp.md)`,
    },
  ),
  counter('relp_unknown_commands_total', 'RELP commands that were refused as unknown.', ({ relp }) => {
    return relp.unknownCommands;
  }),
  counter('relp_skipped_bytes_total', 'Bytes beyond syslog.maxMessageSize, passed over.', ({ relp }) => {
    return relp.skippedBytes;
  }),
];
