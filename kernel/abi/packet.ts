// Numbers and layouts of packet sockets and their rings: <linux/if_packet.h>, <linux/if_ether.h>, <linux/filter.h>,
// <linux/if_arp.h> and <linux/if.h> on 64-bit Linux (x86-64 and arm64 agree on all of them). C names are kept letter for
// letter. A system test compiles a C program, where there is a compiler, and compares every one.

/** Header: <sys/socket.h>, <linux/if_ether.h>, <linux/filter.h>. */
export const PACKET = {
  AF_PACKET: 17,
  SOCK_RAW: 3,
  SOL_PACKET: 263,
  ETH_P_ALL: 0x0003,
  ETH_P_802_2: 0x0004,
  SO_ATTACH_FILTER: 26,
  PACKET_ADD_MEMBERSHIP: 1,
  PACKET_DROP_MEMBERSHIP: 2,
  PACKET_RX_RING: 5,
  PACKET_STATISTICS: 6,
  PACKET_VERSION: 10,
  PACKET_IGNORE_OUTGOING: 23,
  PACKET_MR_PROMISC: 1,
  /** `sll_pkttype` of what this host sends. */
  PACKET_OUTGOING: 4,
  TPACKET_V3: 2,
  TP_STATUS_KERNEL: 0,
  TP_STATUS_USER: 1,
  TP_STATUS_VLAN_VALID: 16,
} as const;

/** Flags of an interface. Header: <linux/if.h>. */
export const IFF = { IFF_UP: 0x1, IFF_LOOPBACK: 0x8, IFF_RUNNING: 0x40 } as const;

/** struct sockaddr_ll: family@0, protocol@2 (network order), ifindex@4, hatype@8, pkttype@10, halen@11, addr@12. */
export const SOCKADDR_LL = {
  size: 20,
  sll_family: 0,
  sll_protocol: 2,
  sll_ifindex: 4,
  sll_hatype: 8,
  sll_pkttype: 10,
} as const;

/** struct sock_fprog { unsigned short len; struct sock_filter *filter; }, one sock_filter is 8 bytes. */
export const SOCK_FPROG = { size: 16, len: 0, filter: 8 } as const;
export const SOCK_FILTER = { size: 8, code: 0, jt: 2, jf: 3, k: 4 } as const;

/** struct packet_mreq: which interface, and what of it. */
export const PACKET_MREQ = { size: 16, mr_ifindex: 0, mr_type: 4 } as const;

/** How a ring is asked for. */
export const TPACKET_REQ3 = {
  size: 28,
  tp_block_size: 0,
  tp_block_nr: 4,
  tp_frame_size: 8,
  tp_frame_nr: 12,
  tp_retire_blk_tov: 16,
  tp_sizeof_priv: 20,
  tp_feature_req_word: 24,
} as const;

/** The head of a block: status, how many packets, where the first is. */
export const TPACKET_HDR_V1 = {
  size: 40,
  block_status: 0,
  num_pkts: 4,
  offset_to_first_pkt: 8,
} as const;
/** struct tpacket_block_desc: version and private offset come before the head. */
export const TPACKET_BLOCK_DESC = { size: 48, hdr: 8 } as const;

/** The head of a packet, behind which its sockaddr_ll stands. */
export const TPACKET3_HDR = {
  size: 48,
  tp_next_offset: 0,
  tp_sec: 4,
  tp_nsec: 8,
  tp_snaplen: 12,
  tp_len: 16,
  tp_status: 20,
  tp_mac: 24,
  tp_net: 26,
  hv1: 28,
} as const;
/** struct tpacket_hdr_variant1, at `hv1`: the VLAN tag that the kernel took out of the frame. */
export const TPACKET_HDR_VARIANT1 = { size: 12, tp_vlan_tci: 4, tp_vlan_tpid: 8 } as const;

/** Counts since they were last asked for; `tp_packets` holds the dropped as well. */
export const TPACKET_STATS_V3 = { size: 12, tp_packets: 0, tp_drops: 4, tp_freeze_q_cnt: 8 } as const;
