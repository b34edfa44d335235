// What one captured packet is, as numbers and offsets: one record that the decoder fills again and again, so that a
// million packets a second allocate nothing. Addresses are four words, an IPv4 address as ::ffff:a.b.c.d, as in
// base/ip.ts. Lengths named `…Bytes` are as on the wire; offsets point into the captured bytes.
// Refuses: to own bytes. What the offsets point to is the caller's, until the next packet.

/** IANA protocol numbers that the decoder looks into. */
export const PROTOCOL = {
  icmp: 1,
  ipInIp: 4,
  tcp: 6,
  udp: 17,
  ip6InIp: 41,
  gre: 47,
  icmp6: 58,
  sctp: 132,
} as const;

/** RFC 9293 section 3.1. */
export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

/** What became of a packet: `ip` is one that belongs to a flow, all others are reasons why none does. */
export const OUTCOMES = ['ip', 'arp', 'notIp', 'truncated', 'malformed', 'unknownLink'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export type Tunnel = '' | 'ipInIp' | '6in4' | 'gre' | 'vxlan';

/** One end of a packet, or of the packet that an ICMP error quotes. */
export interface Ends {
  version: 0 | 4 | 6;
  protocol: number;
  src0: number;
  src1: number;
  src2: number;
  src3: number;
  dst0: number;
  dst1: number;
  dst2: number;
  dst3: number;
  /** False for a later fragment, for protocols without ports, and where the capture was cut before them. */
  hasPorts: boolean;
  srcPort: number;
  dstPort: number;
}

export function emptyEnds(): Ends {
  return {
    version: 0,
    protocol: 0,
    src0: 0,
    src1: 0,
    src2: 0,
    src3: 0,
    dst0: 0,
    dst1: 0,
    dst2: 0,
    dst3: 0,
    hasPorts: false,
    srcPort: 0,
    dstPort: 0,
  };
}

export interface Packet extends Ends {
  outcome: Outcome;
  /** The whole frame, as it was on the wire. */
  frameBytes: number;
  etherType: number;
  /** The outermost VLAN id, or -1. */
  vlan: number;
  vlanCount: number;
  ipStart: number;
  /** Header and payload by the header's own word; of the frame, where offload left it 0. */
  ipBytes: number;
  isLengthGuessed: boolean;
  isFragment: boolean;
  isLaterFragment: boolean;
  /** Where the protocol's header begins, and how long all behind the IP headers is. */
  transportStart: number;
  transportBytes: number;
  /** What the protocol itself carries. */
  payloadStart: number;
  payloadBytes: number;
  /** The end of what was captured of this packet, padding left out. */
  capturedEnd: number;
  /** Whether the fixed TCP header was captured, so that flags and numbers are true. */
  hasTcp: boolean;
  tcpFlags: number;
  seq: number;
  ack: number;
  window: number;
  /** Options of a SYN; -1 where absent. */
  windowScale: number;
  mss: number;
  hasIcmp: boolean;
  icmpType: number;
  icmpCode: number;
  /** Identifier of an echo, else 0. */
  icmpId: number;
  /** An ICMP error, and what it quotes is in `quote`. */
  hasQuote: boolean;
  /** The sequence number in a quoted TCP header. */
  quoteSeq: number;
  readonly quote: Ends;
  tunnel: Tunnel;
  /** The ends of the outer packet, where `tunnel` is named. */
  readonly outer: Ends;
}

export function newPacket(): Packet {
  return {
    ...emptyEnds(),
    outcome: 'notIp',
    frameBytes: 0,
    etherType: 0,
    vlan: -1,
    vlanCount: 0,
    ipStart: 0,
    ipBytes: 0,
    isLengthGuessed: false,
    isFragment: false,
    isLaterFragment: false,
    transportStart: 0,
    transportBytes: 0,
    payloadStart: 0,
    payloadBytes: 0,
    capturedEnd: 0,
    hasTcp: false,
    tcpFlags: 0,
    seq: 0,
    ack: 0,
    window: 0,
    windowScale: -1,
    mss: -1,
    hasIcmp: false,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    hasQuote: false,
    quoteSeq: 0,
    quote: emptyEnds(),
    tunnel: '',
    outer: emptyEnds(),
  };
}

/** What the layers above the link know of a packet is forgotten; the link's own fields stay. */
export function forgetNetwork(packet: Packet): void {
  packet.version = 0;
  packet.protocol = 0;
  packet.hasPorts = false;
  packet.srcPort = 0;
  packet.dstPort = 0;
  packet.isLengthGuessed = false;
  packet.isFragment = false;
  packet.isLaterFragment = false;
  packet.hasTcp = false;
  packet.tcpFlags = 0;
  packet.windowScale = -1;
  packet.mss = -1;
  packet.hasIcmp = false;
  packet.icmpId = 0;
  packet.hasQuote = false;
}

export function copyEnds(from: Ends, to: Ends): void {
  to.version = from.version;
  to.protocol = from.protocol;
  to.src0 = from.src0;
  to.src1 = from.src1;
  to.src2 = from.src2;
  to.src3 = from.src3;
  to.dst0 = from.dst0;
  to.dst1 = from.dst1;
  to.dst2 = from.dst2;
  to.dst3 = from.dst3;
  to.hasPorts = from.hasPorts;
  to.srcPort = from.srcPort;
  to.dstPort = from.dstPort;
}
