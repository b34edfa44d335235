// The name by which the rules know whoever showed a certificate (`certName`), and a certificate on one line for
// the log. The name is the first DNS name of subjectAltName; where there is none, its first IP or mail address;
// where there is none either, the subject's common name. Other names are not looked at.
//
// Refuses: names with control bytes and names longer than a DNS name may be; such a certificate has no name.

import type { PeerCertificate } from 'node:tls';

/** RFC 1035 section 2.3.4. */
const NAME_CHARS_MAX = 253;
/** A certificate may be full of nonsense; a line of the log is not. */
const LINE_CHARS_MAX = 300;

const KINDS = ['DNS', 'IP Address', 'email'] as const;

/** One name of subjectAltName, as Node prints it: `DNS:a.example`, or with the value as a JSON string. */
const ENTRY = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;

export interface AlternativeName {
  readonly kind: string;
  readonly value: string;
}

export function alternativeNames(text: string | undefined): AlternativeName[] {
  return [...(text ?? '').matchAll(ENTRY)].map(([, kind = '', value = '']) => ({
    kind,
    value: value.startsWith('"') ? unquote(value) : value,
  }));
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return '';
  }
}

type Shown = Partial<
  Pick<PeerCertificate, 'subject' | 'issuer' | 'subjectaltname' | 'serialNumber' | 'valid_from' | 'valid_to'>
>;

export function certificateName(certificate: Shown): string | undefined {
  const names = alternativeNames(certificate.subjectaltname);
  for (const kind of KINDS) {
    const found = names.find((name) => name.kind === kind);
    if (found) return usable(kind === 'DNS' ? found.value.toLowerCase() : found.value);
  }
  return usable(commonName(certificate.subject));
}

function usable(name: string | undefined): string | undefined {
  if (name === undefined || name === '' || name.length > NAME_CHARS_MAX) return undefined;
  return /[\x00-\x1f\x7f-\x9f]/.test(name) ? undefined : name;
}

/** A subject may hold several; then Node gives a list, whatever its types say. */
function commonName(subject: { readonly CN?: string | readonly string[] } | undefined): string | undefined {
  const name = subject?.CN;
  return typeof name === 'string' ? name : name?.[0];
}

/** `CN=web-1, O=Example; names web-1.example; issued by CN=Example CA; serial 0A…; valid from … to …`. */
export function describeCertificate(certificate: Shown): string {
  const names = alternativeNames(certificate.subjectaltname).map(({ value }) => value);
  const parts = [
    printSubject(certificate.subject),
    ...(names.length > 0 ? [`names ${names.join(', ')}`] : []),
    `issued by ${printSubject(certificate.issuer)}`,
    `serial ${certificate.serialNumber ?? '?'}`,
    `valid from ${certificate.valid_from ?? '?'} to ${certificate.valid_to ?? '?'}`,
  ];
  return printable(parts.join('; '));
}

function printSubject(subject: object | undefined): string {
  const parts = Object.entries(subject ?? {}).map(
    ([key, value]) => `${key}=${Array.isArray(value) ? value.join('+') : String(value)}`,
  );
  return parts.length === 0 ? 'nobody named' : parts.reverse().join(', ');
}

/** What strangers write into certificates does not reach a terminal as it is. */
function printable(text: string): string {
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  return clean.length > LINE_CHARS_MAX ? `${clean.slice(0, LINE_CHARS_MAX)}…` : clean;
}
