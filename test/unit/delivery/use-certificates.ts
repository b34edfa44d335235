// Authorities and certificates for tests, made with the openssl program.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** For the `skip` of a test. */
export const withoutOpenssl: string | false =
  spawnSync('openssl', ['version']).error === undefined ? false : 'there is no openssl to make certificates';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  readonly name: string;
  /** `DNS:logs.example.org,IP:127.0.0.1`. */
  readonly names?: string;
  /** From now; negative: it has ended. */
  readonly days?: number;
}

export class Authority {
  readonly folder: string;
  readonly ca: string;

  constructor(t: TestContext, name = 'Test Authority') {
    this.folder = mkdtempSync(join(tmpdir(), 'belfry-certificates-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.ca = join(this.folder, 'ca.pem');
    this.#run([
      'req',
      '-x509',
      ...this.#newKey('ca.key'),
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    ]);
  }

  issue({ name, names = 'DNS:localhost,IP:127.0.0.1', days = 2 }: Wish): Pair {
    const file = (ending: string) => `${name}.${ending}`;
    this.#run(['req', ...this.#newKey(file('key')), '-out', file('csr'), '-subj', `/CN=${name}`]);
    writeFileSync(join(this.folder, file('ext')), `subjectAltName=${names}\n`);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', file('ext')];
    this.#run(['x509', '-req', '-in', file('csr'), ...signed, '-days', String(days), '-out', file('pem')]);
    return { cert: join(this.folder, file('pem')), key: join(this.folder, file('key')) };
  }

  #newKey(file: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
  }

  #run(args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }
}
