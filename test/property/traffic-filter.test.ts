// The filter and the kernel's program say the same: no packet that the filter wants is refused below, and for a packet
// without tags, tunnels, extension headers and damage both agree. Any text as a filter is a tree or an error in it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileBpf } from '../../traffic/filter/bpf.ts';
import type { Expression } from '../../traffic/filter/expression.ts';
import { compileFilter } from '../../traffic/filter/match.ts';
import { parseFilter } from '../../traffic/filter/parse.ts';
import { decode } from '../../traffic/packet/decode.ts';
import { ETHER, LINK } from '../../traffic/packet/link.ts';
import { newPacket, type Packet } from '../../traffic/packet/packet.ts';
import { isIcmpError } from '../../traffic/packet/transport.ts';
import { runBpf } from '../unit/traffic/bpf-machine.ts';
import { bytesOf, knownCaptures, readerOf, skipWithoutCaptures } from '../unit/traffic/captures.ts';
import { fc } from './chance.ts';
import { frame, PORTS, spoiledFrame, V4_TEXTS } from './frames.ts';

const SNAP = 262_144;
const address = fc.constantFrom(...V4_TEXTS, 'fe80::1', '2001:db8::7');
const nets = fc.constantFrom('10.0.0.0/24', '10.0.0.0/8', 'fe80::/10', '0.0.0.0/0', '::/0', '2001:db8::/33');
const port = fc.constantFrom(...PORTS);
const direction = fc.constantFrom('', 'src ', 'dst ', 'src or dst ', 'src and dst ');
const leaf = fc.oneof(
  fc.tuple(direction, address).map(([way, host]) => `${way}host ${host}`),
  fc.tuple(direction, nets).map(([way, net]) => `${way}net ${net}`),
  fc.tuple(direction, port).map(([way, number]) => `${way}port ${number}`),
  fc.tuple(direction, port).map(([way, number]) => `${way}portrange 50-${number + 30}`),
  fc
    .tuple(fc.constantFrom('tcp', 'udp', 'sctp', 'ip'), port)
    .map(([word, number]) => `${word} dst port ${number}`),
  fc.constantFrom('tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'ip', 'ip6', 'arp', 'proto 89', 'port ssh or 80'),
);
const { filter } = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4 },
    leaf,
    tie('filter').map((of) => `not (${of})`),
    fc
      .tuple(tie('filter'), fc.constantFrom('and', '&&', 'or', '||'), tie('filter'))
      .map(([a, word, b]) => `(${a}) ${word} (${b})`),
  ),
}));

function expressionOf(text: string): Expression {
  const parsed = parseFilter(text);
  assert.ok(parsed?.expression, `${text}: ${parsed?.error?.what}`);
  return parsed.expression;
}

/** What the program judges by itself, and exactly. */
function isPlain(packet: Packet): boolean {
  const isError = packet.hasIcmp && isIcmpError(packet.version, packet.icmpType);
  const isIp = packet.outcome === 'ip' && packet.tunnel === '' && !isError;
  const isWhole = packet.hasPorts || packet.hasIcmp || packet.isLaterFragment || packet.protocol === 89;
  const hasNoExtension =
    packet.version === 4 || (packet.transportStart - packet.ipStart === 40 && packet.protocol !== 89);
  return (
    isIp &&
    isWhole &&
    hasNoExtension &&
    (packet.ipStart === 14 || packet.ipStart === 0) &&
    !packet.isLengthGuessed
  );
}

function compare(text: string, bytes: Uint8Array, link: number): boolean {
  const packet = newPacket();
  decode(bytes, 0, bytes.length, bytes.length, link, packet);
  const wants = compileFilter(expressionOf(text))(packet);
  const program = compileBpf(expressionOf(text), link === LINK.ethernet ? 'ethernet' : 'raw', SNAP);
  if (program === undefined) return false;
  const passes = runBpf(program, bytes) > 0;
  assert.ok(!wants || passes, `the kernel refuses what "${text}" wants`);
  if (isPlain(packet)) assert.equal(passes, wants, `both agree about a plain packet: ${text}`);
  return isPlain(packet);
}

test('the kernel never refuses what the filter wants, and agrees about plain packets', () => {
  let plain = 0;
  fc.assert(
    fc.property(filter, fc.oneof(frame, spoiledFrame), (text, { link, bytes }) => {
      plain += compare(text, bytes, link) ? 1 : 0;
    }),
    { numRuns: 6000 },
  );
  assert.ok(plain > 1500, `${plain} packets were plain`);
});

test('a frame cut short on the wire is never refused by mistake', () => {
  fc.assert(
    fc.property(filter, frame, fc.nat(80), (text, { link, bytes }, cut) => {
      compare(text, bytes.subarray(0, Math.min(cut, bytes.length)), link);
    }),
    { numRuns: 3000 },
  );
});

const REAL = [
  'port 80',
  'tcp and not port 80',
  'host 192.168.1.104 or net 10.0.0.0/8',
  'udp src port 53 or dst portrange 1000-30000',
  'ip6 and (tcp or icmp6)',
  'not (tcp or udp)',
  'arp or icmp',
];

test('both agree on every packet of the captures', { skip: skipWithoutCaptures }, () => {
  let plain = 0;
  for (const { file } of knownCaptures()) {
    const reader = readerOf(bytesOf(file));
    while (reader.next()) {
      const isWhole = reader.frameBytes === reader.end - reader.start;
      if (!isWhole || (reader.link !== LINK.ethernet && reader.link !== LINK.raw)) continue;
      const bytes = reader.bytes.slice(reader.start, reader.end);
      for (const text of REAL) plain += compare(text, bytes, reader.link) ? 1 : 0;
    }
  }
  assert.ok(plain > 20_000, `${plain}`);
});

test('any text is a filter or an error at a place in it', () => {
  const words = fc.constantFrom(
    'host',
    'net',
    'port',
    'src',
    'dst',
    'or',
    'and',
    '(',
    ')',
    '!',
    'tcp',
    '10.0.0.1',
    '80',
    'proto',
    '1-2',
    'ssh',
    '__proto__',
    'toString',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 12 }).map((all) => all.join(' ')),
    fc.constant('('.repeat(900)),
    fc.constant('not '.repeat(300)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseFilter(text);
      if (parsed === undefined) return;
      if (parsed.error)
        assert.ok(parsed.error.at >= 0 && parsed.error.at <= text.length && parsed.error.what !== '');
      else compileBpf(parsed.expression, 'ethernet', SNAP);
    }),
    { numRuns: 4000 },
  );
});

test('an ARP packet has an ethertype of its own', () => {
  const bytes = Buffer.concat([
    Buffer.alloc(12),
    Buffer.from([ETHER.arp >> 8, ETHER.arp & 255]),
    Buffer.alloc(46),
  ]);
  const packet = newPacket();
  assert.equal(decode(bytes, 0, bytes.length, bytes.length, LINK.ethernet, packet), 'arp');
  assert.equal(compileFilter(expressionOf('arp'))(packet), true);
  const program = compileBpf(expressionOf('arp'), 'ethernet', SNAP) as Buffer;
  assert.equal(runBpf(program, bytes), SNAP);
  const refusing = compileBpf(expressionOf('not arp'), 'ethernet', SNAP) as Buffer;
  assert.equal(runBpf(refusing, bytes), 0);
});
