// The pages: what they say, in which form, and that a port that cannot be had is a fault.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import { openHttp } from '../../../daemon/http/http.ts';
import { METRICS } from '../../../daemon/metrics.ts';
import type { ServerStatus } from '../../../daemon/status.ts';
import { readMetrics } from './read-metrics.ts';
import { sampleStatus } from './samples.ts';

async function usePages(t: TestContext, status: () => ServerStatus = sampleStatus): Promise<string> {
  const http = await openHttp(
    { host: '127.0.0.1', family: 4, port: 0 },
    { status, senders: () => [], clients: () => [] },
  );
  t.after(() => http.stop());
  return http.address;
}

test('/metrics is the text format, with every metric of the table', async (t) => {
  const answer = await fetch(`${await usePages(t)}/metrics`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const read = readMetrics(await answer.text());
  assert.deepEqual(
    read.map(({ name }) => name),
    METRICS.map(({ name }) => name),
  );
  const drops = read.find(({ name }) => name === 'belfry_syslog_kernel_drops_total');
  assert.deepEqual(drops?.samples, [{ labels: { listener: 'udp://0.0.0.0:514' }, value: 7 }]);
});

test('/healthz is 200 while it runs and can write, else 503', async (t) => {
  let status = sampleStatus();
  const address = await usePages(t, () => status);
  const health = async () => {
    const answer = await fetch(`${address}/healthz`);
    return [answer.status, (await answer.json()) as object] as const;
  };
  assert.deepEqual(await health(), [
    200,
    { healthy: true, state: 'running', troubledFiles: [], troubledCount: 0 },
  ]);
  const troubled = [
    { path: '/a', trouble: 'disk_full', error: 'ENOSPC', since: '2026-11-20T12:00:00.000Z' },
  ] as const;
  status = sampleStatus({ files: { ...status.files, troubled, troubledCount: 1 } });
  assert.deepEqual(await health(), [
    503,
    { healthy: false, state: 'running', troubledFiles: troubled, troubledCount: 1 },
  ]);
  status = sampleStatus({ state: 'stopping' });
  assert.equal((await health())[0], 503);
});

test('/status and /senders are JSON; there is nothing else and nothing to change', async (t) => {
  const address = await usePages(t);
  assert.deepEqual(await (await fetch(`${address}/status`)).json(), sampleStatus());
  assert.deepEqual(await (await fetch(`${address}/senders`)).json(), []);
  assert.equal((await fetch(`${address}/`)).status, 200);
  for (const path of ['/config', '/../../etc/passwd', '/%2e%2e/etc/passwd', '/status/x']) {
    assert.equal((await fetch(`${address}${path}`)).status, 404, path);
  }
  assert.equal((await fetch(`${address}/status`, { method: 'POST', body: '{}' })).status, 404);
});

test('a port that is taken is a fault that names it', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const asked = { status: sampleStatus, senders: () => [], clients: () => [] };
  await assert.rejects(openHttp({ host: '127.0.0.1', family: 4, port }, asked), (fault: unknown) => {
    assert.ok(fault instanceof Fault);
    assert.equal(fault.code, 'LISTEN_IN_USE');
    assert.match(fault.text.mend ?? '', new RegExp(`:${port}'`));
    return true;
  });
  await assert.rejects(openHttp({ host: '192.0.2.1', family: 4, port: 0 }, asked), { code: 'LISTEN_FAILED' });
});

test('a client that never ends its request does not hold up the stop', async () => {
  const http = await openHttp(
    { host: '127.0.0.1', family: 4, port: 0 },
    { status: sampleStatus, senders: () => [], clients: () => [] },
  );
  const { connect } = await import('node:net');
  const client = connect(Number(new URL(http.address).port), '127.0.0.1');
  client.on('error', () => undefined);
  await once(client, 'connect');
  client.write('GET /status HTTP/1.1\r\nHost: x\r\n');
  const startedAt = performance.now();
  await http.stop();
  await http.stop();
  assert.ok(performance.now() - startedAt < 3000);
  client.destroy();
});
