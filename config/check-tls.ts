// What is wrong with TLS in a configuration: certificates and keys that cannot be used (config/tls-files.ts looks at
// them), listeners that need them and have none, keys that lead nowhere. Runs beside other faults, so it trusts no
// type.

import { dirname, resolve } from 'node:path';
import { parseListen } from './address-formats.ts';
import type { CertificateFinding, CertificateRole } from './certificates.ts';
import type { Document, Path, PlacedFault } from './document.ts';
import { get, type RuleSource } from './rules.ts';
import { readTlsFiles } from './tls-files.ts';
import { placeSaid } from './validate.ts';

type Add = (found: PlacedFault) => void;

/** `path` leads to the object with `cert`, `key` and `ca`. */
export function checkCertificates(
  document: Document,
  path: Path,
  tls: unknown,
  role: CertificateRole,
  nowMs: number,
  fault: Add,
  note: Add,
): void {
  const beside = (key: string) => {
    const text = get(tls, key);
    return typeof text === 'string' && text !== '' && !text.includes('\0')
      ? resolve(dirname(document.file), text)
      : undefined;
  };
  const paths = { cert: beside('cert'), key: beside('key'), ca: beside('ca') };
  const { faults, warnings } = readTlsFiles(paths, role, nowMs);
  const said = (code: 'CONFIG_BAD_CERTIFICATE' | 'CONFIG_NOTE', { part, what, mend }: CertificateFinding) =>
    placeSaid(document, { code, path: [...path, part], part: 'value', what, mend });
  for (const one of faults) fault(said('CONFIG_BAD_CERTIFICATE', one));
  for (const one of warnings) note(said('CONFIG_NOTE', one));
}

/** Listeners with TLS need a certificate; a certificate, and rules for those of senders, need such listeners. */
export function checkServerTls(
  document: Document,
  syslog: unknown,
  sources: readonly RuleSource[],
  fault: Add,
  note: Add,
): void {
  const tls = get(syslog, 'tls');
  const at = firstTlsListener(get(syslog, 'listen'));
  if (at !== undefined && tls === undefined) {
    fault(
      placeSaid(document, {
        code: 'CONFIG_MISSING_KEY',
        path: ['syslog', 'listen', at],
        part: 'value',
        what: 'A listener with TLS needs a certificate to show, and there is no "syslog.tls".',
        mend: 'Add "tls": { "cert": "server.pem", "key": "server.key" } to "syslog".',
      }),
    );
  }
  if (get(tls, 'requireClientCert') === true && get(tls, 'ca') === undefined) {
    fault(
      placeSaid(document, {
        code: 'CONFIG_CONFLICT',
        path: ['syslog', 'tls', 'requireClientCert'],
        part: 'value',
        what: 'Certificates of senders are required, but nobody is named who may sign them.',
        mend: 'Add "ca": "ca.pem" beside it.',
      }),
    );
  }
  if (tls !== undefined && at === undefined) {
    const mend = 'Add "tls://0.0.0.0:6514" or "relps://0.0.0.0:2514" to "listen", or remove "tls".';
    const what = 'There is a certificate, but no listener that shows it.';
    note(placeSaid(document, { code: 'CONFIG_NOTE', path: ['syslog', 'tls'], part: 'key', what, mend }));
  }
  noteCertNames(tls !== undefined && at !== undefined && get(tls, 'ca') !== undefined, sources, note);
}

function firstTlsListener(listen: unknown): number | undefined {
  if (!Array.isArray(listen)) return undefined;
  const at = listen.findIndex((text) => {
    const transport = typeof text === 'string' ? parseListen(text)?.transport : undefined;
    return transport === 'tls' || transport === 'relps';
  });
  return at < 0 ? undefined : at;
}

/** Without a listener that asks for certificates no message has one. */
function noteCertNames(areAsked: boolean, sources: readonly RuleSource[], note: Add): void {
  if (areAsked) return;
  for (const { document, path, value, name } of sources) {
    if (get(get(value, 'match'), 'certName') === undefined) continue;
    note(
      placeSaid(document, {
        code: 'CONFIG_NOTE',
        path: [...path, 'match', 'certName'],
        part: 'key',
        what: `The rule "${name}" can never run: senders are not asked for a certificate.`,
        mend: 'Add a tls:// or relps:// listener, and "ca" to "syslog.tls"; or remove the rule.',
      }),
    );
  }
}
