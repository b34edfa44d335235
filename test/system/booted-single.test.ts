// One booted host: what systemd does for Belfry (a socket that starts it, sandboxed users), and Belfry as npm installs
// it for the whole system from the packed tarball, without the Debian package.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import {
  allArrive,
  installPackage,
  isActive,
  logNumbers,
  makePackage,
  reloadBy,
  SERVER_CONFIG,
  whyNoPackage,
} from './booted-hosts.ts';
import { type Machine, openSite, type Site, whyNoBoot } from './booted.ts';
import { makeFolder } from './programs.ts';
import { eventually } from './world.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FILE = '/var/log/belfry/rest.log';

/** Installs the packed tarball as `npm install -g` does, into a folder that the machine shows as /usr/local. */
function installGlobally(folder: string): void {
  const npm = (...words: string[]) =>
    execFileSync('npm', [...words, '--silent', '--prefer-offline'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const tarball = npm('pack', '--pack-destination', folder);
  npm('install', '-g', '--prefix', join(folder, 'local'), join(folder, tarball.split('\n').at(-1) ?? ''));
}

describe('a host with the package', { skip: whyNoBoot() || whyNoPackage() }, () => {
  const folder = makeFolder('deb');
  let site: Site;
  let host: Machine;

  before(async () => {
    const file = makePackage(folder.path, '0.0.1');
    site = await openSite(['host'], { shows: [[folder.path, '/mnt']] });
    host = site.machine('host');
    await installPackage(host, file.replace(folder.path, '/mnt'));
    host.write('/etc/belfry/server.json', SERVER_CONFIG);
    await host.run('belfry', 'install', 'server', '--yes');
    await isActive(host, 'belfry.service');
  });
  after(async () => {
    await site?.close();
    folder.remove();
  });

  test('the datagram that starts the server is in its file', async () => {
    await host.run('systemctl', 'stop', 'belfry.service');
    assert.equal(await host.property('belfry.service', 'MainPID'), '0');
    await host.run('logger', '-n', '127.0.0.1', '-P', '514', '-d', '-t', 'first', 'n=1;');
    await allArrive(host, FILE, 'first', 1);
    await isActive(host, 'belfry.service');
  });

  test('installing twice changes nothing, and says so', async () => {
    const pid = await host.property('belfry.service', 'MainPID');
    const said = await host.run('belfry', 'install', 'server', '--yes');
    assert.match(said, /nothing had to be changed/);
    assert.equal(await host.property('belfry.service', 'MainPID'), pid);
    assert.equal(host.read('/etc/belfry/server.json'), SERVER_CONFIG);
  });

  test('systemd shows how it does, in a sentence', async () => {
    await eventually('a status', async () => (await host.property('belfry.service', 'StatusText')) !== '');
    assert.equal(await host.property('belfry.service', 'NRestarts'), '0');
  });

  test('logrotate takes the file away, and the next line is in a new one', async () => {
    await reloadBy(host, () => host.run('logrotate', '-f', '/etc/logrotate.d/belfry'));
    await host.run('logger', '-n', '127.0.0.1', '-P', '514', '-d', '-t', 'rotated', 'n=1;');
    await allArrive(host, FILE, 'rotated', 1);
    assert.doesNotMatch(host.read(FILE), / first: /);
    assert.match(host.read(`${FILE}.1`), / first: /);
  });
});

describe('a host with the tarball', { skip: whyNoBoot() }, () => {
  const folder = makeFolder('tarball');
  let site: Site;
  let host: Machine;

  before(async () => {
    installGlobally(folder.path);
    const local = join(folder.path, 'local');
    site = await openSite(['host'], {
      shows: [
        [join(local, 'lib/node_modules'), '/usr/local/lib/node_modules'],
        [process.execPath, '/usr/bin/node'],
      ],
    });
    host = site.machine('host');
    await host.run('ln', '-s', '../lib/node_modules/belfry/dist/cli/main.js', '/usr/local/bin/belfry');
  });
  after(async () => {
    await site?.close();
    folder.remove();
  });

  test('server and agent of one host are installed, run, and carry a line of logger', async () => {
    host.write('/etc/belfry/server.json', SERVER_CONFIG);
    await host.run('belfry', 'install', 'server', '--yes');
    await host.run('belfry', 'install', 'agent', '--to', '127.0.0.1', '--yes');
    await Promise.all([isActive(host, 'belfry.service'), isActive(host, 'belfry-agent.service')]);
    await logNumbers(host, 'tarball', 100);
    await allArrive(host, FILE, 'tarball', 100);
  });

  test('it is uninstalled, and the logs stay', async () => {
    await host.run('belfry', 'uninstall', '--yes');
    assert.equal(await host.property('belfry.service', 'LoadState'), 'not-found');
    assert.equal(await host.property('belfry-agent.service', 'LoadState'), 'not-found');
    await allArrive(host, FILE, 'tarball', 100);
  });
});
