// The unit files of systemd/ as this Belfry installs them: as they stand there, but for the program, which is
// named by its full path, since a service has no PATH of anybody's.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Role = 'server' | 'agent';

/** dist/cli/install → systemd/ */
const TEMPLATES = join(import.meta.dirname, '../../../systemd');
/** As the files in systemd/ name the program. */
const TEMPLATE_PROGRAM = '/usr/bin/belfry';

/** The service of a role, and the sockets that may belong to it. */
export const SERVICE: Readonly<Record<Role, string>> = {
  server: 'belfry.service',
  agent: 'belfry-agent.service',
};
export const SOCKETS = {
  syslog: 'belfry-syslog.socket',
  relp: 'belfry-relp.socket',
  tls: 'belfry-tls.socket',
  ntp: 'belfry-ntp.socket',
} as const;

export function unitsOf(role: Role): string[] {
  return role === 'agent' ? [SERVICE.agent] : [SERVICE.server, ...Object.values(SOCKETS)];
}

/** How this very Belfry is run: Node, its flags, the program. */
export function ownProgram(): string[] {
  return [process.execPath, '--max-semi-space-size=2', join(import.meta.dirname, '../main.js')];
}

/** Of systemd.service(5): quotes where there is space, and nothing that systemd would expand. */
function quote(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s"'\\]/.test(plain) ? `"${plain.replace(/["\\]/g, '\\$&')}"` : plain;
}

export function unitText(name: string, program: readonly string[]): string {
  const text = readFileSync(join(TEMPLATES, name), 'utf8');
  const words = program.map(quote).join(' ');
  return text.replaceAll(
    new RegExp(`^(Exec\\w+=-?)${TEMPLATE_PROGRAM} `, 'gm'),
    (_, key: string) => `${key}${words} `,
  );
}

export interface UnitFile {
  /** Below the prefix: lib/systemd/system/belfry.service. */
  readonly path: string;
  readonly text: string;
}

/** What both roles need: users, and the directory of control sockets. */
export function sharedFiles(): UnitFile[] {
  return ['sysusers.d', 'tmpfiles.d'].map((folder) => ({
    path: join('lib', folder, 'belfry.conf'),
    text: readFileSync(join(TEMPLATES, folder, 'belfry.conf'), 'utf8'),
  }));
}

export function unitFiles(role: Role, program: readonly string[]): UnitFile[] {
  return unitsOf(role).map((name) => ({
    path: join('lib/systemd/system', name),
    text: unitText(name, program),
  }));
}

/** Whether the distribution's package has installed this role: then its files are not ours to write. */
export function isPackaged(role: Role, root: string): boolean {
  const folders = ['/usr/lib/systemd/system', '/lib/systemd/system'];
  return folders.some((folder) => existsSync(join(root, folder, SERVICE[role])));
}

/** The drop-ins that come with Belfry, for whoever asks which there are. */
export function dropInNames(role: Role): string[] {
  return readdirSync(join(TEMPLATES, `${SERVICE[role]}.d`)).map((file) => file.replace(/\.conf$/, ''));
}

export function dropInText(role: Role, name: string): string {
  return readFileSync(join(TEMPLATES, `${SERVICE[role]}.d`, `${name}.conf`), 'utf8');
}

/** Where one that is wanted stands: with what the administrator decides, not with what a package brings. */
export function dropInPath(role: Role, name: string): string {
  return `/etc/systemd/system/${SERVICE[role]}.d/belfry-${name}.conf`;
}
