// Answers a question by tuple: from what was seen at the SYN where that is sure, else from the kernel as it stands now.
// Each end of this host has an answer, and an answer without a name says why.
//
// Refuses: to wait (who asks for the end of a connection may come again a moment later), and to give one connection the
// owner of another that had the same ends before or after.

import { type Address, isV4, parseAddress } from '../../../base/ip.ts';
import { type Ends, type InetDiag, type InetSocket, SOCKET_STATE } from '../../../kernel/inet-diag.ts';
import type { Owner, Owners, SocketTotals } from '../../../traffic/events/owner.ts';
import { PROTOCOL } from '../../../traffic/packet/packet.ts';
import type { Budget } from './budget.ts';
import type { WhoCounters } from './counts.ts';
import { type End, hasBegun, type Role } from './end-table.ts';
import type { Finder } from './finder.ts';
import type { ListenerOwners } from './listener-owners.ts';
import type { Listening } from './listening.ts';
import { isConnection, isNamed, type Tracker } from './tracker.ts';
import type { WhoQuestion } from './who.port.ts';

/** A question is asked when its event is told already: it has more time than a SYN. */
const SEARCH_MS = 20;

export interface AnswerParts {
  readonly diag: Pick<InetDiag, 'find' | 'dump'>;
  readonly finder: Pick<Finder, 'ownerOf'>;
  readonly tracker: Pick<Tracker, 'table' | 'listenerOf'>;
  readonly listening: Pick<Listening, 'at' | 'refresh'>;
  readonly listenerOwners: Pick<ListenerOwners, 'ownerOf'>;
  readonly counters: WhoCounters;
  readonly budget: Budget;
  /** The kernel tells of sockets that are gone: one that it did not tell of was never there. */
  readonly hearsEnds: boolean;
}

interface Side {
  readonly ends: Ends;
  readonly role: Role;
}

export class Answers {
  readonly #parts: AnswerParts;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  answer(question: WhoQuestion): Owners {
    const { isClientOwn, isServerOwn } = question;
    if (!isClientOwn && !isServerOwn) return { client: { how: 'unknown:forwarded' } };
    const beganMs = performance.now();
    const client = isClientOwn ? this.#sideOf(question, 'client') : undefined;
    const server = isServerOwn ? this.#sideOf(question, 'server') : undefined;
    const owners = {
      client: client && this.#ownerOf(client, question),
      server: server && this.#ownerOf(server, question),
      clientTotals: client && this.#totalsOf(client, question),
      serverTotals: server && this.#totalsOf(server, question),
    };
    this.#parts.budget.spend(performance.now() - beganMs);
    return owners;
  }

  /** What the kernel counted is not known yet, but may be in a moment. */
  isEarly(question: WhoQuestion): boolean {
    if (question.isEnd !== true || !this.#parts.hearsEnds || question.protocol !== PROTOCOL.tcp) return false;
    return (['client', 'server'] as const).some((role) => {
      if (role === 'client' ? !question.isClientOwn : !question.isServerOwn) return false;
      const side = this.#sideOf(question, role);
      const end = side && this.#parts.tracker.table.find(side.ends, question.startUs);
      return end !== undefined && end.cookie !== 0 && end.untilUs === Number.POSITIVE_INFINITY;
    });
  }

  #sideOf(question: WhoQuestion, role: Role): Side | undefined {
    const client = parseAddress(question.clientAddress);
    const server = parseAddress(question.serverAddress);
    if (!client || !server) return undefined;
    const { protocol, clientPort, serverPort } = question;
    const [local, localPort, remote, remotePort] =
      role === 'client'
        ? ([client, clientPort, server, serverPort] as const)
        : ([server, serverPort, client, clientPort] as const);
    return { role, ends: { protocol, local, localPort, remote, remotePort, interfaceIndex: 0 } };
  }

  #totalsOf({ ends }: Side, { startUs, protocol, isEnd }: WhoQuestion): SocketTotals | undefined {
    if (protocol !== PROTOCOL.tcp || isEnd !== true) return undefined;
    return this.#parts.tracker.table.find(ends, startUs)?.totals;
  }

  #ownerOf(side: Side, question: WhoQuestion): Owner {
    if (question.protocol === PROTOCOL.tcp) return this.#ownerOfTcp(side, question);
    if (question.protocol === PROTOCOL.udp) return this.#ownerOfUdp(side, question);
    return { how: 'unknown:kernel' };
  }

  // ---- TCP

  #ownerOfTcp(side: Side, question: WhoQuestion): Owner {
    const end = this.#parts.tracker.table.find(side.ends, question.startUs);
    const isFresh = end !== undefined && hasBegun(end, question.startUs);
    const isOver = end !== undefined && end.untilUs !== Number.POSITIVE_INFINITY;
    if (end?.owner && isNamed(end.owner) && (isFresh || isOver)) {
      this.#parts.counters.add('answeredKnown');
      return end.owner;
    }
    const socket = isOver ? undefined : this.#socketOf(side.ends, end, question);
    if (socket !== undefined) return this.#ownerNow(socket, side, end);
    if (end?.owner && (isFresh || isOver)) return end.owner;
    return this.#absent(side, end, question.startUs);
  }

  /** The socket that the connection has now, if it is the connection's and not a later one's. */
  #socketOf(ends: Ends, end: End | undefined, { isEnd }: WhoQuestion): InetSocket | undefined {
    const found = this.#parts.diag.find(this.#withInterface(ends, end));
    if (found.kind !== 'socket' || !isConnection(found.socket, ends)) return undefined;
    const { cookie, state } = found.socket;
    if (end !== undefined && end.cookie !== 0) return end.cookie === cookie ? found.socket : undefined;
    const isYoung = state === SOCKET_STATE.established || state === SOCKET_STATE.synSent;
    return isEnd === true && isYoung ? undefined : found.socket;
  }

  #withInterface(ends: Ends, end: End | undefined): Ends {
    return end ? { ...ends, interfaceIndex: end.ends.interfaceIndex } : ends;
  }

  #ownerNow(socket: InetSocket, side: Side, end: End | undefined): Owner {
    if (end && isNamed(end.owner)) return end.owner as Owner;
    const allowance = this.#parts.budget.allows(performance.now());
    const owner = this.#parts.finder.ownerOf(socket, side.ends, allowance, SEARCH_MS);
    if (isNamed(owner)) {
      if (end) end.owner = owner;
      return owner;
    }
    // Not accepted yet, or closed by whoever had it.
    const listener = side.role === 'server' ? (end?.owner ?? this.#listenerOf(side.ends)) : undefined;
    if (listener?.how === 'listener') return listener;
    return owner.how === 'unknown:closed' && end?.owner ? end.owner : owner;
  }

  #listenerOf({ protocol, local, localPort }: Ends): Owner | undefined {
    return this.#parts.tracker.listenerOf(protocol, local, localPort);
  }

  /** There is no such socket: it is gone, or was never here. */
  #absent({ ends, role }: Side, end: End | undefined, startUs: number): Owner {
    const listener = role === 'server' ? this.#listenerOf(ends) : undefined;
    if (listener) return listener;
    const isKnown = end !== undefined && (end.cookie !== 0 || end.totals !== undefined);
    const wasHere = isKnown || this.#parts.tracker.table.unseen(ends, startUs) !== undefined;
    return { how: wasHere || !this.#parts.hearsEnds ? 'unknown:closed' : 'unknown:no-socket' };
  }

  // ---- UDP

  #ownerOfUdp({ ends, role }: Side, { startUs, isEnd }: WhoQuestion): Owner {
    const { diag, finder, budget, tracker } = this.#parts;
    const end = tracker.table.find(ends, startUs);
    // A tuple that was seen long before may be another's now.
    const isFresh = end !== undefined && hasBegun(end, startUs);
    if (end?.owner && isFresh) return end.owner;
    const found = diag.find(ends);
    // A client that has been silent for a minute: its port may be another's by now.
    const isOld = isEnd === true && role === 'client';
    if (!isOld && found.kind === 'socket' && found.socket.localPort === ends.localPort) {
      if (found.socket.state !== SOCKET_STATE.established) return this.#ownerOfShared(ends, found.socket);
      return finder.ownerOf(found.socket, ends, budget.allows(performance.now()), SEARCH_MS);
    }
    if (isOld) return { how: 'unknown:closed' };
    const isGone = end ?? [ends, ...withoutPeer(ends)].some((one) => tracker.table.unseen(one, startUs));
    return { how: isGone || !this.#parts.hearsEnds ? 'unknown:closed' : 'unknown:no-socket' };
  }

  /** A socket without a peer: others may be bound to the same port. */
  #ownerOfShared(ends: Ends, socket: InetSocket): Owner {
    const { finder, listening, listenerOwners, budget, diag } = this.#parts;
    let all = listening.at(PROTOCOL.udp, ends.local, ends.localPort);
    if (!all.some(({ cookie }) => cookie === socket.cookie)) {
      listening.refresh(diag);
      all = listening.at(PROTOCOL.udp, ends.local, ends.localPort);
    }
    if (all.length > 1) return listenerOwners.ownerOf(all) ?? { how: 'unknown:shared' };
    return finder.ownerOf(socket, ends, budget.allows(performance.now()), SEARCH_MS);
  }
}

const ANY_V4: Address = { w0: 0, w1: 0, w2: 0xffff, w3: 0 };
const ANY_V6: Address = { w0: 0, w1: 0, w2: 0, w3: 0 };

/** How a socket without a peer is told of when it is gone: bound to its address, or to any. */
function withoutPeer(ends: Ends): Ends[] {
  const any = { remotePort: 0, remote: ANY_V6 };
  if (!isV4(ends.local)) return [ends.local, ANY_V6].map((local) => ({ ...ends, ...any, local }));
  const own = [ends.local, ANY_V4].map((local) => ({ ...ends, ...any, remote: ANY_V4, local }));
  return [...own, { ...ends, ...any, local: ANY_V6 }];
}
