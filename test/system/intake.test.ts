// Who may send, by what, and what is counted when they may not: IPv4 and IPv6, allow lists, limits of
// connections, messages that are too long, datagrams that the kernel drops. Nothing is lost in silence: what
// was sent is what was received and what was counted, exactly.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { useBelfry } from './belfry.ts';
import { countLines, freePort, waitForLines } from './programs.ts';
import {
  assertWhole,
  eventually,
  mebibytes,
  memoryOf,
  message,
  numbered,
  numbersOf,
  openSender,
  readText,
  received,
  type Sender,
  sendTcp,
  sendUdp,
  statusOf,
} from './world.ts';

const rules = [{ file: '{fromHostIp}.log' }];
/** A row of ::1 in the table of addresses. */
const hasIpv6 =
  existsSync('/proc/net/if_inet6') &&
  readFileSync('/proc/net/if_inet6', 'utf8').includes('00000000000000000000000000000001');
const NO_IPV6 = hasIpv6 ? false : 'this machine has no ::1';

describe('addresses', () => {
  test('IPv6 alone', { skip: NO_IPV6 }, async (t) => {
    const belfry = await useBelfry(t, { rules, host: '::1' });
    await sendTcp(belfry.port, numbered('host', 'tcp', 0, 100), '::1');
    await sendUdp(belfry.port, [message('host', 'udp', 0)], '::1');
    const text = await waitForLines(belfry.file('::1.log'), 101);
    assertWhole(text, 'tcp', 100);
    await assert.rejects(openSender(belfry.port));
  });

  test('[::] takes both, and IPv4 senders keep their IPv4 address', { skip: NO_IPV6 }, async (t) => {
    const belfry = await useBelfry(t, { rules, host: '::' });
    for (const host of ['::1', '127.0.0.1']) {
      await sendTcp(belfry.port, numbered('host', 'tcp', 0, 100), host);
      await sendUdp(belfry.port, [message('host', 'udp', 0)], host);
      const text = await waitForLines(belfry.file(`${host}.log`), 101);
      assertWhole(text, 'tcp', 100);
      assertWhole(text, 'udp', 1);
    }
  });

  test('0.0.0.0 and [::] side by side on one port', { skip: NO_IPV6 }, async (t) => {
    const port = await freePort();
    const listen = ['udp://0.0.0.0', 'tcp://0.0.0.0', 'udp://[::]', 'tcp://[::]'].map(
      (text) => `${text}:${port}`,
    );
    const belfry = await useBelfry(t, { rules, syslog: { listen } });
    for (const host of ['::1', '127.0.0.1']) {
      await sendTcp(port, numbered('host', 'tcp', 0, 10), host);
      await sendUdp(port, [message('host', 'udp', 0)], host);
      await waitForLines(belfry.file(`${host}.log`), 11);
    }
    const { listeners } = await statusOf(belfry);
    assert.deepEqual(
      listeners.map(({ messages }) => messages),
      [1, 10, 1, 10],
    );
  });

  test('several lanes: each sender in order, nothing twice', async (t) => {
    const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }], syslog: { lanes: 3 } });
    const senders = Array.from({ length: 6 }, (_, at) => `udp${at}`);
    await Promise.all(
      senders.map((name) =>
        sendUdp(
          belfry.port,
          Array.from({ length: 2000 }, (_, i) => message('host', name, i)),
        ),
      ),
    );
    const text = await waitForLines(belfry.file('all.log'), 12_000);
    for (const name of senders) assertWhole(text, name, 2000);
  });
});

describe('who may send', () => {
  test('allow lists of both families; refusals are counted by listener and reason', {
    skip: NO_IPV6,
  }, async (t) => {
    const belfry = await useBelfry(t, { rules, host: '::', syslog: { allow: ['127.0.0.2', '::1'] } });
    const send = async (from: string) => {
      const socket = createSocket('udp4');
      await new Promise<void>((done) => {
        socket.bind(0, from, done);
      });
      await new Promise((done) => socket.send(message('host', 'udp', 0), belfry.port, '127.0.0.1', done));
      socket.close();
    };
    await send('127.0.0.1');
    await send('127.0.0.2');
    await sendUdp(belfry.port, [message('host', 'udp', 0)], '::1');
    const refused = await openSender(belfry.port, '127.0.0.1');
    await refused.closed;
    const allowed = await openSender(belfry.port, '127.0.0.1', '127.0.0.2');
    await allowed.write(numbered('host', 'tcp', 0, 1));
    await allowed.end();
    await waitForLines(belfry.file('127.0.0.2.log'), 2);
    await waitForLines(belfry.file('::1.log'), 1);
    assert.equal(readText(belfry.file('127.0.0.1.log')), '');
    const { listeners } = await statusOf(belfry);
    assert.deepEqual(
      listeners.map((one) => one.refused.not_allowed),
      [1, 1],
    );
  });

  test('no more connections than maxConnections; the ones that stand go on', async (t) => {
    const belfry = await useBelfry(t, { rules, syslog: { maxConnections: 3 } });
    const senders: Sender[] = [];
    for (let i = 0; i < 3; i += 1) senders.push(await openSender(belfry.port));
    await eventually('three are open', async () => (await statusOf(belfry)).connections.open === 3);
    const fourth = await openSender(belfry.port);
    await fourth.closed;
    for (const [at, sender] of senders.entries()) await sender.write(numbered('host', `s${at}`, 0, 10));
    await waitForLines(belfry.file('127.0.0.1.log'), 30);
    await senders[0]?.end();
    await eventually('room for one more', async () => (await statusOf(belfry)).connections.open === 2);
    await sendTcp(belfry.port, numbered('host', 's3', 0, 10));
    await waitForLines(belfry.file('127.0.0.1.log'), 40);
    const { listeners } = await statusOf(belfry);
    assert.equal(listeners[1]?.refused.too_many_connections, 1);
  });
});

test('longer messages are cut at maxMessageSize, counted, and the connection is kept', async (t) => {
  const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }], syslog: { maxMessageSize: '1KiB' } });
  const long = (text: string) => `<13>Nov 20 12:34:15 host app: ${text.repeat(4000)}`;
  const counted = long('c');
  const sender = await openSender(belfry.port);
  await sender.write(`${long('a')}\n${message('host', 'mark', 0)}\n`);
  await sender.write(`${counted.length} ${counted}${message('host', 'mark', 1)}\n`);
  await sender.end();
  await sendUdp(belfry.port, [long('d'), message('host', 'mark', 2)]);
  const text = await waitForLines(belfry.file('all.log'), 6);
  const lines = text.split('\n');
  for (const letter of ['a', 'c', 'd']) {
    const line = lines.find((one) => one.includes(`app: ${letter}`)) ?? '';
    assert.equal(line.length, 1024 - '<13>'.length, `the message of ${letter}`);
  }
  assertWhole(text, 'mark', 3);
  const { listeners } = await statusOf(belfry);
  assert.deepEqual(
    listeners.map(({ oversized }) => oversized),
    [1, 2],
  );
});

test('sent = received + dropped by the kernel, to the last datagram', async (t) => {
  const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }], syslog: { receiveBuffer: '64KiB' } });
  const sent = 20_000;
  const datagrams = Array.from({ length: sent }, (_, i) => message('host', 'udp', i));
  await sendUdp(belfry.port, datagrams.slice(0, 100));
  await received(belfry, 100);
  belfry.program.signal('SIGSTOP');
  await sleep(50);
  await sendUdp(belfry.port, datagrams.slice(100, 5000));
  belfry.program.signal('SIGCONT');
  await sendUdp(belfry.port, datagrams.slice(5000));
  await eventually('every datagram is accounted for', async () => {
    const { messages } = await statusOf(belfry);
    return messages.received + messages.dropped.kernel === sent;
  });
  await eventually('every message is written', async () => {
    return countLines(belfry.file('all.log')) === (await statusOf(belfry)).messages.received;
  });
  const { messages, listeners } = await statusOf(belfry);
  assert.ok(messages.dropped.kernel > 1000, `${messages.dropped.kernel} were dropped`);
  assert.equal(listeners[0]?.kernelDrops, messages.dropped.kernel);
  assert.equal(messages.received + messages.dropped.kernel, sent);
  const stored = numbersOf(readText(belfry.file('all.log')), 'udp');
  assert.equal(stored.length, messages.received);
  assert.equal(new Set(stored).size, stored.length);
});

test('5,000 connections at once, each with messages', async (t) => {
  const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }] });
  const count = 5000;
  const before = memoryOf(belfry.program.pid, 'VmRSS');
  const senders: Sender[] = [];
  for (let at = 0; at < count; at += 250) {
    senders.push(...(await Promise.all(Array.from({ length: 250 }, () => openSender(belfry.port)))));
  }
  await eventually('all are open', async () => (await statusOf(belfry)).connections.open === count);
  // Two whole messages and the beginning of a third, whose rest comes later: every connection holds something.
  await Promise.all(
    senders.map((sender, at) =>
      sender.write(
        `${numbered('host', `c${at}`, 0, 2).toString()}${message('host', `c${at}`, 2).slice(0, 40)}`,
      ),
    ),
  );
  await waitForLines(belfry.file('all.log'), 2 * count);
  const during = memoryOf(belfry.program.pid, 'VmRSS');
  await Promise.all(
    senders.map((sender, at) =>
      sender.write(`${message('host', `c${at}`, 2).slice(40)}\n`).then(() => sender.end()),
    ),
  );
  const text = await waitForLines(belfry.file('all.log'), 3 * count);
  for (let at = 0; at < count; at += 1)
    assert.ok(text.includes(` c${at}: n=2; the quick brown fox jumps over the lazy dog\n`));
  for (let at = 0; at < count; at += 499) assertWhole(text, `c${at}`, 3);
  const { connections, messages } = await statusOf(belfry);
  assert.equal(messages.received, 3 * count);
  assert.equal(connections.closed.by_peer, count);
  t.diagnostic(
    `${mebibytes(before)} resident before, ${mebibytes(during)} with ${count} connections that each hold half a message`,
  );
  assert.ok(memoryOf(belfry.program.pid, 'VmHWM') < 200 * 1024 ** 2);
});
