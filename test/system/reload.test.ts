// SIGHUP on a running server: good configurations and bad ones while messages come in, files that logrotate has
// moved, listeners that come and go. No message and no connection is lost, and a bad configuration changes
// nothing but the log.

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { useBelfry } from './belfry.ts';
import { countLines, freePort, waitForLines } from './programs.ts';
import {
  assertWhole,
  eventually,
  hangUp,
  message,
  numbered,
  openSender,
  raiseBelfry,
  readText,
  received,
  rewriteConfig,
  sendTcp,
  sendUdp,
  statusOf,
} from './world.ts';

test('good and bad configurations under load: no message and no connection is lost', async (t) => {
  const rules = [{ file: 'all.log' }];
  const belfry = await useBelfry(t, { rules });
  const senders = await Promise.all([0, 1, 2, 3].map(() => openSender(belfry.port)));
  const state = { isOver: false };
  const counts = senders.map(() => 0);
  const sending = senders.map(async (sender, at) => {
    while (!state.isOver) {
      await sender.write(numbered('host', `s${at}`, counts[at] ?? 0, 500));
      counts[at] = (counts[at] ?? 0) + 500;
      await sleep(10);
    }
  });
  let datagrams = 0;
  const datagramming = (async () => {
    for (; !state.isOver; datagrams += 20) {
      await sendUdp(
        belfry.port,
        Array.from({ length: 20 }, (_, i) => message('host', 'udp', datagrams + i)),
      );
      await sleep(1);
    }
  })();
  for (let round = 0; round < 5; round += 1) {
    rewriteConfig(belfry, { rules: [{ match: { host: `nobody${round}` }, discard: true }, ...rules] });
    await hangUp(belfry.program);
    rewriteConfig(belfry, { rules: [{ match: { fromHostIP: '1.2.3.4' }, file: 'other.log' }] });
    await hangUp(belfry.program, 'was not taken');
  }
  state.isOver = true;
  await Promise.all([...sending, datagramming]);
  const status = await statusOf(belfry);
  assert.equal(status.connections.open, 4, 'every connection stands');
  assert.equal(status.config.failedReloads, 5);
  assert.match(belfry.program.stderr, /CONFIG_UNKNOWN_KEY[\s\S]*fromHostIp/);
  await Promise.all(senders.map((sender) => sender.end()));
  assert.ok(senders.every(({ error }) => error === undefined));
  await received(belfry, counts.reduce((total, count) => total + count, 0) + datagrams);
  const lines = counts.reduce((total, count) => total + count, 0) + datagrams;
  const text = await waitForLines(belfry.file('all.log'), lines);
  for (const [at, count] of counts.entries()) assertWhole(text, `s${at}`, count);
  assertWhole(text, 'udp', datagrams);
});

test('a file that was moved is opened anew at SIGHUP, and every line is in one of the two', async (t) => {
  const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }] });
  const sender = await openSender(belfry.port);
  for (let round = 0; round < 4; round += 1) {
    await sender.write(numbered('host', 'tcp', round * 2000, 2000));
    if (round === 0) await waitForLines(belfry.file('all.log'), 1);
    if (round < 3) {
      renameSync(belfry.file('all.log'), belfry.file(`all.log.${round}`));
      await hangUp(belfry.program);
      await sender.write(numbered('host', 'mark', round, 1));
      await eventually('the new file', () => countLines(belfry.file('all.log')) > 0);
    }
  }
  await sender.end();
  const files = ['all.log.0', 'all.log.1', 'all.log.2', 'all.log'].map((name) => belfry.file(name));
  const all = () => files.map(readText).join('');
  await eventually('all lines', () => all().split('\n').length > 8003);
  assertWhole(all(), 'tcp', 8000);
  assertWhole(all(), 'mark', 3);
});

test('listeners come and go; connections on one that went go on', async (t) => {
  const rules = [{ file: 'all.log' }];
  const belfry = await useBelfry(t, { rules });
  const other = await freePort();
  const both = [`udp://127.0.0.1:${belfry.port}`, `tcp://127.0.0.1:${belfry.port}`];
  const old = await openSender(belfry.port);
  await old.write(numbered('host', 'old', 0, 100));

  rewriteConfig(belfry, {
    rules,
    syslog: { listen: [...both, `tcp://127.0.0.1:${other}`, `udp://127.0.0.1:${other}`] },
  });
  await hangUp(belfry.program);
  await sendTcp(other, numbered('host', 'new', 0, 100));
  await sendUdp(other, [message('host', 'udp', 0)]);

  // The first port goes, with senders that connected and wrote before anybody could accept them.
  rewriteConfig(belfry, { rules, syslog: { listen: [`tcp://127.0.0.1:${other}`] } });
  belfry.program.signal('SIGSTOP');
  await sleep(50);
  const waiting = await Promise.all(Array.from({ length: 20 }, () => openSender(belfry.port)));
  await Promise.all(waiting.map((sender, at) => sender.write(numbered('host', `waiting${at}`, 0, 10))));
  await sendUdp(
    belfry.port,
    Array.from({ length: 500 }, (_, i) => message('host', 'last', i)),
  );
  belfry.program.signal('SIGHUP');
  belfry.program.signal('SIGCONT');
  await eventually('reloaded', () => belfry.program.stderr.split('Reloaded').length === 3);
  await assert.rejects(openSender(belfry.port), /ECONNREFUSED/);
  await old.write(numbered('host', 'old', 100, 100));
  await Promise.all([old, ...waiting].map((sender) => sender.end()));
  const text = await waitForLines(belfry.file('all.log'), 200 + 101 + 200 + 500);
  assertWhole(text, 'old', 200);
  assertWhole(text, 'new', 100);
  assertWhole(text, 'last', 500);
  for (const at of waiting.keys()) assertWhole(text, `waiting${at}`, 10);
  const closed = (await statusOf(belfry)).listeners.filter(({ open }) => !open).map(({ name }) => name);
  assert.deepEqual(closed, [...both, `udp://127.0.0.1:${other}`]);
});

test('a configuration whose ports are taken changes nothing', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((done) => taken.once('listening', done));
  const { port } = taken.address() as { port: number };
  const http = await freePort();
  const belfry = await useBelfry(t, {
    rules: [{ file: 'a.log' }],
    more: { http: { listen: `127.0.0.1:${http}` } },
  });
  const listen = [`udp://127.0.0.1:${belfry.port}`, `tcp://127.0.0.1:${belfry.port}`];
  const rules = [{ file: 'b.log' }];
  const notSocket = join(belfry.folder, 'file');
  writeFileSync(notSocket, 'kept');
  const bad = [
    { rules, syslog: { listen: [...listen, `tcp://127.0.0.1:${port}`] } },
    { rules, more: { http: { listen: `127.0.0.1:${port}` } } },
    { rules, more: { http: { listen: `127.0.0.1:${http}` }, control: { socket: notSocket } } },
  ];
  for (const options of bad) {
    rewriteConfig(belfry, options);
    await hangUp(belfry.program, 'was not taken');
    await sendTcp(belfry.port, numbered('host', 'app', 0, 1));
    assert.equal((await fetch(`http://127.0.0.1:${http}/healthz`)).status, 200);
    assert.equal((await statusOf(belfry)).listeners.filter(({ open }) => open).length, 2);
  }
  assert.match(belfry.program.stderr, /LISTEN_IN_USE/);
  await waitForLines(belfry.file('a.log'), bad.length);
  assert.equal(readText(belfry.file('b.log')), '');

  // And a good one afterwards is taken whole.
  const moved = await freePort();
  rewriteConfig(belfry, { rules, more: { http: { listen: `127.0.0.1:${moved}` } } });
  await hangUp(belfry.program);
  await sendTcp(belfry.port, numbered('host', 'app', 0, 1));
  await waitForLines(belfry.file('b.log'), 1);
  assert.equal((await fetch(`http://127.0.0.1:${moved}/healthz`)).status, 200);
  await assert.rejects(fetch(`http://127.0.0.1:${http}/healthz`));
});

test('who may send is looked at anew', async (t) => {
  const rules = [{ file: 'all.log' }];
  const belfry = await raiseBelfry(t, { rules });
  await sendUdp(belfry.port, [message('host', 'udp', 0)]);
  await waitForLines(belfry.file('all.log'), 1);
  rewriteConfig(belfry, { rules, syslog: { allow: ['192.0.2.0/24'] } });
  await hangUp(belfry.program);
  await sendUdp(belfry.port, [message('host', 'udp', 1)]);
  await eventually('refused', async () => {
    return (await statusOf(belfry)).listeners[0]?.refused.not_allowed === 1;
  });
  rewriteConfig(belfry, { rules });
  await hangUp(belfry.program);
  await sendUdp(belfry.port, [message('host', 'udp', 1)]);
  assertWhole(await waitForLines(belfry.file('all.log'), 2), 'udp', 2);
});
