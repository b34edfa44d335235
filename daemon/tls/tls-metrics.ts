// The metrics of TLS. Where no certificate is configured they have no samples.
//
// Part of the table in daemon/metrics.ts.

import type { Metric } from '../../base/metric.ts';
import { counter, gauge, type Read } from '../metric.ts';
import type { ServerStatus } from '../status.ts';
import { TLS_TROUBLES } from './tls-counts.ts';
import { CERTIFICATE_USES, type TlsStatus } from './tls-status.ts';

/** Nothing where there is no TLS. */
function ofTls(read: (tls: TlsStatus) => number): Read {
  return ({ tls }) => (tls === null ? [] : read(tls));
}

const tlsFailures: Read = ({ tls }) =>
  Object.entries(tls?.failed ?? {}).map(([reason, value]) => ({ labels: { reason }, value }));

/** The first to end of each kind. */
const certificateEnds: Read = ({ tls }) =>
  CERTIFICATE_USES.flatMap((certificate) => {
    const ends = (tls?.certificates ?? []).filter(({ use }) => use === certificate);
    const firstMs = Math.min(...ends.map(({ endsAt }) => Date.parse(endsAt)));
    return ends.length === 0 ? [] : [{ labels: { certificate }, value: firstMs / 1000 }];
  });

export const TLS_METRICS: readonly Metric<ServerStatus>[] = [
  gauge(
    'tls_connections_open',
    'TLS connections open now.',
    ofTls((tls) => tls.connections),
  ),
  gauge(
    'tls_handshakes_under_way',
    'TLS connections whose handshake is not over.',
    ofTls((tls) => tls.underWay),
  ),
  counter(
    'tls_handshakes_total',
    'TLS handshakes that were good.',
    ofTls((tls) => tls.handshakes),
  ),
  counter(
    'tls_unverified_total',
    'TLS senders let in without a certName, since no CA of syslog.tls.ca stands for the certificate they showed.',
    ofTls((tls) => tls.unverified),
  ),
  counter('tls_failures_total', 'TLS handshakes that failed.', tlsFailures, {
    reason: `${TLS_TROUBLES.join(', ')} (docs/tls.md)`,
  }),
  gauge(
    'tls_certificate_expires_seconds',
    'When the certificate ends, in seconds since 1970.',
    certificateEnds,
    {
      certificate: 'server (of this server), issuer (behind it in syslog.tls.cert), ca (in syslog.tls.ca)',
    },
  ),
];
