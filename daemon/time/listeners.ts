// Opens the sockets that `ntp.listen` asks for, or takes them from the service manager where it passes one with
// the same address. Their receive buffer is small on purpose: time that has waited is no use to anybody.

import { assert } from '../../base/assert.ts';
import { Fault } from '../../base/fault.ts';
import { type Address, isV4, parseAddress, printAddress, sameAddress } from '../../base/ip.ts';
import type { NtpConfig, SocketAddress } from '../../config/server.ts';
import { type BoundSocket, closeSocket, growReceiveBuffer, openBound } from '../../kernel/socket.ts';
import type { NtpSocket } from './ntp.port.ts';

/** About 1,300 requests, which the server answers in some 5 ms. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

const ANY_V6: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };

export interface NtpListener {
  /** `ntp://0.0.0.0:123`. */
  readonly name: string;
  readonly address: Address;
  readonly port: number;
  readonly passed: boolean;
  readonly socket: NtpSocket;
}

function faultFor(listen: SocketAddress, error: string): Fault {
  const where = `ntp.listen ${listen.host}, port ${listen.port}`;
  if (error === 'EADDRINUSE') {
    return new Fault('LISTEN_IN_USE', {
      what: `Port ${listen.port} is taken by another program, perhaps another time service.`,
      where,
      mend: `Find it with: ss -lpun 'sport = :${listen.port}'. Stop it, or choose another port in ntp.listen.`,
    });
  }
  if (error === 'EACCES' || error === 'EPERM') {
    return new Fault('LISTEN_PERMISSION', {
      what: `The right to listen on port ${listen.port} is missing (CAP_NET_BIND_SERVICE).`,
      where,
      mend: 'In the unit: AmbientCapabilities=CAP_NET_BIND_SERVICE, or a .socket unit that opens it. By hand: a port above 1023.',
    });
  }
  const absent = error === 'EADDRNOTAVAIL';
  return new Fault('LISTEN_FAILED', {
    what: `The kernel refused the socket: ${error}.${absent ? ' No interface of this host has that address.' : ''}`,
    where,
    mend: 'Serve on 0.0.0.0 or [::], or on an address that `ip addr` shows.',
  });
}

function addressOf(listen: SocketAddress): Address {
  const address = parseAddress(listen.host);
  assert(address !== undefined, `listen address ${listen.host} was checked with the configuration`);
  return address;
}

/** An IPv6 wildcard takes IPv4 too, unless an own socket does that on the same port. */
function isV6Only(listen: SocketAddress, all: readonly SocketAddress[]): boolean {
  return listen.family === 6 && all.some(({ family, port }) => family === 4 && port === listen.port);
}

function openFresh(listen: SocketAddress, all: readonly SocketAddress[]): BoundSocket {
  const { port } = listen;
  const address = addressOf(listen);
  const bound = openBound({ kind: 'udp', address, port, reusePort: false, v6Only: isV6Only(listen, all) });
  if (!bound.ok) throw faultFor(listen, bound.error);
  return bound.socket;
}

function isWildcard({ w0, w1, w2, w3 }: Address): boolean {
  return w0 === 0 && w1 === 0 && w3 === 0 && (w2 === 0 || w2 === 0xffff);
}

function listenerOf(bound: BoundSocket, passed: boolean): NtpListener {
  growReceiveBuffer(bound.fd, RECEIVE_BUFFER_BYTES);
  const { fd, address, port } = bound;
  const text = printAddress(address);
  const family = isV4(address) ? 4 : 6;
  const name = `ntp://${family === 4 ? text : `[${text}]`}:${port}`;
  return { name, address, port, passed, socket: { fd, family, wildcard: isWildcard(address) } };
}

/** A socket at [::] takes IPv4 too, unless it was made otherwise: then an own one can be opened beside it. */
function openUnlessServed(
  listen: SocketAddress,
  all: readonly SocketAddress[],
  passed: readonly Pick<BoundSocket, 'port' | 'address'>[],
): BoundSocket | undefined {
  try {
    return openFresh(listen, all);
  } catch (fault) {
    const isServed = passed.some(
      ({ port, address }) => listen.family === 4 && port === listen.port && sameAddress(address, ANY_V6),
    );
    if (isServed && fault instanceof Fault && fault.code !== 'LISTEN_FAILED') return undefined;
    throw fault;
  }
}

function stands(open: { address: Address; port: number }, listen: SocketAddress): boolean {
  return open.port === listen.port && sameAddress(open.address, addressOf(listen));
}

/** Opens all, or none. `kept` stand already (at a reload) and stay if they are still asked for. */
export function openNtpListeners(
  config: NtpConfig,
  passed: readonly BoundSocket[],
  kept: readonly NtpListener[] = [],
): NtpListener[] {
  const opened: NtpListener[] = [];
  const all: NtpListener[] = [];
  const rest = [...passed];
  const served = [...passed, ...kept.filter((open) => open.passed)];
  try {
    for (const listen of config.listen) {
      const standing = kept.find((open) => stands(open, listen));
      const at = rest.findIndex((socket) => stands(socket, listen));
      const [found] = standing !== undefined || at < 0 ? [] : rest.splice(at, 1);
      if (standing) all.push(standing);
      const bound = standing ? undefined : (found ?? openUnlessServed(listen, config.listen, served));
      if (bound === undefined) continue;
      const open = listenerOf(bound, found !== undefined);
      opened.push(open);
      all.push(open);
    }
    // A socket that the service manager passes is meant to be served, whatever `listen` says.
    return [...all, ...rest.map((socket) => listenerOf(socket, true))];
  } catch (fault) {
    for (const { socket, passed: isPassed } of opened) if (!isPassed) closeSocket(socket.fd);
    throw fault;
  }
}
