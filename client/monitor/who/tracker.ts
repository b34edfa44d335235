// Follows the connections of this host while they live: at a SYN who began one, at the answer to a SYN who listens, a
// moment later who accepted, and at the end of a socket what the kernel had counted. Whoever asks later finds it in the
// table of ends.
//
// Promises: it never falls behind. When its share of the processor is used up it asks for less, then for nothing, and
// counts that.

import type { Address } from '../../../base/ip.ts';
import { type Ends, type InetDiag, type InetSocket, SOCKET_STATE } from '../../../kernel/inet-diag.ts';
import type { Owner, SocketTotals } from '../../../traffic/events/owner.ts';
import { PROTOCOL } from '../../../traffic/packet/packet.ts';
import type { Budget } from './budget.ts';
import type { WhoCounters } from './counts.ts';
import { type End, EndTable, type Role } from './end-table.ts';
import type { Finder } from './finder.ts';
import type { ListenerOwners } from './listener-owners.ts';
import type { Listening } from './listening.ts';
import type { PacketEnds, Trigger } from './triggers.ts';

/** A look through all processes at a SYN; longer, and the next ones wait too long. */
const SEARCH_MS = 10;
/** A server accepts within this, usually; only then the connection has a process. */
const ACCEPT_MS = 3;
const ACCEPTS_MAX = 1024;
/** A flow of datagrams is not looked up again so soon. */
const DATAGRAM_KNOWN_US = 1_000_000;
/** A listener that appeared since the last look is looked for at most this often. */
const REFRESH_MS = 100;

export interface TrackerParts {
  readonly diag: InetDiag;
  readonly finder: Finder;
  readonly listening: Listening;
  readonly listenerOwners: ListenerOwners;
  readonly counters: WhoCounters;
  readonly budget: Budget;
}

export function isNamed(owner: Owner | undefined): boolean {
  return owner?.how === 'exact' || owner?.how === 'cache';
}

/** Whether what the kernel found is this very connection, and not what listens for it. */
export function isConnection({ remotePort, localPort }: InetSocket, ends: Ends): boolean {
  return remotePort === ends.remotePort && localPort === ends.localPort;
}

export function totalsOf({ info }: InetSocket): SocketTotals | undefined {
  if (!info) return undefined;
  const { bytesAcked, bytesReceived, segmentsOut, segmentsIn, retransmitted, rttUs } = info;
  return { bytesAcked, bytesReceived, segmentsOut, segmentsIn, retransmitted, rttUs };
}

export class Tracker {
  readonly table = new EndTable();
  readonly #parts: TrackerParts;
  /** Connections that will have been accepted soon, first due first. */
  readonly #accepts: { readonly end: End; readonly dueMs: number }[] = [];
  #refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: TrackerParts) {
    this.#parts = parts;
  }

  /** `timeUs`: when the packet passed. */
  onTrigger(trigger: Trigger, isOutgoing: boolean, interfaceIndex: number, timeUs: number): void {
    this.#parts.counters.add('seen');
    const source = { address: trigger.source, port: trigger.sourcePort };
    const destination = { address: trigger.destination, port: trigger.destinationPort };
    if (!isOutgoing) this.#onClient(tcpEnds(destination, source, interfaceIndex), timeUs, false);
    else if (!trigger.isAnswer) this.#onClient(tcpEnds(source, destination, interfaceIndex), timeUs, true);
    else this.#onServer(tcpEnds(source, destination, interfaceIndex), timeUs);
  }

  /** `isFirst`: a SYN; else its answer, which is a second chance. */
  #onClient(ends: Ends, timeUs: number, isFirst: boolean): void {
    const known = this.table.live(ends);
    if (!isFirst && (known === undefined || known.cookie !== 0)) return;
    this.#spending(() => {
      const socket = this.#connectionAt(ends);
      if (socket === 'busy' || socket === undefined) this.#missClient(ends, timeUs, known, socket);
      else if (known === undefined || known.cookie !== socket.cookie)
        this.#beginClient(ends, socket, known?.cookie === 0 ? known : undefined, timeUs);
    });
  }

  #beginClient(ends: Ends, socket: InetSocket, known: End | undefined, timeUs: number): void {
    const end = known ?? newEnd(ends, 'client', timeUs);
    if (!known) this.table.begin(end);
    this.table.identify(end, socket.cookie);
    end.owner = this.#ownerOf(socket, ends);
  }

  /** No socket: the connection is through already, or another network namespace's; or nobody had time to look. */
  #missClient(ends: Ends, timeUs: number, known: End | undefined, socket: 'busy' | undefined): void {
    if (socket === 'busy') this.#parts.counters.add('busy');
    // A second SYN of the same connection; or its end was told before its beginning.
    if (known?.cookie === 0 || this.table.find(ends, timeUs)) return;
    const end = newEnd(ends, 'client', timeUs);
    if (socket === 'busy') end.owner = { how: 'unknown:busy' };
    this.table.begin(end);
  }

  #onServer(ends: Ends, timeUs: number): void {
    const known = this.table.live(ends);
    this.#spending(() => {
      const socket = this.#connectionAt(ends);
      if (socket === 'busy') this.#parts.counters.add('busy');
      // A SYN-ACK that no socket here answers with was sent on for another host.
      if (socket === 'busy' || socket === undefined || known?.cookie === socket.cookie) return;
      const end = newEnd(ends, 'server', timeUs);
      this.table.begin(end);
      this.table.identify(end, socket.cookie);
      end.owner = this.listenerOf(PROTOCOL.tcp, ends.local, ends.localPort);
      if (this.#accepts.length < ACCEPTS_MAX)
        this.#accepts.push({ end, dueMs: performance.now() + ACCEPT_MS });
    });
  }

  /** This host sends a datagram: its socket may be gone in a millisecond. */
  onDatagram(
    { source, sourcePort, destination, destinationPort }: PacketEnds,
    interfaceIndex: number,
    timeUs: number,
  ): void {
    const ends = {
      ...tcpEnds(
        { address: source, port: sourcePort },
        { address: destination, port: destinationPort },
        interfaceIndex,
      ),
      protocol: PROTOCOL.udp,
    };
    const known = this.table.live(ends);
    if (known && timeUs - known.sinceUs < DATAGRAM_KNOWN_US) return;
    this.#parts.counters.add('datagrams');
    this.#spending(() => {
      if (this.#parts.budget.allows(performance.now()) !== 'dear') return;
      const found = this.#parts.diag.find(ends);
      if (found.kind !== 'socket' || found.socket.localPort !== sourcePort) return;
      if (known?.cookie === found.socket.cookie || this.#isShared(found.socket, ends)) return;
      const end = newEnd(ends, 'client', timeUs);
      this.table.begin(end);
      this.table.identify(end, found.socket.cookie);
      end.owner = this.#ownerOf(found.socket, ends);
    });
  }

  /** Without a peer, and others on the same port: the question decides, which asks all of them. */
  #isShared(socket: InetSocket, { local, localPort }: Ends): boolean {
    if (socket.state === SOCKET_STATE.established) return false;
    return this.#parts.listening.at(PROTOCOL.udp, local, localPort).length > 1;
  }

  #connectionAt(ends: Ends): InetSocket | 'busy' | undefined {
    if (this.#parts.budget.allows(performance.now()) === 'none') return 'busy';
    const found = this.#parts.diag.find(ends);
    return found.kind === 'socket' && isConnection(found.socket, ends) ? found.socket : undefined;
  }

  #ownerOf(socket: InetSocket, ends: Ends): Owner {
    const allowance = this.#parts.budget.allows(performance.now());
    return this.#parts.finder.ownerOf(socket, ends, allowance, SEARCH_MS);
  }

  #spending(work: () => void): void {
    const beganMs = performance.now();
    work();
    const spentMs = performance.now() - beganMs;
    this.#parts.budget.spend(spentMs);
    this.#parts.counters.add('spentUs', Math.round(spentMs * 1000));
  }

  /** Who waits at this address and port; undefined: nobody. */
  listenerOf(protocol: number, address: Address, port: number): Owner | undefined {
    const { listening, listenerOwners, diag } = this.#parts;
    let sockets = listening.at(protocol, address, port);
    const nowMs = performance.now();
    if (sockets.length === 0 && nowMs - this.#refreshedAtMs >= REFRESH_MS) {
      this.#refreshedAtMs = nowMs;
      listening.refresh(diag);
      sockets = listening.at(protocol, address, port);
    }
    return listenerOwners.ownerOf(sockets);
  }

  /** Milliseconds until `work` has something to do; undefined: nothing is due. */
  get dueMs(): number | undefined {
    return this.#accepts[0]?.dueMs;
  }

  /** What was accepted by now has a process. */
  work(): void {
    const nowMs = performance.now();
    for (let next = this.#accepts[0]; next && next.dueMs <= nowMs; next = this.#accepts[0]) {
      this.#accepts.shift();
      this.#lookAgain(next.end);
    }
  }

  #lookAgain(end: End): void {
    if (end.untilUs !== Number.POSITIVE_INFINITY || isNamed(end.owner)) return;
    this.#spending(() => {
      const socket = this.#connectionAt(end.ends);
      if (socket === 'busy' || socket?.cookie !== end.cookie || socket.inode === 0) return;
      const owner = this.#ownerOf(socket, end.ends);
      if (isNamed(owner)) end.owner = owner;
    });
  }

  /** A connection that was there before anybody looked. */
  adopt(socket: InetSocket, protocol: number): void {
    const ends = { ...endsOf(socket), protocol };
    const known = this.table.live(ends);
    if (known?.cookie === socket.cookie) return;
    const end = newEnd(ends, undefined, 0);
    this.table.begin(end);
    this.table.identify(end, socket.cookie);
    if (socket.inode !== 0) this.#spending(() => void (end.owner = this.#ownerOf(socket, ends)));
  }

  /** The kernel says that a socket is gone. */
  onGone(socket: InetSocket, nowUs: number): void {
    this.#parts.counters.add('ends');
    const ends = endsOf(socket);
    const end = this.table.byCookie(socket.cookie) ?? this.#unidentified(ends) ?? newEnd(ends, undefined, 0);
    end.totals = totalsOf(socket);
    this.table.finish(end, nowUs);
  }

  /** A connection whose socket nobody had time to look for. */
  #unidentified(ends: Ends): End | undefined {
    const live = this.table.live(ends);
    return live?.cookie === 0 ? live : undefined;
  }

  /** Ends were lost: whatever is not among the sockets that are there is over. */
  reconcile(cookies: ReadonlySet<number>, nowUs: number): void {
    for (const end of this.table.allLive())
      if (end.cookie !== 0 && !cookies.has(end.cookie)) this.table.finish(end, nowUs);
  }
}

export function newEnd(ends: Ends, role: Role | undefined, sinceUs: number): End {
  const untilUs = Number.POSITIVE_INFINITY;
  return { ends, role, sinceUs, untilUs, cookie: 0, owner: undefined, totals: undefined };
}

function endsOf(socket: InetSocket): Ends {
  const { protocol, local, localPort, remote, remotePort, interfaceIndex } = socket;
  return { protocol, local, localPort, remote, remotePort, interfaceIndex };
}

function tcpEnds(
  local: { readonly address: Address; readonly port: number },
  remote: { readonly address: Address; readonly port: number },
  interfaceIndex: number,
): Ends {
  return {
    protocol: PROTOCOL.tcp,
    local: local.address,
    localPort: local.port,
    remote: remote.address,
    remotePort: remote.port,
    interfaceIndex,
  };
}

/** States in which a connection has both ends (include/net/tcp_states.h): all but listening and closed. */
export const CONNECTED_STATES: readonly number[] = [
  SOCKET_STATE.established,
  SOCKET_STATE.synSent,
  SOCKET_STATE.synReceived,
  4,
  5,
  8,
  9,
  11,
];
