// Tells the other side's kernel at once that its bytes have come. Why: a peer that sends small answers one by
// one with Nagle's algorithm waits with the second until the first is acknowledged, and a kernel that has
// nothing to send waits 40 ms with that (RFC 1122 section 4.2.3.2). The switch falls back by itself, so it is
// thrown again after each read.

import { SOCKET } from './abi/socket.ts';
import { TCP } from './abi/tcp.ts';
import { setsockopt } from './libc.ts';

const ON = new Uint8Array([1, 0, 0, 0]);

export function acknowledgeNow(fd: number): void {
  if (fd >= 0) setsockopt(fd, SOCKET.IPPROTO_TCP, TCP.TCP_QUICKACK, ON, ON.length);
}
