// The blocks of a PEM file (RFC 7468), and what is said of a file that has none of the wanted kind: empty, a block of
// another kind, DER, or something else.

import type { CertificateTrouble } from './certificates.ts';

export const CERTIFICATE_BEGIN = '-----BEGIN CERTIFICATE-----';
export const CERTIFICATE_LABELS: ReadonlySet<string> = new Set([
  'CERTIFICATE',
  'X509 CERTIFICATE',
  'TRUSTED CERTIFICATE',
]);

/** RFC 7468: text before, between and behind the blocks says nothing. */
export function pemBlocks(text: string): { readonly label: string; readonly pem: string }[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*(?:-[^-]+)*-----END \1-----/g);
  return [...blocks].map(([pem, label = '']) => ({ label, pem }));
}

export function sayNoBlock(
  path: string,
  bytes: Uint8Array,
  text: string,
  wanted: string,
  begin: string,
): readonly [CertificateTrouble, string, string] {
  if (bytes.length === 0) return ['empty', `${path} is empty.`, `It must hold ${wanted}, as PEM.`];
  const [other] = pemBlocks(text);
  if (other !== undefined) {
    const what = `${path} holds no ${wanted.replace(/^a /, '')}, but a block "${other.label}".`;
    return ['not-pem', what, 'Were two files mixed up?'];
  }
  // DER, and a PKCS #12 store, begin with the tag of a SEQUENCE (X.690).
  const kind = bytes[0] === 0x30 ? 'DER or PKCS #12' : 'something else';
  const mend =
    bytes[0] === 0x30
      ? `Turn it into PEM: openssl x509 -inform DER -in ${path} -out FILE (a certificate), openssl pkey -inform DER … (a key), openssl pkcs12 -in ${path} -nodes … (both).`
      : `Name a file with ${begin} in it.`;
  return ['not-pem', `${path} is not PEM, but ${kind}.`, mend];
}
