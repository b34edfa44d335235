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
/** A socket is there to be found a little before its SYN has a time. */
const EARLIER_US = 1000;
/** A flow of datagrams is not looked up again so soon. */
const DATAGRAM_KNOWN_US = 1_000_000;
/** A listener that appeared since the last look is looked for at most this often. */
const REFRESH_MS = 100;

export interface TrackerParts {
  readonly diag: Pick<InetDiag, 'find' | 'dump'>;
  readonly finder: Pick<Finder, 'ownerOf'>;
  readonly listening: Pick<Listening, 'at' | 'refresh'>;
  readonly listenerOwners: Pick<ListenerOwners, 'ownerOf'>;
  readonly counters: WhoCounters;
  readonly budget: Budget;
  /** Microseconds since 1970, of the clock that stamps packets. */
  readonly nowUs: () => number;
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
    const { isAnswer, sequence } = trigger;
    const ends = endsOfPacket(trigger, isOutgoing, PROTOCOL.tcp, interfaceIndex);
    if (!isOutgoing) this.#onAnswer(ends, timeUs);
    else if (isAnswer) this.#onServer(newEnd(ends, 'server', timeUs, sequence));
    else this.#onClient(newEnd(ends, 'client', timeUs, sequence));
  }

  #onClient(end: End): void {
    const known = this.#before(end);
    this.#spending(() => {
      const socket = this.#connectionAt(end.ends);
      if (socket === 'busy' || socket === undefined) this.#missClient(end, known, socket);
      else if (!this.#isSame(known, end, socket)) this.#begin(end, socket);
    });
  }

  /** The same packet once more, from another interface or sent again. One socket has one number. */
  #isSame(known: End | undefined, end: End, { cookie }: InetSocket): boolean {
    if (known?.cookie !== cookie || known.untilUs !== Number.POSITIVE_INFINITY) return false;
    if (known.sequence === -1 || known.sequence === end.sequence) return true;
    this.#disown(known, end.sinceUs);
    return false;
  }

  /** A second chance for a client whose socket nobody had time to look for. */
  #onAnswer(ends: Ends, timeUs: number): void {
    const known = this.table.find(ends, timeUs);
    if (known === undefined || known.cookie !== 0 || known.untilUs !== Number.POSITIVE_INFINITY) return;
    this.#spending(() => {
      const socket = this.#connectionAt(ends);
      if (socket === 'busy' || socket === undefined) return;
      known.lookedAtUs = this.#parts.nowUs();
      this.table.identify(known, socket.cookie);
      known.owner = this.#ownerOf(socket, ends);
    });
  }

  /**
   * What is known of these ends already. If it is another connection, by its number, and was looked up when this one
   * had begun, then what was found may be the socket of this one: nobody is named.
   */
  #before(end: End): End | undefined {
    const known = this.table.latest(end.ends);
    const isOther = known && known.sequence !== -1 && known.sequence !== end.sequence;
    if (isOther && known.lookedAtUs >= end.sinceUs - EARLIER_US) this.#disown(known, end.sinceUs);
    return this.table.live(end.ends);
  }

  /** What was found for it was the socket of the one that began then; that may be gone by now as well. */
  #disown(known: End, untilUs: number): void {
    const { local, localPort } = known.ends;
    const listener = known.role === 'server' ? this.listenerOf(PROTOCOL.tcp, local, localPort) : undefined;
    known.owner = listener ?? { how: 'unknown:closed' };
    known.totals = undefined;
    this.table.identify(known, 0);
    this.table.finish(known, untilUs);
  }

  #begin(end: End, socket: InetSocket): void {
    end.lookedAtUs = this.#parts.nowUs();
    this.table.begin(end);
    this.table.identify(end, socket.cookie);
    end.owner = this.#ownerOf(socket, end.ends);
  }

  /** No socket: the connection is through already, or another network namespace's; or nobody had time to look. */
  #missClient(end: End, known: End | undefined, socket: 'busy' | undefined): void {
    if (socket === 'busy') this.#parts.counters.add('busy');
    // A second SYN of the same connection; or its end was told before its beginning.
    const isKnown = known?.cookie === 0 && known.sequence === end.sequence;
    const unseen = this.table.unseen(end.ends, end.sinceUs);
    if (unseen) unseen.sinceUs = end.sinceUs;
    if (isKnown || unseen) return;
    if (socket === 'busy') end.owner = { how: 'unknown:busy' };
    this.table.begin(end);
  }

  #onServer(end: End): void {
    const known = this.#before(end);
    this.#spending(() => {
      const socket = this.#connectionAt(end.ends);
      if (socket === 'busy') this.#parts.counters.add('busy');
      // A SYN-ACK that no socket here answers with was sent on for another host.
      if (socket === 'busy' || socket === undefined) return;
      if (this.#isSame(known, end, socket)) return;
      end.lookedAtUs = this.#parts.nowUs();
      this.table.begin(end);
      this.table.identify(end, socket.cookie);
      end.owner = this.listenerOf(PROTOCOL.tcp, end.ends.local, end.ends.localPort);
      if (this.#accepts.length < ACCEPTS_MAX)
        this.#accepts.push({ end, dueMs: performance.now() + ACCEPT_MS });
    });
  }

  /** This host sends a datagram: its socket may be gone in a millisecond. */
  onDatagram(packet: PacketEnds, interfaceIndex: number, timeUs: number): void {
    const ends = endsOfPacket(packet, true, PROTOCOL.udp, interfaceIndex);
    const known = this.table.live(ends);
    if (known && timeUs - known.sinceUs < DATAGRAM_KNOWN_US) return;
    this.#parts.counters.add('datagrams');
    this.#spending(() => {
      if (this.#parts.budget.allows(performance.now()) !== 'dear') return;
      const found = this.#parts.diag.find(ends);
      if (found.kind !== 'socket' || found.socket.localPort !== ends.localPort) return;
      if (known?.cookie === found.socket.cookie || this.#isShared(found.socket, ends)) return;
      const end = newEnd(ends, 'client', timeUs, -1);
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
  adopt(socket: InetSocket): void {
    const ends = endsOf(socket);
    const known = this.table.live(ends);
    if (known?.cookie === socket.cookie) return;
    const end = newEnd(ends, undefined, 0, -1);
    this.table.begin(end);
    this.table.identify(end, socket.cookie);
    if (socket.inode !== 0) this.#spending(() => void (end.owner = this.#ownerOf(socket, ends)));
  }

  /** The kernel says that a socket is gone. */
  onGone(socket: InetSocket, nowUs: number): void {
    this.#parts.counters.add('ends');
    const ends = endsOf(socket);
    const end =
      this.table.byCookie(socket.cookie) ?? this.table.anonymous(ends) ?? newEnd(ends, undefined, 0, -1);
    end.totals = totalsOf(socket);
    end.cookie = socket.cookie;
    this.table.finish(end, nowUs);
  }

  /** Ends were lost: whatever is not among the sockets that are there is over. */
  reconcile(cookies: ReadonlySet<number>, nowUs: number): void {
    for (const end of this.table.allLive())
      if (end.cookie !== 0 && !cookies.has(end.cookie)) this.table.finish(end, nowUs);
  }
}

export function newEnd(ends: Ends, role: Role | undefined, sinceUs: number, sequence: number): End {
  const untilUs = Number.POSITIVE_INFINITY;
  return {
    ends,
    role,
    sequence,
    sinceUs,
    untilUs,
    lookedAtUs: 0,
    cookie: 0,
    owner: undefined,
    totals: undefined,
  };
}

function endsOf(socket: InetSocket): Ends {
  const { protocol, local, localPort, remote, remotePort, interfaceIndex } = socket;
  return { protocol, local, localPort, remote, remotePort, interfaceIndex };
}

/** Seen from this host: its own end is the packet's source where it was sent, else the destination. */
function endsOfPacket(
  packet: PacketEnds,
  isOutgoing: boolean,
  protocol: number,
  interfaceIndex: number,
): Ends {
  const { source, sourcePort, destination, destinationPort } = packet;
  const [local, localPort] = isOutgoing ? [source, sourcePort] : [destination, destinationPort];
  const [remote, remotePort] = isOutgoing ? [destination, destinationPort] : [source, sourcePort];
  return { protocol, local, localPort, remote, remotePort, interfaceIndex };
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
