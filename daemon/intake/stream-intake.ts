// The connections of a lane: reads them, tells messages apart on them, and gives each to the pipeline. When a
// file cannot take a message, its sender is held back: what was read already waits with the connection, nothing
// more is read from it, and TCP makes the sender wait. What is said on RELP connections stands in relp-talk.ts.
//
// Limits: `syslog.maxConnections` at once, `syslog.maxConnectionsPerSource`; HELD_BYTES_MAX of bytes that wait,
// over all connections. Beyond it nobody is read while a file is in trouble, and otherwise (when it is unfinished
// messages that wait) the connections with the longest of them are ended.

import { type Readiness, readStream, streamError, WATCH } from '../../kernel/stream.ts';
import type { SyslogConfig } from '../../config/server.ts';
import { Frame, type Framer } from '../../syslog/framing.ts';
import { Acceptor, type Arrived } from './acceptor.ts';
import { Admission } from './admission.ts';
import { Answering } from './answering.ts';
import type { Arena } from './arena.ts';
import type { Connection, StreamListener, Tokens } from './connection.ts';
import { Connections } from './connections.ts';
import { type Closing, LANE_SLOT, listenerSlot } from './counts.ts';
import type { LaneOrder } from './lane.port.ts';
import type { Peer, Peers } from './peers.ts';
import type { Pipeline } from './pipeline.ts';
import { RelpSide } from './relp-talk.ts';

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

export class StreamIntake {
  readonly acceptor: Acceptor;
  readonly #parts: StreamParts;
  readonly #admission: Admission;
  readonly #connections: Connections;
  readonly #relp: RelpSide;
  readonly #answering: Answering;
  readonly #readInto: Buffer;
  readonly #readLittle: Buffer;
  readonly #frame = new Frame();
  #config: SyslogConfig;
  #isStopping = false;

  /** The arena has room for messages of the length that is configured now, and no more. */
  constructor(config: SyslogConfig, parts: StreamParts) {
    const messageBytesMax = config.maxMessageBytes;
    const { arena, readAt } = parts;
    this.#config = config;
    this.#parts = parts;
    this.#readInto = arena.bytes.subarray(readAt, readAt + READ_MAX);
    this.#readLittle = this.#readInto.subarray(0, READ_TROUBLED_MAX);
    this.#admission = new Admission(config);
    const [admission, relp] = [this.#admission, new RelpSide({ ...parts, messageBytesMax })];
    this.#relp = relp;
    this.#connections = new Connections({ ...parts, admission, relp, messageBytesMax });
    this.#answering = new Answering({
      connections: this.#connections,
      relp,
      readInto: this.#readInto,
      takeKept: (connection) => this.#takeKept(connection),
    });
    this.#answering.lingerMs = config.handshakeTimeoutMs;
    this.acceptor = new Acceptor({ ...parts, arrived: (...one) => this.#arrive(...one) });
  }

  /** Who is connected is looked at anew: other zones apply at once, and who may not send any more goes. */
  configure(config: SyslogConfig): void {
    this.#config = config;
    this.#admission.configure(config);
    this.#answering.lingerMs = config.handshakeTimeoutMs;
    for (const connection of this.#connections.all) {
      connection.peer = this.#find(connection.peer.address, connection.peer.certName);
      if (connection.header !== undefined) continue;
      if (connection.isMute) connection.isMute = !connection.peer.allowed;
      else if (!connection.peer.allowed) this.#connections.turnAway(connection, 'not_allowed');
    }
  }

  #find({ w0, w1, w2, w3 }: Peer['address'], certName?: string): Peer {
    return this.#parts.peers.find(w0, w1, w2, w3, certName);
  }

  get heldCount(): number {
    return this.#connections.held.size;
  }

  /** RELP clients wait for a flush. */
  get isWaitedFor(): boolean {
    return this.#relp.isWaitedFor;
  }

  /** There are answers to be sent. */
  get hasAnswers(): boolean {
    return this.#relp.hasDue;
  }

  get sessionCount(): number {
    return this.#connections.sessionCount;
  }

  /** More bytes wait than may. */
  get isOverfull(): boolean {
    return this.#connections.keptBytes > HELD_BYTES_MAX;
  }

  get #isTroubled(): boolean {
    return this.#parts.pipeline.files.troubledCount > 0;
  }

  #add(slot: number, count: number): void {
    (this.#parts.counts[slot] as number) += count;
  }

  // ---- who comes

  #arrive({ fd, address }: Arrived, { socket }: StreamListener, nowMs: number): void {
    const { listener, speaks } = socket;
    const peer = this.#find(address);
    const isBalancer = this.#admission.isBalancer(peer.address);
    const refusal = this.#admission.crowded ?? (isBalancer ? undefined : this.#admission.refusal(peer));
    const via = speaks === 'relp' ? 'relp' : 'tcp';
    if (refusal !== undefined) this.#connections.refuse(fd, listener, refusal);
    else this.#connections.open({ fd, listener, speaks, via }, peer, isBalancer, nowMs);
  }

  /** A connection that somebody else has accepted, and unwraps (order `adopt`). */
  adopt(order: Extract<LaneOrder, { kind: 'adopt' }>, nowMs: number): void {
    const { fd, listener, address, certName, speaks } = order;
    const peer = this.#find(address, certName);
    const full = this.#isStopping ? 'too_many_connections' : this.#admission.crowded;
    const refusal = full ?? this.#admission.refusal(peer);
    const via = speaks === 'relp' ? 'relps' : 'tls';
    if (refusal !== undefined) this.#connections.refuse(fd, listener, refusal);
    else this.#connections.open({ fd, listener, speaks, via }, peer, false, nowMs);
  }

  // ---- what comes

  /** The readiness queue has told of it, in its place `i`. Returns the bytes read. */
  ready(connection: Connection, nowMs: number, i: number): number {
    const { readiness } = this.#parts;
    const { watched, relp } = connection;
    if (relp && relp.output.length > 0 && readiness.canWrite(i)) {
      connection.activeAtMs = nowMs;
      this.#relp.makeDue(relp);
    }
    if ((watched & WATCH.reading) !== 0) return readiness.canRead(i) ? this.#read(connection, nowMs) : 0;
    if ((watched & WATCH.ending) !== 0 && readiness.hasEnded(i))
      this.#connections.close(connection, 'by_peer');
    return 0;
  }

  /** Reads once from a connection that has something. Returns the bytes read. */
  #read(connection: Connection, nowMs: number): number {
    if (connection.closesAtMs !== undefined) {
      this.#answering.readAway(connection);
      return 0;
    }
    if (this.#isTroubled && this.isOverfull) {
      this.#connections.hold(connection);
      return 0;
    }
    const count = readStream(connection.fd, this.#isTroubled ? this.#readLittle : this.#readInto);
    if (count > 0) {
      connection.activeAtMs = nowMs;
      this.#takeRead(connection, this.#parts.readAt, this.#parts.readAt + count);
      return count;
    }
    if (count < 0) {
      const error = streamError();
      if (error === 'EAGAIN' || error === 'EINTR') return 0;
    }
    this.#end(connection, count < 0 ? 'reset' : 'by_peer');
    return 0;
  }

  #takeRead(connection: Connection, start: number, end: number): void {
    const from = connection.header === undefined ? start : this.#takeHeader(connection, start, end);
    if (from === end || connection.isClosed) return;
    if (connection.isMute) this.#connections.turnAway(connection, 'not_allowed');
    else this.#take(connection, from, end);
  }

  /** Where the data begins behind the header of a balancer. */
  #takeHeader(connection: Connection, start: number, end: number): number {
    const { header } = connection;
    if (header === undefined) return start;
    const at = header.feed(this.#parts.arena.bytes, start, end);
    if (header.state === 'bad') this.#connections.turnAway(connection, 'bad_proxy_header');
    if (header.state !== 'done') return end;
    connection.header = undefined;
    if (header.source === undefined) connection.isMute = !connection.peer.allowed;
    else this.#introduce(connection, this.#find(header.source.address));
    return at;
  }

  /** It is known now who is at the other end. */
  #introduce(connection: Connection, peer: Peer): void {
    const refusal = this.#admission.refusal(peer);
    connection.peer = peer;
    if (refusal === undefined) connection.source = this.#admission.enter(peer);
    else this.#connections.turnAway(connection, refusal);
  }

  /** No more will come: the last line may be unfinished, and is a message all the same. */
  #end(connection: Connection, why: Closing): void {
    const { header, relp, framer } = connection;
    connection.hasEnded = true;
    if (header !== undefined && header.length > 0 && why === 'by_peer') {
      this.#connections.turnAway(connection, 'bad_proxy_header');
    } else if (relp) {
      this.#answering.peerEnded(connection, relp, why);
    } else {
      framer?.finish();
      this.#takeKept(connection);
      // One that was held, and could give what it had, is closed already.
      if (!connection.isHeld) this.#connections.close(connection, why);
    }
  }

  /** Gives all whole messages to the pipeline. */
  #take(connection: Connection, start: number, end: number): void {
    const { relp, framer } = connection;
    this.#parts.pipeline.setVia(connection.via);
    const isTaken = relp
      ? this.#relp.take(connection, relp, start, end)
      : framer === undefined || this.#takeFrames(connection, framer, start, end);
    this.#connections.keep(connection, (relp ? relp.session : framer)?.keepRest() ?? 0);
    if (relp) connection.isStalled = relp.session.isFull;
    if (!isTaken) this.#connections.hold(connection);
    else if (connection.isHeld) this.#connections.letGo(connection);
    else if (relp) this.#connections.rewatch(connection);
  }

  #takeFrames({ peer, listener }: Connection, framer: Framer, start: number, end: number): boolean {
    const { arena, pipeline } = this.#parts;
    const frame = this.#frame;
    framer.feed(arena.bytes, start, end);
    while (framer.next(frame)) {
      if (!pipeline.takeOrHold(frame.start, frame.end, peer, listener)) {
        framer.refuse();
        return false;
      }
      if (frame.cut) this.#add(listenerSlot(listener, 'oversized'), 1);
      if (frame.partial) this.#add(LANE_SLOT.partialFrames, 1);
    }
    return true;
  }

  /** Offers held messages again; called now and then while there are any. */
  resume(): void {
    for (const connection of this.#connections.held) {
      if (this.#isTroubled && connection.keptBytes === 0) continue;
      this.#takeKept(connection);
    }
  }

  #takeKept(connection: Connection): void {
    this.#take(connection, this.#parts.readAt, this.#parts.readAt);
  }

  /** Sends RELP clients the answers that are there. `isFlushed`: what was taken is written, or cannot be. */
  answer(nowMs: number, isFlushed: boolean): void {
    if (isFlushed || this.#relp.hasDue) this.#answering.answer(nowMs, isFlushed);
  }

  // ---- who stays

  tick(nowMs: number): void {
    this.acceptor.tick(nowMs);
    if (this.isOverfull && !this.#isTroubled) this.#endLongest();
    for (const connection of this.#connections.all) this.#checkTimes(connection, nowMs);
  }

  #checkTimes(connection: Connection, nowMs: number): void {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#config;
    const { relp, header, openedAtMs } = connection;
    if (connection.closesAtMs !== undefined) {
      this.#answering.checkEnd(connection, nowMs);
      return;
    }
    const isStranger = header !== undefined || (relp !== undefined && !relp.session.isOpen);
    // Without a sign: a clock that was set back gives nobody more time.
    if (isStranger && Math.abs(nowMs - openedAtMs) >= handshakeTimeoutMs)
      this.#connections.close(connection, 'handshake');
    else if (idleTimeoutMs > 0 && nowMs - connection.activeAtMs >= idleTimeoutMs) this.#endIdle(connection);
  }

  /** Who waits for a file, or for the answer to a message, is not idle. */
  #endIdle(connection: Connection): void {
    const { relp } = connection;
    if (connection.isHeld) return;
    if (!relp) this.#end(connection, 'idle');
    else if (relp.output.length > 0) this.#connections.close(connection, 'idle');
    else if (relp.session.unanswered === 0) this.#answering.end(connection, relp, 'idle');
  }

  #endLongest(): void {
    const longest = [...this.#connections.all].sort((a, b) => b.keptBytes - a.keptBytes);
    for (const connection of longest) {
      if (this.#connections.keptBytes <= HELD_BYTES_MAX / 2) return;
      this.#end(connection, 'memory');
    }
  }

  /**
   * Reads what the kernel has received already, in turns, up to the deadline, and closes who only sends. RELP
   * clients keep what was not taken: they get their answers, and are told to end.
   */
  stop(untilMs: number): void {
    this.#isStopping = true;
    let open = [...this.#connections.all].filter(({ relp }) => !relp);
    for (let bytes = 0; bytes < STOP_BYTES_MAX && Date.now() < untilMs; bytes += READ_MAX) {
      const nowMs = Date.now();
      open = open.filter(
        (connection) => !connection.isClosed && !connection.isHeld && this.#read(connection, nowMs) > 0,
      );
      if (open.length === 0) break;
    }
    for (const connection of this.#connections.all) {
      if (connection.relp) this.#answering.stop(connection, connection.relp);
      else if (!connection.isHeld) this.#end(connection, 'stopped');
    }
  }

  /** What is still held when the time is up: the rest is lost, and told. */
  abandon(): number {
    const bytes = this.#connections.keptBytes;
    for (const connection of this.#connections.all) this.#connections.close(connection, 'stopped');
    return bytes;
  }
}
