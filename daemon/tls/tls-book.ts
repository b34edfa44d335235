// What the main thread knows of TLS and says of it: failed handshakes that the thread reports (which says at most
// so many), and certificates that end soon: at the start, at each reload, and once a day.

import type { Log } from '../../base/log.ts';
import { type CertificateFinding, ENDS_SOON_MS } from '../../config/certificates.ts';
import type { ReadCredentials } from './credentials.ts';
import {
  type CertificateStatus,
  certificateStatus,
  type TlsStatus,
  tlsStatus,
  type TlsTroubleStatus,
} from './tls-status.ts';
import type { TlsCounts, TlsTrouble } from './tls-counts.ts';
import type { TlsTroubleSaid } from './tls.port.ts';

const DAY_MS = 86_400_000;

export class TlsBook {
  readonly #log: Log;
  readonly #counts: TlsCounts;
  readonly #last = new Map<TlsTrouble, TlsTroubleStatus>();
  #certificates: readonly CertificateStatus[] = [];
  #saidAtMs = 0;
  #isUsed = false;

  constructor(log: Log, counts: TlsCounts) {
    this.#log = log;
    this.#counts = counts;
  }

  /** Certificates were read: what is wrong with them is said, and until when they hold is remembered. */
  certified(read: ReadCredentials | undefined, nowMs: number): void {
    this.#certificates = certificateStatus(read?.facts ?? []);
    this.#isUsed ||= read !== undefined;
    this.#saidAtMs = nowMs;
    for (const warning of read?.warnings ?? []) this.#warn(warning);
  }

  #warn({ what, mend, trouble }: Pick<CertificateFinding, 'what' | 'mend' | 'trouble'>): void {
    this.#log.warn(`${what} ${mend}`, { event: 'tls_certificate', trouble });
  }

  failed(said: TlsTroubleSaid, nowMs: number): void {
    const { trouble, peer, listener, what, mend, more, morePeers } = said;
    const certificate = said.certificate ?? null;
    const at = new Date(nowMs).toISOString();
    this.#last.set(trouble, { trouble, at, peer, listener, what, mend, certificate });
    const begin = said.isRefused
      ? `A TLS handshake with ${peer} on ${listener} failed`
      : `${peer} on ${listener} was let in without a certName`;
    const shown = certificate === null ? '' : ` It showed: ${certificate}.`;
    const others =
      more === 0 ? '' : ` Since the last such line there were ${more} more, from ${printPeers(morePeers)}.`;
    this.#log.warn(`${begin}: ${what}.${shown} ${mend}${others}`, { event: 'tls_trouble', trouble });
  }

  /** Called now and then. */
  watch(nowMs: number): void {
    // A clock that was set back does not make the day longer.
    if (Math.abs(nowMs - this.#saidAtMs) < DAY_MS) return;
    this.#saidAtMs = nowMs;
    for (const one of this.#certificates) this.#sayEnd(one, nowMs);
  }

  #sayEnd({ path, subject, endsAt }: CertificateStatus, nowMs: number): void {
    const leftMs = Date.parse(endsAt) - nowMs;
    if (leftMs > ENDS_SOON_MS) return;
    const day = endsAt.slice(0, 10);
    const mend = 'Put a new one in its place, then SIGHUP.';
    const name = `The certificate ${subject} in ${path}`;
    if (leftMs > 0) {
      const days = Math.floor(leftMs / DAY_MS);
      const left = days === 1 ? '1 day' : `${days} days`;
      this.#warn({ what: `${name} ends on ${day}: ${left} left.`, mend, trouble: 'ends-soon' });
    } else {
      this.#log.error(`${name} ended on ${day}: peers refuse it. ${mend}`, {
        event: 'tls_certificate',
        trouble: 'expired',
      });
    }
  }

  /** Null: no TLS is configured, and none was. */
  status(): TlsStatus | null {
    if (!this.#isUsed) return null;
    return tlsStatus(this.#counts, [...this.#last.values()], this.#certificates);
  }
}

function printPeers(count: number): string {
  return count === 1 ? '1 address' : `${count} addresses`;
}
