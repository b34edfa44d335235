// Numbers and layouts of control messages and receive times on 64-bit Linux: <sys/socket.h>, <netinet/in.h>,
// <asm-generic/socket.h>, <time.h>. C names are kept letter for letter; x86-64 and arm64 agree on all.

/** Headers: <asm-generic/socket.h>, <netinet/in.h>, <sys/socket.h>. */
export const STAMPED = {
  SO_RCVTIMEO: 20,
  SO_TIMESTAMPNS: 35,
  SCM_TIMESTAMPNS: 35,
  IPPROTO_IP: 0,
  IP_PKTINFO: 8,
  IPV6_RECVPKTINFO: 49,
  IPV6_PKTINFO: 50,
  MSG_WAITFORONE: 0x10000,
} as const;

/** struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }; data follows, each message at a multiple of 8. */
export const CMSGHDR = { size: 16, cmsg_len: 0, cmsg_level: 8, cmsg_type: 12, data: 16 } as const;

/** struct in_pktinfo { int ipi_ifindex; struct in_addr ipi_spec_dst; struct in_addr ipi_addr; } */
export const IN_PKTINFO = { size: 12, ipi_ifindex: 0, ipi_spec_dst: 4, ipi_addr: 8 } as const;

/** struct in6_pktinfo { struct in6_addr ipi6_addr; unsigned ipi6_ifindex; } */
export const IN6_PKTINFO = { size: 20, ipi6_addr: 0, ipi6_ifindex: 16 } as const;

/** struct timespec { time_t tv_sec; long tv_nsec; } Header: <time.h>. */
export const TIMESPEC = { size: 16, tv_sec: 0, tv_nsec: 8 } as const;

/** Header: <time.h>. */
export const CLOCK = { CLOCK_REALTIME: 0, CLOCK_MONOTONIC: 1 } as const;
