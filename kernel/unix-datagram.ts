// Unix datagrams, which Node does not have: one message to /dev/log, to the journal, or to the service
// manager's notify socket. Never waits: a full or absent receiver is an error that the caller sees.

import { SOCKADDR_UN, SOCKET } from './abi/socket.ts';
import { closeFd, lastError, sendto, socket } from './libc.ts';

export type Sent = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** `path` is a file's path, or `@name` for a name in Linux's abstract namespace. */
export function sendUnixDatagram(path: string, bytes: Uint8Array): Sent {
  const name = Buffer.from(path);
  if (name.length + SOCKADDR_UN.sun_path + 1 > SOCKADDR_UN.size) return { ok: false, error: 'ENAMETOOLONG' };
  const address = new Uint8Array(SOCKADDR_UN.size);
  address[0] = SOCKET.AF_UNIX;
  address.set(name, SOCKADDR_UN.sun_path);
  const isAbstract = path.startsWith('@');
  if (isAbstract) address[SOCKADDR_UN.sun_path] = 0;
  const size = SOCKADDR_UN.sun_path + name.length + (isAbstract ? 0 : 1);
  const fd = socket(SOCKET.AF_UNIX, SOCKET.SOCK_DGRAM | SOCKET.SOCK_CLOEXEC, 0);
  if (fd < 0) return { ok: false, error: lastError() };
  const flags = SOCKET.MSG_NOSIGNAL | SOCKET.MSG_DONTWAIT;
  const sent = sendto(fd, bytes, bytes.length, flags, address, size);
  const error = sent < 0 ? lastError() : '';
  closeFd(fd);
  return error === '' ? { ok: true } : { ok: false, error };
}
