// The time server as a whole: answers from the address that was asked, access and its visible refusals, what
// people and programs are shown, floods of rubbish, a reload, an unsynchronised server.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { type Header, readHeader } from '../../ntp/header.ts';
import type { ClientStatus, NtpStatus } from '../../daemon/time/status.ts';
import { goodRequest, makeAsker, markOf, runBelfry, type TimeServer, useTimeServer } from './ntp.ts';
import { freePort, waitUntil } from './programs.ts';

const PATIENCE_MS = 400;
const FLOOD = 30_000;
const BURST = 200;

async function ask(t: TestContext, port: number, to = '127.0.0.1', from?: string): Promise<Header> {
  const asker = await makeAsker(t, from ?? (to.includes(':') ? '::1' : '127.0.0.1'));
  await asker.send(goodRequest(1), port, to);
  await waitUntil(`${to} answers`, () => asker.answers.length > 0);
  const header = readHeader(asker.answers[0]?.bytes ?? Buffer.alloc(0));
  assert.ok(header);
  return header;
}

async function statusOf({ belfry }: TimeServer): Promise<NtpStatus> {
  const { stdout } = await runBelfry('status', '--json', '-c', belfry.config);
  return (JSON.parse(stdout) as { ntp: NtpStatus }).ntp;
}

async function clientsOf({ belfry }: TimeServer): Promise<ClientStatus[]> {
  const { stdout } = await runBelfry('clients', '--json', '-c', belfry.config);
  return JSON.parse(stdout) as ClientStatus[];
}

describe('an answer comes from the address that was asked', () => {
  /** A connected socket hears that address alone. */
  async function hears(port: number, to: string): Promise<boolean> {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    try {
      socket.connect(port, to);
      await once(socket, 'connect');
      const heard = once(socket, 'message').then(() => true);
      const late = new Promise<boolean>((done) => setTimeout(() => done(false), 5000).unref());
      socket.send(goodRequest(7));
      return await Promise.race([heard, late]);
    } finally {
      socket.close();
    }
  }

  test('of all IPv4 addresses', async (t) => {
    const { port } = await useTimeServer(t, {}, ['0.0.0.0']);
    for (const to of ['127.0.0.1', '127.0.0.9', '127.3.2.1']) assert.ok(await hears(port, to), to);
  });

  test('of all addresses of both families', async (t) => {
    const { port } = await useTimeServer(t, {}, ['[::]']);
    for (const to of ['::1', '127.0.0.1', '127.0.0.9']) assert.ok(await hears(port, to), to);
  });

  test('of a socket for each family on one port', async (t) => {
    const { port } = await useTimeServer(t, {}, ['0.0.0.0', '[::]']);
    for (const to of ['::1', '127.0.0.9']) assert.ok(await hears(port, to), to);
  });
});

describe('what is served', () => {
  test('a local stratum', async (t) => {
    const { port } = await useTimeServer(t, { local: { stratum: 7 } });
    const header = await ask(t, port);
    assert.deepEqual([header.leap, header.stratum, header.mode, header.version], [0, 7, 4, 4]);
    assert.equal(header.referenceId, 0x7f7f0101);
    assert.ok(header.precision <= -16 && header.precision >= -30, String(header.precision));
  });

  test('without one, an answer that nobody follows', async (t) => {
    const { port, belfry } = await useTimeServer(t, { local: undefined });
    const header = await ask(t, port);
    assert.deepEqual([header.leap, header.stratum, header.referenceId], [3, 0, 0]);
    assert.match(belfry.program.stderr, /not synchronised/);
    const { code, stdout } = await runBelfry('ntp', `127.0.0.1:${port}`);
    assert.equal(code, 1);
    assert.match(stdout, /answers, but its time cannot be used: it is not synchronised\./);
  });

  test('receive times are the kernel’s, and lie before transmit times', async (t) => {
    const server = await useTimeServer(t);
    const before = Date.now() / 1000;
    const { receive, transmit } = await ask(t, server.port);
    const unix = (seconds: number) => (seconds >>> 0) - 2_208_988_800;
    assert.ok(Math.abs(unix(receive.seconds) - before) < 2);
    const took =
      (transmit.seconds - receive.seconds) * 2 ** 32 + (transmit.fraction >>> 0) - (receive.fraction >>> 0);
    assert.ok(took > 0 && took < 2 ** 32, String(took));
    assert.equal((await statusOf(server)).unstamped, 0);
  });
});

describe('refusals can be seen', () => {
  test('each with its reason, for each address', async (t) => {
    const server = await useTimeServer(t, { deny: ['127.0.0.2'], rateLimit: { interval: 6, burst: 4 } });
    const { port } = server;
    const denied = await makeAsker(t, '127.0.0.2');
    for (let i = 0; i < 3; i += 1) await denied.send(goodRequest(i), port, '127.0.0.1');
    const rude = await makeAsker(t, '127.0.0.3');
    const bad = [Buffer.alloc(12, 0x23), Buffer.from([0x3b, ...new Uint8Array(47)]), Buffer.alloc(48, 0x16)];
    bad.push(
      Buffer.concat([goodRequest(0), Buffer.alloc(20, 1)]),
      Buffer.concat([goodRequest(0), Buffer.alloc(28)]),
    );
    for (const bytes of bad) await rude.send(bytes, port, '127.0.0.1');
    const greedy = await makeAsker(t, '127.0.0.4');
    for (let i = 0; i < 100; i += 1) await greedy.send(goodRequest(i), port, '127.0.0.1');
    await waitUntil('the server has seen all', () => greedy.answers.length >= 4);
    await new Promise((done) => setTimeout(done, PATIENCE_MS));
    const clients = new Map((await clientsOf(server)).map((client) => [client.address, client]));
    assert.deepEqual([denied.answers.length, clients.get('127.0.0.2')?.dropped.acl], [0, 3]);
    const { dropped: why, answers: rudeAnswers } = clients.get('127.0.0.3') ?? assert.fail();
    assert.deepEqual(
      [rudeAnswers, why.short, why.version, why.mode, why.mac, why.extension],
      [0, 1, 1, 1, 1, 1],
    );
    const limited = clients.get('127.0.0.4') ?? assert.fail();
    assert.equal(limited.requests, 100);
    assert.equal(limited.answers, greedy.answers.length);
    assert.ok(limited.dropped.rate > 40 && limited.dropped.rate <= 96, String(limited.dropped.rate));
    const { stdout } = await runBelfry('clients', '--refused', '-c', server.belfry.config);
    assert.match(stdout, /^address +requests +answers +asks every +last seen +silence for$/m);
    assert.match(stdout, /^127\.0\.0\.2 +3 +0 .* 3 acl$/m);
    const status = await statusOf(server);
    assert.equal(status.requests, 108);
    assert.equal(status.dropped.acl, 3);
    assert.equal(status.answers, greedy.answers.length);
  });

  test('nobody yet', async (t) => {
    const { belfry } = await useTimeServer(t);
    const { code, stdout } = await runBelfry('clients', '-c', belfry.config);
    assert.deepEqual([code, stdout], [1, 'Nobody has asked for the time yet.\n']);
  });
});

describe('belfry ntp', () => {
  test('says in a sentence and a table how far the clock is off', async (t) => {
    const { port } = await useTimeServer(t);
    const { code, stdout } = await runBelfry('ntp', '-n', '2', `127.0.0.1:${port}`);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^The clock of this host is \S+ (ns|µs|ms) (behind|ahead of) 127\.0\.0\.1:\d+ \(stratum 10\), give/,
    );
    assert.match(stdout, /^ {2}reference id +127\.127\.1\.1$/m);
    assert.match(stdout, /^ {2}answers +2 of 2$/m);
  });

  test('prints JSON, and asks over IPv6', async (t) => {
    const { port } = await useTimeServer(t, {}, ['[::1]']);
    const { stdout } = await runBelfry('ntp', '--json', `[::1]:${port}`);
    const report = JSON.parse(stdout) as { offsetNs: number; address: string; packet: { stratum: number } };
    assert.ok(Math.abs(report.offsetNs) < 5e6, String(report.offsetNs));
    assert.deepEqual([report.address, report.packet.stratum], ['::1', 10]);
  });

  test('says who does not answer, and why', async () => {
    const port = await freePort();
    const { code, stderr } = await runBelfry('ntp', `127.0.0.1:${port}`);
    assert.equal(code, 1);
    assert.match(stderr, /^NTP_NO_ANSWER {2}127\.0\.0\.1:\d+ gives no answer: nobody listens/);
    assert.equal((await runBelfry('ntp', 'not a server')).code, 64);
    assert.equal((await runBelfry('ntp', '-n', '0', '127.0.0.1')).code, 64);
  });
});

describe('trouble', () => {
  test('a flood of rubbish: the next honest client gets its answer', async (t) => {
    const server = await useTimeServer(t);
    const asker = await makeAsker(t);
    let state = 1;
    const random = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0);
    for (let sent = 0; sent < FLOOD; sent += BURST) {
      const burst = Array.from({ length: BURST }, () => {
        const bytes = Buffer.alloc(random() % 1400);
        for (let i = 0; i < bytes.length; i += 1) bytes[i] = random() >>> 16;
        return asker.send(bytes, server.port, '127.0.0.1');
      });
      await Promise.all(burst);
    }
    // As a client does it whose request was lost: right behind a flood the kernel has no room for it.
    const again = setInterval(() => void asker.send(goodRequest(77), server.port, '127.0.0.1'), 100);
    t.after(() => clearInterval(again));
    await waitUntil('the honest one', () => asker.answers.some(({ bytes }) => markOf(bytes) === 77));
    clearInterval(again);
    assert.ok(asker.answers.every(({ bytes }) => bytes.length === 48));
    const status = await statusOf(server);
    const dropped = Object.values(status.dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(status.requests, status.answers + dropped + status.unsent);
    assert.ok(status.requests + status.kernelDrops > FLOOD * 0.5, JSON.stringify(status));
  });

  test('a port that is taken is a fault that names it', async (t) => {
    const { port, belfry } = await useTimeServer(t);
    const second = belfry.config.replace('server.json', 'second.json');
    const config = JSON.parse(readFileSync(belfry.config, 'utf8')) as Record<string, unknown>;
    const other = {
      ...config,
      syslog: { listen: [`udp://127.0.0.1:${await freePort()}`] },
      control: { socket: second.replace('second.json', 'second.sock') },
    };
    writeFileSync(second, JSON.stringify(other));
    const { code, stderr } = await runBelfry('serve', '-c', second);
    assert.equal(code, 78);
    assert.match(stderr, new RegExp(`LISTEN_IN_USE {2}Port ${port} is taken by another program`));
  });
});

describe('a reload', () => {
  test('changes who may ask and what is served, and keeps clients and sockets', async (t) => {
    const server = await useTimeServer(t);
    const { belfry, port } = server;
    await ask(t, port);
    const config = JSON.parse(readFileSync(belfry.config, 'utf8')) as { ntp: Record<string, unknown> };
    const extra = await freePort();
    config.ntp = {
      ...config.ntp,
      listen: [`127.0.0.1:${port}`, `[::1]:${extra}`],
      local: { stratum: 3 },
      deny: ['127.0.0.8'],
    };
    writeFileSync(belfry.config, JSON.stringify(config));
    belfry.program.signal('SIGHUP');
    await waitUntil('it has reloaded', () => belfry.program.stderr.includes('Reloaded'));
    assert.equal((await ask(t, port)).stratum, 3);
    assert.equal((await ask(t, extra, '::1')).stratum, 3);
    const denied = await makeAsker(t, '127.0.0.8');
    await denied.send(goodRequest(1), port, '127.0.0.1');
    await ask(t, port);
    assert.equal(denied.answers.length, 0);
    const clients = await clientsOf(server);
    assert.equal(clients.find(({ address }) => address === '127.0.0.1')?.requests, 3);
  });

  test('can end and begin the service', async (t) => {
    const { belfry, port } = await useTimeServer(t);
    const config = JSON.parse(readFileSync(belfry.config, 'utf8')) as Record<string, unknown>;
    const reload = async (ntp: unknown) => {
      const before = belfry.program.stderr.split('Reloaded').length;
      writeFileSync(belfry.config, JSON.stringify({ ...config, ntp }));
      belfry.program.signal('SIGHUP');
      await waitUntil('it has reloaded', () => belfry.program.stderr.split('Reloaded').length > before);
    };
    await reload(undefined);
    const asker = await makeAsker(t);
    await asker.send(goodRequest(1), port, '127.0.0.1');
    await new Promise((done) => setTimeout(done, PATIENCE_MS));
    assert.equal(asker.answers.length, 0);
    await reload(config['ntp']);
    assert.equal((await ask(t, port)).stratum, 10);
  });
});
