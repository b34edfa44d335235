// Two stream sockets that are each other's far side: what one thread writes into its end, another reads from
// the other. Both ends are non-blocking and are not handed to programs that are started.

import { SOCKET } from './abi/socket.ts';
import { lastError, socketpair } from './libc.ts';

export type SocketPair =
  | { readonly ok: true; readonly near: number; readonly far: number }
  | { readonly ok: false; readonly error: string };

/** Whoever has an end closes it. "EMFILE" and "ENFILE" when descriptors have run out. */
export function openSocketPair(): SocketPair {
  const fds = new Uint8Array(8);
  const type = SOCKET.SOCK_STREAM | SOCKET.SOCK_NONBLOCK | SOCKET.SOCK_CLOEXEC;
  if (socketpair(SOCKET.AF_UNIX, type, 0, fds) !== 0) return { ok: false, error: lastError() };
  const view = new DataView(fds.buffer);
  return { ok: true, near: view.getInt32(0, true), far: view.getInt32(4, true) };
}
