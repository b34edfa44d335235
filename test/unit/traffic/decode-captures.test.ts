// Every capture with a known answer through the decoder: packets and IP bytes of each direction of each 5-tuple are
// what tshark counted in the same file, and what is no IP is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printAddress } from '../../../base/ip.ts';
import { decode } from '../../../traffic/packet/decode.ts';
import { newPacket, type Packet } from '../../../traffic/packet/packet.ts';
import { bytesOf, type KnownConnection, knownCaptures, readerOf, skipWithoutCaptures } from './captures.ts';

type Sums = Record<string, string>;

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };

function nameOf(protocol: number): string {
  return NAMES[protocol] ?? `ip-${protocol}`;
}

function sourceOf(p: Packet): string {
  return printAddress({ w0: p.src0, w1: p.src1, w2: p.src2, w3: p.src3 });
}

function destinationOf(p: Packet): string {
  return printAddress({ w0: p.dst0, w1: p.dst1, w2: p.dst2, w3: p.dst3 });
}

/** Types and codes of ICMP are no ports: its packets are one sum for two hosts. */
function keyOf(proto: string, src: string, sport: number, dst: string, dport: number): string {
  return proto.startsWith('icmp') ? `${proto} ${src} ${dst}` : `${proto} ${src}:${sport} ${dst}:${dport}`;
}

function add(sums: Map<string, [number, number]>, key: string, packets: number, bytes: number): void {
  const sum = sums.get(key) ?? [0, 0];
  if (packets > 0) sums.set(key, [sum[0] + packets, sum[1] + bytes]);
}

function print(sums: Map<string, [number, number]>): Sums {
  const rows = [...sums].map(
    ([key, [packets, bytes]]) => [key, `${packets} packets, ${bytes} bytes`] as const,
  );
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function theirs(conns: readonly KnownConnection[]): Sums {
  const sums = new Map<string, [number, number]>();
  for (const c of conns) {
    add(sums, keyOf(c.proto, c.src, c.sport, c.dst, c.dport), c.orig_pkts, c.orig_ip_bytes);
    add(sums, keyOf(c.proto, c.dst, c.dport, c.src, c.sport), c.resp_pkts, c.resp_ip_bytes);
  }
  return print(sums);
}

function ours(file: string): { sums: Sums; packets: number; notIp: number } {
  const reader = readerOf(bytesOf(file));
  const packet = newPacket();
  const sums = new Map<string, [number, number]>();
  let packets = 0;
  let notIp = 0;
  while (reader.next()) {
    packets += 1;
    decode(reader.bytes, reader.start, reader.end, reader.frameBytes, reader.link, packet, 'outer');
    if (packet.outcome !== 'ip') {
      notIp += 1;
      continue;
    }
    const proto = nameOf(packet.protocol);
    const key = keyOf(proto, sourceOf(packet), packet.srcPort, destinationOf(packet), packet.dstPort);
    add(sums, key, 1, packet.ipBytes);
  }
  assert.equal(reader.ending, 'whole', file);
  return { sums: print(sums), packets, notIp };
}

test('packets and IP bytes of every capture are what tshark counted', { skip: skipWithoutCaptures }, () => {
  for (const { file, packets, outer, nonIp } of knownCaptures()) {
    const found = ours(file);
    assert.equal(found.packets, packets, file);
    assert.deepEqual(found.sums, theirs(outer), file);
    if (nonIp !== undefined) assert.equal(found.notIp, nonIp, file);
  }
});
