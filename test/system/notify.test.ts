// Both programs under a service manager of the test's own: what they say at its socket, and that they give signs
// of life for as long as all of their threads do.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LocalDatagrams } from '../../kernel/local-datagrams.ts';
import { closeSocket } from '../../kernel/socket.ts';
import { bindUnixDatagram } from '../../kernel/unix-datagram.ts';
import { BELFRY, writeConfig } from './belfry.ts';
import { Authority, NO_OPENSSL } from './certificates.ts';
import { freePort, makeFolder, type Program, startProgram, waitUntil } from './programs.ts';

/** The manager waits so long for a sign; patience for a quiet thread is 3 s (cli/vital-signs.ts). */
const WATCHDOG_US = 2_000_000;
/** Four signs in that time: so many take twice the patience. */
const SIGNS = 12;

class Manager {
  readonly folder: string;
  readonly socket: string;
  readonly heard: string[] = [];
  readonly #fd: number;
  readonly #datagrams = new LocalDatagrams(8192);
  readonly #t: TestContext;

  constructor(t: TestContext) {
    const folder = makeFolder('notify');
    this.#t = t;
    this.folder = folder.path;
    this.socket = join(folder.path, 'notify.sock');
    const bound = bindUnixDatagram(this.socket);
    assert.ok(bound.ok);
    this.#fd = bound.fd;
    t.after(() => {
      closeSocket(bound.fd);
      folder.remove();
    });
  }

  start(args: readonly string[]): Program {
    const env = { NOTIFY_SOCKET: this.socket, WATCHDOG_USEC: String(WATCHDOG_US) };
    const program = startProgram(BELFRY, args, { env });
    this.#t.after(() => program.stop('SIGKILL'));
    return program;
  }

  listen(): void {
    const count = this.#datagrams.receive(this.#fd);
    for (let at = 0; at < count; at += 1) {
      this.#datagrams.at(at);
      const { bytes, start, end } = this.#datagrams;
      this.heard.push(bytes.toString('utf8', start, end));
    }
  }

  /** Resolves with it when something was said that matches, `times` in all; what was said until then is forgotten. */
  async hears(program: Program, pattern: RegExp, times = 1): Promise<string> {
    const found = () => this.heard.filter((what) => pattern.test(what));
    await waitUntil(`${pattern} is heard; ${program.stderr}`, () => {
      this.listen();
      return found().length >= times || program.hasEnded();
    });
    const [first] = found();
    assert.ok(
      first !== undefined && found().length >= times,
      `heard ${this.heard.join(' | ')}; ${program.stderr}`,
    );
    this.heard.splice(0, this.heard.indexOf(found().at(times - 1) as string) + 1);
    return first;
  }
}

/** What is the same for both: ready, a reload that is taken and one that is not, a stop. */
async function tellsItsLife(manager: Manager, program: Program, config: string): Promise<void> {
  const ready = await manager.hears(program, /^READY=1\n/);
  assert.match(ready, /^READY=1\nSTATUS=.*nothing (lost|waiting)/);
  await manager.hears(program, /^WATCHDOG=1$/, SIGNS);
  program.signal('SIGHUP');
  await manager.hears(program, /^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=/);
  await manager.hears(program, /^READY=1\n/);
  writeFileSync(config, '{ "nothing": 1 }');
  program.signal('SIGHUP');
  await manager.hears(program, /^RELOADING=1\n/);
  await manager.hears(program, /^READY=1\n/);
  program.signal('SIGTERM');
  await manager.hears(program, /^STOPPING=1\nSTATUS=/);
  assert.equal((await program.ended).code, 0, program.stderr);
}

test('the server tells its manager how it is, with all of its threads alive', {
  skip: NO_OPENSSL,
}, async (t) => {
  const manager = new Manager(t);
  const [port, tlsPort, ntpPort] = [await freePort(), await freePort(), await freePort()];
  const tls = new Authority(t).issue({ name: 'server', names: 'DNS:localhost' });
  const listen = [`udp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`, `tls://127.0.0.1:${tlsPort}`];
  const config = writeConfig(manager.folder, port, {
    rules: [{ file: 'all.log' }],
    syslog: { listen, tls },
    more: { ntp: { listen: [`127.0.0.1:${ntpPort}`], local: { stratum: 10 } } },
  });
  await tellsItsLife(manager, manager.start(['serve', '-c', config]), config);
});

test('the agent tells its manager how it is', async (t) => {
  const manager = new Manager(t);
  const config = join(manager.folder, 'agent.json');
  const queue = { directory: join(manager.folder, 'queue') };
  const destinations = [{ name: 'one', to: `relp://127.0.0.1:${await freePort()}`, queue }];
  const control = { socket: join(manager.folder, 'agent.sock') };
  const inputs = [{ type: 'file', path: join(manager.folder, '*.log') }];
  writeFileSync(config, JSON.stringify({ inputs, destinations, control }));
  await tellsItsLife(manager, manager.start(['agent', '-c', config]), config);
});

test('a program that cannot start never says that it is ready', async (t) => {
  const manager = new Manager(t);
  const config = join(manager.folder, 'server.json');
  writeFileSync(config, '{}');
  const program = manager.start(['serve', '-c', config]);
  assert.equal((await program.ended).code, 78);
  manager.listen();
  assert.deepEqual(manager.heard, []);
});
