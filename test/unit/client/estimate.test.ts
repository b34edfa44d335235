// What watching would bring in a day: from the kernel's tables as text.

import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { estimateTraffic } from '../../../client/monitor/estimate.ts';
import { hostConnections, type HostConnections } from '../../../client/monitor/host-connections.ts';
import { printAddress } from '../../../base/ip.ts';
import { TRAFFIC } from './traffic-parts.ts';

const SKIP = endianness() === 'BE' ? 'the tables below are those of a little-endian machine' : false;
const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const TAIL = ' 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n';

/** 10.0.0.2:41234 → 10.0.0.1:2525; the two ends of 127.0.0.1:40000 → :80; one that listens; one in TIME_WAIT. */
const TCP = `${HEAD}   0: 0200000A:A112 0100000A:09DD 01${TAIL}   1: 0100007F:9C40 0100007F:0050 01${TAIL}   2: 0100007F:0050 0100007F:9C40 01${TAIL}   3: 00000000:09DD 00000000:0000 0A${TAIL}   4: 0200000A:A113 0100000A:09DD 06${TAIL}`;
/** fd77::2:50000 → fd77::1:443; ::ffff:10.0.0.2:2525 → ::ffff:10.0.0.9:1000. */
const TCP6 = `${HEAD}   0: 000077FD000000000000000002000000:C350 000077FD000000000000000001000000:01BB 01${TAIL}   1: 0000000000000000FFFF00000200000A:09DD 0000000000000000FFFF00000900000A:03E8 01${TAIL}`;
const SNMP =
  'Tcp: RtoAlgorithm ActiveOpens PassiveOpens\nTcp: 1 6000 4000\nUdp: InDatagrams OutDatagrams\nUdp: 5 8640\n';

function host(files: Readonly<Record<string, string>> = {}): HostConnections {
  const all: Readonly<Record<string, string>> = {
    '/proc/self/net/tcp': TCP,
    '/proc/self/net/tcp6': TCP6,
    '/proc/self/net/snmp': SNMP,
    ...files,
  };
  return hostConnections((path) => all[path] ?? '', 86_400);
}

test('open connections are read from the tables of the kernel', { skip: SKIP }, () => {
  const { open, rows, opensPerDay, datagramsPerDay } = host();
  const ends = open.map(
    ({ local, localPort, remote, remotePort }) =>
      `${printAddress(local)} ${localPort} ${printAddress(remote)} ${remotePort}`,
  );
  assert.deepEqual(ends, [
    '10.0.0.2 41234 10.0.0.1 2525',
    '127.0.0.1 40000 127.0.0.1 80',
    'fd77::2 50000 fd77::1 443',
    '10.0.0.2 2525 10.0.0.9 1000',
  ]);
  assert.equal(rows, 5);
  assert.deepEqual([Math.round(opensPerDay), Math.round(datagramsPerDay)], [10_000, 8640]);
});

test('nothing that can be read is no connection, and no throw', () => {
  const { open, opensPerDay } = hostConnections(() => '');
  assert.deepEqual([open, opensPerDay], [[], 0]);
  assert.deepEqual(hostConnections(() => 'a b\n0: ZZ:1 :: 01 \n').open, []);
});

test('events and records of a day, by the filter', { skip: SKIP }, () => {
  const estimate = estimateTraffic({ ...TRAFFIC, maxRecords: 5000, interfaces: ['any'] }, host());
  // Two of four pass "port 2525"; of 10,000 opens one in five is the other end of another.
  const begun = 10_000 * (4 / 5) * (2 / 4);
  const updates = 2 * 144;
  assert.equal(Math.round(estimate.eventsPerDay), Math.round(begun * 2 + updates));
  assert.equal(Math.round(estimate.recordsPerDay), Math.round(2 * (2 * 1440 + begun)));
  assert.match(
    estimate.sentences[0] ?? '',
    /^about 8,300 events \(7\.1 MiB\) a day: 2 of 4 TCP connections are open now, and about 4,000 new ones come in a day$/,
  );
  assert.match(estimate.sentences[1] ?? '', /14,000 interval records .* within 1 min$/);
});

test('loopback counts where it is watched', { skip: SKIP }, () => {
  const open = (interfaces: string[]) =>
    estimateTraffic({ ...TRAFFIC, filter: undefined, interfaces }, host()).sentences[0] ?? '';
  assert.match(open(['eth0']), /3 of 4 TCP connections/);
  assert.match(open(['lo']), /: 4 TCP connections/);
  assert.match(open(['any']), /: 4 TCP connections/);
});

test('the rate limit bounds it, and what is not told costs nothing', { skip: SKIP }, () => {
  const rateLimit = { perSecond: 1, burst: 1, clientPerSecond: 1, clientBurst: 1 };
  const busy = { ...host(), opensPerDay: 1e7 };
  const none = { ...TRAFFIC, interfaces: ['any'], filter: undefined, flowIntervalMs: undefined };
  const few = estimateTraffic({ ...none, rateLimit, events: ['opened', 'closed'] }, busy);
  assert.equal(few.eventsPerDay, 86_400);
  assert.equal(few.recordsPerDay, 0);
  const recorded = estimateTraffic({ ...none, flowIntervalMs: 60_000, maxRecords: 7 }, busy);
  assert.equal(recorded.recordsPerDay, 7 * 1440);
  assert.equal(estimateTraffic({ ...none, events: [] }, busy).eventsPerDay, 0);
  const { eventsPerDay } = estimateTraffic({ ...none, rateLimit: undefined, events: ['reset'] }, busy);
  assert.equal(Math.round(eventsPerDay), 8e6);
  assert.ok(few.sentences.some((one) => /UDP comes on top: .* about 8,600 datagrams/.test(one)));
});

test('with nothing open that passes it says what it cannot know', { skip: SKIP }, () => {
  const empty = { open: [], rows: 0, opensPerDay: 500, datagramsPerDay: 0 };
  const [first = ''] = estimateTraffic({ ...TRAFFIC, flowIntervalMs: undefined }, empty).sentences;
  assert.match(first, /^at most about 1,000 events .* 500 new ones come in a day; nobody can say how many/);
  const other = { ...host(), open: host().open.slice(0, 1) };
  const [none = ''] = estimateTraffic({ ...TRAFFIC, filter: 'port 9' }, other).sentences;
  assert.match(none, /^at most .*: 0 of 1 TCP connections are open now/);
});
