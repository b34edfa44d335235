// What `belfry status` says of RELP and TLS, in sentences: nothing where there is nothing to say.

import { printCount as count, printCountOf as countOf } from '../base/units.ts';
import type { ServerStatus } from '../daemon/status.ts';
import type { CertificateStatus, TlsStatus } from '../daemon/tls/tls-status.ts';

const DAY_MS = 86_400_000;
/** As the log warns (config/certificates.ts). */
const ENDS_SOON_MS = 30 * DAY_MS;

/** "3 disk_full, 1 stopped", or nothing. */
export function reasons(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => `${count(value)} ${reason.replaceAll('_', ' ')}`)
    .join(', ');
}

export function relpLines(relp: ServerStatus['relp']): string[] {
  const ended = reasons(relp.ended);
  if (relp.sessions === 0 && ended === '') return [];
  const orphans =
    relp.orphans === 0
      ? ''
      : `; ${countOf(relp.orphans, 'message')} will be sent again, since no answer could be given`;
  const before = ended === '' ? '' : ` Sessions that ended: ${ended}.`;
  return [
    `RELP: ${countOf(relp.sessions, 'session')} open, ${countOf(relp.answers, 'message')} acknowledged, ${count(relp.unanswered)} waiting for their file${orphans}.${before}`,
  ];
}

export function tlsLines(tls: TlsStatus, nowMs: number): string[] {
  const failed = reasons(tls.failed);
  const lasts = tls.lastTroubles.map(
    ({ at, peer, what, certificate }) =>
      `  ${at} ${peer}: ${what}${certificate === null ? '' : ` (${certificate})`}.`,
  );
  const unverified =
    tls.unverified === 0
      ? ''
      : `, ${count(tls.unverified)} of them with a certificate that no CA of ours stands for`;
  return [
    `TLS: ${countOf(tls.connections, 'connection')} open, ${countOf(tls.handshakes, 'good handshake')}${unverified}; ${failed === '' ? 'none failed' : `failed: ${failed}`}.`,
    ...lasts,
    ...tls.certificates.flatMap((one) => certificateLine(one, nowMs)),
  ];
}

function certificateLine({ subject, path, endsAt, use }: CertificateStatus, nowMs: number): string[] {
  const leftMs = Date.parse(endsAt) - nowMs;
  const name = `${subject} in ${path}`;
  const day = endsAt.slice(0, 10);
  if (leftMs <= 0) return [`CERTIFICATE HAS ENDED on ${day}: ${name}.`];
  const days = Math.floor(leftMs / DAY_MS);
  if (leftMs <= ENDS_SOON_MS)
    return [`CERTIFICATE ENDS SOON, on ${day} (${countOf(days, 'day')} left): ${name}.`];
  return use === 'server' ? [`Its certificate holds until ${day}: ${name}.`] : [];
}
