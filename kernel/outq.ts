// How much of what was written to a TCP socket has not arrived at the other kernel. A program that wants to
// know what is safe to forget asks here, since a write that succeeds says nothing of that.

import { SOCKIOS } from './abi/sockios.ts';
import { ioctl } from './libc.ts';

const answer = new Uint8Array(4);
const answerView = new DataView(answer.buffer);

function ask(fd: number, request: number): number | undefined {
  return fd >= 0 && ioctl(fd, request, answer) === 0 ? answerView.getInt32(0, true) : undefined;
}

/** Bytes that the peer's kernel has not acknowledged; undefined when the socket is gone, or no TCP socket. */
export function unacknowledgedBytes(fd: number): number | undefined {
  return ask(fd, SOCKIOS.SIOCOUTQ);
}

/** Bytes of them that were never sent, since the peer's window, or the network's, is closed. */
export function unsentBytes(fd: number): number | undefined {
  return ask(fd, SOCKIOS.SIOCOUTQNSD);
}
