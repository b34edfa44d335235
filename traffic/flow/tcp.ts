// One TCP segment in the books of its flow: handshake and its round trips, what was sent again or out of order, zero
// windows, FIN and RST by side. Says what the segment did to the connection; the table tells the world.
// Sequence numbers are compared modulo 2^32 (RFC 9293 section 3.4).
//
// Refuses: reassembly. One hole a side is remembered, which is enough to tell "late" from "sent again".

import { type Packet, TCP_FLAG } from '../packet/packet.ts';
import { CLIENT, type FlowColumns, MARK, SERVER, type Side } from './columns.ts';

/** What Wireshark takes for out of order rather than sent again, where no round trip is known. */
const REORDER_US_MIN = 3000;

export type TcpTurn = 'none' | 'opened' | 'closed' | 'reset' | 'refused';

export function bookSegment(
  flows: FlowColumns,
  slot: number,
  side: Side,
  packet: Packet,
  nowUs: number,
): TcpTurn {
  const at = slot * 2 + side;
  const { tcpFlags } = packet;
  const wasReset = flows.firstReset[slot] !== -1;
  flows.flags[at] = (flows.flags[at] as number) | tcpFlags;
  flows.recordFlags[at] = (flows.recordFlags[at] as number) | tcpFlags;
  if ((tcpFlags & TCP_FLAG.syn) !== 0) bookSyn(flows, slot, side, packet, nowUs);
  if ((tcpFlags & TCP_FLAG.rst) === 0) bookSequence(flows, slot, side, packet, nowUs);
  if ((tcpFlags & TCP_FLAG.ack) !== 0) bookAck(flows, slot, side, packet, nowUs);
  bookWindow(flows, at, packet);
  if ((tcpFlags & TCP_FLAG.fin) !== 0) bookFin(flows, slot, side, nowUs);
  if ((tcpFlags & TCP_FLAG.rst) !== 0) return bookReset(flows, slot, side, wasReset);
  if (isClosed(flows, slot)) return 'closed';
  return opens(flows, slot, side, tcpFlags) ? 'opened' : 'none';
}

function bookSyn(flows: FlowColumns, slot: number, side: Side, packet: Packet, nowUs: number): void {
  const isAnswer = (packet.tcpFlags & TCP_FLAG.ack) !== 0;
  const at = slot * 2 + side;
  if (side === CLIENT && !isAnswer) {
    flows.mark(slot, MARK.clientSyn);
    flows.synCount[slot] = (flows.synCount[slot] as number) + 1;
  }
  if (side === SERVER && isAnswer) {
    const hasSyn = flows.has(slot, MARK.clientSyn) && !flows.has(slot, MARK.serverSynAck);
    if (hasSyn) flows.synRttUs[slot] = Math.max(0, nowUs - (flows.synUs[slot * 2 + CLIENT] as number));
    flows.mark(slot, MARK.serverSynAck);
  }
  flows.synUs[at] = nowUs;
}

function bookSequence(flows: FlowColumns, slot: number, side: Side, packet: Packet, nowUs: number): void {
  const at = slot * 2 + side;
  const { seq, tcpFlags, payloadBytes } = packet;
  const length = payloadBytes + (tcpFlags & TCP_FLAG.syn ? 1 : 0) + (tcpFlags & TCP_FLAG.fin ? 1 : 0);
  const end = (seq + length) >>> 0;
  if (!flows.hasSeq[at]) {
    flows.hasSeq[at] = 1;
    flows.firstSeq[at] = seq;
    flows.nextSeq[at] = end;
    return;
  }
  if (length === 0) return;
  const next = flows.nextSeq[at] as number;
  const ahead = (seq - next) | 0;
  if (ahead > 0) {
    flows.holeFrom[at] = next;
    flows.holeTo[at] = seq;
    flows.holeUs[at] = nowUs;
  }
  if (ahead < 0) bookOld(flows, slot, at, packet, end, nowUs);
  if (((end - next) | 0) <= 0) return;
  if (flows.outstanding(slot, side) === 0) flows.waitUs[at] = nowUs;
  flows.nextSeq[at] = end;
}

/** Before what was sent last: a keep-alive, a piece that was late, or one sent again. */
function bookOld(
  flows: FlowColumns,
  slot: number,
  at: number,
  packet: Packet,
  end: number,
  nowUs: number,
): void {
  const next = flows.nextSeq[at] as number;
  const isPlain = (packet.tcpFlags & (TCP_FLAG.syn | TCP_FLAG.fin)) === 0;
  if (isPlain && packet.payloadBytes <= 1 && packet.seq === (next - 1) >>> 0) return;
  const [from, to] = [flows.holeFrom[at] as number, flows.holeTo[at] as number];
  const fills = from !== to && ((packet.seq - from) | 0) >= 0 && ((packet.seq - to) | 0) < 0;
  const patienceUs = Math.max(REORDER_US_MIN, flows.synRttUs[slot] as number);
  if (fills && nowUs - (flows.holeUs[at] as number) < patienceUs) {
    flows.outOfOrder[at] = (flows.outOfOrder[at] as number) + 1;
  } else {
    flows.retransmitted[at] = (flows.retransmitted[at] as number) + 1;
  }
  if (fills && packet.seq === from) flows.holeFrom[at] = ((end - to) | 0) < 0 ? end : to;
}

function bookAck(flows: FlowColumns, slot: number, side: Side, packet: Packet, nowUs: number): void {
  const at = slot * 2 + side;
  if (!flows.hasAck[at] || ((packet.ack - (flows.lastAck[at] as number)) | 0) > 0) {
    flows.hasAck[at] = 1;
    flows.lastAck[at] = packet.ack;
    flows.waitUs[slot * 2 + 1 - side] = nowUs;
    flows.marks[slot] = (flows.marks[slot] as number) & ~MARK.timeoutTold;
  }
  const isFirst =
    side === CLIENT && (flows.ackRttUs[slot] as number) < 0 && flows.has(slot, MARK.serverSynAck);
  if (isFirst && (packet.tcpFlags & (TCP_FLAG.syn | TCP_FLAG.rst)) === 0) {
    flows.ackRttUs[slot] = Math.max(0, nowUs - (flows.synUs[slot * 2 + SERVER] as number));
  }
}

function bookWindow(flows: FlowColumns, at: number, packet: Packet): void {
  if ((packet.tcpFlags & (TCP_FLAG.syn | TCP_FLAG.rst)) !== 0) return;
  const isZero = packet.window === 0 ? 1 : 0;
  if (isZero > (flows.isWindowZero[at] as number))
    flows.zeroWindows[at] = (flows.zeroWindows[at] as number) + 1;
  flows.isWindowZero[at] = isZero;
}

function bookFin(flows: FlowColumns, slot: number, side: Side, nowUs: number): void {
  if (flows.firstFin[slot] === -1) {
    flows.firstFin[slot] = side;
    flows.finUs[slot] = nowUs;
  }
  flows.mark(slot, side === CLIENT ? MARK.clientFin : MARK.serverFin);
}

function bookReset(flows: FlowColumns, slot: number, side: Side, wasReset: boolean): TcpTurn {
  const at = slot * 2 + side;
  flows.resets[at] = (flows.resets[at] as number) + 1;
  const isClean = flows.has(slot, MARK.clientFin) && flows.has(slot, MARK.serverFin);
  if (isClean) return 'closed';
  if (wasReset) return 'none';
  flows.firstReset[slot] = side;
  const isAnswered = flows.has(slot, MARK.serverSynAck) || !flows.has(slot, MARK.clientSyn);
  return side === SERVER && !isAnswered ? 'refused' : 'reset';
}

/** Both have said that they are done, and both have heard it, as far as both were heard at all. */
function isClosed(flows: FlowColumns, slot: number): boolean {
  if (!flows.has(slot, MARK.clientFin) || !flows.has(slot, MARK.serverFin)) return false;
  return flows.outstanding(slot, CLIENT) === 0 && flows.outstanding(slot, SERVER) === 0;
}

function opens(flows: FlowColumns, slot: number, side: Side, tcpFlags: number): boolean {
  if (flows.has(slot, MARK.opened)) return false;
  if ((tcpFlags & (TCP_FLAG.syn | TCP_FLAG.fin)) !== 0) return false;
  return side === CLIENT || flows.has(slot, MARK.midstream);
}
