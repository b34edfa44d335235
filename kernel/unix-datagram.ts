// Unix datagrams, which Node does not have: one message to /dev/log, to the journal, or to the service
// manager's notify socket; and a socket of our own at a path, such as /dev/log. Sending never waits: a full or
// absent receiver is an error that the caller sees.
// Refuses: to remove what stands at a path. Whose it is, the caller must find out.

import { SOCKADDR_UN, SOCKET } from './abi/socket.ts';
import { STAMPED } from './abi/timestamp.ts';
import { bind, closeFd, connectTo, lastError, sendto, setsockopt, socket } from './libc.ts';

export type Sent = { readonly ok: true } | { readonly ok: false; readonly error: string };

interface UnixName {
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** `path` is a file's path, or `@name` for a name in Linux's abstract namespace. Undefined: too long. */
function nameOf(path: string): UnixName | undefined {
  const name = Buffer.from(path);
  if (name.length + SOCKADDR_UN.sun_path + 1 > SOCKADDR_UN.size) return undefined;
  const bytes = new Uint8Array(SOCKADDR_UN.size);
  bytes[0] = SOCKET.AF_UNIX;
  bytes.set(name, SOCKADDR_UN.sun_path);
  const isAbstract = path.startsWith('@');
  if (isAbstract) bytes[SOCKADDR_UN.sun_path] = 0;
  return { bytes, size: SOCKADDR_UN.sun_path + name.length + (isAbstract ? 0 : 1) };
}

/** `path` is a file's path, or `@name` for a name in Linux's abstract namespace. */
export function sendUnixDatagram(path: string, bytes: Uint8Array): Sent {
  const name = nameOf(path);
  if (!name) return { ok: false, error: 'ENAMETOOLONG' };
  const fd = socket(SOCKET.AF_UNIX, SOCKET.SOCK_DGRAM | SOCKET.SOCK_CLOEXEC, 0);
  if (fd < 0) return { ok: false, error: lastError() };
  const flags = SOCKET.MSG_NOSIGNAL | SOCKET.MSG_DONTWAIT;
  const sent = sendto(fd, bytes, bytes.length, flags, name.bytes, name.size);
  const error = sent < 0 ? lastError() : '';
  closeFd(fd);
  return error === '' ? { ok: true } : { ok: false, error };
}

export type BoundUnix =
  | { readonly ok: true; readonly fd: number }
  | { readonly ok: false; readonly error: string };

/** A datagram socket at `path`. Each message will come with the sender's credentials and the kernel's time. */
export function bindUnixDatagram(path: string): BoundUnix {
  const name = nameOf(path);
  if (!name) return { ok: false, error: 'ENAMETOOLONG' };
  const type = SOCKET.SOCK_DGRAM | SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK;
  const fd = socket(SOCKET.AF_UNIX, type, 0);
  if (fd < 0) return { ok: false, error: lastError() };
  const isReady =
    switchOn(fd, SOCKET.SO_PASSCRED) &&
    switchOn(fd, STAMPED.SO_TIMESTAMPNS) &&
    bind(fd, name.bytes, name.size) === 0;
  if (isReady) return { ok: true, fd };
  const error = lastError();
  closeFd(fd);
  return { ok: false, error };
}

function switchOn(fd: number, option: number): boolean {
  return setsockopt(fd, SOCKET.SOL_SOCKET, option, new Uint8Array([1, 0, 0, 0]), 4) === 0;
}

/**
 * Whether somebody receives at `path`: undefined when so, else why not: "ECONNREFUSED" is a socket whose owner
 * is gone, "EPROTOTYPE" one of another kind that is in use, "ENOENT" nothing.
 */
export function probeUnixDatagram(path: string): string | undefined {
  const name = nameOf(path);
  if (!name) return 'ENAMETOOLONG';
  const fd = socket(SOCKET.AF_UNIX, SOCKET.SOCK_DGRAM | SOCKET.SOCK_CLOEXEC, 0);
  if (fd < 0) return lastError();
  const error = connectTo(fd, name.bytes, name.size) === 0 ? undefined : lastError();
  closeFd(fd);
  return error;
}
