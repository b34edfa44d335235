// The ways in which one and the same UDP packet may be wrapped, and what a TCP header, an ICMP error and offload say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../traffic/packet/decode.ts';
import { LINK } from '../../../traffic/packet/link.ts';
import { newPacket, type Packet } from '../../../traffic/packet/packet.ts';

function hex(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part.replace(/ /g, ''), 'hex') : part)),
  );
}

function ipv4(protocol: string, payload: Buffer, total = 20 + payload.length): Buffer {
  return hex(
    '4500',
    total.toString(16).padStart(4, '0'),
    '0001 4000 40',
    protocol,
    '0000 0a000002 0a000001',
    payload,
  );
}

const MACS = '020000000001 020000000002';
const UDP = ipv4('11', hex('9c40 0202 000c 0000 74657374'));
const SIX = hex(
  '60000000 000c 1140 fe800000000000000000000000000002 fe800000000000000000000000000001',
  UDP.subarray(20),
);

function read(link: number, bytes: Buffer, frameBytes = bytes.length): Packet {
  const packet = newPacket();
  decode(bytes, 0, bytes.length, frameBytes, link, packet);
  return packet;
}

const WRAPPED: Readonly<Record<string, readonly [number, Buffer]>> = {
  Ethernet: [LINK.ethernet, hex(MACS, '0800', UDP, '00000000')],
  VLAN: [LINK.ethernet, hex(MACS, '8100 0007 0800', UDP)],
  QinQ: [LINK.ethernet, hex(MACS, '88a8 0007 8100 0008 0800', UDP)],
  MPLS: [LINK.ethernet, hex(MACS, '8847 00010040 00011140', UDP)],
  PPPoE: [LINK.ethernet, hex(MACS, '8864 1100 0001 002e 0021', UDP)],
  SNAP: [LINK.ethernet, hex(MACS, '0030 aaaa03 000000 0800', UDP)],
  'SLL cooked': [LINK.linuxSll, hex('0000 0001 0006 0200000000010000 0800', UDP)],
  'SLL2 cooked': [LINK.linuxSll2, hex('0800 0000 00000001 0001 00 06 0200000000010000', UDP)],
  'loopback, little endian': [LINK.null, hex('02000000', UDP)],
  'loopback, network order': [LINK.loop, hex('00000002', UDP)],
  'raw IP': [LINK.raw, UDP],
  'IPv6 on macOS loopback': [LINK.null, hex('1e000000', SIX)],
};

for (const [name, [link, bytes]] of Object.entries(WRAPPED)) {
  test(`a packet in ${name}`, () => {
    const packet = read(link, bytes);
    assert.deepEqual(
      [packet.outcome, packet.protocol, packet.srcPort, packet.dstPort, packet.payloadBytes],
      ['ip', 17, 40_000, 514, 4],
    );
    assert.equal(packet.ipBytes, packet.version === 4 ? 32 : 52, 'padding is not of the packet');
  });
}

test('tags are told', () => {
  const packet = read(...(WRAPPED['QinQ'] as [number, Buffer]));
  assert.deepEqual([packet.vlan, packet.vlanCount], [7, 2]);
});

const vxlan = hex('c000 12b5 0000 0000 0800000000000500', MACS, '0800', UDP);
const TUNNELS: Readonly<Record<string, Buffer>> = {
  ipInIp: ipv4('04', UDP),
  '6in4': ipv4('29', SIX),
  gre: ipv4('2f', hex('2000 0800 00000007', UDP)),
  vxlan: ipv4('11', vxlan),
};

for (const [tunnel, bytes] of Object.entries(TUNNELS)) {
  test(`${tunnel} is named and opened`, () => {
    const packet = read(LINK.raw, bytes);
    assert.deepEqual([packet.tunnel, packet.dstPort, packet.payloadBytes], [tunnel, 514, 4]);
    assert.equal(packet.outer.dst3, 0x0a000001);
    const cut = read(LINK.raw, bytes.subarray(0, 34), bytes.length);
    assert.deepEqual(
      [cut.outcome, cut.tunnel, cut.ipStart],
      ['ip', cut.dstPort === 4789 || tunnel !== 'vxlan' ? tunnel : '', 0],
    );
  });
}

test('a SYN with options', () => {
  const packet = read(
    LINK.raw,
    ipv4('06', hex('9c40 09dd 00000064 00000000 8002 7210 0000 0000 020405b4 01 030307')),
  );
  assert.deepEqual(
    [packet.hasTcp, packet.seq, packet.tcpFlags, packet.mss, packet.windowScale],
    [true, 100, 2, 1460, 7],
  );
  assert.equal(packet.payloadBytes, 0);
});

test('a super-packet of offload has the length of its frame', () => {
  const tcp = hex('9c40 09dd 00000064 00000000 5018 7210 0000 0000', Buffer.alloc(100));
  const packet = read(LINK.raw, ipv4('06', tcp, 0), 70_000);
  assert.deepEqual(
    [packet.isLengthGuessed, packet.ipBytes, packet.payloadBytes],
    [true, 70_000, 70_000 - 40],
  );
});

test('an ICMP error tells what it quotes', () => {
  const syn = ipv4('06', hex('9c40 09dd 00000064'));
  const packet = read(LINK.raw, ipv4('01', hex('0303 0000 00000000', syn)));
  assert.deepEqual([packet.hasQuote, packet.icmpType, packet.icmpCode], [true, 3, 3]);
  assert.deepEqual([packet.quote.srcPort, packet.quote.dstPort, packet.quoteSeq], [40_000, 2525, 100]);
});

test('what belongs to no flow says why', () => {
  const outcomes = [
    read(LINK.ethernet, hex(MACS, '0806', Buffer.alloc(28))),
    read(LINK.ethernet, hex(MACS, '88cc', Buffer.alloc(28))),
    read(LINK.ethernet, hex(MACS, '0800', UDP.subarray(0, 12))),
    read(LINK.ethernet, hex(MACS, '0800 41', UDP.subarray(1))),
    read(147, UDP),
  ].map(({ outcome }) => outcome);
  assert.deepEqual(outcomes, ['arp', 'notIp', 'truncated', 'malformed', 'unknownLink']);
});
