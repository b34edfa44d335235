// The TCP side of a lane: accepts connections, tells messages apart on them, and gives each to the pipeline.
// When a file cannot take a message, its sender is held back: what was read already waits with the
// connection, nothing more is read from it, and TCP makes the sender wait.
//
// Limits: `syslog.maxConnections` at once; HELD_BYTES_MAX of bytes that wait, over all connections. Beyond it
// nobody is read while a file is in trouble, and otherwise (when it is unfinished messages that wait) the
// connections with the longest of them are ended.

import { acceptStream, type Readiness, readError, readStream } from '../../kernel/stream.ts';
import { closeSocket } from '../../kernel/socket.ts';
import type { SyslogConfig } from '../../config/server.ts';
import { Frame, Framer } from '../../syslog/framing.ts';
import type { Arena } from './arena.ts';
import { type Closing, LANE_SLOT, listenerSlot, type Refusal } from './counts.ts';
import type { LaneSocket } from './lane.port.ts';
import type { Peer, Peers } from './peers.ts';
import type { Pipeline } from './pipeline.ts';

/** Bytes taken from a connection at one go. */
export const READ_MAX = 131_072;
/**
 * The same while a file is in trouble: what is read may have to be held, and 8,192 senders can be held so before
 * HELD_BYTES_MAX stops those who write to other files.
 */
const READ_TROUBLED_MAX = 8192;
const HELD_BYTES_MAX = 64 * 1024 * 1024;
/**
 * What a receive buffer can have held when the stop began: the largest that net.ipv4.tcp_rmem allows by default
 * (tcp(7)). A sender that goes on sending has no claim to more.
 */
const STOP_BYTES_MAX = 6 * 1024 * 1024;
/** Connections accepted from one listener before others have their turn. */
const ACCEPT_MAX = 64;
/** As many as a backlog can hold (net.core.somaxconn is 4096 by default). */
const ACCEPT_REST_TURNS = 4096 / ACCEPT_MAX + 1;
/** After the system ran out of descriptors, nobody is accepted for so long. */
const ACCEPT_PAUSE_MS = 1000;
/** It is told no more often than this. */
const PAUSE_TELL_MS = 60_000;

export interface Connection {
  readonly fd: number;
  readonly token: number;
  readonly listener: number;
  peer: Peer;
  readonly framer: Framer;
  activeAtMs: number;
  /** Bytes that wait with the connection: an unfinished frame, or what was read and could not be taken. */
  keptBytes: number;
  isHeld: boolean;
  /** The peer has ended; what is held is all that will come. */
  hasEnded: boolean;
}

export interface StreamParts {
  readonly arena: Arena;
  /** Where reads go: behind `headroom` free bytes, with two spare bytes after READ_MAX. */
  readonly readAt: number;
  readonly readiness: Readiness;
  readonly pipeline: Pipeline;
  readonly peers: Peers;
  readonly counts: Float64Array;
  /** Hands out tokens for the readiness queue. */
  readonly tokens: Tokens<Connection | StreamListener>;
  /** Descriptors ran out, or are there again. */
  accepting(paused: boolean, error: string): void;
}

/** A listening socket, as it stands in the token table. */
export interface StreamListener {
  readonly socket: LaneSocket;
  readonly token: number;
}

/** Small numbers for things that the readiness queue tells of. */
export class Tokens<T> {
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];

  give(thing: (token: number) => T): T {
    const token = this.#free.pop() ?? this.#things.push(undefined) - 1;
    const made = thing(token);
    this.#things[token] = made;
    return made;
  }

  get(token: number): T | undefined {
    return this.#things[token];
  }

  release(token: number): void {
    this.#things[token] = undefined;
    this.#free.push(token);
  }
}

export class StreamIntake {
  readonly #parts: StreamParts;
  readonly #readInto: Buffer;
  readonly #readLittle: Buffer;
  readonly #frame = new Frame();
  readonly #connections = new Set<Connection>();
  readonly #held = new Set<Connection>();
  /** The arena has room for messages of the length that was configured at the start, and no more. */
  readonly #messageBytesMax: number;
  #config: SyslogConfig;
  #heldBytes = 0;
  #acceptAgainAtMs = 0;
  readonly #leftWaiting = new Set<StreamListener>();
  #pauseToldAtMs = 0;

  constructor(config: SyslogConfig, parts: StreamParts) {
    this.#config = config;
    this.#messageBytesMax = config.maxMessageBytes;
    this.#parts = parts;
    this.#readInto = parts.arena.bytes.subarray(parts.readAt, parts.readAt + READ_MAX);
    this.#readLittle = this.#readInto.subarray(0, READ_TROUBLED_MAX);
  }

  /** Who is connected is looked at anew: other zones apply at once, and who may not send any more goes. */
  configure(config: SyslogConfig): void {
    this.#config = config;
    for (const connection of this.#connections) {
      const { w0, w1, w2, w3 } = connection.peer.address;
      connection.peer = this.#parts.peers.find(w0, w1, w2, w3);
      if (connection.peer.allowed) continue;
      this.#add(listenerSlot(connection.listener, 'refused:not_allowed'), 1);
      this.#close(connection, 'not_allowed');
    }
  }

  get heldCount(): number {
    return this.#held.size;
  }

  #add(slot: number, count: number): void {
    (this.#parts.counts[slot] as number) += count;
  }

  // ---- who comes

  /** Takes who waits at a listener that is about to be closed: they were told that they are connected. */
  acceptRest(listener: StreamListener, nowMs: number): void {
    for (let turns = 0; turns < ACCEPT_REST_TURNS; turns += 1) this.accept(listener, nowMs);
  }

  accept(listener: StreamListener, nowMs: number): void {
    if (nowMs < this.#acceptAgainAtMs) {
      this.#leaveWaiting(listener);
      return;
    }
    for (let i = 0; i < ACCEPT_MAX; i += 1) {
      const accepted = acceptStream(listener.socket.fd);
      if (!accepted.ok) {
        if (accepted.error === 'EMFILE' || accepted.error === 'ENFILE')
          this.#pauseAccepting(listener, nowMs, accepted.error);
        return;
      }
      const { w0, w1, w2, w3 } = accepted.address;
      const peer = this.#parts.peers.find(w0, w1, w2, w3);
      const refusal = this.#refusal(peer);
      if (refusal === undefined) this.#open(accepted.fd, listener.socket.listener, peer, nowMs);
      else this.#refuse(accepted.fd, listener.socket.listener, refusal);
    }
  }

  #refusal(peer: Peer): Refusal | undefined {
    if (!peer.allowed) return 'not_allowed';
    return this.#connections.size >= this.#config.maxConnections ? 'too_many_connections' : undefined;
  }

  #refuse(fd: number, listener: number, reason: Refusal): void {
    this.#add(listenerSlot(listener, `refused:${reason}`), 1);
    closeSocket(fd);
  }

  #pauseAccepting(listener: StreamListener, nowMs: number, error: string): void {
    this.#add(listenerSlot(listener.socket.listener, 'refused:too_many_open_files'), 1);
    this.#acceptAgainAtMs = nowMs + ACCEPT_PAUSE_MS;
    this.#leaveWaiting(listener);
    if (Math.abs(nowMs - this.#pauseToldAtMs) < PAUSE_TELL_MS) return;
    this.#pauseToldAtMs = nowMs;
    this.#parts.accepting(true, error);
  }

  /** Who waits there would be told of at once and again and again, and the lane do nothing else. */
  #leaveWaiting(listener: StreamListener): void {
    this.#parts.readiness.forget(listener.socket.fd);
    this.#leftWaiting.add(listener);
  }

  #acceptAgain(): void {
    this.#acceptAgainAtMs = 0;
    this.#parts.accepting(false, '');
    for (const listener of this.#leftWaiting) {
      // It may have been closed meanwhile.
      if (this.#parts.tokens.get(listener.token) === listener)
        this.#parts.readiness.watch(listener.socket.fd, listener.token);
    }
    this.#leftWaiting.clear();
  }

  #open(fd: number, listener: number, peer: Peer, nowMs: number): void {
    const { tokens, readiness } = this.#parts;
    const framer = new Framer({ messageBytesMax: this.#messageBytesMax });
    const connection = tokens.give((token) => ({
      fd,
      token,
      listener,
      peer,
      framer,
      activeAtMs: nowMs,
      keptBytes: 0,
      isHeld: false,
      hasEnded: false,
    })) as Connection;
    this.#connections.add(connection);
    readiness.watch(fd, connection.token);
    this.#add(listenerSlot(listener, 'connections'), 1);
    this.#add(LANE_SLOT.connectionsOpen, 1);
  }

  #close(connection: Connection, why: Closing): void {
    const { tokens, readiness } = this.#parts;
    if (!connection.isHeld) readiness.forget(connection.fd);
    closeSocket(connection.fd);
    tokens.release(connection.token);
    this.#connections.delete(connection);
    this.#held.delete(connection);
    this.#heldBytes -= connection.keptBytes;
    this.#add(LANE_SLOT.connectionsOpen, -1);
    this.#add(LANE_SLOT[`closed:${why}`], 1);
  }

  // ---- what comes

  /** Reads once from a connection that has something. Returns the bytes read. */
  read(connection: Connection, nowMs: number): number {
    if (this.#heldBytes > HELD_BYTES_MAX && this.#parts.pipeline.files.troubledCount > 0) {
      this.#hold(connection);
      return 0;
    }
    const isTroubled = this.#parts.pipeline.files.troubledCount > 0;
    const count = readStream(connection.fd, isTroubled ? this.#readLittle : this.#readInto);
    if (count > 0) {
      connection.activeAtMs = nowMs;
      this.#take(connection, count);
      return count;
    }
    if (count < 0) {
      const error = readError();
      if (error === 'EAGAIN' || error === 'EINTR') return 0;
    }
    this.#end(connection, count < 0 ? 'reset' : 'by_peer');
    return 0;
  }

  /** No more will come: the last line may be unfinished, and is a message all the same. */
  #end(connection: Connection, why: Closing): void {
    connection.hasEnded = true;
    connection.framer.finish();
    this.#take(connection, 0);
    // One that was held, and could give what it had, is closed already.
    if (!connection.isHeld && this.#connections.has(connection)) this.#close(connection, why);
  }

  /** Gives all whole messages to the pipeline; `count` new bytes lie at `readAt`. */
  #take(connection: Connection, count: number): void {
    const { arena, readAt, pipeline } = this.#parts;
    const { framer, peer, listener } = connection;
    const frame = this.#frame;
    let isHeld = false;
    framer.feed(arena.bytes, readAt, readAt + count);
    while (framer.next(frame)) {
      if (!pipeline.takeOrHold(frame.start, frame.end, peer, listener)) {
        framer.refuse();
        isHeld = true;
        break;
      }
      if (frame.cut) this.#add(listenerSlot(listener, 'oversized'), 1);
      if (frame.partial) this.#add(LANE_SLOT.partialFrames, 1);
    }
    const kept = framer.keepRest();
    this.#heldBytes += kept - connection.keptBytes;
    connection.keptBytes = kept;
    if (isHeld) this.#hold(connection);
    else if (connection.isHeld) this.#letGo(connection);
  }

  #hold(connection: Connection): void {
    if (connection.isHeld) return;
    connection.isHeld = true;
    this.#held.add(connection);
    this.#parts.readiness.forget(connection.fd);
    this.#add(LANE_SLOT.held, 1);
  }

  #letGo(connection: Connection): void {
    connection.isHeld = false;
    this.#held.delete(connection);
    this.#parts.readiness.watch(connection.fd, connection.token);
    if (connection.hasEnded) this.#close(connection, 'by_peer');
  }

  /** Offers held messages again; called now and then while there are any. */
  resume(): void {
    for (const connection of this.#held) {
      if (this.#parts.pipeline.files.troubledCount > 0 && connection.keptBytes === 0) continue;
      this.#take(connection, 0);
    }
  }

  // ---- who stays

  tick(nowMs: number): void {
    const pauseMs = this.#acceptAgainAtMs - nowMs;
    // A clock that was set back does not make the pause longer.
    if (this.#acceptAgainAtMs !== 0 && (pauseMs <= 0 || pauseMs > ACCEPT_PAUSE_MS)) this.#acceptAgain();
    if (this.#heldBytes > HELD_BYTES_MAX && this.#parts.pipeline.files.troubledCount === 0)
      this.#endLongest();
    const { idleTimeoutMs } = this.#config;
    if (idleTimeoutMs === 0) return;
    for (const connection of this.#connections) {
      if (!connection.isHeld && nowMs - connection.activeAtMs >= idleTimeoutMs) this.#end(connection, 'idle');
    }
  }

  #endLongest(): void {
    const longest = [...this.#connections].sort((a, b) => b.keptBytes - a.keptBytes);
    for (const connection of longest) {
      if (this.#heldBytes <= HELD_BYTES_MAX / 2) return;
      this.#end(connection, 'memory');
    }
  }

  /** Reads what the kernel has received already, in turns, up to the deadline, and closes everyone. */
  stop(untilMs: number): void {
    let open = [...this.#connections];
    for (let bytes = 0; bytes < STOP_BYTES_MAX && Date.now() < untilMs; bytes += READ_MAX) {
      const nowMs = Date.now();
      open = open.filter((connection) => !connection.isHeld && this.read(connection, nowMs) > 0);
      if (open.length === 0) break;
    }
    for (const connection of this.#connections) {
      if (!connection.isHeld) this.#end(connection, 'stopped');
    }
  }

  /** What is still held when the time is up: the rest is lost, and told. */
  abandon(): number {
    const bytes = this.#heldBytes;
    for (const connection of this.#connections) this.#close(connection, 'stopped');
    return bytes;
  }
}
