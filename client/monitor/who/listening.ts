// The sockets that wait on this host: TCP that listens, and UDP without a peer. Who holds each is looked for when it is
// asked, and kept for a second. A socket that several processes hold (a server that has forked, a service manager that
// keeps it open) belongs to the one whose name all have, the oldest of them; pid 1 counts only where nobody else does.
//
// Refuses: to choose among processes of different names.

import { readFileSync } from 'node:fs';
import { type Address, isV4, sameAddress } from '../../../base/ip.ts';
import { type InetDiag, type InetSocket, SOCKET_STATE } from '../../../kernel/inet-diag.ts';
import { PROTOCOL } from '../../../traffic/packet/packet.ts';
import type { Listener } from '../capture.port.ts';

/** Sockets that are kept; a host with more does not know the rest by heart, and asks for each. */
const SOCKETS_MAX = 16_384;

function isAny(address: Address): boolean {
  return address.w0 === 0 && address.w1 === 0 && address.w3 === 0;
}

/** Whether a packet to this address would reach a socket bound to that one. */
function reaches(address: Address, socket: InetSocket): boolean {
  if (!isAny(socket.local)) return sameAddress(address, socket.local);
  if (!isV4(address)) return socket.isV6;
  return !socket.isV6 || !socket.isV6Only;
}

function keyOf(protocol: number, port: number): number {
  return protocol * 65_536 + port;
}

export class Listening {
  #byPort = new Map<number, InetSocket[]>();
  #signature = '';
  #hasChanged = false;
  readonly #chosenPorts = chosenPorts();

  /** Asks the kernel for all. False: it did not say, and what was known stays. */
  refresh(diag: Pick<InetDiag, 'dump'>): boolean {
    const found = new Map<number, InetSocket[]>();
    let count = 0;
    const cookies: string[] = [];
    const keep = (protocol: number) => (socket: InetSocket) => {
      if (socket.localPort === 0 || count >= SOCKETS_MAX) return;
      count += 1;
      const key = keyOf(protocol, socket.localPort);
      cookies.push(`${protocol}.${socket.cookie}.${socket.localPort}`);
      found.set(key, [...(found.get(key) ?? []), { ...socket, protocol }]);
    };
    for (const family of [4, 6] as const) {
      const tcp = diag.dump(PROTOCOL.tcp, family, [SOCKET_STATE.listen], keep(PROTOCOL.tcp));
      const udp = diag.dump(PROTOCOL.udp, family, [SOCKET_STATE.close], keep(PROTOCOL.udp));
      if (tcp !== 'whole' || udp !== 'whole') return false;
    }
    const signature = cookies.sort().join(' ');
    if (signature !== this.#signature) this.#hasChanged = true;
    this.#signature = signature;
    this.#byPort = found;
    return true;
  }

  /** Whether they are others than when this was last asked. */
  takeChanged(): boolean {
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  /** For the direction of flows: a UDP port that the kernel chose is that of a client, not of a service. */
  services(): Listener[] {
    return this.sockets()
      .filter((one) => isService(one, this.#chosenPorts))
      .map(listenerOf);
  }

  sockets(): InetSocket[] {
    return [...this.#byPort.values()].flat();
  }

  /** Those that a packet to this address and port would reach: bound to it alone, else to any. */
  at(protocol: number, address: Address, port: number): readonly InetSocket[] {
    const all = (this.#byPort.get(keyOf(protocol, port)) ?? []).filter((one) => reaches(address, one));
    const bound = all.filter(({ local }) => !isAny(local));
    return bound.length > 0 ? bound : all;
  }
}

function isService({ protocol, localPort }: InetSocket, [first, last]: readonly [number, number]): boolean {
  return protocol === PROTOCOL.tcp || localPort < first || localPort > last;
}

/** The ports that the kernel gives to whoever asks for none (ip(7)); its default where it cannot be read. */
function chosenPorts(): readonly [first: number, last: number] {
  try {
    const [first = 0, last = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')
      .split(/\s+/)
      .map(Number);
    if (first > 0 && last >= first) return [first, last];
  } catch {
    // A sandbox may hide it.
  }
  return [32_768, 60_999];
}

/** All zeros is any address; of both families where the socket takes both. */
function listenerOf({ protocol, local, localPort }: InetSocket): Listener {
  const { w0, w1, w2, w3 } = isAny(local) ? { w0: 0, w1: 0, w2: 0, w3: 0 } : local;
  return { protocol, w0, w1, w2, w3, port: localPort };
}
