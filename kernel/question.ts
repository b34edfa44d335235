// One question over UDP and its answer, with the times between which it was on its way: the clock is read right
// before the sending, and the kernel says when the answer came. A socket of its own, from a port that the
// kernel chooses (RFC 9109), connected, so that nobody else's datagrams reach it.
//
// Refuses: names (the caller has an address), and to wait longer than it is told.

import { type Address, isV4 } from '../base/ip.ts';
import { SOCKET } from './abi/socket.ts';
import { ClockReader } from './clock.ts';
import { connectTo, lastError, sendto } from './libc.ts';
import { closeSocket, encodeAddress, openBound } from './socket.ts';
import { prepareStamped, StampedDatagrams } from './timestamps.ts';

export interface Instant {
  readonly sec: number;
  readonly nanos: number;
}

export type Asked =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly sent: Instant; readonly received: Instant }
  /** The kernel's name for what went wrong; "ETIMEDOUT" when nobody answered. */
  | { readonly ok: false; readonly error: string };

const WARM_UP_CALLS = 200;
/** The kernel refuses it at once. */
const NO_SOCKET = -1;
const ANY_V4: Address = { w0: 0, w1: 0, w2: 0xffff, w3: 0 };
const ANY_V6: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };

/** Asks once. `isAnswer` says whether what came is the answer; what is not is passed over. */
export function askOnce(
  server: { readonly address: Address; readonly port: number },
  question: Uint8Array,
  timeoutMs: number,
  isAnswer: (bytes: Uint8Array) => boolean,
): Asked {
  const family = isV4(server.address) ? 4 : 6;
  const address = family === 4 ? ANY_V4 : ANY_V6;
  const bound = openBound({ kind: 'udp', address, port: 0, reusePort: false, v6Only: family === 6 });
  if (!bound.ok) return bound;
  const { fd } = bound.socket;
  try {
    prepareStamped(fd, { family, asked: false });
    const name = encodeAddress(family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6, server.address, server.port);
    if (connectTo(fd, name, name.length) !== 0) return { ok: false, error: lastError() };
    return exchange({ fd, name }, question, timeoutMs, isAnswer);
  } finally {
    closeSocket(fd);
  }
}

/** A call is slow when it is made for the first time; that must not lie between the reading and the sending. */
function warmUp(clock: ClockReader, name: Uint8Array): void {
  const nothing = new Uint8Array(1);
  for (let i = 0; i < WARM_UP_CALLS; i += 1) {
    clock.read();
    sendto(NO_SOCKET, nothing, 0, 0, name, name.length);
  }
}

function exchange(
  { fd, name }: { fd: number; name: Uint8Array },
  question: Uint8Array,
  timeoutMs: number,
  isAnswer: (bytes: Uint8Array) => boolean,
): Asked {
  const clock = new ClockReader('realtime');
  const datagrams = new StampedDatagrams();
  const deadline = performance.now() + timeoutMs;
  warmUp(clock, name);
  clock.read();
  const sent = { sec: clock.sec, nanos: clock.nanos };
  if (sendto(fd, question, question.length, 0, name, name.length) < 0)
    return { ok: false, error: lastError() };
  while (performance.now() < deadline) {
    const count = datagrams.receive(fd, true);
    const error = count < 0 ? lastError() : 'EAGAIN';
    if (count < 0 && !['EAGAIN', 'EINTR'].includes(error)) return { ok: false, error };
    clock.read();
    for (let i = 0; i < count; i += 1) {
      datagrams.at(i);
      const bytes = datagrams.copy();
      const { isStamped, sec, nanos } = datagrams;
      const received = isStamped ? { sec, nanos } : { sec: clock.sec, nanos: clock.nanos };
      if (isAnswer(bytes)) return { ok: true, bytes, sent, received };
    }
  }
  return { ok: false, error: 'ETIMEDOUT' };
}

const LOOPBACK_V4: Address = { w0: 0, w1: 0, w2: 0xffff, w3: 0x7f000001 };

/** Two sockets on the loopback address: what is sent with the one arrives at the other. */
export class Loopback {
  readonly serverFd: number;
  readonly #clientFd: number;
  readonly #name: Uint8Array;

  constructor(serverFd: number, clientFd: number, name: Uint8Array) {
    this.serverFd = serverFd;
    this.#clientFd = clientFd;
    this.#name = name;
  }

  /** Undefined: there is no loopback address here, or no descriptor left. */
  static open(): Loopback | undefined {
    const wish = { kind: 'udp', address: LOOPBACK_V4, port: 0, reusePort: false, v6Only: false } as const;
    const server = openBound(wish);
    if (!server.ok) return undefined;
    const { fd, port } = server.socket;
    const client = openBound(wish);
    if (client.ok)
      return new Loopback(fd, client.socket.fd, encodeAddress(SOCKET.AF_INET, LOOPBACK_V4, port));
    closeSocket(fd);
    return undefined;
  }

  send(bytes: Uint8Array): void {
    sendto(this.#clientFd, bytes, bytes.length, SOCKET.MSG_DONTWAIT, this.#name, this.#name.length);
  }

  /** The other one belongs to whoever serves it. */
  close(): void {
    closeSocket(this.#clientFd);
  }
}
