// What is wrong with a certificate, in words for the operator: whose it is, the reason, and how to mend it.

import type { PeerCertificate } from 'node:tls';
import type { Trouble } from './trouble.ts';

/** More names of a certificate are not told. */
const NAMES_TOLD_MAX = 8;

/** OpenSSL's names for chains that end with nobody who is trusted. */
const UNTRUSTED: readonly string[] = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
];

export interface Untrusted {
  readonly peer: string;
  /** The name that the certificate should have. */
  readonly name: string;
  /** OpenSSL's or Node's name of what is wrong. */
  readonly code: string;
  readonly certificate: Partial<PeerCertificate>;
  /** Where the authorities come from that are trusted. */
  readonly trusts: string;
}

export function certificateTrouble(untrusted: Untrusted): Trouble {
  const { code, peer, certificate, trusts } = untrusted;
  const subject = commonName(certificate.subject);
  const whose = `the certificate of ${peer} (${subject})`;
  if (UNTRUSTED.includes(code)) {
    const why = `${whose} is signed by ${commonName(certificate.issuer)}, whom ${trusts} does not know`;
    return { why, mend: 'Set tls.ca to the file with the certificate of the authority that signed it.' };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    const why = `${whose}, or that of its authority, has expired; it was good until ${certificate.valid_to}`;
    return { why, mend: 'Give the server a new certificate.' };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    const why = `${whose} is not good before ${certificate.valid_from}`;
    return { why, mend: 'Look at the clock of this host, and at that of the authority.' };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return nameTroubleOf(untrusted);
  return { why: `${whose} is not good (${code})`, mend: undefined };
}

function nameTroubleOf({ peer, name, certificate }: Untrusted): Trouble {
  const names = namesOf(certificate);
  const has = names.length === 0 ? 'names no server' : `is for ${names.join(', ')}`;
  return {
    why: `the certificate of ${peer} ${has}, not for ${name}`,
    mend: 'If it is the right server, set tls.serverName to a name that its certificate has.',
  };
}

function namesOf({ subjectaltname, subject }: Partial<PeerCertificate>): string[] {
  const common = subject?.CN === undefined ? [] : [subject.CN].flat();
  const names =
    subjectaltname === undefined
      ? common
      : subjectaltname.split(', ').map((one) => one.replace(/^(DNS|IP Address):/, ''));
  const told = names.slice(0, NAMES_TOLD_MAX).map(printable);
  return names.length > told.length ? [...told, `${names.length - told.length} more`] : told;
}

function commonName(name: PeerCertificate['subject'] | undefined): string {
  const [common] = [name?.CN ?? name?.O ?? 'without a name'].flat();
  return printable(common ?? '');
}

/** A peer writes its own name: no control bytes in a log, no long ones. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ').slice(0, 100);
}
