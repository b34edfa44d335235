// Capture files for tcpdump and Wireshark: pcap (with micro- or nanoseconds) and pcapng, whose packets may carry a
// comment, for instance whose process it was. Each function gives the bytes of one piece; written one after the
// other they are a file that is valid after each piece, so that a crash leaves every whole packet readable.
// Refuses: to open or write a file. Byte order: little endian.

const PCAP_NANOS = 0xa1b23c4d;
const PCAP_MICROS = 0xa1b2c3d4;
const SECTION = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION = { end: 0, comment: 1, interfaceName: 2, resolution: 9 } as const;
/** A comment's length is 16 bits on the wire. */
const COMMENT_BYTES_MAX = 0xfff0;

export interface CapturedPacket {
  /** Seconds since 1970 and nanoseconds within. */
  readonly sec: number;
  readonly nanos: number;
  /** As long as it was on the wire. */
  readonly frameBytes: number;
  readonly bytes: Uint8Array;
}

export function pcapHeader(link: number, snapBytes: number, unit: 'micros' | 'nanos'): Buffer {
  const out = Buffer.alloc(24);
  out.writeUInt32LE(unit === 'nanos' ? PCAP_NANOS : PCAP_MICROS, 0);
  out.writeUInt16LE(2, 4);
  out.writeUInt16LE(4, 6);
  out.writeUInt32LE(snapBytes, 16);
  out.writeUInt32LE(link, 20);
  return out;
}

export function pcapRecord(packet: CapturedPacket, unit: 'micros' | 'nanos'): Buffer {
  const out = Buffer.alloc(16 + packet.bytes.length);
  out.writeUInt32LE(packet.sec, 0);
  out.writeUInt32LE(unit === 'nanos' ? packet.nanos : Math.floor(packet.nanos / 1000), 4);
  out.writeUInt32LE(packet.bytes.length, 8);
  out.writeUInt32LE(packet.frameBytes, 12);
  out.set(packet.bytes, 16);
  return out;
}

function pad(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function option(code: number, value: Uint8Array): Buffer {
  const out = Buffer.alloc(4 + pad(value.length));
  out.writeUInt16LE(code, 0);
  out.writeUInt16LE(value.length, 2);
  out.set(value, 4);
  return out;
}

function block(type: number, body: readonly Uint8Array[]): Buffer {
  const length = 12 + body.reduce((sum, piece) => sum + piece.length, 0);
  const edge = Buffer.alloc(12);
  edge.writeUInt32LE(type, 0);
  edge.writeUInt32LE(length, 4);
  edge.writeUInt32LE(length, 8);
  return Buffer.concat([edge.subarray(0, 8), ...body, edge.subarray(8)]);
}

export function pcapngSection(): Buffer {
  const body = Buffer.alloc(16, 0xff);
  body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  body.writeUInt16LE(1, 4);
  body.writeUInt16LE(0, 6);
  return block(SECTION, [body]);
}

/** The first interface that is written has index 0, the next 1. Times are in nanoseconds. */
export function pcapngInterface(name: string, link: number, snapBytes: number): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(link, 0);
  fixed.writeUInt32LE(snapBytes, 4);
  return block(1, [
    fixed,
    option(OPTION.interfaceName, Buffer.from(name)),
    option(OPTION.resolution, Uint8Array.of(9)),
    option(OPTION.end, new Uint8Array(0)),
  ]);
}

export function pcapngPacket(index: number, packet: CapturedPacket, comment?: string): Buffer {
  const units = BigInt(packet.sec) * 1_000_000_000n + BigInt(packet.nanos);
  const fixed = Buffer.alloc(20);
  fixed.writeUInt32LE(index, 0);
  fixed.writeUInt32LE(Number(units >> 32n), 4);
  fixed.writeUInt32LE(Number(units & 0xffffffffn), 8);
  fixed.writeUInt32LE(packet.bytes.length, 12);
  fixed.writeUInt32LE(packet.frameBytes, 16);
  const body: Uint8Array[] = [
    fixed,
    packet.bytes,
    Buffer.alloc(pad(packet.bytes.length) - packet.bytes.length),
  ];
  if (comment !== undefined) {
    const text = Buffer.from(comment).subarray(0, COMMENT_BYTES_MAX);
    body.push(option(OPTION.comment, text), option(OPTION.end, new Uint8Array(0)));
  }
  return block(6, body);
}
