// The certificate, key and CA of `syslog.tls`, read and looked at by the main thread before anybody is shown
// them: at the start and at each reload. What is wrong with them is a Fault in words, and then nothing changes.

import { createSecureContext } from 'node:tls';
import { type CertificateFacts, type CertificateFinding } from '../../config/certificates.ts';
import { readTlsFiles } from '../../config/tls-files.ts';
import type { TlsServerConfig } from '../../config/server.ts';
import { Fault } from '../../base/fault.ts';

/** As they go to the thread: what was read is what was looked at. */
export interface Credentials {
  readonly tls: TlsServerConfig;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

export interface ReadCredentials {
  readonly credentials: Credentials;
  readonly facts: readonly CertificateFacts[];
  readonly warnings: readonly CertificateFinding[];
}

/** A Fault: they are of no use. Further faults are named in it. */
export function readCredentials(tls: TlsServerConfig, nowMs: number): ReadCredentials {
  const files = readTlsFiles({ cert: tls.cert, key: tls.key, ca: tls.ca }, 'server', nowMs);
  const [first, ...others] = files.faults;
  if (first !== undefined) throw faultOf(first, others);
  const credentials = {
    tls,
    cert: files.cert?.toString() ?? '',
    key: files.key?.toString() ?? '',
    ca: files.ca?.toString(),
  };
  tryOut(credentials);
  return { credentials, facts: files.facts, warnings: files.warnings };
}

function faultOf(first: CertificateFinding, others: readonly CertificateFinding[]): Fault {
  const what = [first, ...others].map((finding) => finding.what).join(' ');
  const mend = [...new Set([first, ...others].map((finding) => finding.mend))].join(' ');
  return new Fault('CONFIG_BAD_CERTIFICATE', { what, where: `syslog.tls.${first.part}`, mend });
}

/** The TLS library has an opinion of its own, of weak keys and signatures for one. */
function tryOut(credentials: Credentials): void {
  try {
    createSecureContext(contextOptions(credentials));
  } catch (error) {
    throw new Fault('CONFIG_BAD_CERTIFICATE', {
      what: `The TLS library does not take the certificate or its key: ${(error as Error).message}.`,
      where: 'syslog.tls',
      mend: 'Have the certificate issued anew, for an EC key or an RSA key of 2048 bits or more, signed with SHA-256.',
    });
  }
}

export function contextOptions({ cert, key, ca, tls }: Credentials) {
  return { cert, key, minVersion: tls.minVersion, ...(ca === undefined ? {} : { ca }) };
}
