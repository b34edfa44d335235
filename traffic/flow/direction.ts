// Who of two ends is the client. A SYN knows, then its answer; then whose port is being listened on, then which port is
// a service's; at last the one who spoke first. The answer is given once for a flow and never taken back.
// Refuses: to look at addresses. Which network is inside is not known here.

import { type Packet, PROTOCOL, TCP_FLAG } from '../packet/packet.ts';
import { isServicePort } from '../services.ts';
import { DIRECTION_HOWS, type DirectionHow } from './columns.ts';

/** Whether this host listens there; what it knows of its own sockets is handed in. */
export type IsListening = (
  protocol: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  port: number,
) => boolean;

/** Ports below it need a privilege to be bound (IANA system ports). */
const SYSTEM_PORTS = 1024;

const HOW: Readonly<Record<DirectionHow, number>> = { syn: 0, synAck: 1, listener: 2, port: 3, first: 4 };

/** How sure, as an index of DIRECTION_HOWS; with SENDER_IS_SERVER added where the sender is the server. */
export const SENDER_IS_SERVER = 8;

export function decideDirection(packet: Packet, isListening: IsListening): number {
  if (packet.hasTcp && (packet.tcpFlags & TCP_FLAG.syn) !== 0) {
    return (packet.tcpFlags & TCP_FLAG.ack) === 0 ? HOW.syn : HOW.synAck + SENDER_IS_SERVER;
  }
  // Nobody answers from an address of many.
  if (!packet.hasPorts || isForMany(packet)) return HOW.first;
  const { protocol, srcPort, dstPort } = packet;
  if (isListening(protocol, packet.dst0, packet.dst1, packet.dst2, packet.dst3, dstPort)) return HOW.listener;
  if (isListening(protocol, packet.src0, packet.src1, packet.src2, packet.src3, srcPort)) {
    return HOW.listener + SENDER_IS_SERVER;
  }
  const [src, dst] = [isServicePort(srcPort), isServicePort(dstPort)];
  if (src !== dst) return HOW.port + (src ? SENDER_IS_SERVER : 0);
  const [srcLow, dstLow] = [srcPort < SYSTEM_PORTS, dstPort < SYSTEM_PORTS];
  if (srcLow !== dstLow) return HOW.port + (srcLow ? SENDER_IS_SERVER : 0);
  return HOW.first;
}

/** Multicast of either family, and the broadcast address. */
function isForMany(packet: Packet): boolean {
  if (packet.version === 6) return packet.dst0 >>> 24 === 0xff;
  return packet.dst3 >>> 28 === 0xe || packet.dst3 === 0xffffffff;
}

export function howOf(index: number): DirectionHow {
  return DIRECTION_HOWS[index] ?? 'first';
}

/** The type under which a question and its answer are one flow (RFC 792, RFC 4443). */
export function questionOf(protocol: number, type: number): number {
  if (protocol === PROTOCOL.icmp) return type === 0 ? 8 : type === 14 ? 13 : type;
  return type === 129 ? 128 : type;
}
