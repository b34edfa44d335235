// All connections of a lane: opens and closes them, watches each for what there is to do on it, and keeps the
// sums: how many stand, how many bytes wait with them, who of them is held back.

import { closeSocket } from '../../kernel/socket.ts';
import { type Readiness, sendWithoutDelay, WATCH } from '../../kernel/stream.ts';
import { Framer } from '../../syslog/framing.ts';
import { ProxyHeader } from '../../syslog/proxy.ts';
import type { Admission } from './admission.ts';
import type { Connection, Origin, StreamListener, Tokens } from './connection.ts';
import { type Closing, LANE_SLOT, listenerSlot, type Refusal } from './counts.ts';
import type { Peer } from './peers.ts';
import type { RelpSide } from './relp-talk.ts';

export interface ConnectionsParts {
  readonly readiness: Readiness;
  readonly counts: Float64Array;
  /** Hands out tokens for the readiness queue. */
  readonly tokens: Tokens<Connection | StreamListener>;
  readonly admission: Admission;
  readonly relp: RelpSide;
  readonly messageBytesMax: number;
}

export class Connections {
  readonly all = new Set<Connection>();
  /** A file in trouble could not take their messages. */
  readonly held = new Set<Connection>();
  /** RELP: the peer has ended, and its last answers are on their way. */
  readonly parting = new Set<Connection>();
  /** Bytes that wait with connections. */
  keptBytes = 0;
  sessionCount = 0;
  readonly #parts: ConnectionsParts;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  #add(slot: number, count: number): void {
    (this.#parts.counts[slot] as number) += count;
  }

  open(origin: Origin, peer: Peer, isBalancer: boolean, nowMs: number): void {
    const { tokens, readiness, admission } = this.#parts;
    const connection = tokens.give((token) => this.#make(origin, peer, isBalancer, token, nowMs));
    this.all.add(connection);
    admission.opened();
    if (!isBalancer) connection.source = admission.enter(peer);
    if (connection.relp) {
      connection.relp.connection = connection;
      this.sessionCount += 1;
      sendWithoutDelay(origin.fd);
    }
    readiness.watch(origin.fd, connection.token);
    this.#add(listenerSlot(origin.listener, 'connections'), 1);
    this.#add(LANE_SLOT.connectionsOpen, 1);
  }

  #make(origin: Origin, peer: Peer, isBalancer: boolean, token: number, nowMs: number): Connection {
    const { relp, messageBytesMax } = this.#parts;
    const speaksRelp = origin.speaks === 'relp';
    return {
      ...origin,
      token,
      openedAtMs: nowMs,
      peer,
      source: undefined,
      header: isBalancer ? new ProxyHeader() : undefined,
      isMute: false,
      framer: speaksRelp ? undefined : new Framer({ messageBytesMax }),
      relp: speaksRelp ? relp.open() : undefined,
      activeAtMs: nowMs,
      watched: WATCH.reading,
      keptBytes: 0,
      isHeld: false,
      isStalled: false,
      hasEnded: false,
      closesAtMs: undefined,
      closing: 'session_ended',
      isClosed: false,
    };
  }

  close(connection: Connection, why: Closing): void {
    if (connection.isClosed) return;
    connection.isClosed = true;
    const { tokens, readiness, admission, relp } = this.#parts;
    // Before the peer can hear of it: whoever asks then is told.
    this.#add(LANE_SLOT.connectionsOpen, -1);
    this.#add(LANE_SLOT[`closed:${why}`], 1);
    if (connection.watched !== 0) readiness.forget(connection.fd);
    closeSocket(connection.fd);
    tokens.release(connection.token);
    this.all.delete(connection);
    this.held.delete(connection);
    this.parting.delete(connection);
    admission.closed(connection.source);
    this.keptBytes -= connection.keptBytes;
    if (connection.relp) {
      this.sessionCount -= 1;
      relp.close(connection.relp);
    }
  }

  /** Of somebody who has not been let in. */
  refuse(fd: number, listener: number, reason: Refusal): void {
    this.#add(listenerSlot(listener, `refused:${reason}`), 1);
    closeSocket(fd);
  }

  /** Refuses somebody who was let in before it was known who it is. */
  turnAway(connection: Connection, reason: Refusal & Closing): void {
    this.#add(listenerSlot(connection.listener, `refused:${reason}`), 1);
    this.close(connection, reason);
  }

  /** So many bytes wait with it now. */
  keep(connection: Connection, bytes: number): void {
    this.keptBytes += bytes - connection.keptBytes;
    connection.keptBytes = bytes;
  }

  hold(connection: Connection): void {
    if (connection.isHeld) return;
    connection.isHeld = true;
    this.held.add(connection);
    this.rewatch(connection);
    this.#add(LANE_SLOT.held, 1);
  }

  letGo(connection: Connection): void {
    connection.isHeld = false;
    this.held.delete(connection);
    if (connection.hasEnded) this.close(connection, 'by_peer');
    else this.rewatch(connection);
  }

  /** Watches the connection for what there is to do on it. */
  rewatch(connection: Connection): void {
    const { fd, token, watched } = connection;
    const wanted = wantedOf(connection);
    if (wanted === watched || connection.isClosed) return;
    connection.watched = wanted;
    const { readiness } = this.#parts;
    if (wanted === 0) readiness.forget(fd);
    else if (watched === 0) readiness.watch(fd, token, wanted);
    else readiness.change(fd, token, wanted);
  }
}

/**
 * Whoever sends by TCP and goes has left behind what is still to be read. A RELP client that goes sends it again:
 * it is looked for while it is not read, or those who come and go while a disk is full would fill the table.
 */
function wantedOf({ relp, isHeld, isStalled, hasEnded, closesAtMs }: Connection): number {
  if (hasEnded) return relp !== undefined && relp.output.length > 0 ? WATCH.writing : 0;
  const isRead = closesAtMs !== undefined || (!isHeld && !isStalled);
  if (relp === undefined) return isRead ? WATCH.reading : 0;
  return (isRead ? WATCH.reading : WATCH.ending) + (relp.output.length > 0 ? WATCH.writing : 0);
}
