// Listeners behind a load balancer that speaks the PROXY protocol: messages are those of the true sender, by
// whose address they are let in, limited and filed; from anybody else the header is a message like any other.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Belfry } from './belfry.ts';
import { freePort, waitForLines, waitUntil } from './programs.ts';
import { RelpSender } from './relp-sender.ts';
import {
  assertWhole,
  eventually,
  hangUp,
  LOOPBACK,
  message,
  numbered,
  openSender,
  raiseBelfry,
  readText,
  rewriteConfig,
  type Sender,
  sendTcp,
  statusOf,
} from './world.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Version 2 of an IPv4 source, with extensions behind it. */
function version2(source: string, extensions = Buffer.alloc(0)): Buffer {
  const length = 12 + extensions.length;
  const fixed = Buffer.from([0x21, 0x11, length >> 8, length & 255]);
  const addresses = Buffer.from([...source.split('.').map(Number), 127, 0, 0, 1, 0x30, 0x39, 2, 2]);
  return Buffer.concat([SIGNATURE, fixed, addresses, extensions]);
}

const LOCAL = Buffer.concat([SIGNATURE, Buffer.from([0x20, 0, 0, 0])]);
const version1 = (source: string) => `PROXY TCP4 ${source} 127.0.0.1 12345 514\r\n`;

interface Balanced extends Belfry {
  readonly relp: number;
}

const RULES = [{ file: '{fromHostIp}.log' }];

/** Everybody at 127.0.0.2 is a balancer; at 127.0.0.1 nobody. */
function syslogOf(port: number, relp: number, changes: object = {}): Record<string, unknown> {
  return {
    listen: [`tcp://${LOOPBACK}:${port}`, `relp://${LOOPBACK}:${relp}`],
    allow: ['10.0.0.0/8', '127.0.0.1', '2001:db8::/32'],
    proxyProtocol: ['127.0.0.2'],
    ...changes,
  };
}

async function raise(t: TestContext, changes: object = {}): Promise<Balanced> {
  const [port, relp] = [await freePort(), await freePort()];
  const belfry = await raiseBelfry(t, { rules: RULES, syslog: syslogOf(port, relp, changes) });
  return { ...belfry, port, relp };
}

/** What a balancer sends for one connection; resolves when the server has ended its side. */
async function pass(t: TestContext, port: number, ...parts: (string | Buffer)[]): Promise<Sender> {
  const sender = await openSender(port, LOOPBACK, '127.0.0.2');
  t.after(() => sender.socket.destroy());
  for (const part of parts) await sender.write(part);
  return sender;
}

test('both versions on a TCP listener: each message is in the file of its true sender', async (t) => {
  const belfry = await raise(t);
  const tlv = Buffer.from('040003616263', 'hex');
  const lines = (name: string) => numbered('host', name, 0, 100);
  await (await pass(t, belfry.port, version1('10.1.2.3'), lines('one'))).end();
  await (await pass(t, belfry.port, Buffer.concat([version2('10.1.2.4', tlv), lines('two')]))).end();
  const six = `PROXY TCP6 2001:db8::7 ::1 1 2\r\n${lines('six').toString()}`;
  await (await pass(t, belfry.port, six)).end();
  assertWhole(await waitForLines(belfry.file('10.1.2.3.log'), 100), 'one', 100);
  assertWhole(await waitForLines(belfry.file('10.1.2.4.log'), 100), 'two', 100);
  assertWhole(await waitForLines(belfry.file('2001:db8::7.log'), 100), 'six', 100);
  assert.equal(existsSync(belfry.file('127.0.0.2.log')), false);
  assert.equal((await belfry.program.stop()).code, 0);
});

test('a header in single bytes, and data in the same piece as its end', async (t) => {
  const belfry = await raise(t);
  for (const [at, header] of [Buffer.from(version1('10.9.0.0')), version2('10.9.0.1')].entries()) {
    const sender = await openSender(belfry.port, LOOPBACK, '127.0.0.2');
    t.after(() => sender.socket.destroy());
    sender.socket.setNoDelay(true);
    for (const byte of header.subarray(0, -1)) {
      await sender.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await sender.write(Buffer.concat([header.subarray(-1), numbered('host', 'app', 0, 10)]));
    await sender.end();
    assertWhole(await waitForLines(belfry.file(`10.9.0.${at}.log`), 10), 'app', 10);
  }
});

test('RELP behind a header', async (t) => {
  const belfry = await raise(t, { allow: ['10.0.0.0/8'], proxyProtocol: ['127.0.0.1'] });
  for (const [at, before] of [version1('10.5.0.0'), version2('10.5.0.1')].entries()) {
    const sender = new RelpSender({ port: belfry.relp, name: 'app', count: 1000, before });
    t.after(() => sender.socket.destroy());
    await waitUntil('the session ends', () => sender.session.ending === 'closed');
    assertWhole(readText(belfry.file(`10.5.0.${at}.log`)), 'app', 1000);
  }
  const bare = new RelpSender({ port: belfry.relp, name: 'app', count: 1 });
  await waitUntil('one without a header is closed', () => bare.hasClosed);
  assert.equal(bare.acknowledged, 0);
  assert.equal((await statusOf(belfry)).listeners[1]?.refused.bad_proxy_header, 1);
});

test('nobody else can speak for others: their header is a message', async (t) => {
  const belfry = await raise(t);
  await sendTcp(belfry.port, `${version1('10.1.1.1')}${message('host', 'app', 0)}\n`);
  const text = await waitForLines(belfry.file('127.0.0.1.log'), 2);
  assert.match(text.split('\n')[0] ?? '', /PROXY TCP4 10\.1\.1\.1/);
  assert.equal(existsSync(belfry.file('10.1.1.1.log')), false);
});

test('what is no header is closed and counted; nothing of it is a message', async (t) => {
  const belfry = await raise(t);
  const bad = [message('host', 'app', 0), 'PROXY TCP4 10.1.1.1 nowhere 1 2\r\n', Buffer.from('\r\n\r\n\0x')];
  for (const bytes of bad) await (await pass(t, belfry.port, bytes, '\nmore\n')).closed;
  // One that ends within its header.
  await (await pass(t, belfry.port, version1('10.1.1.1').slice(0, 20))).end();
  const { listeners, messages, connections } = await statusOf(belfry);
  assert.equal(listeners[0]?.refused.bad_proxy_header, bad.length + 1);
  assert.equal(connections.closed.bad_proxy_header, bad.length + 1);
  assert.equal(messages.received, 0);
});

test('the true sender is who must be allowed, and who has a limit', async (t) => {
  const belfry = await raise(t, { maxConnectionsPerSource: 2 });
  await (await pass(t, belfry.port, version1('192.0.2.9'), message('host', 'app', 0))).closed;
  assert.equal((await statusOf(belfry)).listeners[0]?.refused.not_allowed, 1);
  const first = await pass(t, belfry.port, version1('10.7.7.7'));
  await pass(t, belfry.port, version2('10.7.7.7'));
  await eventually('two stand', async () => (await statusOf(belfry)).connections.open === 2);
  await (await pass(t, belfry.port, version1('10.7.7.7'))).closed;
  assert.equal((await statusOf(belfry)).listeners[0]?.refused.too_many_from_source, 1);
  const another = await pass(t, belfry.port, version1('10.7.7.8'), `${message('host', 'app', 0)}\n`);
  await waitForLines(belfry.file('10.7.7.8.log'), 1);
  await Promise.all([first.end(), another.end()]);
  const again = await pass(t, belfry.port, version1('10.7.7.7'), `${message('host', 'app', 0)}\n`);
  await waitForLines(belfry.file('10.7.7.7.log'), 1);
  await again.end();
});

test('a balancer that looks whether we live makes no noise, and sends no messages of its own', async (t) => {
  const belfry = await raise(t);
  await (await pass(t, belfry.port)).end();
  await (await pass(t, belfry.port, LOCAL)).end();
  await (await pass(t, belfry.port, 'PROXY UNKNOWN\r\n')).end();
  const { listeners, connections } = await statusOf(belfry);
  assert.equal(connections.closed.by_peer, 3);
  assert.ok(Object.values(listeners[0]?.refused ?? {}).every((count) => count === 0));
  // 127.0.0.2 is no allowed sender itself.
  await (await pass(t, belfry.port, LOCAL, `${message('host', 'app', 0)}\n`)).closed;
  assert.equal((await statusOf(belfry)).listeners[0]?.refused.not_allowed, 1);
  assert.equal((await statusOf(belfry)).messages.received, 0);
});

test('a header that never comes is not waited for longer than a handshake', async (t) => {
  const belfry = await raise(t, { handshakeTimeout: '1s' });
  await (await pass(t, belfry.port, 'PROXY TCP4 10.')).closed;
  assert.equal((await statusOf(belfry)).connections.closed.handshake, 1);
});

test('a reload: connections that stand keep their senders, and who is not allowed any more goes', async (t) => {
  const belfry = await raise(t);
  const stays = await pass(t, belfry.port, version1('10.1.1.1'), `${message('host', 'app', 0)}\n`);
  const goes = await pass(t, belfry.port, version1('10.2.2.2'), `${message('host', 'app', 0)}\n`);
  const waits = await pass(t, belfry.port, 'PROXY ');
  await waitForLines(belfry.file('10.2.2.2.log'), 1);
  await waitForLines(belfry.file('10.1.1.1.log'), 1);
  rewriteConfig(belfry, {
    rules: RULES,
    syslog: syslogOf(belfry.port, belfry.relp, { allow: ['10.1.0.0/16'] }),
  });
  await hangUp(belfry.program);
  await goes.closed;
  await stays.write(`${message('host', 'app', 1)}\n`);
  await waits.write(`TCP4 10.1.1.2 127.0.0.1 1 2\r\n${message('host', 'app', 0)}\n`);
  await waitForLines(belfry.file('10.1.1.1.log'), 2);
  await waitForLines(belfry.file('10.1.1.2.log'), 1);
});
