// Numbers and layouts of sock_diag(7) for internet sockets: <linux/inet_diag.h>, <linux/sock_diag.h>. C names are
// kept letter for letter. Ports and addresses are in network order, all else in host order.

export const SOCK_DIAG = {
  SOCK_DIAG_BY_FAMILY: 20,
  /** Groups that hear of sockets when they are gone. */
  SKNLGRP_INET_TCP_DESTROY: 1,
  SKNLGRP_INET_UDP_DESTROY: 2,
  SKNLGRP_INET6_TCP_DESTROY: 3,
  SKNLGRP_INET6_UDP_DESTROY: 4,
} as const;

/** Attributes of a reply. */
export const INET_DIAG = {
  INET_DIAG_INFO: 2,
  INET_DIAG_PROTOCOL: 10,
  INET_DIAG_SKV6ONLY: 11,
  INET_DIAG_CGROUP_ID: 21,
} as const;

/** struct inet_diag_sockid: two ports, two addresses of 16 bytes (IPv4 in the first four), interface, cookie. */
export const INET_DIAG_SOCKID = {
  size: 48,
  idiag_sport: 0,
  idiag_dport: 2,
  idiag_src: 4,
  idiag_dst: 20,
  idiag_if: 36,
  idiag_cookie: 40,
} as const;

export const INET_DIAG_REQ_V2 = {
  size: 56,
  sdiag_family: 0,
  sdiag_protocol: 1,
  idiag_ext: 2,
  idiag_states: 4,
  id: 8,
} as const;

export const INET_DIAG_MSG = {
  size: 72,
  idiag_family: 0,
  idiag_state: 1,
  id: 4,
  idiag_uid: 64,
  idiag_inode: 68,
} as const;
