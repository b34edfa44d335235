// The unit files as systemd reads them, and an installation into a folder with systemd's real tools: nothing is
// unknown to systemd, the services are as closed as they claim, and what is installed is what it takes to run.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BELFRY } from './belfry.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { makeFolder } from './programs.ts';

/** dist/test/system → systemd/ */
const UNITS = join(import.meta.dirname, '../../../systemd');
const SERVICES = ['belfry.service', 'belfry-agent.service'];

/** With every drop-in that comes with it: the most that a feature may ever be given. */
const EXPOSURE_MAX: Readonly<Record<string, readonly [plain: number, withAll: number]>> = {
  'belfry.service': [1.5, 2],
  'belfry-agent.service': [2, 2.5],
};
const skip = skipWithout('systemd-analyze');

function analyze(...args: string[]): string {
  const { path, env } = demandPeer('systemd-analyze');
  const done = spawnSync(path, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env, SYSTEMD_COLORS: '0' },
  });
  return `${done.stdout}${done.stderr}`;
}

/** A folder with all units, or with their drop-ins as well. */
function copyUnits(t: TestContext, withDropIns: boolean): string {
  const folder = makeFolder('units');
  t.after(folder.remove);
  for (const name of readdirSync(UNITS).filter((one) => one.startsWith('belfry'))) {
    if (withDropIns || !name.endsWith('.d'))
      cpSync(join(UNITS, name), join(folder.path, name), { recursive: true });
  }
  return folder.path;
}

function exposure(folder: string, service: string): number {
  const said = analyze('security', '--offline=yes', '--no-pager', join(folder, service));
  const found = /Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1];
  assert.ok(found !== undefined, said);
  return Number(found);
}

test('the services are as closed as they claim', { skip }, (t) => {
  if (!/--offline/.test(analyze('--help'))) return t.skip('systemd-analyze is older than 250');
  const plain = copyUnits(t, false);
  const withAll = copyUnits(t, true);
  for (const service of SERVICES) {
    const found = [exposure(plain, service), exposure(withAll, service)] as const;
    t.diagnostic(`${service}: exposure ${found[0]}, with every drop-in ${found[1]}`);
    const [plainMax, withAllMax] = EXPOSURE_MAX[service] ?? [0, 0];
    assert.ok(found[0] <= plainMax, `${service}: ${found[0]}`);
    assert.ok(found[1] <= withAllMax, `${service} with every drop-in: ${found[1]}`);
  }
});

/** Every tool of systemd's that an installation runs. */
const TOOLS = ['systemd-sysusers', 'systemd-tmpfiles', 'systemctl'];

function missingTool(): string | false {
  const missing = TOOLS.find((tool) => spawnSync(tool, ['--version']).status !== 0);
  return missing === undefined ? false : `${missing} is not installed`;
}

function belfry(...args: string[]): { status: number | null; text: string } {
  const done = spawnSync(BELFRY.path, [...BELFRY.args, ...args], { encoding: 'utf8' });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

const LIVE =
  process.getuid?.() === 0 ? missingTool() : 'needs root: the users of the folder own what stands in it';

test('an installation into a folder is whole, and is taken back', { skip: LIVE }, (t) => {
  const folder = makeFolder('root');
  t.after(folder.remove);
  const at = (...path: string[]) => join(folder.path, ...path);
  mkdirSync(at('etc'));
  const rooted = ['--root', folder.path, '--yes'];
  for (const args of [['server'], ['agent', '--to', '172.31.100.94']]) {
    const done = belfry('install', ...args, ...rooted);
    assert.equal(done.status, 0, done.text);
  }
  const users = readFileSync(at('etc/passwd'), 'utf8');
  const [, gid] = /^belfry:[^:]*:(\d+):/m.exec(readFileSync(at('etc/group'), 'utf8')) ?? [];
  assert.ok(gid !== undefined);
  for (const user of ['belfry', 'belfry-agent'])
    assert.match(users, new RegExp(`^${user}:x:\\d+:${gid}:[^:]*:[^:]*:.*nologin$`, 'm'));
  for (const config of ['server.json', 'agent.json']) {
    const { mode, gid: owner } = statSync(at('etc/belfry', config));
    assert.deepEqual([mode & 0o777, owner], [0o640, Number(gid)], config);
    const check = belfry('check', '-c', at('etc/belfry', config));
    assert.equal(check.status, 0, check.text);
  }
  const run = statSync(at('run/belfry'));
  assert.deepEqual([run.mode & 0o7777, run.gid], [0o1775, Number(gid)]);
  const wants = (target: string) => {
    const folderOf = at('etc/systemd/system', `${target}.wants`);
    return existsSync(folderOf) ? readdirSync(folderOf).sort() : [];
  };
  assert.deepEqual(wants('sockets.target'), [
    'belfry-ntp.socket',
    'belfry-relp.socket',
    'belfry-syslog.socket',
  ]);
  assert.deepEqual(wants('multi-user.target'), SERVICES.toSorted());
  assert.ok(lstatSync(at('etc/systemd/system/multi-user.target.wants/belfry.service')).isSymbolicLink());

  const again = belfry('install', 'server', ...rooted);
  assert.match(again.text, /nothing had to be changed/);
  assert.equal(belfry('uninstall', ...rooted).status, 0);
  assert.ok(existsSync(at('etc/belfry/server.json')));
  assert.deepEqual(wants('sockets.target'), []);
  const purged = belfry('uninstall', '--purge', ...rooted);
  assert.equal(purged.status, 0, purged.text);
  assert.ok(!existsSync(at('etc/belfry')));
});

test('systemd knows every word of the units, and the program that they run is there', {
  skip: skip === false ? LIVE : skip,
}, (t) => {
  const folder = makeFolder('root');
  t.after(folder.remove);
  mkdirSync(join(folder.path, 'etc'));
  for (const args of [
    ['server', '--with', 'bind,groups'],
    ['agent', '--to', 'logs', '--with', 'bind,capture,clock'],
  ]) {
    const done = belfry('install', ...args, '--root', folder.path, '--yes');
    assert.equal(done.status, 0, done.text);
  }
  // Drop-ins are found beside the unit that is named by its path.
  const system = join(folder.path, 'usr/local/lib/systemd/system');
  cpSync(join(folder.path, 'etc/systemd/system'), system, { recursive: true });
  rmSync(join(system, 'multi-user.target.wants'), { recursive: true });
  rmSync(join(system, 'sockets.target.wants'), { recursive: true });
  const units = readdirSync(system).filter((name) => /\.(service|socket)$/.test(name));
  assert.equal(units.length, 6);
  const said = analyze('verify', '--man=no', ...units.map((name) => join(system, name)));
  const ours = said.split('\n').filter((line) => /belfry/.test(line));
  assert.deepEqual(ours, []);
});
