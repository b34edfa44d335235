// The header by which a load balancer says for whom it has connected: the PROXY protocol, versions 1 and 2
// (HAProxy, doc/proxy-protocol.txt). Promises: the same verdict wherever the chunks are cut; the first byte that
// cannot belong to a header is noticed as it comes; not one byte behind the header is taken; memory for one
// header, however long its extensions (TLVs), which are passed over.
//
//   v1   PROXY SP TCP4|TCP6 SP source SP destination SP port SP port CR LF, or PROXY SP UNKNOWN … CR LF
//   v2   | signature 12 | version and command 1 | family and protocol 1 | length 2 | addresses | TLVs |
//
// Refuses: to decide who may send such a header. From anybody else it is data like all other.

import { type Address, isV4, parseAddress, V4_MAPPED } from '../base/ip.ts';

/** With its CR LF (section 2.1). */
const V1_BYTES_MAX = 107;
const V1_START = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
const VERSION_2 = 2;
/** The high half of the byte behind the command (section 2.2). */
const FAMILY = { unspecified: 0, inet: 1, inet6: 2, unix: 3 } as const;
/** Source and destination with their ports; both paths of a unix socket. */
const ADDRESS_BYTES = [0, 12, 36, 216];
/** What is looked at of the addresses: source and destination of IPv6, and the ports. */
const LOOKED_AT_MAX = 36;
const CR = 0x0d;
const LF = 0x0a;

export type ProxyState =
  /** The header goes on. */
  | 'more'
  /** It is over: see `source`. What comes now is data. */
  | 'done'
  /** This is no such header. */
  | 'bad';

export interface ProxySource {
  readonly address: Address;
  readonly port: number;
}

/** One for each connection, until its header is read. */
export class ProxyHeader {
  state: ProxyState = 'more';
  /** Who has connected; undefined where the balancer speaks for itself, or does not know. */
  source: ProxySource | undefined;
  /** Bytes of the header so far. */
  length = 0;

  private readonly kept = Buffer.alloc(V1_BYTES_MAX);
  /** Version 2: as long as the whole header is; known behind its fixed part. */
  private wholeBytes = 0;

  /** Takes bytes while they belong to the header, and says where the others begin: at `end` if all belong. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.state === 'more') {
      const skips = this.wholeBytes - this.length;
      if (skips > 0 && this.length >= V2_FIXED_BYTES + LOOKED_AT_MAX) {
        const passed = Math.min(skips, end - at);
        at += passed;
        this.length += passed;
        this.endVersion2();
      } else {
        this.take(bytes[at] as number);
        at += 1;
      }
    }
    return at;
  }

  private take(byte: number): void {
    const { kept, length } = this;
    kept[length] = byte;
    this.length += 1;
    if (kept[0] === V2_SIGNATURE[0]) this.takeVersion2(byte);
    else this.takeVersion1(byte);
  }

  private finish(source: ProxySource | undefined): void {
    this.state = 'done';
    this.source = source;
  }

  // ---- version 1

  private takeVersion1(byte: number): void {
    const at = this.length - 1;
    const ends = byte === LF && this.kept[at - 1] === CR;
    if (at < V1_START.length ? byte !== V1_START[at] : this.kept[at - 1] === CR && !ends) this.state = 'bad';
    else if (ends) this.endVersion1();
    else if (byte === LF || this.length >= V1_BYTES_MAX) this.state = 'bad';
  }

  private endVersion1(): void {
    const line = this.kept.toString('latin1', V1_START.length, this.length - 2);
    // What stands behind UNKNOWN has no meaning.
    if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) {
      this.finish(undefined);
      return;
    }
    const [family = '', from = '', to = '', fromPort = '', toPort = '', ...more] = line.split(' ');
    const address = addressOf(family, from);
    const port = portOf(fromPort);
    const fits = addressOf(family, to) !== undefined && portOf(toPort) !== undefined && more.length === 0;
    if (address === undefined || port === undefined || !fits) this.state = 'bad';
    else this.finish({ address, port });
  }

  // ---- version 2

  private takeVersion2(byte: number): void {
    const at = this.length - 1;
    if (at < V2_SIGNATURE.length) {
      if (byte !== V2_SIGNATURE[at]) this.state = 'bad';
    } else if (at === 12 && (byte >> 4 !== VERSION_2 || (byte & 15) > 1)) {
      this.state = 'bad';
    } else if (this.length === V2_FIXED_BYTES) {
      this.startAddresses();
    }
    if (this.length >= V2_FIXED_BYTES) this.endVersion2();
  }

  private get isLocal(): boolean {
    return (this.kept[12] as number) % 16 === 0;
  }

  /** A connection that the balancer made for itself may say anything of addresses. */
  private startAddresses(): void {
    const announced = this.kept.readUInt16BE(14);
    this.wholeBytes = V2_FIXED_BYTES + announced;
    const family = (this.kept[13] as number) >> 4;
    const protocol = (this.kept[13] as number) & 15;
    // Protocols are unspecified, stream and datagram; the first goes with no family but its own.
    const isKnown = protocol <= 2 && (family === FAMILY.unspecified) === (protocol === 0);
    const needed = ADDRESS_BYTES[family];
    const fits = isKnown && needed !== undefined && announced >= needed;
    if (!this.isLocal && !fits) this.state = 'bad';
  }

  private endVersion2(): void {
    if (this.state !== 'more' || this.length < this.wholeBytes) return;
    const family = (this.kept[13] as number) >> 4;
    if (this.isLocal || family === FAMILY.unspecified || family === FAMILY.unix) this.finish(undefined);
    else this.finish(family === FAMILY.inet ? this.sourceV4() : this.sourceV6());
  }

  private sourceV4(): ProxySource {
    const w3 = this.kept.readUInt32BE(V2_FIXED_BYTES);
    return { address: { w0: 0, w1: 0, w2: V4_MAPPED, w3 }, port: this.kept.readUInt16BE(V2_FIXED_BYTES + 8) };
  }

  private sourceV6(): ProxySource {
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = [0, 4, 8, 12].map((at) =>
      this.kept.readUInt32BE(V2_FIXED_BYTES + at),
    );
    return { address: { w0, w1, w2, w3 }, port: this.kept.readUInt16BE(V2_FIXED_BYTES + 32) };
  }
}

function addressOf(family: string, text: string): Address | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const isDotted = !text.includes(':');
  if (family === 'TCP4') return isDotted && isV4(address) ? address : undefined;
  return family === 'TCP6' && !isDotted ? address : undefined;
}

function portOf(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}
