// Random frames that a network could carry: Ethernet or raw IP, IPv4 and IPv6, the protocols that matter, tags,
// fragments, tunnels, ICMP errors with what they quote. Few addresses and ports, so that filters meet them.

import { LINK } from '../../traffic/packet/link.ts';
import { fc } from './chance.ts';

export interface Frame {
  readonly link: number;
  readonly bytes: Buffer;
}

const byte = fc.nat(255);
export const V4_TEXTS = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.168.7.9'] as const;
const V6_BYTES: readonly Buffer[] = [
  Buffer.from('fe800000000000000000000000000001', 'hex'),
  Buffer.from('fe800000000000000000000000000002', 'hex'),
  Buffer.from('20010db8000000000000000000000007', 'hex'),
];
export const PORTS = [22, 53, 80, 514, 2525, 4789, 40_000] as const;

const port = fc.constantFrom(...PORTS);
const v4 = fc.constantFrom(...V4_TEXTS).map((text) => Buffer.from(text.split('.').map(Number)));
const v6 = fc.constantFrom(...V6_BYTES);

function u16(...values: number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}

/** Options that are whole, cut, of length 0 or longer than the header. */
const options = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  fc.constant(Buffer.from('020405b401030307', 'hex')),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes.map((byte) => byte % 6))),
);

const tcp = fc
  .tuple(port, port, fc.integer(), fc.integer(), fc.nat(63), fc.nat(65_535), fc.nat(40), options)
  .map(([from, to, seq, ack, flags, window, data, extra]) => {
    const numbers = Buffer.alloc(8);
    numbers.writeInt32BE(seq, 0);
    numbers.writeInt32BE(ack, 4);
    const offset = ((20 + extra.length) / 4) << 4;
    const head = Buffer.concat([u16(from, to), numbers, Buffer.from([offset, flags]), u16(window, 0, 0)]);
    return Buffer.concat([head, extra, Buffer.alloc(data)]);
  });
const udp = fc
  .tuple(port, port, fc.nat(40))
  .map(([from, to, data]) => Buffer.concat([u16(from, to, 8 + data, 0), Buffer.alloc(data, 8)]));
const sctp = fc.tuple(port, port).map(([from, to]) => Buffer.concat([u16(from, to), Buffer.alloc(24)]));

function ipv4(payload: fc.Arbitrary<readonly [number, Buffer]>): fc.Arbitrary<Buffer> {
  const fragment = fc.oneof(
    { weight: 6, arbitrary: fc.constant(0x4000) },
    { weight: 1, arbitrary: fc.nat(0x3fff) },
  );
  return fc
    .tuple(v4, v4, payload, fragment, fc.nat(3), byte)
    .map(([from, to, [protocol, data], fragments, options, ttl]) => {
      const headerBytes = 20 + options * 4;
      const head = Buffer.from([0x40 | (headerBytes / 4), 0]);
      const total = u16(headerBytes + data.length, 7, fragments);
      const rest = Buffer.concat([
        Buffer.from([ttl, protocol, 0, 0]),
        from,
        to,
        Buffer.alloc(options * 4, 1),
      ]);
      return Buffer.concat([head, total, rest, data]);
    });
}

function ipv6(payload: fc.Arbitrary<readonly [number, Buffer]>): fc.Arbitrary<Buffer> {
  return fc.tuple(v6, v6, payload, fc.nat(5)).map(([from, to, [protocol, data], extension]) => {
    const has = extension === 0;
    const body = has ? Buffer.concat([Buffer.from([protocol, 0, 1, 4, 0, 0, 0, 0]), data]) : data;
    const head = Buffer.concat([
      Buffer.from([0x60, 0, 0, 0]),
      u16(body.length),
      Buffer.from([has ? 60 : protocol, 64]),
    ]);
    return Buffer.concat([head, from, to, body]);
  });
}

const plain = fc.oneof(
  tcp.map((bytes) => [6, bytes] as const),
  udp.map((bytes) => [17, bytes] as const),
  sctp.map((bytes) => [132, bytes] as const),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => [89, Buffer.from(bytes)] as const),
);
const plainV4 = ipv4(plain);
const plainV6 = ipv6(plain);

const icmp4 = fc.tuple(fc.constantFrom(0, 3, 8, 11, 13), fc.nat(15), plainV4).map(([type, code, quoted]) => {
  return [1, Buffer.concat([Buffer.from([type, code]), Buffer.alloc(6), quoted.subarray(0, 48)])] as const;
});
const icmp6 = fc.tuple(fc.constantFrom(1, 3, 128, 135), fc.nat(7), plainV6).map(([type, code, quoted]) => {
  return [58, Buffer.concat([Buffer.from([type, code]), Buffer.alloc(6), quoted])] as const;
});
const tunnels = fc.oneof(
  plainV4.map((inner) => [4, inner] as const),
  plainV6.map((inner) => [41, inner] as const),
  plainV4.map((inner) => [47, Buffer.concat([u16(0, 0x0800), inner])] as const),
);

const anyV4 = ipv4(fc.oneof({ weight: 4, arbitrary: plain }, icmp4, tunnels));
const anyV6 = ipv6(fc.oneof({ weight: 4, arbitrary: plain }, icmp6, tunnels));
const packets = fc.oneof(
  anyV4.map((bytes) => [0x0800, bytes] as const),
  anyV6.map((bytes) => [0x86dd, bytes] as const),
);

const ethernet = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: packets },
      fc.uint8Array({ minLength: 28, maxLength: 28 }).map((bytes) => [0x0806, Buffer.from(bytes)] as const),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => [0x88cc, Buffer.from(bytes)] as const),
      fc.uint8Array({ maxLength: 90 }).map((bytes) => [0x0800, Buffer.from(bytes)] as const),
    ),
    fc.nat(7),
    fc.nat(20),
  )
  .map(([[type, payload], tag, padding]) => {
    const tags = tag === 0 ? u16(0x8100, 42) : Buffer.alloc(0);
    const bytes = Buffer.concat([Buffer.alloc(12, 2), tags, u16(type), payload, Buffer.alloc(padding)]);
    return { link: LINK.ethernet, bytes };
  });
const raw = packets.map(([, bytes]) => ({ link: LINK.raw, bytes }));

/** A frame as it should be. */
export const frame: fc.Arbitrary<Frame> = fc.oneof({ weight: 3, arbitrary: ethernet }, raw);

/** With some bytes changed: what an enemy or a broken card sends. */
export const spoiledFrame: fc.Arbitrary<Frame> = fc
  .tuple(frame, fc.array(fc.tuple(fc.nat(100), byte), { maxLength: 4 }))
  .map(([{ link, bytes }, changes]) => {
    const spoiled = Buffer.from(bytes);
    for (const [at, value] of changes) if (at < spoiled.length) spoiled[at] = value;
    return { link, bytes: spoiled };
  });
