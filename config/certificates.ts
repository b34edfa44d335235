// Looks at certificates and keys before anyone is shown them: bytes and a time in, facts and findings in words
// out. Used by `belfry check`, at the start and at each reload.
//
// Refuses (as a fault): what is not PEM, a key that is locked or belongs to another certificate, a certificate
// out of its dates, a CA that is none. Warns of what works today and will not for long, or not with everyone.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { CERTIFICATE_BEGIN, CERTIFICATE_LABELS, pemBlocks, sayNoBlock } from './pem.ts';
import type { Problem } from './problem.ts';

export type CertificatePart = 'cert' | 'key' | 'ca';
/** Whose certificate it is: it decides which purpose a certificate must allow. */
export type CertificateRole = 'server' | 'client';

/** The bytes of the PEM files, with their paths for the sentences. */
export interface PemFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface PemFiles {
  readonly cert?: PemFile | undefined;
  readonly key?: PemFile | undefined;
  readonly ca?: PemFile | undefined;
}

/** What people want to know of a certificate. */
export interface CertificateFacts {
  readonly part: 'cert' | 'ca';
  readonly path: string;
  /** On one line: `CN=web-1, O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** subjectAltName: DNS names, addresses, mail addresses; without their kind. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type CertificateTrouble =
  | 'unreadable'
  | 'not-pem'
  | 'empty'
  | 'locked-key'
  | 'wrong-order'
  | 'wrong-key'
  | 'expired'
  | 'not-yet-valid'
  | 'not-a-ca'
  | 'ends-soon'
  | 'wrong-purpose'
  | 'broken-chain'
  | 'weak-key'
  | 'open-key'
  | 'refused';

export interface CertificateFinding extends Problem {
  readonly part: CertificatePart;
  readonly trouble: CertificateTrouble;
}

export interface CertificateReport {
  /** In the order of the files; the first with part 'cert' is the one that is shown. */
  readonly facts: readonly CertificateFacts[];
  /** With one of these the certificate is of no use. */
  readonly faults: readonly CertificateFinding[];
  readonly warnings: readonly CertificateFinding[];
}

/** A certificate that ends within so long is a warning: a month is what a person needs to get a new one. */
export const ENDS_SOON_MS = 30 * 86_400_000;

/** RSA keys below this are refused by many (NIST SP 800-131A; OpenSSL's security level 2). */
const RSA_BITS_MIN = 2048;

/** Extended key usages (RFC 5280 section 4.2.1.12). */
const PURPOSES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
const ANY_PURPOSE = '2.5.29.37.0';

/** More certificates in one file are not read: system trust stores have about 150. */
const CERTIFICATES_MAX = 1000;

export function lookAtCertificates(files: PemFiles, role: CertificateRole, nowMs: number): CertificateReport {
  const look = new Look(role, nowMs);
  const chain = files.cert && look.certificates('cert', files.cert);
  const authorities = files.ca && look.certificates('ca', files.ca);
  const key = files.key && look.key(files.key);
  if (files.cert && chain) look.chain(files.cert.path, chain);
  if (files.ca && authorities) look.authorities(files.ca.path, authorities);
  if (files.cert && files.key && chain && key) look.pair(files.cert.path, files.key.path, chain, key);
  return look;
}

/** The findings of one look, as they are made. */
class Look implements CertificateReport {
  readonly facts: CertificateFacts[] = [];
  readonly faults: CertificateFinding[] = [];
  readonly warnings: CertificateFinding[] = [];
  readonly #role: CertificateRole;
  readonly #nowMs: number;

  constructor(role: CertificateRole, nowMs: number) {
    this.#role = role;
    this.#nowMs = nowMs;
  }

  #fault(part: CertificatePart, trouble: CertificateTrouble, what: string, mend: string): void {
    this.faults.push({ part, trouble, what, mend });
  }

  #warn(part: CertificatePart, trouble: CertificateTrouble, what: string, mend: string): void {
    this.warnings.push({ part, trouble, what, mend });
  }

  /** All certificates of a file; undefined when there is a fault. */
  certificates(part: 'cert' | 'ca', { path, bytes }: PemFile): readonly X509Certificate[] | undefined {
    const text = Buffer.from(bytes).toString('latin1');
    const blocks = pemBlocks(text).filter(({ label }) => CERTIFICATE_LABELS.has(label));
    if (blocks.length === 0) {
      this.#fault(part, ...sayNoBlock(path, bytes, text, 'a certificate', CERTIFICATE_BEGIN));
      return undefined;
    }
    const found: X509Certificate[] = [];
    for (const [at, block] of blocks.slice(0, CERTIFICATES_MAX).entries()) {
      const certificate = parseCertificate(block.pem);
      if (certificate === undefined) {
        const which = blocks.length === 1 ? 'The certificate' : `Certificate ${at + 1}`;
        const what = `${which} in ${path} is damaged.`;
        this.#fault(part, 'not-pem', what, 'Get the file anew from whoever issued it.');
        return undefined;
      }
      found.push(certificate);
      this.facts.push(factsOf(part, path, certificate));
    }
    return found;
  }

  key({ path, bytes }: PemFile): KeyObject | undefined {
    const text = Buffer.from(bytes).toString('latin1');
    const block = pemBlocks(text).find(({ label }) => label.endsWith('PRIVATE KEY'));
    if (block === undefined) {
      const begin = '-----BEGIN PRIVATE KEY-----';
      this.#fault('key', ...sayNoBlock(path, bytes, text, 'a private key', begin));
      return undefined;
    }
    if (block.label === 'ENCRYPTED PRIVATE KEY' || block.pem.includes('Proc-Type: 4,ENCRYPTED')) {
      const mend = `Unlock it: openssl pkey -in ${path} -out FILE; give FILE mode 0640 and the group of the service.`;
      const what = `The key in ${path} is locked with a passphrase, and there is nobody to type it.`;
      this.#fault('key', 'locked-key', what, mend);
      return undefined;
    }
    try {
      return createPrivateKey(block.pem);
    } catch {
      const mend = 'Restore it, or make a new key and have a certificate issued for it.';
      this.#fault('key', 'not-pem', `The private key in ${path} is damaged.`, mend);
      return undefined;
    }
  }

  /** The certificate that is shown, and those of its issuers behind it. */
  chain(path: string, chain: readonly X509Certificate[]): void {
    const [leaf] = chain;
    if (leaf === undefined) return;
    for (const certificate of chain) this.#dates('cert', path, certificate);
    this.#purpose(path, leaf);
    const key = publicKeyOf(leaf);
    if (key === undefined) {
      const what = `The public key of the certificate in ${path} is damaged, or of a kind that is not known here.`;
      this.#fault(
        'cert',
        'not-pem',
        what,
        'Have it issued anew, for an EC key or an RSA key of 2048 bits or more.',
      );
    }
    const bits = key?.asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && bits < RSA_BITS_MIN) {
      const what = `The key of the certificate in ${path} has ${bits} bits; many peers refuse RSA keys below ${RSA_BITS_MIN}.`;
      this.#warn(
        'cert',
        'weak-key',
        what,
        'Have it issued for a key of 2048 bits or more, or for an EC key.',
      );
    }
    for (const [at, certificate] of chain.slice(1).entries()) {
      const before = chain[at];
      if (before === undefined || before.checkIssued(certificate)) continue;
      const what = `Certificate ${at + 2} in ${path} (${printName(certificate.subject)}) did not issue the one before it (${printName(before.subject)}).`;
      const mend =
        'The certificate that is shown comes first, behind it its issuer, then the issuer of that; leave out the others.';
      this.#warn('cert', 'broken-chain', what, mend);
      break;
    }
  }

  #purpose(path: string, leaf: X509Certificate): void {
    const purposes = leaf.keyUsage as readonly string[] | undefined;
    if (purposes === undefined || purposes.includes(PURPOSES[this.#role]) || purposes.includes(ANY_PURPOSE))
      return;
    const wanted = this.#role === 'server' ? 'serverAuth' : 'clientAuth';
    const what = `The certificate in ${path} may not be used by a ${this.#role} (its extended key usage lacks ${wanted}); peers that look will refuse it.`;
    this.#warn('cert', 'wrong-purpose', what, `Have it issued with extendedKeyUsage=${wanted}.`);
  }

  authorities(path: string, authorities: readonly X509Certificate[]): void {
    for (const certificate of authorities) this.#dates('ca', path, certificate);
    const wrong = authorities.find(({ ca }) => !ca);
    if (wrong === undefined) return;
    const what = `${printName(wrong.subject)} in ${path} is not a CA: it may not sign certificates.`;
    const mend = 'Name the certificate of whoever signed, with basicConstraints CA:TRUE.';
    if (wrong.subject !== wrong.issuer) this.#fault('ca', 'not-a-ca', what, mend);
    else this.#warn('ca', 'not-a-ca', `${what} Nothing but that certificate itself will be believed.`, mend);
  }

  #dates(part: 'cert' | 'ca', path: string, certificate: X509Certificate): void {
    const from = Date.parse(certificate.validFrom);
    const to = Date.parse(certificate.validTo);
    const name = `The certificate ${printName(certificate.subject)} in ${path}`;
    const renew = 'Put a new one in its place, then SIGHUP.';
    if (to <= this.#nowMs) {
      this.#fault(part, 'expired', `${name} ended on ${printDay(to)}.`, renew);
    } else if (from > this.#nowMs) {
      const mend = 'Is the clock of this host right? Else wait, or have one issued that is valid now.';
      this.#fault(part, 'not-yet-valid', `${name} is not valid before ${printDay(from)}.`, mend);
    } else if (to - this.#nowMs <= ENDS_SOON_MS) {
      const days = Math.floor((to - this.#nowMs) / 86_400_000);
      const left = days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`;
      this.#warn(part, 'ends-soon', `${name} ends on ${printDay(to)}: ${left} left.`, renew);
    }
  }

  pair(certPath: string, keyPath: string, chain: readonly X509Certificate[], key: KeyObject): void {
    const at = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
    if (at === 0) return;
    if (at > 0) {
      const what = `The key in ${keyPath} belongs to certificate ${at + 1} in ${certPath}, not to the first.`;
      this.#fault('cert', 'wrong-order', what, 'Put that certificate first, behind it those of its issuers.');
      return;
    }
    const what = `The key in ${keyPath} does not belong to the certificate in ${certPath}.`;
    const mend = `Name the key that the certificate was issued for. Their public keys must be alike: openssl x509 -in ${certPath} -noout -pubkey; openssl pkey -in ${keyPath} -pubout`;
    this.#fault('key', 'wrong-key', what, mend);
  }
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const dates = [certificate.validFrom, certificate.validTo].map((text) => Date.parse(text));
    return dates.some((ms) => Number.isNaN(ms)) ? undefined : certificate;
  } catch {
    return undefined;
  }
}

/** Node decodes it when it is asked for, and throws then. */
function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

function factsOf(part: 'cert' | 'ca', path: string, certificate: X509Certificate): CertificateFacts {
  return {
    part,
    path,
    subject: printName(certificate.subject),
    issuer: printName(certificate.issuer),
    serial: certificate.serialNumber,
    names: alternativeNames(certificate.subjectAltName),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
  };
}

/** Node gives one line an attribute; the most telling one, the common name, stands last. */
export function printName(name: string | undefined): string {
  const lines = (name ?? '').split('\n').filter((line) => line !== '');
  return lines.length === 0 ? '(no name)' : lines.reverse().join(', ');
}

/** `DNS:a.example, IP Address:10.0.0.1` as Node prints it, without the kinds. */
function alternativeNames(text: string | null | undefined): string[] {
  // null, whatever its type says, when they cannot be decoded.
  if (typeof text !== 'string') return [];
  return text
    .split(', ')
    .map((entry) => entry.slice(entry.indexOf(':') + 1))
    .filter((entry) => entry !== '');
}

function printDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
}
