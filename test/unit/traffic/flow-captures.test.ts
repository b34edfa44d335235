// Every capture with a known answer through the flow table: packets and IP bytes of every connection equal, state and
// direction as Zeek or tshark say in at least 95 of 100, and each difference of a class that is known and meant.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KnownConnection, knownCaptures, skipWithoutCaptures } from './captures.ts';
import { type Replayed, replay } from './replay.ts';

interface Ends {
  readonly proto: string;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
}

/** Zeek gives SCTP no ports, and both words for ICMP are one. */
function keyOf({ proto, src, sport, dst, dport }: Ends): string {
  if (/^(?:icmp|sctp|unknown)/.test(proto))
    return `${proto.slice(0, 4)} ${[src, dst].sort().join(' ')}`.replace('unkn', 'sctp');
  return `${proto} ${[`${src}:${sport}`, `${dst}:${dport}`].sort().join(' ')}`;
}

function group<T extends Ends>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}

function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

interface Score {
  pairs: number;
  sameDirection: number;
  states: number;
  sameState: number;
}

/** Why the state may differ: the list splits a tuple by its own timeouts, or has the other direction. */
function judge(
  theirs: readonly KnownConnection[],
  ours: readonly Replayed[],
  isTshark: boolean,
  score: Score,
): void {
  const [first, own] = [theirs[0] as KnownConnection, ours[0] as Replayed];
  const isSame = first.src === own.src && (first.sport === own.sport || !/^(tcp|udp)$/.test(own.proto));
  score.pairs += 1;
  score.sameDirection += isSame ? 1 : 0;
  // tshark knows no services: it takes the first sender for the client.
  if (!isSame) assert.ok(isTshark && own.how === 'port', `${keyOf(own)} by ${own.how}`);
  for (const [at, { state }] of theirs.entries()) {
    if (typeof state !== 'string') continue;
    score.states += 1;
    score.sameState += state === ours[at]?.state ? 1 : 0;
    const isSplit = theirs.length !== ours.length;
    assert.ok(
      state === ours[at]?.state || isSplit || !isSame,
      `${keyOf(own)}: ${state}, ours ${ours[at]?.state}`,
    );
  }
}

test('every connection of every capture has the packets, bytes, state and direction that are known', {
  skip: skipWithoutCaptures,
}, (t) => {
  const score: Score = { pairs: 0, sameDirection: 0, states: 0, sameState: 0 };
  for (const { file, oracle, conns, packets } of knownCaptures()) {
    const isTshark = oracle.startsWith('tshark');
    const { connections, table } = replay(file, isTshark ? 'outer' : 'inner');
    const ours = group(connections);
    for (const [key, theirs] of group(conns)) {
      const own = ours.get(key) ?? [];
      const counted = [
        sum(own, (c) => c.packets[0] + c.packets[1]),
        sum(own, (c) => c.ipBytes[0] + c.ipBytes[1]),
      ];
      const known = [
        sum(theirs, (c) => c.orig_pkts + c.resp_pkts),
        sum(theirs, (c) => c.orig_ip_bytes + c.resp_ip_bytes),
      ];
      assert.deepEqual(counted, known, `${file}: ${key}`);
      judge(theirs, own, isTshark, score);
    }
    assert.equal(ours.size, group(conns).size, `${file}: no connection that is not known`);
    assert.equal(table.packets, packets, file);
    assert.equal(table.booked + sum(Object.values(table.ignored), (count) => count), packets, file);
  }
  t.diagnostic(JSON.stringify(score));
  assert.ok(score.sameState >= 0.95 * score.states && score.sameDirection >= 0.95 * score.pairs);
});

test('what was sent again, out of order and how fast the answer came', { skip: skipWithoutCaptures }, () => {
  const [again] = replay('zeek-tcp-retransmit-fast009.pcap', 'outer').connections;
  assert.ok(again && again.retransmitted[1] > 0 && again.state === 'RSTO');
  const [get] = replay('zeek-http-get.pcap', 'outer').connections;
  assert.deepEqual(
    [get?.retransmitted, get?.outOfOrder],
    [
      [0, 0],
      [0, 0],
    ],
  );
  assert.deepEqual([get?.payloadBytes, get?.how], [[136, 5007], 'syn']);
  assert.ok(Math.abs((get?.synRttUs ?? 0) - 69_740) < 2000, `${get?.synRttUs}`);
  const { turns } = replay('zeek-http-get.pcap', 'outer');
  assert.deepEqual(turns, ['opened', 'closed']);
});
