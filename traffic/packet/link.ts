// From the first captured byte to the network header: Ethernet with VLAN tags (QinQ too), PPPoE sessions, MPLS
// labels and SNAP, Linux cooked captures (SLL, SLL2), BSD loopback, raw IP. Answers where the network header
// begins and what it is, or that the capture ends before that is known.
//
// Refuses: to look at addresses of the link; a hub, a bridge and a router all carry the same packet.

import type { Packet } from './packet.ts';
import { u16, u32 } from './read.ts';

/** Numbers of pcap files (tcpdump.org, link-layer header types). */
export const LINK = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

/** Raw IP has had other numbers on BSD systems. */
const RAW_LINKS: readonly number[] = [LINK.raw, 12, 14, LINK.ipv4, LINK.ipv6];

/** IEEE ethertypes; a tag or label may stand before another. */
export const ETHER = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  transparentEthernet: 0x6558,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  pppoeSession: 0x8864,
  qinq: 0x88a8,
  qinqOld: 0x9100,
} as const;

const ETHERNET_BYTES = 14;
/** Below it the field is a length (IEEE 802.3). */
const ETHER_TYPE_MIN = 0x0600;
/** Tags and labels before a packet; more is no network that anyone runs. */
const TAGS_MAX = 8;
const MPLS_BOTTOM = 0x100;
/** PPP protocol numbers (RFC 1661, IANA). */
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;
/** AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS. */
const FAMILIES_INET6: readonly number[] = [10, 24, 28, 30];
const FAMILY_INET = 2;

export const CUT = -1;
export const UNKNOWN = -2;

/** Where the network header begins; its kind is in `packet.etherType`. Else CUT or UNKNOWN. */
export function decodeLink(
  bytes: Uint8Array,
  start: number,
  end: number,
  link: number,
  packet: Packet,
): number {
  packet.vlan = -1;
  packet.vlanCount = 0;
  packet.etherType = 0;
  if (link === LINK.ethernet) return decodeEthernet(bytes, start, end, packet);
  if (link === LINK.linuxSll) return decodeCooked(bytes, start, end, 14, 16, packet);
  if (link === LINK.linuxSll2) return decodeCooked(bytes, start, end, 0, 20, packet);
  if (link === LINK.null || link === LINK.loop) return decodeLoopback(bytes, start, end, packet);
  if (!RAW_LINKS.includes(link)) return UNKNOWN;
  if (start >= end) return CUT;
  return setByNibble(bytes, start, packet);
}

export function decodeEthernet(bytes: Uint8Array, start: number, end: number, packet: Packet): number {
  if (start + ETHERNET_BYTES > end) return CUT;
  packet.etherType = u16(bytes, start + 12);
  if (packet.etherType < ETHER_TYPE_MIN) return decodeSnap(bytes, start + ETHERNET_BYTES, end, packet);
  return passTags(bytes, start + ETHERNET_BYTES, end, packet);
}

/** linux/if_ether.h, ETH_P_802_2: what the kernel says of a frame with a length instead of an ethertype. */
const LLC = 4;

/** Behind a link header that the kernel has read: a tag within another, PPPoE and labels are still to be passed. */
export function decodeCookedLink(
  bytes: Uint8Array,
  start: number,
  end: number,
  etherType: number,
  vlan: number,
  packet: Packet,
): number {
  packet.vlan = vlan;
  packet.vlanCount = vlan < 0 ? 0 : 1;
  packet.etherType = etherType;
  if (etherType === ETHER.ipv4) return passToldTags(bytes, start, end, 0x45, packet);
  if (etherType === ETHER.ipv6) return passToldTags(bytes, start, end, 0x60, packet);
  return etherType === LLC ? decodeSnap(bytes, start, end, packet) : passTags(bytes, start, end, packet);
}

/**
 * Linux tells since 6.11 the ethertype behind a second tag and yet leaves that tag where it is (packet_rcv, vlan_get_protocol_dgram):
 * where a network header should begin stand then four bytes that end with what was told.
 */
function passToldTags(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstMin: number,
  packet: Packet,
): number {
  let at = start;
  while (at + 4 < end && packet.vlanCount < TAGS_MAX) {
    const first = bytes[at] as number;
    if (first >= firstMin && first >> 4 === firstMin >> 4) return at;
    const next = u16(bytes, at + 2);
    if (next !== packet.etherType && next !== ETHER.vlan) return at;
    if (packet.vlan < 0) packet.vlan = u16(bytes, at) & 0xfff;
    packet.vlanCount += 1;
    at += 4;
  }
  return at;
}

function decodeCooked(
  bytes: Uint8Array,
  start: number,
  end: number,
  typeAt: number,
  length: number,
  packet: Packet,
): number {
  if (start + length > end) return CUT;
  packet.etherType = u16(bytes, start + typeAt);
  return passTags(bytes, start + length, end, packet);
}

/** The family is in the byte order of the host that captured: one of its ends is 0. */
function decodeLoopback(bytes: Uint8Array, start: number, end: number, packet: Packet): number {
  if (start + 4 > end) return CUT;
  const family = (bytes[start] as number) || (bytes[start + 3] as number);
  if (family === FAMILY_INET) packet.etherType = ETHER.ipv4;
  else if (FAMILIES_INET6.includes(family)) packet.etherType = ETHER.ipv6;
  return start + 4;
}

/** LLC with SNAP says an ethertype (RFC 1042); other LLC stays what it is. */
function decodeSnap(bytes: Uint8Array, start: number, end: number, packet: Packet): number {
  if (start + 8 > end) return start;
  if (u32(bytes, start) !== 0xaaaa0300 || u16(bytes, start + 4) !== 0) return start;
  packet.etherType = u16(bytes, start + 6);
  return passTags(bytes, start + 8, end, packet);
}

function passTags(bytes: Uint8Array, start: number, end: number, packet: Packet): number {
  let at = start;
  for (let tags = 0; tags < TAGS_MAX; tags += 1) {
    switch (packet.etherType) {
      case ETHER.vlan:
      case ETHER.qinq:
      case ETHER.qinqOld:
        if (at + 4 > end) return CUT;
        if (packet.vlan < 0) packet.vlan = u16(bytes, at) & 0xfff;
        packet.vlanCount += 1;
        packet.etherType = u16(bytes, at + 2);
        at += 4;
        break;
      case ETHER.pppoeSession:
        return passPppoe(bytes, at, end, packet);
      case ETHER.mpls:
      case ETHER.mplsMulticast:
        return passLabels(bytes, at, end, packet);
      default:
        return at;
    }
  }
  return at;
}

/** RFC 2516: version and code, session, length, then the PPP protocol. */
function passPppoe(bytes: Uint8Array, at: number, end: number, packet: Packet): number {
  if (at + 8 > end) return CUT;
  const protocol = u16(bytes, at + 6);
  if (protocol === PPP_IPV4) packet.etherType = ETHER.ipv4;
  else if (protocol === PPP_IPV6) packet.etherType = ETHER.ipv6;
  return at + 8;
}

/** RFC 3032: what lies under the last label is told by its first four bits. */
function passLabels(bytes: Uint8Array, start: number, end: number, packet: Packet): number {
  let at = start;
  for (let labels = 0; labels < TAGS_MAX; labels += 1) {
    if (at + 4 > end) return CUT;
    const isBottom = (u32(bytes, at) & MPLS_BOTTOM) !== 0;
    at += 4;
    if (isBottom) return at < end ? setByNibble(bytes, at, packet) : CUT;
  }
  return at;
}

function setByNibble(bytes: Uint8Array, at: number, packet: Packet): number {
  const version = (bytes[at] as number) >> 4;
  if (version === 4) packet.etherType = ETHER.ipv4;
  else if (version === 6) packet.etherType = ETHER.ipv6;
  return at;
}
