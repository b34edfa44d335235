// Authorities and certificates of every kind that a TLS test needs, made by the openssl program in a folder of their
// own. Refuses: to be used without openssl; NO_OPENSSL is what a test skips with.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeFolder } from './programs.ts';

export const NO_OPENSSL: string | false =
  spawnSync('openssl', ['version']).error === undefined ? false : 'there is no openssl to make certificates';

/** Paths of PEM files. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  /** The common name, and the name of the files. */
  readonly name: string;
  /** subjectAltName, such as `DNS:web-1.example,IP:127.0.0.1`; none unless told. */
  readonly names?: string;
  /** From now on; negative: it has ended. */
  readonly days?: number;
  /** extendedKeyUsage. */
  readonly purpose?: 'serverAuth' | 'clientAuth';
}

export class Authority {
  readonly folder: string;
  readonly ca: string;

  readonly #t: TestContext;

  /** A root, unless another authority stands `above` it. */
  constructor(t: TestContext, name = 'Test CA', days = 60, above?: Authority) {
    const folder = makeFolder('tls');
    t.after(folder.remove);
    this.#t = t;
    this.folder = folder.path;
    this.ca = join(this.folder, 'ca.pem');
    const subject = ['-subj', `/CN=${name}`];
    if (above === undefined) {
      this.run(['req', '-x509', ...newKey('ca.key'), '-out', 'ca.pem', '-days', String(days), ...subject]);
      return;
    }
    this.run(['req', ...newKey('ca.key'), '-out', 'ca.csr', ...subject]);
    writeFileSync(join(this.folder, 'ca.ext'), 'basicConstraints=critical,CA:TRUE\n');
    const signing = ['-CA', above.ca, '-CAkey', join(above.folder, 'ca.key'), '-CAcreateserial'];
    const made = ['-extfile', 'ca.ext', '-days', String(days), '-out', 'ca.pem'];
    this.run(['x509', '-req', '-in', 'ca.csr', ...signing, ...made]);
  }

  /** An authority whose certificate this one has signed. */
  between(name: string): Authority {
    return new Authority(this.#t, name, 60, this);
  }

  issue({ name, names, days = 60, purpose }: Wish): Identity {
    const file = (ending: string) => `${name}.${ending}`;
    this.run(['req', ...newKey(file('key')), '-out', file('csr'), '-subj', `/O=Example/CN=${name}`]);
    const extensions = [
      ...(names === undefined ? [] : [`subjectAltName=${names}`]),
      ...(purpose === undefined ? [] : [`extendedKeyUsage=${purpose}`]),
    ];
    writeFileSync(join(this.folder, file('ext')), `${extensions.join('\n')}\n`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', file('ext')];
    this.run(['x509', '-req', '-in', file('csr'), ...signing, '-days', String(days), '-out', file('pem')]);
    return { cert: join(this.folder, file('pem')), key: join(this.folder, file('key')) };
  }

  run(args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}

/** Puts a certificate and its key where another stands, as a renewal does. */
export function replace(standing: Identity, by: Identity): void {
  copyFileSync(by.cert, standing.cert);
  copyFileSync(by.key, standing.key);
}
