// Watching connections as a service does it: two booted hosts with Belfry's package, both agents in their sandbox with the
// drop-ins for it. What happens between the hosts is told by both, with the process behind each end, and what lacks a
// drop-in says so and forwards logs as ever.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import {
  CATCH_UP_MS,
  installPackage,
  isActive,
  makePackage,
  SERVER_CONFIG,
  whyNoPackage,
} from './booted-hosts.ts';
import { type Machine, openSite, type Site, whyNoBoot } from './booted.ts';
import { makeFolder } from './programs.ts';
import { eventually } from './world.ts';

const FILE = '/var/log/belfry/connections.log';
const LOG = '/var/log/belfry-agent/traffic.log';
const DROP_INS = '/etc/systemd/system/belfry-agent.service.d';
const UNITS = '/usr/lib/belfry/systemd/belfry-agent.service.d';

const SERVER = SERVER_CONFIG.replace(
  '"rules": [',
  `"rules": [
    { "name": "connections", "match": { "program": "belfry", "contains": "[flow " }, "file": { "path": "connections.log", "format": "iso" }, "stop": true },`,
);

describe('watching connections on two hosts', { skip: whyNoBoot() || whyNoPackage() }, () => {
  const folder = makeFolder('deb');
  let site: Site;
  let server: Machine;
  let client: Machine;

  before(async () => {
    const file = makePackage(folder.path, '0.0.1');
    site = await openSite(['server', 'client'], { shows: [[folder.path, '/mnt']] });
    server = site.machine('server');
    client = site.machine('client');
    const inside = file.replace(folder.path, '/mnt');
    await Promise.all([installPackage(server, inside), installPackage(client, inside)]);
    server.write('/etc/belfry/server.json', SERVER);
    await server.run('belfry', 'install', 'server', '--yes');
    await isActive(server, 'belfry.service');
    for (const machine of [server, client]) {
      await machine.run('belfry', 'install', 'agent', '--to', 'server', '--yes');
      const path = '/etc/belfry/agent.json';
      machine.write(
        path,
        machine
          .read(path)
          .replace(/\}\s*$/, `, "traffic": { "filter": "tcp port 514 or 2525", "log": "${LOG}" } }`),
      );
    }
  });
  after(async () => {
    await site?.close();
    folder.remove();
  });

  test('without the drop-in it says what is missing, and forwards logs', async () => {
    await client.run('systemctl', 'restart', 'belfry-agent');
    await isActive(client, 'belfry-agent.service');
    await eventually(
      'the journal says so',
      async () => /CAP_NET_RAW is missing/.test(await client.journal('belfry-agent.service')),
      CATCH_UP_MS,
    );
    await client.run('logger', '-t', 'app', 'still forwarded');
    await eventually(
      'a line arrives',
      () => /still forwarded/.test(server.read('/var/log/belfry/client.log')),
      CATCH_UP_MS,
    );
  });

  test('with it both ends of a connection are told, each with its process', async () => {
    for (const machine of [server, client]) {
      await machine.run('mkdir', '-p', DROP_INS);
      await machine.run('cp', `${UNITS}/capture.conf`, `${UNITS}/owners.conf`, DROP_INS);
      await machine.run('systemctl', 'daemon-reload');
      await machine.run('systemctl', 'restart', 'belfry-agent');
      await isActive(machine, 'belfry-agent.service');
    }
    await eventually(
      'both watch',
      () => (server.read(FILE).match(/watched from now on/g) ?? []).length === 2,
      CATCH_UP_MS,
    );
    await client.try('bash', '-c', 'exec 3<>/dev/tcp/10.99.0.1/2525');
    const refused = () =>
      server
        .read(FILE)
        .split('\n')
        .filter((line) => / refused: /.test(line));
    await eventually('both tell that it was refused', () => refused().length === 2, CATCH_UP_MS);
    assert.deepEqual(new Set(refused().map((line) => line.split(' ')[1])), new Set(['server', 'client']));
    await client.run('bash', '-c', 'exec 3<>/dev/tcp/10.99.0.1/514; read -r -t 3 <&3; exec 3>&-');
    const closed = (host: string) =>
      server
        .read(FILE)
        .split('\n')
        .find((line) => line.split(' ')[1] === host && / closed by the client first /.test(line));
    await eventually(
      'both tell that it ended',
      () => Boolean(closed('server') && closed('client')),
      CATCH_UP_MS,
    );
    assert.match(closed('client') ?? '', / \(client bash\[\d+\] of root\) /);
    assert.match(closed('server') ?? '', / \(server \S+\[\d+\] of belfry\) /);
    assert.match(client.read(LOG), /Connection refused \(RST\)/);
    assert.equal(await client.property('belfry-agent.service', 'User'), 'belfry-agent');
  });
});
