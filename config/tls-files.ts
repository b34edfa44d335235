// Reads the PEM files that a configuration names and has them looked at (config/certificates.ts). The bytes that
// were looked at are handed out, so that what is used is what was checked.
//
// Never throws for a file that is absent, locked away, too large or no file at all: each is a finding in words.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { codeOf } from '../base/fault.ts';
import {
  type CertificateFinding,
  type CertificatePart,
  type CertificateReport,
  type CertificateRole,
  lookAtCertificates,
  type PemFile,
} from './certificates.ts';

/** Absolute paths; what is undefined is not used. */
export interface TlsPaths {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
}

export interface TlsFiles extends CertificateReport {
  /** The bytes of the files that could be read. */
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly ca: Buffer | undefined;
}

/** A trust store of a system has about 250 KiB. */
const PEM_BYTES_MAX = 4 * 1024 ** 2;

/** Read by all others, in st_mode (sys/stat.h: S_IROTH). */
const S_IROTH = 0o004;

interface ReadFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

export function readTlsFiles(paths: TlsPaths, role: CertificateRole, nowMs: number): TlsFiles {
  const faults: CertificateFinding[] = [];
  const warnings: CertificateFinding[] = [];
  const read = (part: CertificatePart, path: string | undefined): PemFile | undefined => {
    if (path === undefined) return undefined;
    const file = readPem(path);
    if (typeof file === 'string') {
      faults.push({ part, trouble: 'unreadable', ...sayUnreadable(path, file) });
      return undefined;
    }
    if (part === 'key' && (file.mode & S_IROTH) !== 0) warnings.push(sayOpenKey(path, file.mode));
    return { path, bytes: file.bytes };
  };
  const cert = read('cert', paths.cert);
  const key = read('key', paths.key);
  const ca = read('ca', paths.ca);
  const report = lookAtCertificates({ cert, key, ca }, role, nowMs);
  faults.push(...report.faults);
  if (faults.length === 0) faults.push(...refusals(cert, key, ca));
  return {
    cert: bytesOf(cert),
    key: bytesOf(key),
    ca: bytesOf(ca),
    facts: report.facts,
    faults,
    warnings: [...warnings, ...report.warnings],
  };
}

/** The TLS library has an opinion of its own, of weak keys and signatures for one. */
function refusals(...[cert, key, ca]: readonly (PemFile | undefined)[]): CertificateFinding[] {
  const text = (file: PemFile | undefined) => file && String(bytesOf(file));
  try {
    createSecureContext({ cert: text(cert), key: text(key), ca: text(ca) });
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const which = cert === undefined ? `the CA in ${ca?.path ?? ''}` : 'the certificate or its key';
    const what = `The TLS library does not take ${which}: ${reason}.`;
    const mend =
      'Have the certificate issued anew, for an EC key or an RSA key of 2048 bits or more, signed with SHA-256.';
    return [{ part: cert === undefined ? 'ca' : 'cert', trouble: 'refused', what, mend }];
  }
}

function bytesOf(file: PemFile | undefined): Buffer | undefined {
  return file && Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
}

/** The reason, as an error code or a word of our own, when it cannot be read. */
function readPem(path: string): ReadFile | string {
  let fd: number;
  try {
    // A pipe without a writer would be waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return codeOf(error) ?? 'unknown';
  }
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) return 'EISDIR';
    if (!stats.isFile()) return 'not-a-file';
    if (stats.size > PEM_BYTES_MAX) return 'too-large';
    const bytes = Buffer.alloc(stats.size);
    let at = 0;
    while (at < bytes.length) {
      const length = readSync(fd, bytes, at, bytes.length - at, at);
      if (length === 0) break;
      at += length;
    }
    return { bytes: bytes.subarray(0, at), mode: stats.mode };
  } catch (error) {
    return codeOf(error) ?? 'unknown';
  } finally {
    closeSync(fd);
  }
}

function sayUnreadable(path: string, reason: string): { readonly what: string; readonly mend: string } {
  switch (reason) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { what: `There is no file ${path}.`, mend: 'Put it there, or name another one.' };
    case 'EACCES':
      return {
        what: `${path} cannot be read by this user.`,
        mend: 'Give it the group of the service and mode 0640, and x on each directory above it.',
      };
    case 'EISDIR':
      return { what: `${path} is a directory.`, mend: 'Name the file in it.' };
    case 'not-a-file':
      return { what: `${path} is not a plain file.`, mend: 'Name a plain file.' };
    case 'too-large':
      return {
        what: `${path} is larger than ${PEM_BYTES_MAX / 1024 ** 2} MiB.`,
        mend: 'Is it the right file?',
      };
    default:
      return {
        what: `${path} cannot be read (${reason}).`,
        mend: 'See to the file and the disk that it lies on.',
      };
  }
}

function sayOpenKey(path: string, mode: number): CertificateFinding {
  const digits = (mode & 0o7777).toString(8).padStart(4, '0');
  return {
    part: 'key',
    trouble: 'open-key',
    what: `Every user of this host may read the key in ${path} (mode ${digits}).`,
    mend: `Take that away: chmod o= ${path}`,
  };
}
