// Where a transport tries to connect, and when: the order of several targets, pauses, names and their addresses,
// and what the log says of all that.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Names } from '../../../delivery/transport/names.ts';
import { Targets } from '../../../delivery/transport/targets.ts';
import type { Log } from '../../../base/log.ts';
import { TransportVoice } from '../../../delivery/transport/voice.ts';
import { freePort, waitUntil } from '../../system/programs.ts';
import { lines, SpoolLog } from './use-spool.ts';
import { receiveRelp, startSending, targetOf } from './use-transport.ts';

const RETRY = { minMs: 100, maxMs: 1000 };

describe('targets', () => {
  const [a, b] = [targetOf('relp', 1), targetOf('relp', 2)];

  test('are tried in order; one that has failed pauses', () => {
    const targets = new Targets([a, b], RETRY, () => 0.5);
    assert.equal(targets.due(0), a);
    targets.failed(a, 0);
    assert.equal(targets.due(0), b);
    targets.failed(b, 10);
    assert.equal(targets.due(10), undefined);
    assert.equal(targets.dueMs, 150);
    assert.equal(targets.due(149), undefined);
    assert.equal(targets.due(150), a);
    // Both are due: the first comes first.
    assert.equal(targets.due(1000), a);
  });

  test('pause longer each time, up to the limit, by chance', () => {
    for (const [random, pauses] of [
      [0, [100, 100, 100, 100, 100, 100]],
      [0.999999, [200, 400, 800, 1000, 1000, 1000]],
    ] as const) {
      const targets = new Targets([a], RETRY, () => random);
      const seen = pauses.map(() => {
        targets.failed(a, 0);
        return Math.round(targets.dueMs);
      });
      assert.deepEqual(seen, pauses);
      for (let i = 0; i < 3000; i++) targets.failed(a, 0);
      assert.ok(targets.dueMs <= 1000);
      targets.proved(a);
      targets.failed(a, 0);
      assert.equal(Math.round(targets.dueMs), pauses[0]);
    }
  });
});

describe('names', () => {
  test('are asked each time, and addresses never', async () => {
    const asked: string[] = [];
    const names = new Names(async (host) => [`10.0.0.${asked.push(host)}`], 1000);
    assert.deepEqual(await names.find('::1'), { ok: true, addresses: ['::1'] });
    assert.deepEqual(await names.find('a.example'), { ok: true, addresses: ['10.0.0.1'] });
    assert.deepEqual(await names.find('a.example'), { ok: true, addresses: ['10.0.0.2'] });
    assert.deepEqual(asked, ['a.example', 'a.example']);
  });

  test('that hang are asked once, and the last answer serves', async () => {
    let hangs = false;
    let asked = 0;
    const names = new Names((): Promise<readonly string[]> => {
      asked += 1;
      return hangs ? new Promise(() => undefined) : Promise.resolve(['10.0.0.1']);
    }, 20);
    await names.find('a.example');
    hangs = true;
    assert.deepEqual(await names.find('a.example'), { ok: true, addresses: ['10.0.0.1'] });
    const found = await names.find('b.example');
    assert.ok(!found.ok && found.trouble.why === 'DNS did not answer for b.example within 20 ms', 'it waits');
    await names.find('b.example');
    assert.equal(asked, 3);
  });

  test('that are gone are gone', async () => {
    let code: string | undefined;
    const names = new Names(async () => {
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      return ['10.0.0.1'];
    }, 1000);
    const find = async () => {
      const found = await names.find('a.example');
      return found.ok ? found.addresses.join() : found.trouble.why;
    };
    assert.equal(await find(), '10.0.0.1');
    code = 'EAI_AGAIN';
    assert.equal(await find(), '10.0.0.1');
    code = 'ENOTFOUND';
    assert.equal(await find(), 'DNS knows no address of a.example');
    code = 'EAI_AGAIN';
    assert.equal(await find(), 'DNS does not answer for a.example');
    code = 'ESOMETHING';
    assert.equal(await find(), 'DNS has no answer for a.example (ESOMETHING)');
  });
});

describe('a transport', () => {
  async function twoServers(t: TestContext) {
    return [await receiveRelp(t), await receiveRelp(t)] as const;
  }

  test('takes the next target when the first is away, and the first again when that one ends', async (t) => {
    const port = await freePort();
    const second = await receiveRelp(t);
    const to = [targetOf('relp', port), targetOf('relp', second.port)];
    const sending = startSending(t, to, { retry: { minMs: 50, maxMs: 200 } });
    sending.append(1, 100);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(second.taken, lines(1, 100));
    const first = await receiveRelp(t, () => 'ok', port);
    sending.append(101, 200);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    // A connection that is good is not left for the sake of the order.
    assert.equal(first.connections, 0);
    second.close();
    sending.append(201, 300);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual([...new Set([...second.taken, ...first.taken])], lines(1, 300));
    const state = sending.transport.state();
    assert.equal(state.kind === 'connected' && state.target, to[0]?.text);
  });

  test('asks DNS at each connection', async (t) => {
    const [server] = await twoServers(t);
    let addresses = ['127.0.0.2'];
    const sending = startSending(
      t,
      [targetOf('relp', server.port, 'logs.example.org')],
      {},
      {
        resolve: async () => addresses,
      },
    );
    sending.append(1, 10);
    await waitUntil('it waits', () => sending.why() === `connection refused by 127.0.0.2:${server.port}`);
    addresses = ['127.0.0.3', '127.0.0.1'];
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.match(
      sending.log.said.join('\n'),
      new RegExp(
        `Delivering fwdRule1 to relp://logs\\.example\\.org:${server.port} \\(127\\.0\\.0\\.1:${server.port}\\), after (one try|\\d+ tries)`,
      ),
    );
  });

  test('tries the next address beside one that does not answer', async (t) => {
    const server = await receiveRelp(t);
    // RFC 5737: nobody has this address.
    const addresses = ['192.0.2.1', '127.0.0.1'];
    const sending = startSending(
      t,
      [targetOf('relp', server.port, 'logs.example.org')],
      {},
      {
        resolve: async () => addresses,
      },
    );
    sending.append(1, 10);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.equal(sending.transport.counts().failures, 0);
  });

  test('stops at once while DNS hangs, and while it waits', async (t) => {
    for (const resolve of [() => new Promise<string[]>(() => undefined), async () => ['127.0.0.1']]) {
      const sending = startSending(t, [targetOf('relp', await freePort(), 'a.example')], {}, { resolve });
      await new Promise((done) => setTimeout(done, 20));
      await sending.transport.stop(Date.now() + 60_000);
      assert.equal(sending.transport.state().kind, 'stopped');
    }
  });

  test('stops at the deadline when the server does not answer', async (t) => {
    const server = await receiveRelp(t, () => 'silent');
    const sending = startSending(t, [targetOf('relp', server.port)]);
    sending.append(1, 10);
    await waitUntil('all were sent', () => server.seen.length === 10);
    await sending.transport.stop(Date.now() + 50);
    assert.equal(sending.transport.state().kind, 'stopped');
    assert.equal(sending.waiting(), 10);
    // The next one, after a reload, begins with them.
    assert.equal(sending.spool.reader('fwdRule1').next().sequences[0], 1);
  });
});

describe('the log', () => {
  test('says a change once, and no more than once a minute', () => {
    const log = new SpoolLog();
    let nowMs = 0;
    const voice = new TransportVoice(log as Log, 'a', () => nowMs);
    const refused = { why: 'connection refused by x', mend: 'Look.' };
    voice.delivering('relp://x:1', 'x:1', 0);
    for (let i = 0; i < 100; i++) {
      nowMs += 100;
      voice.notDelivering(refused);
      nowMs += 100;
      voice.delivering('relp://x:1', 'x:1', 1);
    }
    assert.deepEqual(log.said, [
      'Delivering a to relp://x:1.',
      'Not delivering a: connection refused by x; messages wait, and it is tried again. Look.',
      'Delivering a to relp://x:1, after one try that failed (100 ms).',
    ]);
    nowMs += 60_000;
    for (let i = 0; i < 3; i++) voice.notDelivering(refused);
    assert.equal(log.said.length, 4);
    assert.equal(log.facts.at(-1)?.['notSaid'], 99);
    nowMs += 60_000;
    voice.notDelivering({ why: 'no route to x', mend: undefined });
    assert.match(log.said.at(-1) ?? '', /no route to x/);
    voice.delivering('relp://y:1', '10.0.0.1:1', 5);
    assert.equal(
      log.said.at(-1),
      'Delivering a to relp://y:1 (10.0.0.1:1), after 5 tries that failed (1 min).',
    );
  });
});
