// What the server says of its TLS: how many handshakes were good, why others were not, and until when the
// certificates hold. One value, from which `belfry status`, `/status` and the metrics are read.

import { type CertificateFacts } from '../../config/certificates.ts';
import { TLS_TROUBLES, type TlsCounts, type TlsTrouble } from './tls-counts.ts';

/** Whose certificate it is: shown to peers, of its issuers, or of those who sign for peers. */
export const CERTIFICATE_USES = ['server', 'issuer', 'ca'] as const;
export type CertificateUse = (typeof CERTIFICATE_USES)[number];

export interface CertificateStatus {
  readonly use: CertificateUse;
  readonly path: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly serial: string;
  readonly endsAt: string;
}

/** The last failed handshake of its kind that was said. */
export interface TlsTroubleStatus {
  readonly trouble: TlsTrouble;
  readonly at: string;
  readonly peer: string;
  readonly listener: string;
  readonly what: string;
  readonly mend: string;
  readonly certificate: string | null;
}

export interface TlsStatus {
  /** Connections behind their handshake now, and handshakes that are not over. */
  readonly connections: number;
  readonly underWay: number;
  /** Good ones. */
  readonly handshakes: number;
  /** Good ones with a certificate that was not verified, where none is required. */
  readonly unverified: number;
  readonly failed: Readonly<Record<TlsTrouble, number>>;
  readonly lastTroubles: readonly TlsTroubleStatus[];
  readonly certificates: readonly CertificateStatus[];
}

/** In the order of the files: of the certificates in `cert` the first is shown as ours. */
export function certificateStatus(facts: readonly CertificateFacts[]): CertificateStatus[] {
  const first = facts.find(({ part }) => part === 'cert');
  return facts.map((one) => ({
    use: one === first ? 'server' : one.part === 'cert' ? 'issuer' : 'ca',
    path: one.path,
    subject: one.subject,
    names: one.names,
    issuer: one.issuer,
    serial: one.serial,
    endsAt: new Date(one.notAfterMs).toISOString(),
  }));
}

export function tlsStatus(
  counts: TlsCounts,
  lastTroubles: readonly TlsTroubleStatus[],
  certificates: readonly CertificateStatus[],
): TlsStatus {
  const failed = TLS_TROUBLES.map((trouble) => [trouble, counts.get(`failed:${trouble}`)]);
  return {
    connections: counts.get('open'),
    underWay: counts.get('underWay'),
    handshakes: counts.get('handshakes'),
    unverified: counts.get('unverified'),
    failed: Object.fromEntries(failed) as Record<TlsTrouble, number>,
    lastTroubles,
    certificates,
  };
}
