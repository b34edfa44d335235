// What the booted tests share: Belfry's Debian package made of this very build, hosts on which it is installed as an
// operator would, numbered lines that are logged on one host, and the question whether each arrived on the other.
// Refuses: to count a line that came twice as two. RELP promises at least once, and a kill makes use of that.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './booted.ts';
import { eventually } from './world.ts';

/** dist/test/system → the repository. */
const ROOT = join(import.meta.dirname, '../../..');
/** Both hosts of a pair have something to do: a start, a catch-up, a second try after a pause. */
export const CATCH_UP_MS = 45_000;

const MAKER = join(ROOT, 'tools/package_deb.mjs');

/** Makes the package of what was built, under this version. The runtime comes from the registry or npm's cache. */
export function makePackage(folder: string, version: string): string {
  const words = [MAKER, '--fast', '--out', folder, '--version', version];
  return execFileSync(process.execPath, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** For `skip`: the tests of the package need what the package is made of. */
export function whyNoPackage(): string | false {
  if (!existsSync('/usr/bin/dpkg-deb')) return 'dpkg-deb is missing';
  const probe = spawnSync(process.execPath, [MAKER, '--probe'], { encoding: 'utf8' });
  return probe.status === 0 ? false : `no runtime for the package: ${probe.stderr.trim().split('\n')[0]}`;
}

/** systemctl may return before the service has heard of it; this waits for what the service says of a reload. */
export async function reloadBy(server: Machine, reload: () => Promise<unknown>): Promise<void> {
  const count = async () =>
    (await server.journal('belfry.service')).split('all files are opened anew').length;
  const before = await count();
  await reload();
  await eventually('it has reloaded', async () => (await count()) > before, CATCH_UP_MS);
}

export async function installPackage(machine: Machine, file: string): Promise<void> {
  await machine.run('apt-get', '-q', '-y', '-o', 'Dpkg::Use-Pty=0', 'install', file);
}

export const SERVER_CONFIG = `{
  // One file for each host that sends.
  "syslog": { "listen": ["udp://0.0.0.0:514", "tcp://0.0.0.0:514", "relp://0.0.0.0:2514"], "allow": ["127.0.0.0/8", "10.99.0.0/24"] },
  "files": { "root": "/var/log/belfry" },
  "rules": [
    { "name": "client", "match": { "host": "client" }, "file": "client.log", "stop": true },
    { "name": "everything", "file": "rest.log" }
  ],
  "ntp": { "allow": ["10.99.0.0/24"], "local": { "stratum": 10 } }
}
`;

/** Logs \`n=1;\` to \`n=COUNT;\` with the host's own logger. */
export async function logNumbers(machine: Machine, tag: string, count: number): Promise<void> {
  await machine.sh(`seq -f 'n=%.0f;' 1 ${count} | logger -t ${tag}`);
}

function numbersIn(text: string, tag: string): Set<number> {
  const found = text.matchAll(new RegExp(` ${tag}(?:\\[\\d+\\])?: n=(\\d+);`, 'g'));
  return new Set([...found].map(([, number]) => Number(number)));
}

/** Waits until each number stands in the file; says which are missing if they do not come. */
export async function allArrive(server: Machine, file: string, tag: string, count: number): Promise<void> {
  const here = () => numbersIn(server.read(file), tag);
  try {
    await eventually(`${count} lines of ${tag}`, () => here().size >= count, CATCH_UP_MS);
  } catch {
    const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !here().has(number));
    const story = await server.journal('belfry.service');
    assert.fail(
      `${tag}: ${missing.length} of ${count} are missing, such as ${missing.slice(0, 5).join(', ')}\n${story}`,
    );
  }
}

/** Waits until a unit is active, and says what its journal has if it does not come up. */
export async function isActive(machine: Machine, unit: string): Promise<void> {
  const state = async () => (await machine.try('systemctl', 'is-active', unit)).stdout.trim();
  try {
    await eventually(`${unit} is active`, async () => (await state()) === 'active', CATCH_UP_MS);
  } catch (error) {
    throw new Error(`${(error as Error).message} (${await state()})\n${await machine.journal(unit)}`);
  }
}
