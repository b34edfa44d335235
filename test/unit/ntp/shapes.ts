// Requests of every shape, and whether chronyd 4.3 answers them (seen on one that serves a local reference to
// this host; the system tier asks it again). `reason` is the one that Belfry counts.

import type { Reason } from '../../../ntp/shape.ts';

export interface Shape {
  readonly name: string;
  readonly bytes: Buffer;
  /** The sender's. */
  readonly port: number;
  readonly answered: boolean;
  readonly reason?: Reason;
}

const HIGH_PORT = 40_123;
const NTP_PORT = 123;

function packet(version: number, mode: number, change: (bytes: Buffer) => void = () => undefined): Buffer {
  const bytes = Buffer.alloc(48);
  bytes[0] = (version << 3) | mode;
  bytes[2] = 6;
  bytes[3] = 32;
  bytes.writeUInt32BE(0xe9a1b2c3, 40);
  bytes.writeUInt32BE(0x0badcafe, 44);
  change(bytes);
  return bytes;
}

/** `length` may lie; `size` is what is really there. */
function field(type: number, length: number, size = length): Buffer {
  const bytes = Buffer.alloc(size);
  if (size >= 4) {
    bytes.writeUInt16BE(type, 0);
    bytes.writeUInt16BE(length, 2);
  }
  return bytes;
}

const UNKNOWN = 0x7e57;

function yes(name: string, bytes: Buffer, port = HIGH_PORT): Shape {
  return { name, bytes, port, answered: true };
}

function no(name: string, reason: Reason, bytes: Buffer, port = HIGH_PORT): Shape {
  return { name, bytes, port, answered: false, reason };
}

function client(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([packet(4, 3), ...parts]);
}

function mac(key: number, digest: number): Buffer {
  const bytes = Buffer.alloc(4 + digest, 0x5a);
  bytes.writeUInt32BE(key, 0);
  return bytes;
}

export const SHAPES: readonly Shape[] = [
  ...[1, 2, 3, 4].map((version) => yes(`version ${version}, mode 3`, packet(version, 3))),
  ...[0, 5, 6, 7].map((version) => no(`version ${version}, mode 3`, 'version', packet(version, 3))),
  yes('version 4, mode 1', packet(4, 1)),
  ...[1, 2, 3].map((version) => yes(`version ${version}, mode 1`, packet(version, 1))),
  yes('version 1, mode 0', packet(1, 0)),
  no('version 1, mode 0, from port 123', 'mode', packet(1, 0), NTP_PORT),
  ...[0, 2, 4, 5, 6, 7].map((mode) => no(`version 4, mode ${mode}`, 'mode', packet(4, mode))),
  yes(
    'leap indicator 3',
    packet(4, 3, (bytes) => (bytes[0] = 0xe3)),
  ),
  ...[1, 16, 255].map((stratum) =>
    yes(
      `stratum ${stratum}`,
      packet(4, 3, (bytes) => (bytes[1] = stratum)),
    ),
  ),
  ...[-128, -1, 0, 17, 127].map((poll) =>
    yes(
      `poll ${poll}`,
      packet(4, 3, (bytes) => bytes.writeInt8(poll, 2)),
    ),
  ),
  yes(
    'transmit time 0',
    packet(4, 3, (bytes) => bytes.fill(0, 40, 48)),
  ),
  yes(
    'transmit time ffff…',
    packet(4, 3, (bytes) => bytes.fill(0xff, 40, 48)),
  ),
  no('0 octets', 'short', Buffer.alloc(0)),
  no('1 octet', 'short', packet(4, 3).subarray(0, 1)),
  no('12 octets', 'short', packet(4, 3).subarray(0, 12)),
  no('12 octets of mode 6', 'mode', packet(2, 6).subarray(0, 12)),
  no('47 octets', 'short', packet(4, 3).subarray(0, 47)),
  ...[1, 2, 3].map((more) => no(`48 + ${more} octets`, 'extension', client(Buffer.alloc(more)))),
  no('48 + 4 octets of zero', 'mac', client(Buffer.alloc(4))),
  no('48 + 4 octets of a key', 'extension', client(mac(1, 0))),
  ...[8, 12, 16].map((more) => no(`48 + ${more} octets`, 'extension', client(Buffer.alloc(more)))),
  no('a MAC with key 0', 'mac', client(mac(0, 16))),
  no('a MAC with an unknown key', 'mac', client(mac(77, 16))),
  no('a MAC of 24 octets', 'mac', client(mac(77, 20))),
  no('version 3 with a MAC', 'mac', Buffer.concat([packet(3, 3), mac(77, 16)])),
  no('version 3 with a field', 'mac', Buffer.concat([packet(3, 3), field(UNKNOWN, 28)])),
  yes('a field of 28 octets', client(field(UNKNOWN, 28))),
  yes('a field of 32 octets', client(field(UNKNOWN, 32))),
  yes('a field of 1020 octets', client(field(UNKNOWN, 1020))),
  yes('fields of 16 and 28 octets', client(field(UNKNOWN, 16), field(UNKNOWN, 28))),
  yes('two fields of 28 octets', client(field(UNKNOWN, 28), field(UNKNOWN, 28))),
  yes('1140 octets', client(field(UNKNOWN, 1092))),
  no('1144 octets', 'extension', client(field(UNKNOWN, 1096))),
  no('1400 octets', 'extension', client(field(UNKNOWN, 1352))),
  no('fields of 28 and 16 octets', 'extension', client(field(UNKNOWN, 28), field(UNKNOWN, 16))),
  no('version 2 with 4 octets more', 'mac', Buffer.concat([packet(2, 3), Buffer.alloc(4)])),
  yes('field F323', client(field(0xf323, 28))),
  yes('field 010A', client(field(0x010a, 28))),
  no('a field and a MAC', 'mac', client(field(UNKNOWN, 28), mac(77, 16))),
  no('a field of length 0', 'extension', client(field(UNKNOWN, 0, 28))),
  no('a field of length 8', 'extension', client(field(UNKNOWN, 8, 28))),
  no('a field of length 30', 'extension', client(field(UNKNOWN, 30, 32))),
  no('a field that goes beyond the end', 'extension', client(field(UNKNOWN, 64, 32))),
  no('a field of 16 octets alone', 'extension', client(field(UNKNOWN, 16))),
  no('a field with a unique identifier alone', 'extension', client(field(0x0104, 36))),
  no('a field with a cookie alone', 'extension', client(field(0x0204, 104))),
];
