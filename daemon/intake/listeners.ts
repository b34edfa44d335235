// Opens the sockets that `syslog.listen` asks for, or takes them from the service manager where it passes
// one with the same address. A UDP address gets one socket a lane (SO_REUSEPORT); the kernel spreads the
// senders over them. What cannot be opened is a Fault that says who holds it, or which right is missing.
//
// An address on which a reload wants another language spoken (TLS where there was plain TCP) keeps its socket.

import { Fault } from '../../base/fault.ts';
import { type Address, isV4, parseAddress, printAddress, sameAddress } from '../../base/ip.ts';
import { assert } from '../../base/assert.ts';
import type { Listen, ListenTransport, SyslogConfig } from '../../config/server.ts';
import {
  type BoundSocket,
  closeSocket,
  duplicateSocket,
  growReceiveBuffer,
  openBound,
  type ReceiveBuffer,
} from '../../kernel/socket.ts';

const ANY_V6: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };

export interface OpenListener {
  /** `udp://0.0.0.0:514`, with the port that the kernel chose if it was 0. */
  readonly name: string;
  readonly transport: ListenTransport;
  readonly address: Address;
  readonly port: number;
  readonly isPassed: boolean;
  /** One for TCP, one a lane for UDP. */
  readonly fds: readonly number[];
  readonly receiveBuffer: ReceiveBuffer | undefined;
}

/** A socket that the service manager passed, with its name (FileDescriptorName= of the unit). */
export interface PassedSocket extends BoundSocket {
  readonly name: string;
}

/** Everything but udp:// is a TCP socket. */
export function socketKind({ transport }: { readonly transport: ListenTransport }): 'udp' | 'tcp' {
  return transport === 'udp' ? 'udp' : 'tcp';
}

/** Ended by the thread of daemon/tls/. */
export function isTls({ transport }: { readonly transport: ListenTransport }): boolean {
  return transport === 'tls' || transport === 'relps';
}

export function spokenOn({ transport }: { readonly transport: ListenTransport }): 'syslog' | 'relp' {
  return transport === 'relp' || transport === 'relps' ? 'relp' : 'syslog';
}

function addressOf(listen: Listen): Address {
  const address = parseAddress(listen.host);
  assert(address !== undefined, `listen address ${listen.text} was checked with the configuration`);
  return address;
}

function faultFor(listen: Listen, error: string): Fault {
  const where = listen.text;
  if (error === 'EADDRINUSE') {
    const letter = listen.transport === 'udp' ? 'u' : 't';
    return new Fault('LISTEN_IN_USE', {
      what: `Port ${listen.port} is taken by another program.`,
      where,
      mend: `Find it with: ss -lp${letter}n 'sport = :${listen.port}'. Stop it, or choose another port in syslog.listen.`,
    });
  }
  if (error === 'EACCES' || error === 'EPERM') {
    return new Fault('LISTEN_PERMISSION', {
      what: `The right to listen on port ${listen.port} is missing (CAP_NET_BIND_SERVICE).`,
      where,
      mend: 'In the unit: AmbientCapabilities=CAP_NET_BIND_SERVICE, or a .socket unit that opens it. By hand: a port above 1023.',
    });
  }
  const absent = error === 'EADDRNOTAVAIL' ? ' No interface of this host has that address.' : '';
  return new Fault('LISTEN_FAILED', {
    what: `The kernel refused the listening socket: ${error}.${absent}`,
    where,
    mend:
      absent === ''
        ? 'Look at the address and the port in syslog.listen.'
        : 'Listen on 0.0.0.0 or [::], or on an address that `ip addr` shows.',
  });
}

/** An IPv6 wildcard takes IPv4 too, unless an own listener does that on the same port. */
function isV6Only(listen: Listen, all: readonly Listen[]): boolean {
  const rival = (other: Listen) =>
    other.family === 4 &&
    socketKind(other) === socketKind(listen) &&
    other.port === listen.port &&
    listen.port !== 0;
  return listen.family === 6 && all.some(rival);
}

function openOne(listen: Listen, address: Address, port: number, config: SyslogConfig): BoundSocket {
  const bound = openBound({
    kind: socketKind(listen),
    address,
    port,
    reusePort: listen.transport === 'udp' && config.lanes > 1,
    v6Only: isV6Only(listen, config.listen),
  });
  if (!bound.ok) throw faultFor(listen, bound.error);
  return bound.socket;
}

export function listenerName(transport: ListenTransport, address: Address, port: number): string {
  const text = printAddress(address);
  return `${transport}://${isV4(address) ? text : `[${text}]`}:${port}`;
}

/** The socket of the same kernel address, whatever is spoken there. */
function isAt(socket: { kind: 'udp' | 'tcp'; port: number; address: Address }, listen: Listen): boolean {
  return (
    socket.kind === socketKind(listen) &&
    socket.port === listen.port &&
    sameAddress(socket.address, addressOf(listen))
  );
}

function fromSockets(
  sockets: readonly BoundSocket[],
  transport: ListenTransport,
  isPassed: boolean,
  config: SyslogConfig,
): OpenListener {
  const [first] = sockets;
  assert(first !== undefined, 'a listener has a socket');
  const buffers =
    transport === 'udp' ? sockets.map(({ fd }) => growReceiveBuffer(fd, config.receiveBufferBytes)) : [];
  return {
    name: listenerName(transport, first.address, first.port),
    transport,
    address: first.address,
    port: first.port,
    isPassed,
    fds: sockets.map(({ fd }) => fd),
    receiveBuffer: buffers[0],
  };
}

function openFresh(listen: Listen, config: SyslogConfig): OpenListener {
  const address = addressOf(listen);
  const first = openOne(listen, address, listen.port, config);
  const sockets = [first];
  const wanted = listen.transport === 'udp' ? config.lanes : 1;
  try {
    while (sockets.length < wanted) sockets.push(openOne(listen, address, first.port, config));
  } catch (fault) {
    // One that is left open would take its share of what comes, and nobody would read it.
    for (const { fd } of sockets) closeSocket(fd);
    throw fault;
  }
  return fromSockets(sockets, listen.transport, false, config);
}

const isPassed = (open: OpenListener) => open.isPassed;

/**
 * Undefined: a passed socket serves the address already. A .socket unit that names a port alone makes one at
 * [::] that takes IPv4 too, while `listen` by default says 0.0.0.0.
 */
function openUnlessServed(
  listen: Listen,
  config: SyslogConfig,
  passed: readonly Standing[],
): OpenListener | undefined {
  try {
    return openFresh(listen, config);
  } catch (fault) {
    const isServed = passed.some((socket) => takesV4Of(socket, listen));
    // A program without the right to the port learns that before it learns that the port is taken.
    const isTaken =
      fault instanceof Fault && (fault.code === 'LISTEN_IN_USE' || fault.code === 'LISTEN_PERMISSION');
    if (isServed && isTaken) return undefined;
    throw fault;
  }
}

type Standing = Pick<BoundSocket, 'kind' | 'port' | 'address'>;

function takesV4Of({ kind, port, address }: Standing, listen: Listen): boolean {
  return (
    listen.family === 4 && kind === socketKind(listen) && port === listen.port && sameAddress(address, ANY_V6)
  );
}

function standing(open: OpenListener): Standing {
  return { kind: socketKind(open), port: open.port, address: open.address };
}

/** The same socket under another descriptor: whoever serves it now closes its own. */
function speakOtherwise(open: OpenListener, transport: ListenTransport): OpenListener {
  const { address, port, fds } = open;
  const name = listenerName(transport, address, port);
  const second = duplicateSocket(fds[0] ?? -1);
  if (second === undefined) {
    const what = 'No descriptor is left for a listening socket.';
    throw new Fault('LISTEN_FAILED', { what, where: name, mend: 'Raise LimitNOFILE of the service.' });
  }
  return { ...open, name, transport, fds: [second] };
}

/**
 * What is spoken on a passed socket whose address `listen` does not name: what it names for the IPv4 side of it, or
 * else what the socket's name says, as far as this server can speak it.
 */
function transportOf(socket: Standing, name: string, config: SyslogConfig): ListenTransport {
  if (socket.kind === 'udp') return 'udp';
  const asked = config.listen.find((listen) => takesV4Of(socket, listen));
  if (asked) return asked.transport;
  const isSecure = config.tls !== undefined && /tls|relps/i.test(name);
  if (/relp/i.test(name)) return isSecure ? 'relps' : 'relp';
  return isSecure ? 'tls' : 'tcp';
}

/**
 * Opens all, or none: on a Fault everything that was opened is closed again. `kept` are listeners that stand
 * already (at a reload) and stay if the configuration still asks for them.
 */
export function openListeners(
  config: SyslogConfig,
  passed: readonly PassedSocket[],
  kept: readonly OpenListener[] = [],
): OpenListener[] {
  const opened: OpenListener[] = [];
  const all: OpenListener[] = [];
  const rest = [...passed];
  const served = [...passed, ...kept.filter(isPassed).map(standing)];
  const open = (listen: Listen): OpenListener | undefined => {
    const at = rest.findIndex((socket) => isAt(socket, listen));
    const [found] = at < 0 ? [] : rest.splice(at, 1);
    if (found) return fromSockets([found], listen.transport, true, config);
    const rival = kept.find((one) => isAt(standing(one), listen));
    return rival ? speakOtherwise(rival, listen.transport) : openUnlessServed(listen, config, served);
  };
  try {
    for (const listen of config.listen) {
      const stays = kept.find((one) => one.transport === listen.transport && isAt(standing(one), listen));
      const one = stays ?? open(listen);
      if (one === undefined) continue;
      if (one !== stays) opened.push(one);
      all.push(one);
    }
    // A socket that the service manager passes is meant to be served, whatever `listen` says.
    for (const socket of rest) {
      const transport = transportOf(socket, socket.name, config);
      all.push(fromSockets([socket], transport, true, config));
    }
    for (const one of kept.filter(isPassed)) {
      if (all.some((other) => isSameSocket(one, other))) continue;
      const transport = transportOf(standing(one), one.transport, config);
      const stays = transport === one.transport;
      const goesOn = stays ? one : speakOtherwise(one, transport);
      if (!stays) opened.push(goesOn);
      all.push(goesOn);
    }
    return all;
  } catch (fault) {
    // Passed sockets stay open for the next try; a second descriptor of one does not.
    for (const { fds } of opened) fds.forEach((fd) => passed.some((one) => one.fd === fd) || closeSocket(fd));
    throw fault;
  }
}

function isSameSocket(one: OpenListener, other: OpenListener): boolean {
  return (
    socketKind(one) === socketKind(other) &&
    one.port === other.port &&
    sameAddress(one.address, other.address)
  );
}
