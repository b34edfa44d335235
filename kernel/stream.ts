// Stream sockets without Node's stream machinery: a readiness queue (epoll), accept, reads straight into a shared
// arena, and sends that never wait. One queue may watch UDP sockets and a bell (bell.ts) too. Nothing here waits but
// `Readiness.wait`; who waits long with it must watch a bell, since nothing else can call it back.

import type { Address } from '../base/ip.ts';
import { assert } from '../base/assert.ts';
import { EPOLL, EPOLL_EVENT } from './abi/epoll.ts';
import { SOCKADDR_IN6, SOCKET } from './abi/socket.ts';
import {
  accept4,
  epollCreate,
  epollCtl,
  epollWait,
  lastError,
  recv,
  send,
  setsockopt,
  shutdown,
} from './libc.ts';
import { closeSocket, decodeAddress } from './socket.ts';

/** Events taken by one wait; what is ready beyond them is told by the next. */
const EVENTS_MAX = 256;

/** What a descriptor is watched for; several are added. */
export const WATCH = {
  reading: EPOLL.EPOLLIN,
  writing: EPOLL.EPOLLOUT,
  /** The other side has ended, whatever of it is still to be read. */
  ending: EPOLL.EPOLLRDHUP,
} as const;

/** Told of whatever a descriptor is watched for: a read or a write will say what it is. */
const ENDS = EPOLL.EPOLLERR | EPOLL.EPOLLHUP;

/** Which of many descriptors can be read or written. Each is known by a token of the caller's choice. */
export class Readiness {
  readonly #epoll: number;
  readonly #events = new Uint8Array(EVENTS_MAX * EPOLL_EVENT.size);
  readonly #view = new DataView(this.#events.buffer);
  readonly #change = new Uint8Array(EPOLL_EVENT.size);
  readonly #changeView = new DataView(this.#change.buffer);

  constructor() {
    this.#epoll = epollCreate(EPOLL.EPOLL_CLOEXEC);
    assert(this.#epoll >= 0, 'the kernel gives an epoll descriptor');
  }

  watch(fd: number, token: number, what: number = WATCH.reading): boolean {
    return this.#control(EPOLL.EPOLL_CTL_ADD, fd, token, what);
  }

  /** For a descriptor that is watched already. */
  change(fd: number, token: number, what: number): void {
    this.#control(EPOLL.EPOLL_CTL_MOD, fd, token, what);
  }

  #control(operation: number, fd: number, token: number, what: number): boolean {
    this.#changeView.setUint32(EPOLL_EVENT.events, what, true);
    this.#changeView.setUint32(EPOLL_EVENT.data, token, true);
    return epollCtl(this.#epoll, operation, fd, this.#change) === 0;
  }

  /** Must come before the descriptor is closed. */
  forget(fd: number): void {
    epollCtl(this.#epoll, EPOLL.EPOLL_CTL_DEL, fd, this.#change);
  }

  /** How many are ready; their tokens are read with `token(i)`. A signal counts as nothing ready. */
  wait(timeoutMs: number): number {
    return Math.max(0, epollWait(this.#epoll, this.#events, EVENTS_MAX, timeoutMs));
  }

  token(i: number): number {
    return this.#view.getUint32(i * EPOLL_EVENT.size + EPOLL_EVENT.data, true);
  }

  canRead(i: number): boolean {
    return (this.#eventsOf(i) & (EPOLL.EPOLLIN | ENDS)) !== 0;
  }

  canWrite(i: number): boolean {
    return (this.#eventsOf(i) & (EPOLL.EPOLLOUT | ENDS)) !== 0;
  }

  hasEnded(i: number): boolean {
    return (this.#eventsOf(i) & (EPOLL.EPOLLRDHUP | ENDS)) !== 0;
  }

  #eventsOf(i: number): number {
    return this.#view.getUint32(i * EPOLL_EVENT.size + EPOLL_EVENT.events, true);
  }

  close(): void {
    closeSocket(this.#epoll);
  }
}

export type Accepted =
  | { readonly ok: true; readonly fd: number; readonly address: Address; readonly port: number }
  | { readonly ok: false; readonly error: string };

const acceptedName = new Uint8Array(SOCKADDR_IN6.size);
const acceptedSize = new Uint8Array(4);

/** Takes one waiting connection; "EAGAIN" when there is none. */
export function acceptStream(listenerFd: number): Accepted {
  acceptedSize[0] = acceptedName.length;
  const fd = accept4(listenerFd, acceptedName, acceptedSize, SOCKET.SOCK_NONBLOCK | SOCKET.SOCK_CLOEXEC);
  if (fd < 0) return { ok: false, error: lastError() };
  return { ok: true, fd, ...decodeAddress(acceptedName) };
}

/** Reads into `into`, from its start. 0: the peer has ended; -1: see `streamError`. */
export function readStream(fd: number, into: Uint8Array): number {
  return recv(fd, into, into.length, SOCKET.MSG_DONTWAIT);
}

/** Sends what the socket takes at once, and says how much; -1: see `streamError`. Nobody gets a SIGPIPE. */
export function sendStream(fd: number, bytes: Uint8Array): number {
  return send(fd, bytes, bytes.length, SOCKET.MSG_DONTWAIT | SOCKET.MSG_NOSIGNAL);
}

/** Small pieces leave at once: the other side waits for each. */
export function sendWithoutDelay(fd: number): void {
  // On a socket that is no TCP socket it fails, and is not needed.
  setsockopt(fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_NODELAY, new Uint8Array([1, 0, 0, 0]), 4);
}

/** Nothing more will be sent; the other side reads an end behind what was. */
export function endSending(fd: number): void {
  shutdown(fd, SOCKET.SHUT_WR);
}

/** Why a call gave -1; "EAGAIN" when nothing was there, or nothing more fits. */
export function streamError(): string {
  return lastError();
}
