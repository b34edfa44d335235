// A captured frame into the packet record. Promises: any bytes, cut anywhere, give an outcome and never throw; not
// one byte is read behind the captured end. Tunnels (IP in IP, 6in4, GRE, VXLAN) are named and opened one level
// deep: the packet is then the inner one, and `outer` holds the ends of the tunnel. What cannot be read inside
// leaves the packet what it is outside, with the tunnel's name.
//
// Refuses: reassembly, decryption, and guesses at a tunnel on other ports than its own.

import { CUT, decodeCookedLink, decodeEthernet, decodeLink, ETHER, UNKNOWN } from './link.ts';
import { decodeIpv4, decodeIpv6 } from './network.ts';
import { copyEnds, forgetNetwork, type Outcome, type Packet, PROTOCOL, type Tunnel } from './packet.ts';
import { u16 } from './read.ts';
import { decodeTransport } from './transport.ts';

/** IANA: VXLAN (RFC 7348). */
export const VXLAN_PORT = 4789;
const VXLAN_BYTES = 8;
/** The flag that says "the VNI is valid"; without it this is no VXLAN. */
const VXLAN_VALID = 0x08;
/** RFC 2784, RFC 2890: checksum, key, sequence number; routing and versions above 0 are other protocols. */
const GRE = { checksum: 0x8000, key: 0x2000, sequence: 0x1000, routing: 0x4000, version: 0x0007 } as const;

/** Whether a flow is the connection inside a tunnel, or the tunnel itself. */
export type TunnelView = 'inner' | 'outer';

/** `bytes[start..end)` were captured of a frame of `frameBytes`; `link` is the number of a pcap file (LINK). */
export function decode(
  bytes: Uint8Array,
  start: number,
  end: number,
  frameBytes: number,
  link: number,
  packet: Packet,
  view: TunnelView = 'inner',
): Outcome {
  packet.frameBytes = Math.max(frameBytes, end - start);
  packet.tunnel = '';
  const at = decodeLink(bytes, start, end, link, packet);
  forgetNetwork(packet);
  if (at === UNKNOWN) packet.outcome = 'unknownLink';
  else if (at === CUT) packet.outcome = 'truncated';
  else packet.outcome = decodeNetwork(bytes, at, end, start + packet.frameBytes, packet);
  if (packet.outcome === 'ip') openTunnel(bytes, end, start + packet.frameBytes, packet, view);
  return packet.outcome;
}

/**
 * The same for a packet from its network header on, of which the kernel has told the ethertype and the VLAN that it
 * took out (-1: none).
 */
export function decodeCooked(
  bytes: Uint8Array,
  start: number,
  end: number,
  packetBytes: number,
  etherType: number,
  vlan: number,
  packet: Packet,
): Outcome {
  packet.frameBytes = packetBytes;
  packet.tunnel = '';
  const at = decodeCookedLink(bytes, start, end, etherType, vlan, packet);
  forgetNetwork(packet);
  const frameEnd = start + packetBytes;
  packet.outcome = at === CUT ? 'truncated' : decodeNetwork(bytes, at, end, frameEnd, packet);
  if (packet.outcome === 'ip') openTunnel(bytes, end, frameEnd, packet, 'inner');
  return packet.outcome;
}

function decodeNetwork(
  bytes: Uint8Array,
  at: number,
  end: number,
  frameEnd: number,
  packet: Packet,
): Outcome {
  let outcome: Outcome;
  if (packet.etherType === ETHER.ipv4) outcome = decodeIpv4(bytes, at, end, frameEnd, packet);
  else if (packet.etherType === ETHER.ipv6) outcome = decodeIpv6(bytes, at, end, frameEnd, packet);
  else outcome = packet.etherType === ETHER.arp || packet.etherType === ETHER.rarp ? 'arp' : 'notIp';
  if (outcome === 'ip') decodeTransport(bytes, packet);
  return outcome;
}

function tunnelOf(packet: Packet): Tunnel {
  if (packet.isLaterFragment) return '';
  switch (packet.protocol) {
    case PROTOCOL.ipInIp:
      return 'ipInIp';
    case PROTOCOL.ip6InIp:
      return '6in4';
    case PROTOCOL.gre:
      return 'gre';
    case PROTOCOL.udp:
      return packet.hasPorts && packet.dstPort === VXLAN_PORT ? 'vxlan' : '';
    default:
      return '';
  }
}

function openTunnel(
  bytes: Uint8Array,
  end: number,
  frameEnd: number,
  packet: Packet,
  view: TunnelView,
): void {
  const tunnel = tunnelOf(packet);
  packet.tunnel = tunnel;
  if (tunnel === '') return;
  copyEnds(packet, packet.outer);
  if (view === 'outer') return;
  const { ipStart, capturedEnd, vlan, vlanCount, etherType } = packet;
  const at = findInner(bytes, capturedEnd, packet);
  const innerEnd = Math.min(frameEnd, ipStart + packet.ipBytes);
  forgetNetwork(packet);
  const outcome = at < 0 ? 'notIp' : decodeNetwork(bytes, at, capturedEnd, innerEnd, packet);
  packet.vlan = vlan;
  packet.vlanCount = vlanCount;
  if (outcome === 'ip') return;
  packet.etherType = etherType;
  forgetNetwork(packet);
  decodeNetwork(bytes, ipStart, end, frameEnd, packet);
}

/** Where the inner network header begins, with its ethertype in the record; negative if it cannot be read. */
function findInner(bytes: Uint8Array, end: number, packet: Packet): number {
  const at = packet.transportStart;
  switch (packet.tunnel) {
    case 'ipInIp':
      packet.etherType = ETHER.ipv4;
      return at;
    case '6in4':
      packet.etherType = ETHER.ipv6;
      return at;
    case 'gre':
      return findInGre(bytes, at, end, packet);
    default:
      if (at + 8 + VXLAN_BYTES > end || ((bytes[at + 8] as number) & VXLAN_VALID) === 0) return CUT;
      return decodeEthernet(bytes, at + 8 + VXLAN_BYTES, end, packet);
  }
}

function findInGre(bytes: Uint8Array, at: number, end: number, packet: Packet): number {
  if (at + 4 > end) return CUT;
  const flags = u16(bytes, at);
  if ((flags & (GRE.routing | GRE.version)) !== 0) return UNKNOWN;
  packet.etherType = u16(bytes, at + 2);
  let from = at + 4;
  for (const flag of [GRE.checksum, GRE.key, GRE.sequence]) if ((flags & flag) !== 0) from += 4;
  return packet.etherType === ETHER.transparentEthernet ? decodeEthernet(bytes, from, end, packet) : from;
}
