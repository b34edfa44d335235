// The Prometheus text format, read back with a parser of our own that knows nothing of the printer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Metric, printMetrics } from '../../../base/metric.ts';
import type { TlsStatus } from '../../../daemon/tls/tls-status.ts';
import { TLS_TROUBLES } from '../../../daemon/tls/tls-counts.ts';
import { METRICS } from '../../../daemon/metrics.ts';
import { SAMPLE_NTP, sampleStatus } from '../daemon/samples.ts';
import { readMetrics } from '../daemon/read-metrics.ts';

test('labels are escaped', () => {
  const odd = 'back\\slash "quote"\nline\\n';
  const table: Metric<number>[] = [
    {
      name: 'x_total',
      kind: 'counter',
      labels: { a: 'x' },
      help: 'Things.',
      read: (state) => [
        { labels: { a: odd, b: '' }, value: state },
        { labels: { a: '}' }, value: 0.5 },
      ],
    },
  ];
  const [metric] = readMetrics(printMetrics(table, 7));
  assert.deepEqual(metric, {
    name: 'x_total',
    kind: 'counter',
    help: 'Things.',
    samples: [
      { labels: { a: odd, b: '' }, value: 7 },
      { labels: { a: '}' }, value: 0.5 },
    ],
  });
});

test('a metric without samples still says what it is', () => {
  const empty: Metric<number> = { name: 'y', kind: 'gauge', labels: {}, help: 'None.', read: () => [] };
  assert.deepEqual(readMetrics(printMetrics([empty], 0)), [
    { name: 'y', kind: 'gauge', help: 'None.', samples: [] },
  ]);
});

const SAMPLE_TLS: TlsStatus = {
  connections: 2,
  underWay: 1,
  handshakes: 7,
  unverified: 0,
  failed: Object.fromEntries(TLS_TROUBLES.map((trouble) => [trouble, 1])) as TlsStatus['failed'],
  lastTroubles: [],
  certificates: [
    {
      use: 'server',
      path: '/etc/belfry/server.pem',
      subject: 'CN=logs',
      names: ['DNS:logs'],
      issuer: 'CN=site',
      serial: '01',
      endsAt: '2027-11-20T12:34:15.000Z',
    },
  ],
};

test('every metric of the server is read back, with the labels that it declares', () => {
  const read = readMetrics(printMetrics(METRICS, sampleStatus({ ntp: SAMPLE_NTP, tls: SAMPLE_TLS })));
  assert.deepEqual(
    read.map(({ name }) => name),
    METRICS.map(({ name }) => name),
  );
  for (const metric of METRICS) {
    const found = read.find(({ name }) => name === metric.name);
    assert.ok(found && found.samples.length > 0, metric.name);
    assert.match(metric.name, /^belfry_[a-z_]+$/);
    assert.equal(
      metric.name.endsWith('_total'),
      metric.kind === 'counter',
      `${metric.name} is a ${metric.kind}`,
    );
    assert.match(metric.help, /^[A-Z0-9][^\n\\]*\.$/, metric.name);
    for (const sample of found.samples) {
      assert.deepEqual(Object.keys(sample.labels).sort(), Object.keys(metric.labels).sort(), metric.name);
      assert.ok(Number.isFinite(sample.value), metric.name);
    }
    const all = found.samples.map(({ labels }) => JSON.stringify(labels));
    assert.equal(new Set(all).size, all.length, `${metric.name} has each set of labels once`);
  }
});
