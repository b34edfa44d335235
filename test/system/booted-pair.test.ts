// Two booted hosts on a network: Belfry's package on both, a server on one and an agent on the other, as an operator
// would set them up, and then what happens to hosts: kills, hangs, pulled cables, reboots, full disks, upgrades.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { installPackage, isActive, makePackage, SERVER_CONFIG, whyNoPackage } from './booted-hosts.ts';
import { type Machine, openSite, type Site, whyNoBoot } from './booted.ts';
import { makeFolder } from './programs.ts';

const FILE = '/var/log/belfry/client.log';
const NEWER = '99.0.0';

describe('two hosts', { skip: whyNoBoot() || whyNoPackage() }, () => {
  const folder = makeFolder('deb');
  let site: Site;
  let server: Machine;
  let client: Machine;

  before(async () => {
    const file = makePackage(folder.path, '0.0.1');
    makePackage(folder.path, NEWER);
    site = await openSite(['server', 'client'], { shows: [[folder.path, '/mnt']] });
    server = site.machine('server');
    client = site.machine('client');
    const inside = file.replace(folder.path, '/mnt');
    await Promise.all([installPackage(server, inside), installPackage(client, inside)]);
  });
  after(async () => {
    await site?.close();
    folder.remove();
  });

  test('a line of logger on one host stands in the file that a rule names on the other', async () => {
    server.write('/etc/belfry/server.json', SERVER_CONFIG);
    await server.run('belfry', 'install', 'server', '--yes');
    await client.run('belfry', 'install', 'agent', '--to', 'server', '--yes');
    await Promise.all([isActive(server, 'belfry.service'), isActive(client, 'belfry-agent.service')]);
    // What a person looks at, for a while.
    const shown = server.try(
      'timeout',
      '20',
      'sh',
      '-c',
      `tail -n0 -F ${FILE} | grep -m1 this-is-a-test-log-message`,
    );
    await client.run('logger', '-t', 'cloud_user', 'this-is-a-test-log-message');
    assert.match((await shown).stdout, / client cloud_user(\[\d+\])?: this-is-a-test-log-message\n/);
    assert.equal(await client.property('belfry-agent.service', 'User'), 'belfry-agent');
    assert.equal(await server.property('belfry.service', 'User'), 'belfry');
  });
});
