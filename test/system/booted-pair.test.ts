// Two booted hosts on a network: Belfry's package on both, a server on one and an agent on the other, as an operator
// would set them up, and then what happens to hosts: kills, hangs, pulled cables, reboots, full disks, upgrades.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import {
  allArrive,
  CATCH_UP_MS,
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
      '45',
      'sh',
      '-c',
      `tail -n+1 -F ${FILE} | grep -m1 this-is-a-test-log-message`,
    );
    await client.run('logger', '-t', 'cloud_user', 'this-is-a-test-log-message');
    assert.match((await shown).stdout, / client cloud_user(\[\d+\])?: this-is-a-test-log-message\n/);
    assert.equal(await client.property('belfry-agent.service', 'User'), 'belfry-agent');
    assert.equal(await server.property('belfry.service', 'User'), 'belfry');
  });

  test('chronyd synchronises to the server', async () => {
    // A machine of a test may not set the clock, which is the host's: -x only looks.
    client.write(
      '/etc/chrony/chrony.conf',
      'server server iburst minpoll 0 maxpoll 1\ndriftfile /var/lib/chrony/drift\n',
    );
    client.write('/etc/default/chrony', 'DAEMON_OPTS="-x -F 1"\n');
    client.write('/etc/systemd/system/chrony.service.d/test.conf', '[Unit]\nConditionCapability=\n');
    await client.run('systemctl', 'daemon-reload');
    await client.run('systemctl', 'restart', 'chrony');
    const sources = async () => (await client.try('chronyc', '-n', 'sources')).stdout;
    await eventually(
      'chronyd has selected the server',
      async () => /^\^\* 10\.99\.0\.1 /m.test(await sources()),
      CATCH_UP_MS,
    );
    await client.run('systemctl', 'stop', 'chrony');
  });

  test('a pulled cable holds lines up and loses none', async () => {
    await site.cable('client', 'down');
    await logNumbers(client, 'cable', 500);
    await site.cable('client', 'up');
    await allArrive(server, FILE, 'cable', 500);
  });

  test('killed programs are restarted, and nothing is lost', async () => {
    const logs = logNumbers(client, 'killed', 3000);
    for (const [machine, unit] of [
      [server, 'belfry.service'],
      [client, 'belfry-agent.service'],
    ] as const) {
      const before = await machine.property(unit, 'MainPID');
      await machine.run('kill', '-9', before);
      await eventually(`${unit} is another process`, async () => {
        return !['0', before].includes(await machine.property(unit, 'MainPID'));
      });
      await isActive(machine, unit);
    }
    await logs;
    await allArrive(server, FILE, 'killed', 3000);
  });

  test('a program that hangs is restarted by the watchdog, and nothing is lost', async () => {
    for (const [machine, unit] of [
      [server, 'belfry.service'],
      [client, 'belfry-agent.service'],
    ] as const) {
      machine.write(
        `/etc/systemd/system/${unit}.d/test.conf`,
        '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n',
      );
      await machine.run('systemctl', 'daemon-reload');
      await machine.run('systemctl', 'restart', unit);
    }
    const logs = logNumbers(client, 'hung', 500);
    for (const [machine, unit] of [
      [server, 'belfry.service'],
      [client, 'belfry-agent.service'],
    ] as const) {
      const before = await machine.property(unit, 'MainPID');
      await machine.run('kill', '-STOP', before);
      await eventually(
        `the watchdog ends ${unit}`,
        async () => {
          return !['0', before].includes(await machine.property(unit, 'MainPID'));
        },
        CATCH_UP_MS,
      );
      assert.match(await machine.journal(unit), /[Ww]atchdog timeout/);
      await isActive(machine, unit);
      await machine.run('rm', `/etc/systemd/system/${unit}.d/test.conf`);
      await machine.run('systemctl', 'daemon-reload');
    }
    await logs;
    await allArrive(server, FILE, 'hung', 500);
  });

  test('a good configuration is taken by a reload, a bad one changes nothing and is explained', async () => {
    const pid = await server.property('belfry.service', 'MainPID');
    server.write('/etc/belfry/server.json', SERVER_CONFIG.replace('"client.log"', '"renamed.log"'));
    await reloadBy(server, () => server.run('systemctl', 'reload', 'belfry.service'));
    await logNumbers(client, 'renamed', 5);
    await allArrive(server, '/var/log/belfry/renamed.log', 'renamed', 5);
    server.write('/etc/belfry/server.json', SERVER_CONFIG.replace('"rules"', '"rulez"'));
    await server.try('systemctl', 'reload', 'belfry.service');
    await eventually('the journal names the key', async () =>
      (await server.journal('belfry.service')).includes('rulez'),
    );
    await logNumbers(client, 'unchanged', 5);
    await allArrive(server, '/var/log/belfry/renamed.log', 'unchanged', 5);
    server.write('/etc/belfry/server.json', SERVER_CONFIG);
    await server.run('systemctl', 'reload', 'belfry.service');
    assert.equal(await server.property('belfry.service', 'MainPID'), pid, 'no reload is a restart');
  });

  test('either host reboots with a backlog, and nothing is lost', async () => {
    await site.cable('client', 'down');
    await logNumbers(client, 'reboot-of-client', 500);
    await client.reboot();
    await site.cable('client', 'up');
    await allArrive(server, FILE, 'reboot-of-client', 500);
    const logs = logNumbers(client, 'reboot-of-server', 3000);
    await server.reboot();
    await logs;
    await allArrive(server, FILE, 'reboot-of-server', 3000);
  });

  test('a full disk of the server holds lines up and loses none', async () => {
    // The sockets stay open; with the cable pulled nobody starts the service meanwhile.
    await site.cable('client', 'down');
    await server.run('systemctl', 'stop', 'belfry.service');
    await server.sh(
      'mount -t tmpfs -o size=1M,mode=755 tmpfs /var/log/belfry && chown belfry:belfry /var/log/belfry',
    );
    await server.sh('head -c 2000000 /dev/zero >/var/log/belfry/ballast || true');
    await server.run('systemctl', 'start', 'belfry.service');
    await site.cable('client', 'up');
    await logNumbers(client, 'full', 500);
    await eventually(
      'the server says that the disk is full',
      async () => {
        return /disk_full|No space left|ENOSPC/i.test(await server.journal('belfry.service'));
      },
      CATCH_UP_MS,
    );
    await server.run('rm', '/var/log/belfry/ballast');
    await allArrive(server, FILE, 'full', 500);
  });

  test('both are upgraded while lines come, and nothing is lost', async () => {
    const pids = () =>
      Promise.all([
        server.property('belfry.service', 'MainPID'),
        client.property('belfry-agent.service', 'MainPID'),
      ]);
    const before = await pids();
    const newer = (await server.sh(`ls /mnt/belfry_${NEWER}_*.deb`)).trim();
    const logs = client.sh(
      `for i in $(seq 1 40); do seq -f 'n=%.0f;' $((i * 50 - 49)) $((i * 50)); sleep 0.1; done | logger -t upgrade`,
    );
    await installPackage(server, newer);
    await installPackage(client, newer);
    await logs;
    for (const [machine, unit] of [
      [server, 'belfry.service'],
      [client, 'belfry-agent.service'],
    ] as const) {
      assert.match(await machine.run('belfry', '--version'), /^\d+\.\d+\.\d+\n$/);
      assert.match(await machine.run('dpkg-query', '-W', 'belfry'), new RegExp(NEWER));
      await isActive(machine, unit);
    }
    const now = await pids();
    assert.ok(
      before.every((pid, at) => pid !== now[at]),
      'the new version runs',
    );
    await allArrive(server, FILE, 'upgrade', 2000);
  });

  test("a removal keeps what is the operator's, a purge does not", async () => {
    await server.run('apt-get', '-q', '-y', 'remove', 'belfry');
    assert.equal(await server.property('belfry.service', 'LoadState'), 'not-found');
    await server.run('test', '-e', '/etc/belfry/server.json');
    await server.run('test', '-e', FILE);
    await server.run('umount', '/var/log/belfry');
    await server.run('apt-get', '-q', '-y', 'purge', 'belfry');
    const left = await server.sh(
      'ls -d /etc/belfry /var/log/belfry /var/lib/belfry /usr/lib/belfry /etc/logrotate.d/belfry 2>/dev/null || true',
    );
    assert.equal(left, '');
  });
});
