// The flow table: decoded packets in, turns of connections out. Promises: memory taken once; every packet is booked to
// exactly one flow or counted under the reason why not; a full table forgets the flow that has been idle longest and
// counts it; after its end a flow is remembered for a while, so that a late FIN is no new connection.
// Time is handed in with each packet and with advance(); what silence means stands in silence.ts.
//
// Refuses: to keep a flow's bytes, and to know sockets, interfaces' names or processes.

import { type Ends, OUTCOMES, type Packet, TCP_FLAG } from '../packet/packet.ts';
import { CLIENT, FlowColumns, MARK, SERVER, type Side } from './columns.ts';
import { decideDirection, type IsListening, questionOf, SENDER_IS_SERVER } from './direction.ts';
import { join, mix } from './hash.ts';
import { FLOW_LIMITS, type FlowLimits } from './limits.ts';
import { SlotRing } from './ring.ts';
import { Silence } from './silence.ts';
import { bookSegment } from './tcp.ts';
import type { Removal, Turn } from './turn.ts';

export interface FlowListener {
  onTurn(turn: Turn, slot: number, nowUs: number): void;
  /** The last moment to read the slot. */
  onRemove(slot: number, removal: Removal, nowUs: number): void;
}

export interface TableOptions {
  readonly limits?: Partial<FlowLimits>;
  /** Chance, so that nobody can choose addresses that all meet in one bucket. */
  readonly salt: number;
  readonly isListening?: IsListening;
}

/** Reasons why a packet belongs to no flow: the decoder's, and seen by another interface already. */
export const IGNORED = [...OUTCOMES.filter((outcome) => outcome !== 'ip'), 'otherInterface'] as const;
export type Ignored = (typeof IGNORED)[number];

const NONE = -1;
const TOUCH_US = 1_000_000;

export class FlowTable {
  readonly flows: FlowColumns;
  readonly limits: FlowLimits;
  readonly ignored: Record<string, number> = Object.fromEntries(IGNORED.map((reason) => [reason, 0]));
  readonly removed: Record<Removal, number> = { ended: 0, idle: 0, evicted: 0, reused: 0, stopped: 0 };
  packets = 0;
  booked = 0;
  begun = 0;

  private readonly heads: Int32Array;
  private readonly nextInBucket: Int32Array;
  private readonly ring: SlotRing;
  private readonly salt: number;
  private readonly isListening: IsListening;
  private readonly listener: FlowListener;
  private readonly silence: Silence;
  // The key of the packet at hand: ports are 0 where there are none, an echo's identifier for both of ICMP.
  private srcPort = 0;
  private dstPort = 0;
  private icmp = 0;
  /** Of the packet that was looked for last. */
  private side: Side = CLIENT;

  constructor(listener: FlowListener, options: TableOptions) {
    this.listener = listener;
    this.limits = { ...FLOW_LIMITS, ...options.limits };
    this.salt = options.salt | 0;
    this.isListening = options.isListening ?? (() => false);
    const capacity = this.limits.flowsMax;
    this.flows = new FlowColumns(capacity);
    this.ring = new SlotRing(capacity);
    this.heads = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, capacity)))).fill(NONE);
    this.nextInBucket = new Int32Array(capacity).fill(NONE);
    this.silence = new Silence(this.flows, this.limits, {
      tell: (turn, slot, nowUs) => this.tell(turn, slot, nowUs),
      remove: (slot, removal, nowUs) => this.remove(slot, removal, nowUs),
    });
  }

  get count(): number {
    return this.ring.count;
  }

  /** Books a decoded packet; gives the flow's slot, or -1 if it belongs to none. */
  add(packet: Packet, nowUs: number, interfaceIndex: number): number {
    this.packets += 1;
    if (packet.outcome !== 'ip') return this.ignore(packet.outcome);
    this.setKey(packet);
    const bucket = this.bucketOf(packet);
    let slot = this.find(packet, bucket);
    if (slot !== NONE && this.isReused(packet, slot, nowUs)) {
      this.remove(slot, 'reused', nowUs);
      slot = NONE;
    }
    if (slot === NONE) slot = this.begin(packet, bucket, nowUs);
    const { side } = this;
    if (!this.isObserver(slot * 2 + side, nowUs, interfaceIndex)) return this.ignore('otherInterface');
    this.book(packet, slot, side, nowUs);
    if (packet.hasQuote) this.bookQuote(packet, nowUs);
    return slot;
  }

  private ignore(reason: Ignored): number {
    this.ignored[reason] = (this.ignored[reason] as number) + 1;
    return NONE;
  }

  // ---- finding

  private setKey(packet: Packet): void {
    this.icmp = 0;
    this.srcPort = packet.hasPorts ? packet.srcPort : 0;
    this.dstPort = packet.hasPorts ? packet.dstPort : 0;
    if (!packet.hasIcmp) return;
    this.icmp = (questionOf(packet.protocol, packet.icmpType) << 8) | packet.icmpCode;
    this.srcPort = this.dstPort = packet.icmpId;
  }

  /** The same for both directions. */
  private bucketOf(ends: Ends): number {
    const src = mix(ends.src0 ^ this.salt, ends.src1, ends.src2, ends.src3, this.srcPort);
    const dst = mix(ends.dst0 ^ this.salt, ends.dst1, ends.dst2, ends.dst3, this.dstPort);
    return join(src, dst, ends.protocol ^ this.icmp) & (this.heads.length - 1);
  }

  /** The flow's slot, with the side that the source is in `side`. */
  private find(ends: Ends, bucket: number): number {
    let slot = this.heads[bucket] as number;
    while (slot !== NONE) {
      this.side = CLIENT;
      if (this.isSame(ends, slot, CLIENT)) return slot;
      this.side = SERVER;
      if (this.isSame(ends, slot, SERVER)) return slot;
      slot = this.nextInBucket[slot] as number;
    }
    return slot;
  }

  /** Whether the ends are the flow's, with the source as this side of it. */
  private isSame(ends: Ends, slot: number, side: Side): boolean {
    const { addresses, ports, protocol, icmp } = this.flows;
    const src = slot * 8 + side * 4;
    const dst = slot * 8 + (1 - side) * 4;
    return (
      ports[slot * 2 + side] === this.srcPort &&
      ports[slot * 2 + 1 - side] === this.dstPort &&
      addresses[src + 3] === ends.src3 &&
      addresses[dst + 3] === ends.dst3 &&
      addresses[src + 2] === ends.src2 &&
      addresses[dst + 2] === ends.dst2 &&
      addresses[src + 1] === ends.src1 &&
      addresses[dst + 1] === ends.dst1 &&
      addresses[src] === ends.src0 &&
      addresses[dst] === ends.dst0 &&
      protocol[slot] === ends.protocol &&
      icmp[slot] === this.icmp
    );
  }

  /** A SYN begins a new connection where the old one is over, or has another number and was silent or never answered. */
  private isReused(packet: Packet, slot: number, nowUs: number): boolean {
    if (!packet.hasTcp || (packet.tcpFlags & (TCP_FLAG.syn | TCP_FLAG.ack)) !== TCP_FLAG.syn) return false;
    const { flows } = this;
    const at = slot * 2 + this.side;
    // A client may try again with the same number after a RST; after silence it is the same try.
    if (flows.has(slot, MARK.ended) && !flows.has(slot, MARK.noAnswer)) return true;
    if (flows.hasSeq[at] && flows.firstSeq[at] === packet.seq) return false;
    if (flows.has(slot, MARK.ended)) return true;
    return nowUs - (flows.lastUs[slot] as number) >= this.limits.reuseUs;
  }

  private isObserver(at: number, nowUs: number, interfaceIndex: number): boolean {
    const { observer, sideLastUs } = this.flows;
    if (observer[at] === interfaceIndex) return true;
    const isFresh = nowUs - (sideLastUs[at] as number) < this.limits.observerUs;
    if (observer[at] !== NONE && isFresh) return false;
    observer[at] = interfaceIndex;
    return true;
  }

  // ---- booking

  private begin(packet: Packet, bucket: number, nowUs: number): number {
    if (this.ring.first !== NONE && this.ring.count === this.flows.capacity) {
      this.remove(this.ring.first, 'evicted', nowUs);
    }
    const { flows } = this;
    const slot = this.ring.take();
    flows.clear(slot);
    const decided = this.decide(packet);
    const isSwapped = decided >= SENDER_IS_SERVER;
    flows.how[slot] = decided & (SENDER_IS_SERVER - 1);
    flows.id[slot] = this.begun;
    flows.protocol[slot] = packet.protocol;
    flows.icmp[slot] = this.icmp;
    flows.startUs[slot] = flows.lastUs[slot] = flows.updateUs[slot] = nowUs;
    this.side = isSwapped ? SERVER : CLIENT;
    this.setEnds(packet, slot, this.side);
    if (packet.hasTcp && (packet.tcpFlags & TCP_FLAG.syn) === 0) flows.mark(slot, MARK.midstream);
    this.begun += 1;
    this.nextInBucket[slot] = this.heads[bucket] as number;
    this.heads[bucket] = slot;
    return slot;
  }

  private decide(packet: Packet): number {
    const decided = decideDirection(packet, this.isListening);
    const isAnswer = packet.hasIcmp && questionOf(packet.protocol, packet.icmpType) !== packet.icmpType;
    return isAnswer ? decided + SENDER_IS_SERVER : decided;
  }

  private setEnds(ends: Ends, slot: number, side: Side): void {
    const { addresses, ports } = this.flows;
    const src = slot * 8 + side * 4;
    const dst = slot * 8 + (1 - side) * 4;
    addresses[src] = ends.src0;
    addresses[src + 1] = ends.src1;
    addresses[src + 2] = ends.src2;
    addresses[src + 3] = ends.src3;
    addresses[dst] = ends.dst0;
    addresses[dst + 1] = ends.dst1;
    addresses[dst + 2] = ends.dst2;
    addresses[dst + 3] = ends.dst3;
    ports[slot * 2 + side] = this.srcPort;
    ports[slot * 2 + 1 - side] = this.dstPort;
  }

  private book(packet: Packet, slot: number, side: Side, nowUs: number): void {
    const { flows } = this;
    const at = slot * 2 + side;
    this.booked += 1;
    this.touch(slot, nowUs);
    const packets = flows.packets[at] as number;
    if (packets === flows.recordedPackets[at]) flows.recordStartUs[at] = nowUs;
    flows.packets[at] = packets + 1;
    flows.ipBytes[at] = (flows.ipBytes[at] as number) + packet.ipBytes;
    flows.payloadBytes[at] = (flows.payloadBytes[at] as number) + packet.payloadBytes;
    flows.sideLastUs[at] = nowUs;
    if (nowUs > (flows.lastUs[slot] as number)) flows.lastUs[slot] = nowUs;
    const wasEnded = flows.has(slot, MARK.ended);
    if (wasEnded) flows.late[slot] = (flows.late[slot] as number) + 1;
    if (packet.hasTcp) this.bookTcp(packet, slot, side, nowUs, wasEnded);
    else if (!wasEnded && !flows.has(slot, MARK.opened)) this.tell('opened', slot, nowUs);
  }

  /** The order matters when there is no room, so it is exact from half full on, and else good to a second. */
  private touch(slot: number, nowUs: number): void {
    const lastUs = this.flows.lastUs[slot] as number;
    const isCrowded = this.ring.count * 2 >= this.flows.capacity;
    if (isCrowded || Math.abs(nowUs - lastUs) >= TOUCH_US) this.ring.touch(slot);
    else if (Math.floor(nowUs / TOUCH_US) !== Math.floor(lastUs / TOUCH_US)) this.ring.touch(slot);
  }

  private bookTcp(packet: Packet, slot: number, side: Side, nowUs: number, wasEnded: boolean): void {
    const turn = bookSegment(this.flows, slot, side, packet, nowUs);
    if (turn !== 'none' && !wasEnded) this.tell(turn, slot, nowUs);
  }

  private tell(turn: Turn, slot: number, nowUs: number): void {
    const { flows } = this;
    if (turn === 'opened') flows.mark(slot, MARK.opened);
    if (turn === 'refused') flows.mark(slot, MARK.refused);
    if (turn === 'noAnswer') flows.mark(slot, MARK.noAnswer);
    if (turn === 'closed' || turn === 'reset' || turn === 'refused' || turn === 'noAnswer') {
      flows.mark(slot, MARK.ended);
      flows.endUs[slot] = nowUs;
    }
    this.listener.onTurn(turn, slot, nowUs);
  }

  /** An ICMP error is about another flow: one that it refuses, if nothing has answered there yet. */
  private bookQuote(packet: Packet, nowUs: number): void {
    const { quote, icmpType, icmpCode, version } = packet;
    if (!isUnreachable(version, icmpType)) return;
    this.icmp = 0;
    this.srcPort = quote.hasPorts ? quote.srcPort : 0;
    this.dstPort = quote.hasPorts ? quote.dstPort : 0;
    if (!quote.hasPorts) return;
    const slot = this.find(quote, this.bucketOf(quote));
    if (slot === NONE || this.flows.has(slot, MARK.ended)) return;
    const { flows } = this;
    const isAnswered = (flows.packets[slot * 2 + SERVER] as number) > 0;
    flows.mark(slot, MARK.unreachable);
    flows.unreachableType[slot] = icmpType;
    flows.unreachableCode[slot] = icmpCode;
    if (!isAnswered && this.side === CLIENT) this.tell('refused', slot, nowUs);
  }

  // ---- time

  /** Finds what has fallen silent. To be called about once a second. */
  advance(nowUs: number): void {
    this.silence.advanceSome(nowUs, this.flows.capacity);
  }

  /** The same for the next so many places of the table, so that a full one holds up no packet. */
  advanceSome(nowUs: number, slots: number): void {
    this.silence.advanceSome(nowUs, slots);
  }

  /** TCP connections that are open still, each told once more. */
  tellOpen(nowUs: number): void {
    this.silence.tellOpen(nowUs);
  }

  /** Nobody wants to hear of this flow any more. */
  forget(slot: number, nowUs: number): void {
    if (this.flows.used[slot]) this.remove(slot, 'stopped', nowUs);
  }

  /** Every flow goes, in order of its last packet; nothing is left that nobody has read. */
  stop(nowUs: number): void {
    while (this.ring.first !== NONE) this.remove(this.ring.first, 'stopped', nowUs);
  }

  private remove(slot: number, removal: Removal, nowUs: number): void {
    this.removed[removal] += 1;
    this.listener.onRemove(slot, removal, nowUs);
    this.unhash(slot);
    this.flows.used[slot] = 0;
    this.ring.give(slot);
  }

  private unhash(slot: number): void {
    const bucket = this.bucketOfSlot(slot);
    let at = this.heads[bucket] as number;
    if (at === slot) {
      this.heads[bucket] = this.nextInBucket[slot] as number;
      return;
    }
    while (this.nextInBucket[at] !== slot) at = this.nextInBucket[at] as number;
    this.nextInBucket[at] = this.nextInBucket[slot] as number;
  }

  private bucketOfSlot(slot: number): number {
    const { addresses: a, ports, protocol, icmp } = this.flows;
    const at = slot * 8;
    const word = (offset: number) => a[at + offset] as number;
    const src = mix(word(0) ^ this.salt, word(1), word(2), word(3), ports[slot * 2] as number);
    const dst = mix(word(4) ^ this.salt, word(5), word(6), word(7), ports[slot * 2 + 1] as number);
    return join(src, dst, (protocol[slot] as number) ^ (icmp[slot] as number)) & (this.heads.length - 1);
  }
}

/** "Destination unreachable" of either family (RFC 792, RFC 4443). */
function isUnreachable(version: number, type: number): boolean {
  return type === (version === 4 ? 3 : 1);
}
