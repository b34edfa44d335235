// What a person reads of the watching of connections: what was seen, lost and held back; nothing of what did not happen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCaptureCounts, readCaptureCounts } from '../../../client/monitor/capture-counts.ts';
import type { TrafficStatus } from '../../../client/monitor/traffic-status.ts';
import { trafficLines } from '../../../cli/traffic-lines.ts';

const NONE = readCaptureCounts(makeCaptureCounts());

const QUIET: TrafficStatus = {
  since: '2026-11-20T21:53:03.000Z',
  filter: null,
  interfaces: [{ name: 'eth0', state: 'captured', trouble: undefined }],
  counts: { ...NONE, packets: 1234, begun: 7, flows: 2 },
  events: { opened: 0, closed: 0 },
  heldBack: {},
  records: 0,
  recordsOver: 0,
  ownDelivery: 0,
  unasked: 0,
  owners: [{ way: 'sockets', works: true, sentence: 'All is well.' }],
  log: null,
};

test('a quiet host is told in three lines', () => {
  assert.deepEqual(trafficLines(QUIET), [
    'Connections are watched on eth0, since 2026-11-20T21:53:03.000Z.',
    '  Seen: 1,234 packets, 7 connections, 2 of them remembered now.',
    '  Told: nothing yet.',
  ]);
});

test('what needs an operator stands out', () => {
  const lines = trafficLines({
    ...QUIET,
    filter: 'port 2525',
    interfaces: [...QUIET.interfaces, { name: 'eth1\u001b[2J', state: 'absent', trouble: 'gone' }],
    counts: { ...QUIET.counts, dropped: 12, evicted: 3, unheard: 8, heldBack: 1902 },
    events: { opened: 4, 'no-answer': 1 },
    heldBack: { refused: 1890 },
    records: 60,
    recordsOver: 7,
    ownDelivery: 2,
    unasked: 5,
    owners: [{ way: 'processes', works: false, sentence: 'The right CAP_SYS_PTRACE is missing.' }],
    log: { path: '/var/log/t.log', lines: 9, bytes: 2048, lost: 1, trouble: 'the disk is full (ENOSPC)' },
  });
  const text = lines.join('\n');
  for (const wanted of [
    /watched on eth0, eth1\S*\[2J \(absent\), filter "port 2525"/,
    /LOST: 12 packets that the kernel dropped/,
    /LOST: 8 events and 0 interval records/,
    /Forgotten for want of room: 3 connections/,
    /Told: 4 opened, 1 no-answer; 60 interval records\./,
    /Held back by the rate limit: 1,902 events \(told of: 1,890 refused\)\./,
    /more than maxRecords: 7 interval records\./,
    /own delivery by UDP: 2\./,
    /without an owner, .*: 5\./,
    /Owners: The right CAP_SYS_PTRACE is missing\./,
    /Log: \/var\/log\/t\.log, 9 lines \(2 KiB\), 1 LOST\./,
    /THE LOG CANNOT BE WRITTEN: the disk is full \(ENOSPC\)\./,
  ])
    assert.match(text, wanted);
  assert.doesNotMatch(text, /\u001b/);
  assert.match(trafficLines({ ...QUIET, owners: null }).join('\n'), /Owners are not looked for/);
});
