// Certificates for tests, written as DER by hand and signed with Node's keys: no openssl is needed, and every field
// can be wrong on purpose (RFC 5280 section 4.1).

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export function makeKeys(): Pair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export function pemOfKey({ privateKey }: Pair): string {
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

export interface CertificateWishes {
  readonly subject: string;
  readonly keys: Pair;
  /** Self-signed without one. */
  readonly issuer?: { readonly subject: string; readonly keys: Pair };
  readonly from?: Date;
  readonly to?: Date;
  readonly dnsNames?: readonly string[];
  readonly isCa?: boolean;
  /** SubjectPublicKeyInfo in place of that of the keys. */
  readonly publicKey?: Uint8Array;
  /** Extended key usages, as object identifiers. */
  readonly purposes?: readonly string[];
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length =
    body.length < 128
      ? Buffer.of(body.length)
      : body.length < 256
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 255);
  return Buffer.concat([Buffer.of(tag), length, body]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** commonName alone. */
function name(text: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(text)))));
}

/** GeneralizedTime holds every year. */
function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x04, value));
}

function extensionsOf({ dnsNames, isCa, purposes }: CertificateWishes): Buffer[] {
  const own: Buffer[] = [];
  if (isCa !== undefined)
    own.push(extension('2.5.29.19', sequence(...(isCa ? [der(0x01, Buffer.of(255))] : []))));
  if (dnsNames !== undefined)
    own.push(extension('2.5.29.17', sequence(...dnsNames.map((one) => der(0x82, Buffer.from(one))))));
  if (purposes !== undefined) own.push(extension('2.5.29.37', sequence(...purposes.map(oid))));
  return own.length === 0 ? [] : [der(0xa3, sequence(...own))];
}

/** RSA for the few tests that need it, else ECDSA with SHA-256. */
function algorithmOf({ privateKey }: Pair): Buffer {
  return privateKey.asymmetricKeyType === 'rsa'
    ? sequence(oid('1.2.840.113549.1.1.11'), der(0x05))
    : sequence(oid('1.2.840.10045.4.3.2'));
}

const DAY_MS = 86_400_000;

/** One certificate as PEM; by default valid from yesterday for a year. */
export function makeCertificate(wishes: CertificateWishes): string {
  const { subject, keys, issuer = { subject, keys }, from, to } = wishes;
  const algorithm = algorithmOf(issuer.keys);
  const serial = createHash('sha1')
    .update(JSON.stringify([subject, from, to]))
    .digest()
    .subarray(0, 8);
  const content = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1), serial),
    algorithm,
    name(issuer.subject),
    sequence(time(from ?? new Date(Date.now() - DAY_MS)), time(to ?? new Date(Date.now() + 365 * DAY_MS))),
    name(subject),
    wishes.publicKey ?? keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...extensionsOf(wishes),
  );
  const signature = sign('sha256', content, issuer.keys.privateKey);
  const bytes = sequence(content, algorithm, der(0x03, Buffer.of(0), signature));
  const lines = bytes.toString('base64').replace(/(.{64})/g, '$1\n');
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}
