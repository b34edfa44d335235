// Numbers of <linux/sockios.h> and <asm-generic/ioctls.h>: what a socket has still to send. C names are kept
// letter for letter. Header: <sys/ioctl.h>, <linux/sockios.h>.

export const SOCKIOS = {
  /** Bytes of a TCP socket that the peer has not acknowledged, sent or not (tcp(7)). */
  SIOCOUTQ: 0x5411,
  /** Bytes of them that have not been sent. */
  SIOCOUTQNSD: 0x894b,
} as const;
