// Numbers and layouts of <sys/socket.h>, <netinet/in.h>, <netinet/tcp.h> and <linux/sock_diag.h> on 64-bit
// Linux (x86-64 and arm64 agree on all of them). C names are kept letter for letter. A system test
// compiles a C program, where there is a compiler, and compares every one.

/** Header: <sys/socket.h>, <netinet/in.h>. */
export const SOCKET = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_ERROR: 4,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_KEEPALIVE: 9,
  SO_REUSEPORT: 15,
  SO_PASSCRED: 16,
  SCM_CREDENTIALS: 2,
  SO_ACCEPTCONN: 30,
  SO_RCVBUFFORCE: 33,
  SO_DOMAIN: 39,
  SO_MEMINFO: 55,
  SHUT_WR: 1,
  IPPROTO_TCP: 6,
  TCP_NODELAY: 1,
  TCP_KEEPIDLE: 4,
  TCP_KEEPINTVL: 5,
  TCP_KEEPCNT: 6,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
  MSG_TRUNC: 0x20,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
} as const;

/** Header: <linux/sock_diag.h>. SO_MEMINFO fills an array of nine u32; the last counts dropped packets. */
export const SK_MEMINFO = { SK_MEMINFO_RCVBUF: 1, SK_MEMINFO_DROPS: 8, SK_MEMINFO_VARS: 9 } as const;

/**
 * struct mmsghdr { struct msghdr msg_hdr; unsigned msg_len; }:
 * name@0 namelen@8 iov@16 iovlen@24 control@32 controllen@40 flags@48 | msg_len@56, padded to 64.
 */
export const MMSGHDR = {
  size: 64,
  msg_name: 0,
  msg_namelen: 8,
  msg_iov: 16,
  msg_iovlen: 24,
  msg_control: 32,
  msg_controllen: 40,
  msg_flags: 48,
  msg_len: 56,
} as const;

/** struct iovec { void *iov_base; size_t iov_len; } */
export const IOVEC = { size: 16, iov_base: 0, iov_len: 8 } as const;

/** struct sockaddr_in: family@0 (host order), port@2 and addr@4 (network order), 16 bytes. */
export const SOCKADDR_IN = { size: 16, sin_family: 0, sin_port: 2, sin_addr: 4 } as const;

/** struct sockaddr_in6: family@0, port@2, flowinfo@4, addr@8 (16 bytes), scope_id@24; 28 bytes. */
export const SOCKADDR_IN6 = {
  size: 28,
  sin6_family: 0,
  sin6_port: 2,
  sin6_addr: 8,
  sin6_scope_id: 24,
} as const;

/** Header: <sys/un.h>. struct sockaddr_un: family@0, path@2 of at most 108 bytes with its NUL. */
export const SOCKADDR_UN = { size: 110, sun_family: 0, sun_path: 2 } as const;

/** struct ucred { pid_t pid; uid_t uid; gid_t gid; }: who sent, as the kernel knows it. Header: <sys/socket.h>. */
export const UCRED = { size: 12, pid: 0, uid: 4, gid: 8 } as const;

/** Header: <fcntl.h>. */
export const FCNTL = { F_SETFL: 4, F_DUPFD_CLOEXEC: 1030, O_NONBLOCK: 0o4000 } as const;
