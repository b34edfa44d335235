// What stands behind the IP headers: TCP with its options, UDP, SCTP's ports, ICMP and ICMPv6 with the packet that
// an error quotes. Reads only what was captured and what the IP length says is the packet's own; of a header that
// was cut it takes what is whole (ports come first), and says what is not there.
//
// Refuses: later fragments. They begin in the middle of something.

import { takeAddressesV4, takeAddressesV6 } from './addresses.ts';
import { type Ends, type Packet, PROTOCOL, TCP_FLAG } from './packet.ts';
import { u16, u32 } from './read.ts';

const TCP_BYTES = 20;
const UDP_BYTES = 8;
const ICMP_BYTES = 8;
/** RFC 9293 section 3.2, RFC 7323 section 2.2. */
const OPTION = { end: 0, noOperation: 1, mss: 2, windowScale: 3 } as const;

/** Errors quote the packet they are about (RFC 792, RFC 4443 section 2.1); echoes carry an identifier. */
const ICMP_ERRORS: readonly number[] = [3, 4, 5, 11, 12];
const ICMP_ECHO: readonly number[] = [0, 8];
const ICMP6_ERROR_MAX = 4;
const ICMP6_ECHO: readonly number[] = [128, 129];

export function isIcmpError(version: number, type: number): boolean {
  return version === 4 ? ICMP_ERRORS.includes(type) : type >= 1 && type <= ICMP6_ERROR_MAX;
}

export function decodeTransport(bytes: Uint8Array, packet: Packet): void {
  if (packet.isLaterFragment) return;
  switch (packet.protocol) {
    case PROTOCOL.tcp:
      decodeTcp(bytes, packet);
      break;
    case PROTOCOL.udp:
      takePorts(bytes, packet.transportStart, packet.capturedEnd, packet);
      setPayload(packet, UDP_BYTES);
      break;
    case PROTOCOL.sctp:
      takePorts(bytes, packet.transportStart, packet.capturedEnd, packet);
      setPayload(packet, 12);
      break;
    case PROTOCOL.icmp:
      if (packet.version === 4) decodeIcmp(bytes, packet);
      break;
    case PROTOCOL.icmp6:
      if (packet.version === 6) decodeIcmp(bytes, packet);
      break;
    default:
  }
}

function takePorts(bytes: Uint8Array, at: number, end: number, ends: Ends): void {
  if (at + 4 > end) return;
  ends.hasPorts = true;
  ends.srcPort = u16(bytes, at);
  ends.dstPort = u16(bytes, at + 2);
}

function setPayload(packet: Packet, headerBytes: number): void {
  packet.payloadStart = packet.transportStart + headerBytes;
  packet.payloadBytes = Math.max(0, packet.transportBytes - headerBytes);
}

function decodeTcp(bytes: Uint8Array, packet: Packet): void {
  const at = packet.transportStart;
  takePorts(bytes, at, packet.capturedEnd, packet);
  setPayload(packet, TCP_BYTES);
  if (at + TCP_BYTES > packet.capturedEnd) return;
  const headerBytes = ((bytes[at + 12] as number) >> 4) * 4;
  if (headerBytes < TCP_BYTES) return;
  packet.hasTcp = true;
  packet.seq = u32(bytes, at + 4);
  packet.ack = u32(bytes, at + 8);
  packet.tcpFlags = bytes[at + 13] as number;
  packet.window = u16(bytes, at + 14);
  setPayload(packet, headerBytes);
  if ((packet.tcpFlags & TCP_FLAG.syn) !== 0) takeOptions(bytes, at + TCP_BYTES, at + headerBytes, packet);
}

function takeOptions(bytes: Uint8Array, start: number, headerEnd: number, packet: Packet): void {
  const end = Math.min(headerEnd, packet.capturedEnd);
  let at = start;
  while (at < end) {
    const kind = bytes[at] as number;
    if (kind === OPTION.end) return;
    if (kind === OPTION.noOperation) {
      at += 1;
      continue;
    }
    const length = at + 1 < end ? (bytes[at + 1] as number) : 0;
    if (length < 2 || at + length > end) return;
    if (kind === OPTION.mss && length === 4) packet.mss = u16(bytes, at + 2);
    if (kind === OPTION.windowScale && length === 3) packet.windowScale = bytes[at + 2] as number;
    at += length;
  }
}

function decodeIcmp(bytes: Uint8Array, packet: Packet): void {
  const at = packet.transportStart;
  setPayload(packet, ICMP_BYTES);
  if (at + 4 > packet.capturedEnd) return;
  packet.hasIcmp = true;
  packet.icmpType = bytes[at] as number;
  packet.icmpCode = bytes[at + 1] as number;
  const echoes = packet.version === 4 ? ICMP_ECHO : ICMP6_ECHO;
  if (echoes.includes(packet.icmpType) && at + 6 <= packet.capturedEnd) packet.icmpId = u16(bytes, at + 4);
  if (!isIcmpError(packet.version, packet.icmpType)) return;
  const from = at + ICMP_BYTES;
  packet.hasQuote = packet.version === 4 ? quoteV4(bytes, from, packet) : quoteV6(bytes, from, packet);
}

function quoteV4(bytes: Uint8Array, at: number, packet: Packet): boolean {
  const { quote, capturedEnd } = packet;
  if (at + 20 > capturedEnd || (bytes[at] as number) >> 4 !== 4) return false;
  const headerBytes = ((bytes[at] as number) & 15) * 4;
  if (headerBytes < 20) return false;
  quote.version = 4;
  quote.protocol = bytes[at + 9] as number;
  takeAddressesV4(bytes, at, quote);
  const isLater = (u16(bytes, at + 6) & 0x1fff) !== 0;
  quoteTransport(bytes, isLater ? capturedEnd : at + headerBytes, packet);
  return true;
}

/** Extension headers in a quote are rare enough to be left alone: it then has no ports. */
function quoteV6(bytes: Uint8Array, at: number, packet: Packet): boolean {
  const { quote, capturedEnd } = packet;
  if (at + 40 > capturedEnd || (bytes[at] as number) >> 4 !== 6) return false;
  quote.version = 6;
  quote.protocol = bytes[at + 6] as number;
  takeAddressesV6(bytes, at, quote);
  quoteTransport(bytes, at + 40, packet);
  return true;
}

function quoteTransport(bytes: Uint8Array, at: number, packet: Packet): void {
  const { quote, capturedEnd } = packet;
  quote.hasPorts = false;
  quote.srcPort = quote.dstPort = 0;
  packet.quoteSeq = 0;
  const { protocol } = quote;
  if (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp && protocol !== PROTOCOL.sctp) return;
  takePorts(bytes, at, capturedEnd, quote);
  if (protocol === PROTOCOL.tcp && at + 8 <= capturedEnd) packet.quoteSeq = u32(bytes, at + 4);
}
