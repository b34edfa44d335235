// The real tcpdump as a witness: it reads the capture files that we write, pcap in both units and pcapng, packet for
// packet, and for the same filters it chooses as many plain packets as we do.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compileFilter } from '../../traffic/filter/match.ts';
import { parseFilter } from '../../traffic/filter/parse.ts';
import { decode } from '../../traffic/packet/decode.ts';
import { LINK } from '../../traffic/packet/link.ts';
import { newPacket, type Packet } from '../../traffic/packet/packet.ts';
import { isIcmpError } from '../../traffic/packet/transport.ts';
import {
  pcapHeader,
  pcapngInterface,
  pcapngPacket,
  pcapngSection,
  pcapRecord,
} from '../../traffic/pcap/write.ts';
import { fc, SEED } from '../property/chance.ts';
import { frame } from '../property/frames.ts';
import { demandPeer, skipWithout } from './peers.ts';

const skip = skipWithout('tcpdump');
const folder = mkdtempSync(join(tmpdir(), 'belfry-tcpdump-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What tcpdump and we mean alike: no tunnels, no quotes, no tags; and its `host` looks into ARP, ours does not. */
function isPlain(packet: Packet): boolean {
  const isError = packet.hasIcmp && isIcmpError(packet.version, packet.icmpType);
  const isWhole = packet.hasPorts || packet.hasIcmp || packet.isLaterFragment;
  const hasNoExtension = packet.version === 4 || packet.transportStart - packet.ipStart === 40;
  return packet.outcome === 'ip' && packet.tunnel === '' && !isError && isWhole && hasNoExtension;
}

const packet = newPacket();
const frames = fc
  .sample(frame, { numRuns: 1500, seed: SEED })
  .filter(({ link, bytes }) => {
    decode(bytes, 0, bytes.length, bytes.length, link, packet);
    return link === LINK.ethernet && isPlain(packet) && packet.vlanCount === 0;
  })
  .map(({ bytes }, at) => ({ sec: 1_763_700_000 + at, nanos: 123_456_789, bytes, frameBytes: bytes.length }));

function write(name: string, pieces: readonly Buffer[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

const micros = write('micros.pcap', [
  pcapHeader(LINK.ethernet, 65_535, 'micros'),
  ...frames.map((one) => pcapRecord(one, 'micros')),
]);
const nanos = write('nanos.pcap', [
  pcapHeader(LINK.ethernet, 65_535, 'nanos'),
  ...frames.map((one) => pcapRecord(one, 'nanos')),
]);
const ng = write('ng.pcapng', [
  pcapngSection(),
  pcapngInterface('eth0', LINK.ethernet, 65_535),
  ...frames.map((one) => pcapngPacket(0, one, 'curl.205562')),
]);

/** The lines of packets, each with seconds and nanoseconds in front. */
function dump(path: string, filter: string): string[] {
  const peer = demandPeer('tcpdump');
  // As root it would become a user of its own, whom an unpacked package does not bring.
  const stays = process.getuid?.() === 0 ? ['-Z', 'root'] : [];
  const args = [...peer.args, ...stays, '-r', path, '-nn', '-q', '-tt', '--nano', filter];
  const done = spawnSync(peer.path, args, { encoding: 'utf8', env: { ...process.env, ...peer.env } });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.split('\n').filter((line) => /^\d+\.\d{9} /.test(line));
}

test('tcpdump reads every packet of what we write, at its time', { skip }, () => {
  assert.ok(frames.length > 300, `${frames.length}`);
  for (const [path, fraction] of [
    [micros, '123456000'],
    [nanos, '123456789'],
    [ng, '123456789'],
  ] as const) {
    const lines = dump(path, '');
    assert.equal(lines.length, frames.length, path);
    assert.ok(
      lines.every((line, at) => line.startsWith(`${1_763_700_000 + at}.${fraction} `)),
      path,
    );
  }
});

const FILTERS = [
  'port 2525',
  'tcp port 80 or 443',
  'src host 10.0.0.1 and not dst port 22',
  'net 10.0.0.0/24 and (udp or sctp)',
  'src and dst net 10.0.0.0/24',
  'ip6 and portrange 50-600',
  'host 10.0.0.1 or host 10.0.0.2 and udp',
  'icmp or icmp6',
  'not tcp and not udp',
  'dst net fe80::/10',
  'src or dst port 514',
];

for (const text of FILTERS) {
  test(`tcpdump chooses the same packets for "${text}"`, { skip }, () => {
    const parsed = parseFilter(text);
    assert.ok(parsed?.expression);
    const matches = compileFilter(parsed.expression);
    const ours = frames.filter(({ bytes }) => {
      decode(bytes, 0, bytes.length, bytes.length, LINK.ethernet, packet);
      return matches(packet);
    });
    const theirs = dump(nanos, text).map((line) => Number(line.split('.')[0]));
    assert.deepEqual(
      theirs,
      ours.map(({ sec }) => sec),
    );
  });
}
