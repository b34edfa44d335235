// Installing and removing a service, into a folder that stands for a host: what is written, what is kept, what is
// run and in which order. The commands are the test's own; test/system/install.test.ts runs the real ones.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import { runInstall } from '../../../cli/commands/install.ts';
import { runUninstall } from '../../../cli/commands/uninstall.ts';
import { firstAgentConfig, firstServerConfig, targetOf } from '../../../cli/install/first-config.ts';
import { planInstall, planRemoval, type Wish } from '../../../cli/install/plan.ts';
import { type Runner, type Step, takeSteps } from '../../../cli/install/steps.ts';
import { unitText } from '../../../cli/install/units.ts';
import { demandVisible } from '../../../cli/install/visible.ts';
import type { Io } from '../../../cli/io.ts';
import { loadAgentConfig } from '../../../config/agent-load.ts';
import { loadServerConfig } from '../../../config/load.ts';
import { compileSelector } from '../../../syslog/selector.ts';
import { checkFilter } from '../../../traffic/filter/parse.ts';

const SERVER_CONFIG = '/etc/belfry/server.json';
const AGENT_CONFIG = '/etc/belfry/agent.json';
const UNITS = '/usr/local/lib/systemd/system';
const LOAD = { checkFilter, checkSelector: compileSelector, checkFiles: false };

class Host {
  readonly root: string;
  readonly ran: string[] = [];
  stdout = '';
  stderr = '';
  /** The command that fails. */
  failing: RegExp | undefined;

  constructor(t: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), 'belfry-install-'));
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
  }

  readonly run: Runner = (argv) => {
    const words = argv.join(' ').replaceAll(this.root, 'ROOT');
    this.ran.push(words);
    const fails = this.failing?.test(words) ?? false;
    return { ok: !fails, output: fails ? 'it does not want to' : '' };
  };

  io(answer?: string): Io {
    const isTerminal = answer !== undefined;
    return {
      stdout: (text) => {
        this.stdout += text;
      },
      stdoutBytes: () => Promise.resolve(true),
      stderr: (text) => {
        this.stderr += text;
      },
      stdin: Readable.from(answer === undefined ? [] : [answer]),
      stdinIsTerminal: isTerminal,
      stdoutIsTerminal: isTerminal,
      stderrIsTerminal: isTerminal,
      columns: 100,
      env: {},
      pid: 1,
      version: '0.0.0',
    };
  }

  install(role: 'server' | 'agent', more: object = {}, io = this.io()): Promise<number> {
    return runInstall(role, { prefix: '/usr/local', root: this.root, yes: true, ...more }, io, this.run);
  }

  uninstall(role: 'server' | 'agent' | undefined, more: object = {}): Promise<number> {
    const options = { prefix: '/usr/local', root: this.root, yes: true, ...more };
    return runUninstall(role, options, this.io(), this.run);
  }

  wish(role: 'server' | 'agent', changes: Partial<Wish> = {}): Wish {
    const program = ['/usr/bin/belfry'];
    const places = { root: this.root, prefix: '/usr/local', program, isLive: true };
    return { role, to: 'logs', dropIns: [], ...places, ...changes };
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  take(): string[] {
    return this.ran.splice(0);
  }
}

function faultOf(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

test('a server is its units, its users and a first configuration that is good', async (t) => {
  const host = new Host(t);
  assert.equal(await host.install('server'), 0);
  for (const unit of ['belfry.service', 'belfry-syslog.socket', 'belfry-ntp.socket'])
    assert.ok(host.has(join(UNITS, unit)), unit);
  assert.ok(!host.has(join(UNITS, 'belfry-agent.service')));
  const { config, faults } = loadServerConfig(join(host.root, SERVER_CONFIG), LOAD);
  assert.deepEqual(faults, []);
  assert.ok(config?.ntp !== undefined);
  assert.deepEqual(host.take(), [
    'systemd-sysusers --root=ROOT ROOT/usr/local/lib/sysusers.d/belfry.conf',
    'systemd-tmpfiles --root=ROOT --create ROOT/usr/local/lib/tmpfiles.d/belfry.conf',
    'systemctl --root=ROOT enable belfry-syslog.socket belfry-relp.socket belfry-ntp.socket belfry.service',
  ]);
  assert.match(host.stdout, /a first configuration/);
});

test('the unit runs this very Belfry, by full paths', async (t) => {
  const host = new Host(t);
  await host.install('server');
  const unit = host.read(join(UNITS, 'belfry.service'));
  const [, program] = /^ExecStart=(.*) serve -c \/etc\/belfry\/server\.json$/m.exec(unit) ?? [];
  const [node, flag, main, ...more] = (program ?? '').split(' ');
  assert.equal(node, process.execPath);
  assert.equal(flag, '--max-semi-space-size=2');
  assert.ok(existsSync(main ?? ''), main);
  assert.deepEqual(more, []);
  assert.match(unit, new RegExp(`^ExecStartPre=-${node} .* check -c /etc/belfry/server\\.json$`, 'm'));
  assert.ok(!unit.includes('/usr/bin/belfry '), unit);
});

test('a path that systemd would take for something else is quoted', () => {
  const unit = unitText('belfry.service', ['/opt/my node/bin/100%', '/opt/$HOME/"x".js']);
  assert.match(unit, /^ExecStart="\/opt\/my node\/bin\/100%%" "?\/opt\/\$\$HOME\/\\"x\\"\.js"? serve/m);
});

test('twice is the same as once', async (t) => {
  const host = new Host(t);
  await host.install('agent', { to: '10.0.0.1' });
  const once = [host.read(AGENT_CONFIG), host.read(join(UNITS, 'belfry-agent.service'))];
  host.stdout = '';
  assert.equal(await host.install('agent'), 0);
  assert.deepEqual([host.read(AGENT_CONFIG), host.read(join(UNITS, 'belfry-agent.service'))], once);
  assert.match(host.stdout, /nothing had to be changed/);
  assert.ok(!/^ {2}write/m.test(host.stdout), host.stdout);
});

test('a configuration is never overwritten; a unit of ours that was changed is', async (t) => {
  const host = new Host(t);
  await host.install('agent', { to: '10.0.0.1' });
  const mine = firstAgentConfig('tcp://mine');
  host.write(AGENT_CONFIG, mine);
  host.write(join(UNITS, 'belfry-agent.service'), 'changed');
  host.stdout = '';
  assert.equal(await host.install('agent', { to: '10.0.0.2' }), 0);
  assert.equal(host.read(AGENT_CONFIG), mine);
  assert.match(host.stdout, /kept.*agent\.json\n.*--to 10\.0\.0\.2 has no effect/);
  assert.notEqual(host.read(join(UNITS, 'belfry-agent.service')), 'changed');
});

test('an agent has to know where to send to, unless it is written already', async (t) => {
  const host = new Host(t);
  await assert.rejects(host.install('agent'), faultOf('CLI_USAGE'));
  await assert.rejects(host.install('agent', { to: 'tpc://x' }), faultOf('CLI_USAGE'));
  await assert.rejects(host.install('agent', { to: 'a b' }), faultOf('CLI_USAGE'));
  assert.ok(!host.has(UNITS), 'nothing was changed');
  host.write(AGENT_CONFIG, firstAgentConfig('relp://logs'));
  assert.equal(await host.install('agent'), 0);
});

test('a host is named as a person would', (t) => {
  const host = new Host(t);
  const targets = {
    logs: 'relp://logs',
    '10.0.0.1:2515': 'relp://10.0.0.1:2515',
    'fd00::1': 'relp://[fd00::1]',
    'tls://logs:6514': 'tls://logs:6514',
  };
  for (const [to, target] of Object.entries(targets)) {
    assert.equal(targetOf(to), target);
    host.write('agent.json', firstAgentConfig(target));
    const { config, faults } = loadAgentConfig(join(host.root, 'agent.json'), LOAD);
    assert.deepEqual(faults, [], to);
    assert.equal(config?.destinations[0]?.to[0]?.text, target);
  }
});

test('a first configuration without time is good as well', (t) => {
  const host = new Host(t);
  host.write('server.json', firstServerConfig(false));
  const { config, faults } = loadServerConfig(join(host.root, 'server.json'), LOAD);
  assert.deepEqual(faults, []);
  assert.equal(config?.ntp, undefined);
});

test('--dry-run shows it all and does nothing', async (t) => {
  const host = new Host(t);
  assert.equal(await host.install('agent', { to: 'logs', dryRun: true, yes: false }), 0);
  assert.deepEqual(host.take(), []);
  assert.ok(!host.has('/etc') && !host.has('/usr'));
  for (const what of ['belfry-agent.service', 'systemd-sysusers', AGENT_CONFIG, 'systemctl'])
    assert.ok(host.stdout.includes(what), what);
});

test('without --yes a person is asked, and nobody else', async (t) => {
  const host = new Host(t);
  await assert.rejects(host.install('agent', { to: 'logs', yes: false }), faultOf('CLI_USAGE'));
  assert.equal(await host.install('agent', { to: 'logs', yes: false }, host.io('n\n')), 1);
  assert.equal(await host.install('agent', { to: 'logs', yes: false }, host.io('\n')), 1);
  assert.ok(!host.has(UNITS));
  assert.match(host.stderr, /Go on\?/);
  assert.equal(await host.install('agent', { to: 'logs', yes: false }, host.io('y\n')), 0);
  assert.ok(host.has(UNITS));
});

test('only root changes a host', async (t) => {
  const host = new Host(t);
  const own = process as { getuid: () => number };
  t.mock.method(own, 'getuid', () => 1000);
  const real = { prefix: '/usr/local', yes: true };
  await assert.rejects(runInstall('server', real, host.io(), host.run), faultOf('INSTALL_PERMISSION'));
  await assert.rejects(runUninstall('server', real, host.io(), host.run), faultOf('INSTALL_PERMISSION'));
  assert.deepEqual(host.take(), []);
});

test('a running systemd is told, and starts the sockets with the service', (t) => {
  const host = new Host(t);
  const take = (role: 'server' | 'agent') => {
    const { steps } = planInstall(host.wish(role));
    takeSteps(steps, { root: host.root, run: host.run, say: () => undefined });
    return host.take().slice(2);
  };
  const units = 'belfry-syslog.socket belfry-relp.socket belfry-ntp.socket belfry.service';
  const enable = `systemctl --root=ROOT enable ${units}`;
  assert.deepEqual(take('server'), [
    'systemctl daemon-reload',
    enable,
    `systemctl restart ${units}`,
    `systemctl start ${units}`,
  ]);
  assert.deepEqual(take('server'), [enable, `systemctl start ${units}`], 'what runs is left alone');
});

test('which sockets are opened is in the hands of the configuration', (t) => {
  const host = new Host(t);
  const text = firstServerConfig(false);
  host.write(SERVER_CONFIG, text);
  const enabled = () => {
    const { steps, faults } = planInstall(host.wish('server'));
    const found = steps.find((one) => one.kind === 'run' && one.argv.includes('enable'));
    return [found?.kind === 'run' ? found.argv.slice(3) : [], faults.length, JSON.stringify(steps)] as const;
  };
  assert.deepEqual(enabled()[0], ['belfry-syslog.socket', 'belfry-relp.socket', 'belfry.service']);
  const tls = text.replace('"syslog": {', '"syslog": { "tls": { "cert": "c.pem", "key": "k.pem" },');
  host.write(SERVER_CONFIG, tls);
  assert.ok(enabled()[0].includes('belfry-tls.socket'));
  // One that cannot be used: the files are installed, and nothing is started.
  host.write(SERVER_CONFIG, text.replace('"rules"', '"rulez"'));
  const [, faults, steps] = enabled();
  assert.ok(faults > 0);
  assert.ok(!/"(re)?start"/.test(steps), steps);
});

test('a configuration with faults is an answer of its own', async (t) => {
  const host = new Host(t);
  host.write(SERVER_CONFIG, '{ "rulez": [] }');
  assert.equal(await host.install('server'), 78);
  assert.match(host.stderr, /CONFIG_UNKNOWN_KEY/);
  assert.match(host.stdout, /not started/);
});

test('behind a step that fails nothing is done, and it says what to do', async (t) => {
  const host = new Host(t);
  host.failing = /sysusers /;
  await assert.rejects(host.install('server'), (fault) => {
    assert.ok(fault instanceof Fault && fault.code === 'INSTALL_FAILED');
    assert.match(fault.text.what, /it does not want to/);
    return true;
  });
  assert.equal(host.take().length, 1);
  assert.ok(!host.has(SERVER_CONFIG));
  host.failing = undefined;
  assert.equal(await host.install('server'), 0);
});

test('drop-ins are switched on by name', async (t) => {
  const host = new Host(t);
  await host.install('agent', { to: 'logs', with: 'capture,clock' });
  const path = '/etc/systemd/system/belfry-agent.service.d/belfry-capture.conf';
  assert.match(host.read(path), /^AmbientCapabilities=CAP_NET_RAW$/m);
  await assert.rejects(host.install('agent', { with: 'captur' }), (fault) => {
    assert.ok(fault instanceof Fault);
    assert.match(fault.text.mend ?? '', /"capture"/);
    return true;
  });
  host.write('/etc/systemd/system/belfry-agent.service.d/mine.conf', '[Service]\n');
  await host.uninstall('agent');
  assert.ok(!host.has(path));
  assert.ok(host.has('/etc/systemd/system/belfry-agent.service.d/mine.conf'));
});

test('a package keeps its files; the configuration is made all the same', async (t) => {
  const host = new Host(t);
  host.write('/usr/lib/systemd/system/belfry-agent.service', 'of the package');
  assert.equal(await host.install('agent', { to: 'logs' }), 0);
  assert.ok(!host.has('/usr/local') && host.has(AGENT_CONFIG));
  assert.deepEqual(host.take(), ['systemctl --root=ROOT enable belfry-agent.service']);
  assert.equal(await host.uninstall('agent'), 0);
  assert.match(host.stdout, /apt remove belfry/);
  assert.ok(host.has('/usr/lib/systemd/system/belfry-agent.service'));
});

const LOG = '/var/log/belfry/10.0.0.1/su.log';
const QUEUE = '/var/lib/belfry/queue/server/records/x';

async function installBoth(t: TestContext): Promise<Host> {
  const host = new Host(t);
  await host.install('server');
  await host.install('agent', { to: 'logs' });
  host.write(LOG, 'line');
  host.write(QUEUE, 'record');
  host.take();
  host.stdout = '';
  return host;
}

test('a removal keeps configurations, logs and queues', async (t) => {
  const host = await installBoth(t);
  assert.equal(await host.uninstall(undefined), 0);
  assert.ok(!host.has(join(UNITS, 'belfry.service')) && !host.has(join(UNITS, 'belfry-agent.service')));
  assert.ok(!host.has('/usr/local/lib/sysusers.d/belfry.conf'));
  for (const path of [SERVER_CONFIG, AGENT_CONFIG, LOG, QUEUE]) assert.ok(host.has(path), path);
  assert.match(host.take()[0] ?? '', /^systemctl --root=ROOT disable belfry.service .*belfry-agent.service$/);
  assert.equal(await host.uninstall(undefined), 0);
  assert.deepEqual(host.take(), [], 'a second time there is nothing to do');
});

test('one of the two goes, and the other stays whole', async (t) => {
  const host = await installBoth(t);
  await host.uninstall('server', { purge: true });
  assert.ok(!host.has(join(UNITS, 'belfry-syslog.socket')) && !host.has(LOG) && !host.has(SERVER_CONFIG));
  for (const path of [
    AGENT_CONFIG,
    QUEUE,
    join(UNITS, 'belfry-agent.service'),
    '/usr/local/lib/tmpfiles.d/belfry.conf',
  ])
    assert.ok(host.has(path), path);
});

test('a purge leaves nothing', async (t) => {
  const host = await installBoth(t);
  await host.uninstall(undefined, { purge: true });
  for (const path of ['/etc/belfry', '/var/log/belfry', '/var/lib/belfry']) assert.ok(!host.has(path), path);
});

test('on a running host a purge stops first and removes the users last', async (t) => {
  const host = await installBoth(t);
  const removal = { roles: ['server', 'agent'] as const, prefix: '/usr/local', purge: true, isLive: true };
  const steps = planRemoval({ ...removal, root: host.root });
  const kinds = (list: readonly Step[]) =>
    list.map((step) => (step.kind === 'run' ? step.argv.slice(0, 2).join(' ') : step.kind));
  assert.match(JSON.stringify(steps[0]), /"disable","--now"/);
  assert.ok(kinds(steps).includes('systemctl daemon-reload'));
  assert.ok(!kinds(steps).includes('userdel belfry'), 'not the users of this host');
  const real = kinds(planRemoval({ ...removal, root: '' }));
  assert.deepEqual(real.slice(-3), ['userdel belfry-agent', 'userdel belfry', 'groupdel belfry']);
});

test('what a service cannot see is told before anything is changed', (t) => {
  for (const hidden of ['/home/me/.nvm/node', '/root/belfry/dist/cli/main.js', '/tmp/node'])
    assert.throws(() => demandVisible([hidden]), faultOf('INSTALL_HIDDEN'), hidden);
  demandVisible(['/bin/sh', '--a-flag']);
  if (!existsSync('/dev/shm')) return;
  const folder = mkdtempSync('/dev/shm/belfry-install-');
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'node');
  writeFileSync(file, '');
  chmodSync(file, 0o755);
  assert.throws(() => demandVisible([file]), faultOf('INSTALL_HIDDEN'), 'the folder is its owner’s alone');
  chmodSync(folder, 0o755);
  demandVisible([file]);
  chmodSync(file, 0o700);
  assert.throws(() => demandVisible([file]), faultOf('INSTALL_HIDDEN'));
});
