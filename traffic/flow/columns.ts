// The memory of the flow table: columns of typed arrays, taken once, so that a flow costs the same bytes whether one or
// a million pass through. A slot is a flow; columns "of a side" hold the client at slot * 2 and the server behind it.
// Promises: what take() gives is as if new. Refuses: to decide anything about a packet.

import { PROTOCOL } from '../packet/packet.ts';

export const CLIENT = 0;
export const SERVER = 1;
export type Side = typeof CLIENT | typeof SERVER;

/** What has been seen and told of a flow, as bits of `marks`. */
export const MARK = {
  clientSyn: 1 << 0,
  serverSynAck: 1 << 1,
  clientFin: 1 << 2,
  serverFin: 1 << 3,
  /** Begun in the middle: neither SYN nor SYN-ACK was seen first. */
  midstream: 1 << 4,
  opened: 1 << 5,
  halfClosedTold: 1 << 6,
  timeoutTold: 1 << 7,
  /** A host or a router on the way said by ICMP that it cannot be reached. */
  unreachable: 1 << 8,
  /** Both ends are at rest; packets that come now are a tail. */
  ended: 1 << 9,
  refused: 1 << 10,
  noAnswer: 1 << 11,
} as const;

/** How it was decided who is the client, surest first. */
export const DIRECTION_HOWS = ['syn', 'synAck', 'listener', 'port', 'first'] as const;
export type DirectionHow = (typeof DIRECTION_HOWS)[number];

export class FlowColumns {
  readonly capacity: number;
  readonly used: Uint8Array;
  readonly id: Float64Array;
  /** Eight words a flow: the client's address, the server's. */
  readonly addresses: Uint32Array;
  readonly protocol: Uint8Array;
  /** Type and code of ICMP, an answer under its question's. */
  readonly icmp: Uint16Array;
  readonly how: Uint8Array;
  readonly marks: Uint32Array;
  readonly startUs: Float64Array;
  readonly lastUs: Float64Array;
  readonly endUs: Float64Array;
  /** Sides; -1 before there was one. */
  readonly firstFin: Int8Array;
  readonly firstReset: Int8Array;
  readonly finUs: Float64Array;
  /** SYN to SYN-ACK, and SYN-ACK to ACK; -1 where not seen. */
  readonly synRttUs: Float64Array;
  readonly ackRttUs: Float64Array;
  readonly synCount: Uint16Array;
  readonly unreachableType: Uint8Array;
  readonly unreachableCode: Uint8Array;
  readonly updates: Uint32Array;
  readonly updateUs: Float64Array;
  /** Packets after the end. */
  readonly late: Uint32Array;

  // of a side
  readonly ports: Uint16Array;
  readonly packets: Float64Array;
  readonly ipBytes: Float64Array;
  readonly payloadBytes: Float64Array;
  readonly sideLastUs: Float64Array;
  readonly observer: Int32Array;
  readonly flags: Uint8Array;
  readonly hasSeq: Uint8Array;
  readonly firstSeq: Uint32Array;
  readonly nextSeq: Uint32Array;
  readonly hasAck: Uint8Array;
  readonly lastAck: Uint32Array;
  readonly synUs: Float64Array;
  readonly holeFrom: Uint32Array;
  readonly holeTo: Uint32Array;
  readonly holeUs: Float64Array;
  /** Since when this side's outstanding bytes wait: sent first, or acknowledged in part. */
  readonly waitUs: Float64Array;
  readonly retransmitted: Uint32Array;
  readonly outOfOrder: Uint32Array;
  readonly zeroWindows: Uint32Array;
  readonly isWindowZero: Uint8Array;
  readonly resets: Uint32Array;
  /** What interval records have told already; the first packet, and the flags, since the last of them. */
  readonly recordedPackets: Float64Array;
  readonly recordedBytes: Float64Array;
  readonly recordStartUs: Float64Array;
  readonly recordFlags: Uint8Array;

  private readonly all: readonly { fill(value: number, from: number, to: number): unknown }[];
  private readonly sides: readonly { fill(value: number, from: number, to: number): unknown }[];

  constructor(capacity: number) {
    const [u8, u16, u32, f64] = [Uint8Array, Uint16Array, Uint32Array, Float64Array];
    const n = capacity;
    this.capacity = n;
    this.used = new u8(n);
    this.id = new f64(n);
    this.addresses = new u32(n * 8);
    this.protocol = new u8(n);
    this.icmp = new u16(n);
    this.how = new u8(n);
    this.marks = new u32(n);
    this.startUs = new f64(n);
    this.lastUs = new f64(n);
    this.endUs = new f64(n);
    this.firstFin = new Int8Array(n);
    this.firstReset = new Int8Array(n);
    this.finUs = new f64(n);
    this.synRttUs = new f64(n);
    this.ackRttUs = new f64(n);
    this.synCount = new u16(n);
    this.unreachableType = new u8(n);
    this.unreachableCode = new u8(n);
    this.updates = new u32(n);
    this.updateUs = new f64(n);
    this.late = new u32(n);
    this.ports = new u16(n * 2);
    this.packets = new f64(n * 2);
    this.ipBytes = new f64(n * 2);
    this.payloadBytes = new f64(n * 2);
    this.sideLastUs = new f64(n * 2);
    this.observer = new Int32Array(n * 2);
    this.flags = new u8(n * 2);
    this.hasSeq = new u8(n * 2);
    this.firstSeq = new u32(n * 2);
    this.nextSeq = new u32(n * 2);
    this.hasAck = new u8(n * 2);
    this.lastAck = new u32(n * 2);
    this.synUs = new f64(n * 2);
    this.holeFrom = new u32(n * 2);
    this.holeTo = new u32(n * 2);
    this.holeUs = new f64(n * 2);
    this.waitUs = new f64(n * 2);
    this.retransmitted = new u32(n * 2);
    this.outOfOrder = new u32(n * 2);
    this.zeroWindows = new u32(n * 2);
    this.isWindowZero = new u8(n * 2);
    this.resets = new u32(n * 2);
    this.recordedPackets = new f64(n * 2);
    this.recordedBytes = new f64(n * 2);
    this.recordStartUs = new f64(n * 2);
    this.recordFlags = new u8(n * 2);
    this.all = [this.marks, this.endUs, this.finUs, this.synCount, this.updates, this.late, this.icmp];
    this.sides = [
      ...[this.packets, this.ipBytes, this.payloadBytes, this.sideLastUs, this.flags, this.hasSeq],
      ...[
        this.firstSeq,
        this.nextSeq,
        this.hasAck,
        this.lastAck,
        this.synUs,
        this.holeFrom,
        this.holeTo,
        this.holeUs,
        this.waitUs,
      ],
      ...[this.retransmitted, this.outOfOrder, this.zeroWindows, this.isWindowZero, this.resets],
      ...[this.recordedPackets, this.recordedBytes, this.recordFlags],
    ];
  }

  /** Makes the slot a flow without a past. */
  clear(slot: number): void {
    for (const column of this.all) column.fill(0, slot, slot + 1);
    for (const column of this.sides) column.fill(0, slot * 2, slot * 2 + 2);
    this.observer.fill(-1, slot * 2, slot * 2 + 2);
    this.firstFin[slot] = -1;
    this.firstReset[slot] = -1;
    this.synRttUs[slot] = -1;
    this.ackRttUs[slot] = -1;
    this.used[slot] = 1;
  }

  /** The clock was set: all times move with it, so that no span changes. */
  shift(deltaUs: number): void {
    const times = [this.startUs, this.lastUs, this.endUs, this.finUs, this.updateUs, this.sideLastUs];
    const tcpTimes = [this.synUs, this.holeUs, this.waitUs, this.recordStartUs];
    for (const column of [...times, ...tcpTimes]) {
      for (let at = 0; at < column.length; at += 1) column[at] = (column[at] as number) + deltaUs;
    }
  }

  has(slot: number, mark: number): boolean {
    return ((this.marks[slot] as number) & mark) !== 0;
  }

  mark(slot: number, mark: number): void {
    this.marks[slot] = (this.marks[slot] as number) | mark;
  }

  isTcp(slot: number): boolean {
    return this.protocol[slot] === PROTOCOL.tcp;
  }

  /** Bytes that this side has sent and the other has not acknowledged, as far as was seen. */
  outstanding(slot: number, side: Side): number {
    const own = slot * 2 + side;
    const other = slot * 2 + 1 - side;
    if (!this.hasSeq[own] || !this.hasAck[other]) return 0;
    return Math.max(0, ((this.nextSeq[own] as number) - (this.lastAck[other] as number)) | 0);
  }
}
