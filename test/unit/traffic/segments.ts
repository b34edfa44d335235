// Segments of made-up connections straight into a flow table, and everything that it said, with the time in seconds.

import { parseAddress } from '../../../base/ip.ts';
import type { FlowLimits } from '../../../traffic/flow/limits.ts';
import { FlowTable } from '../../../traffic/flow/table.ts';
import { newPacket, type Packet, TCP_FLAG } from '../../../traffic/packet/packet.ts';

export interface Segment {
  /** From the client, or from the server. */
  readonly from: 'c' | 's';
  /** Letters of flags: S, A, F, R, P. */
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly data?: number;
  readonly window?: number;
  readonly clientPort?: number;
}

const LETTERS: Readonly<Record<string, number>> = {
  S: TCP_FLAG.syn,
  A: TCP_FLAG.ack,
  F: TCP_FLAG.fin,
  R: TCP_FLAG.rst,
  P: TCP_FLAG.psh,
};

export function tcpPacket(segment: Segment): Packet {
  const packet = newPacket();
  setEnds(packet, segment.from === 'c', segment.clientPort ?? 41_234);
  const data = segment.data ?? 0;
  return Object.assign(packet, {
    protocol: 6,
    hasTcp: true,
    tcpFlags: [...segment.flags].reduce((flags, letter) => flags | (LETTERS[letter] ?? 0), 0),
    seq: (segment.seq ?? 0) >>> 0,
    ack: (segment.ack ?? 0) >>> 0,
    window: segment.window ?? 1000,
    payloadBytes: data,
    ipBytes: 40 + data,
  });
}

export function setEnds(packet: Packet, isFromClient: boolean, clientPort: number): void {
  const client = parseAddress('10.0.0.2');
  const server = parseAddress('10.0.0.1');
  const [src, dst] = isFromClient ? [client, server] : [server, client];
  if (!src || !dst) throw new Error('addresses');
  Object.assign(packet, { outcome: 'ip', version: 4, hasPorts: true });
  Object.assign(packet, { src0: src.w0, src1: src.w1, src2: src.w2, src3: src.w3 });
  Object.assign(packet, { dst0: dst.w0, dst1: dst.w1, dst2: dst.w2, dst3: dst.w3 });
  Object.assign(packet, {
    srcPort: isFromClient ? clientPort : 2525,
    dstPort: isFromClient ? 2525 : clientPort,
  });
}

export class Story {
  readonly told: string[] = [];
  readonly table: FlowTable;
  private nowUs = 1e12;

  constructor(limits: Partial<FlowLimits> = {}) {
    const say = (text: string, nowUs: number) => this.told.push(`${(nowUs - 1e12) / 1e6} ${text}`);
    this.table = new FlowTable(
      {
        onTurn: (turn, _slot, nowUs) => say(turn, nowUs),
        onRemove: (_slot, removal, nowUs) => say(`(${removal})`, nowUs),
      },
      { salt: 1, limits },
    );
  }

  packet(packet: Packet, interfaceIndex = 1): number {
    return this.table.add(packet, this.nowUs, interfaceIndex);
  }

  tcp(...segments: Segment[]): this {
    for (const segment of segments) this.packet(tcpPacket(segment));
    return this;
  }

  handshake(): this {
    return this.tcp(
      { from: 'c', flags: 'S', seq: 100 },
      { from: 's', flags: 'SA', seq: 500, ack: 101 },
      { from: 'c', flags: 'A', seq: 101, ack: 501 },
    );
  }

  /** Time passes a second at a time, as it does for the program. */
  wait(seconds: number): this {
    for (let i = 0; i < seconds; i += 1) {
      this.nowUs += 1e6;
      this.table.advance(this.nowUs);
    }
    return this;
  }
}
