// Sockets made by hand: what Node's own cannot do (SO_REUSEPORT, forced receive buffers, batches, sockets
// that the service manager passes). A socket is a plain descriptor number, so that it can be handed to
// any thread. Failures are values: the caller knows what the operator called the thing.

import { type Address, isV4, V4_MAPPED } from '../base/ip.ts';
import { FCNTL, SK_MEMINFO, SOCKADDR_IN, SOCKADDR_IN6, SOCKET } from './abi/socket.ts';
import {
  bind,
  closeFd,
  duplicateFd,
  getsockname,
  getsockopt,
  lastError,
  listen,
  setsockopt,
  setStatusFlags,
  socket,
} from './libc.ts';

export type SocketKind = 'udp' | 'tcp';

export interface BindWish {
  readonly kind: SocketKind;
  readonly address: Address;
  readonly port: number;
  /** Several sockets share the address, one a lane. */
  readonly reusePort: boolean;
  /** An IPv6 socket that takes IPv6 only, since another serves IPv4 on the same port. */
  readonly v6Only: boolean;
}

export interface BoundSocket {
  readonly fd: number;
  readonly kind: SocketKind;
  readonly address: Address;
  readonly port: number;
}

export type Bound =
  | { readonly ok: true; readonly socket: BoundSocket }
  | { readonly ok: false; readonly error: string };

/**
 * A peer that went away without a word (power cut, cable, firewall) is found after 60 s of silence and
 * five unanswered probes. Set on the listening socket: Linux hands these on to what is accepted.
 */
const KEEPALIVE = { idleSec: 60, intervalSec: 15, probes: 5 } as const;

/** Pending connections the kernel may hold for us; it cuts the number to net.core.somaxconn. */
const BACKLOG_MAX = 4096;

/** `family` as well, since 0.0.0.0 and :: are told apart by it alone. */
export function encodeAddress(family: number, address: Address, port: number): Uint8Array {
  const v6 = family === SOCKET.AF_INET6;
  const bytes = new Uint8Array(v6 ? SOCKADDR_IN6.size : SOCKADDR_IN.size);
  const view = new DataView(bytes.buffer);
  view.setUint16(SOCKADDR_IN.sin_family, family, true);
  view.setUint16(SOCKADDR_IN.sin_port, port);
  if (!v6) {
    view.setUint32(SOCKADDR_IN.sin_addr, address.w3);
    return bytes;
  }
  [address.w0, address.w1, address.w2, address.w3].forEach((word, at) => {
    view.setUint32(SOCKADDR_IN6.sin6_addr + at * 4, word);
  });
  return bytes;
}

export function decodeAddress(bytes: Uint8Array): { address: Address; port: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const port = view.getUint16(SOCKADDR_IN.sin_port);
  if (view.getUint16(SOCKADDR_IN.sin_family, true) === SOCKET.AF_INET) {
    return { address: { w0: 0, w1: 0, w2: V4_MAPPED, w3: view.getUint32(SOCKADDR_IN.sin_addr) }, port };
  }
  const word = (at: number) => view.getUint32(SOCKADDR_IN6.sin6_addr + at * 4);
  return { address: { w0: word(0), w1: word(1), w2: word(2), w3: word(3) }, port };
}

function setNumber(fd: number, level: number, name: number, value: number): boolean {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return setsockopt(fd, level, name, bytes, 4) === 0;
}

function getNumber(fd: number, level: number, name: number): number | undefined {
  const bytes = new Uint8Array(4);
  const size = new Uint8Array([4, 0, 0, 0]);
  if (getsockopt(fd, level, name, bytes, size) !== 0) return undefined;
  return new DataView(bytes.buffer).getInt32(0, true);
}

function nameOf(fd: number): { address: Address; port: number } | undefined {
  const bytes = new Uint8Array(SOCKADDR_IN6.size);
  const size = new Uint8Array([SOCKADDR_IN6.size, 0, 0, 0]);
  return getsockname(fd, bytes, size) === 0 ? decodeAddress(bytes) : undefined;
}

function prepareListener(fd: number): void {
  setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, 1);
  setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_KEEPALIVE, 1);
  setNumber(fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_KEEPIDLE, KEEPALIVE.idleSec);
  setNumber(fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_KEEPINTVL, KEEPALIVE.intervalSec);
  setNumber(fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_KEEPCNT, KEEPALIVE.probes);
}

/** Opens, binds and, for TCP, listens. The error is the kernel's name for it ("EADDRINUSE", "EACCES"). */
export function openBound(wish: BindWish): Bound {
  const family = isV4(wish.address) ? SOCKET.AF_INET : SOCKET.AF_INET6;
  const type = wish.kind === 'udp' ? SOCKET.SOCK_DGRAM : SOCKET.SOCK_STREAM;
  const fd = socket(family, type | SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK, 0);
  if (fd < 0) return { ok: false, error: lastError() };
  if (wish.kind === 'tcp') prepareListener(fd);
  if (wish.reusePort) setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEPORT, 1);
  if (family === SOCKET.AF_INET6) setNumber(fd, SOCKET.IPPROTO_IPV6, SOCKET.IPV6_V6ONLY, wish.v6Only ? 1 : 0);
  const name = encodeAddress(family, wish.address, wish.port);
  const failed = bind(fd, name, name.length) !== 0 || (wish.kind === 'tcp' && listen(fd, BACKLOG_MAX) !== 0);
  const bound = failed ? undefined : nameOf(fd);
  if (!bound) {
    const error = lastError();
    closeFd(fd);
    return { ok: false, error };
  }
  return { ok: true, socket: { fd, kind: wish.kind, ...bound } };
}

/** What a descriptor that somebody else opened is; undefined when it is no UDP or listening TCP socket. */
function describeSocket(fd: number): BoundSocket | undefined {
  const type = getNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_TYPE);
  const domain = getNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_DOMAIN);
  if (domain !== SOCKET.AF_INET && domain !== SOCKET.AF_INET6) return undefined;
  const bound = nameOf(fd);
  if (!bound) return undefined;
  if (type === SOCKET.SOCK_DGRAM) return { fd, kind: 'udp', ...bound };
  const listens = getNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_ACCEPTCONN) === 1;
  return type === SOCKET.SOCK_STREAM && listens ? { fd, kind: 'tcp', ...bound } : undefined;
}

/** A passed socket may block; ours never do. */
export function adoptSocket(fd: number): BoundSocket | undefined {
  const found = describeSocket(fd);
  if (found) setStatusFlags(fd, FCNTL.O_NONBLOCK);
  return found;
}

export interface ReceiveBuffer {
  /** What the kernel really gave, in bytes (it doubles what is asked, for its own book-keeping). */
  readonly bytes: number;
  /** False: the kernel's limit net.core.rmem_max cut the wish, since CAP_NET_ADMIN is missing. */
  readonly whole: boolean;
}

/**
 * Asks for a receive buffer beyond net.core.rmem_max first, and within it where that is not allowed. A larger one,
 * which the service manager could give to a socket that it passes, is not cut to that limit.
 */
export function growReceiveBuffer(fd: number, bytes: number): ReceiveBuffer {
  const before = receiveBufferOf(fd);
  const isForced = setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUFFORCE, bytes);
  // The kernel doubles what is asked for (socket(7)).
  const isCut = () => bytes * 2 > before && limitOfReceiveBuffers() < before;
  if (!isForced && !isCut()) setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUF, bytes);
  const given = receiveBufferOf(fd);
  return { bytes: given, whole: given >= bytes * 2 };
}

function receiveBufferOf(fd: number): number {
  return getNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUF) ?? 0;
}

/** What net.core.rmem_max comes to, asked of a socket that nobody uses: /proc may be hidden from a service. */
function limitOfReceiveBuffers(): number {
  const fd = socket(SOCKET.AF_UNIX, SOCKET.SOCK_DGRAM | SOCKET.SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUF, 2 ** 30);
  const limit = receiveBufferOf(fd);
  closeFd(fd);
  return limit;
}

/** Reads how many datagrams the kernel has dropped at a socket since it was opened (a 32-bit count). */
export class DropMeter {
  readonly #value = new Uint8Array(SK_MEMINFO.SK_MEMINFO_VARS * 4);
  readonly #words = new Uint32Array(this.#value.buffer);
  readonly #size = new Uint8Array(4);

  read(fd: number): number {
    this.#size[0] = this.#value.length;
    const failed = getsockopt(fd, SOCKET.SOL_SOCKET, SOCKET.SO_MEMINFO, this.#value, this.#size) !== 0;
    return failed ? 0 : (this.#words[SK_MEMINFO.SK_MEMINFO_DROPS] ?? 0);
  }
}

/** Another descriptor for the same socket; undefined when the process has no more of them. */
export function duplicateSocket(fd: number): number | undefined {
  const second = duplicateFd(fd);
  return second < 0 ? undefined : second;
}

export function closeSocket(fd: number): void {
  closeFd(fd);
}
