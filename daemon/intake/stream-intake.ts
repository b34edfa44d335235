// The connections of a lane: reads them, tells messages apart on them, and gives each to the pipeline. When a
// file cannot take a message, its sender is held back: what was read already waits with the connection, nothing
// more is read from it, and TCP makes the sender wait. What is said on RELP connections stands in relp-talk.ts.
//
// Limits: `syslog.maxConnections` at once, `syslog.maxConnectionsPerSource`; HELD_BYTES_MAX of bytes that wait,
// over all connections. Beyond it nobody is read while a file is in trouble, and otherwise (when it is unfinished
// messages that wait) the connections with the longest of them are ended.

import {
  endSending,
  type Readiness,
  readStream,
  sendWithoutDelay,
  streamError,
  WATCH,
  type Watch,
} from '../../kernel/stream.ts';
import { closeSocket } from '../../kernel/socket.ts';
import type { SyslogConfig } from '../../config/server.ts';
import { Frame, Framer } from '../../syslog/framing.ts';
import { ProxyHeader } from '../../syslog/proxy.ts';
import { Acceptor, type Arrived } from './acceptor.ts';
import { Admission } from './admission.ts';
import type { Arena } from './arena.ts';
import type { Connection, Origin, StreamListener, Tokens } from './connection.ts';
import { type Closing, LANE_SLOT, listenerSlot, type Refusal } from './counts.ts';
import type { LaneOrder } from './lane.port.ts';
import type { Peer, Peers } from './peers.ts';
import type { Pipeline } from './pipeline.ts';
import { RelpSide, type RelpTalk } from './relp-talk.ts';

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
/** At a stop, a RELP client has so long to read its last answers and to end its side. */
const STOP_LINGER_MS = 250;
/** What a client that was told to end may still send at one go; it is read and thrown away. */
const READ_AWAY_TURNS = 8;

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
  readonly #relp: RelpSide;
  readonly #readInto: Buffer;
  readonly #readLittle: Buffer;
  readonly #frame = new Frame();
  readonly #connections = new Set<Connection>();
  readonly #held = new Set<Connection>();
  /** RELP: the peer has ended, and its last answers are on their way. */
  readonly #parting = new Set<Connection>();
  /** The arena has room for messages of the length that was configured at the start, and no more. */
  readonly #messageBytesMax: number;
  #config: SyslogConfig;
  #heldBytes = 0;
  #sessions = 0;
  #isStopping = false;

  constructor(config: SyslogConfig, parts: StreamParts) {
    this.#config = config;
    this.#messageBytesMax = config.maxMessageBytes;
    this.#parts = parts;
    this.#admission = new Admission(config);
    const { arena, pipeline, counts } = parts;
    this.#relp = new RelpSide({ arena, pipeline, counts, messageBytesMax: this.#messageBytesMax });
    this.acceptor = new Acceptor({
      ...parts,
      arrived: (accepted, listener, nowMs) => this.#arrive(accepted, listener, nowMs),
    });
    this.#readInto = arena.bytes.subarray(parts.readAt, parts.readAt + READ_MAX);
    this.#readLittle = this.#readInto.subarray(0, READ_TROUBLED_MAX);
  }

  /** Who is connected is looked at anew: other zones apply at once, and who may not send any more goes. */
  configure(config: SyslogConfig): void {
    this.#config = config;
    this.#admission.configure(config);
    for (const connection of this.#connections) {
      const { address, certName } = connection.peer;
      connection.peer = this.#parts.peers.find(address.w0, address.w1, address.w2, address.w3, certName);
      if (connection.header !== undefined) continue;
      if (connection.isMute) connection.isMute = !connection.peer.allowed;
      else if (!connection.peer.allowed) this.#turnAway(connection, 'not_allowed');
    }
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** RELP clients wait for a flush. */
  get isWaitedFor(): boolean {
    return this.#relp.isWaitedFor;
  }

  /** More bytes wait than may. */
  get isOverfull(): boolean {
    return this.#heldBytes > HELD_BYTES_MAX;
  }

  get sessionCount(): number {
    return this.#sessions;
  }

  #add(slot: number, count: number): void {
    (this.#parts.counts[slot] as number) += count;
  }

  // ---- who comes

  #arrive({ fd, address }: Arrived, { socket }: StreamListener, nowMs: number): void {
    const peer = this.#parts.peers.find(address.w0, address.w1, address.w2, address.w3);
    const isBalancer = this.#admission.isBalancer(peer.address);
    const { listener, speaks } = socket;
    const refusal = this.#admission.crowded ?? (isBalancer ? undefined : this.#admission.refusal(peer));
    if (refusal !== undefined) this.#refuse(fd, listener, refusal);
    else
      this.#open({ fd, listener, speaks, via: speaks === 'relp' ? 'relp' : 'tcp' }, peer, isBalancer, nowMs);
  }

  /** A connection that somebody else has accepted, and unwraps (order `adopt`). */
  adopt(order: Extract<LaneOrder, { kind: 'adopt' }>, nowMs: number): void {
    const { fd, listener, address, certName, speaks } = order;
    const peer = this.#parts.peers.find(address.w0, address.w1, address.w2, address.w3, certName);
    const refusal = this.#isStopping ? 'too_many_connections' : this.#refusal(peer);
    if (refusal !== undefined) this.#refuse(fd, listener, refusal);
    else this.#open({ fd, listener, speaks, via: speaks === 'relp' ? 'relps' : 'tls' }, peer, false, nowMs);
  }

  #refusal(peer: Peer): Refusal | undefined {
    return this.#admission.refusal(peer) ?? this.#admission.crowded;
  }

  #refuse(fd: number, listener: number, reason: Refusal): void {
    this.#add(listenerSlot(listener, `refused:${reason}`), 1);
    closeSocket(fd);
  }

  #open(origin: Origin, peer: Peer, isBalancer: boolean, nowMs: number): void {
    const { tokens, readiness } = this.#parts;
    const relp = origin.speaks === 'relp' ? this.#relp.open() : undefined;
    const framer = relp ? undefined : new Framer({ messageBytesMax: this.#messageBytesMax });
    const connection = tokens.give<Connection>((token) => ({
      ...origin,
      token,
      openedAtMs: nowMs,
      peer,
      source: isBalancer ? undefined : this.#admission.enter(peer),
      header: isBalancer ? new ProxyHeader() : undefined,
      isMute: false,
      framer,
      relp,
      activeAtMs: nowMs,
      watched: WATCH.reading,
      keptBytes: 0,
      isHeld: false,
      isStalled: false,
      hasEnded: false,
      closesAtMs: undefined,
      closing: 'session_ended',
      isClosed: false,
    }));
    if (relp) {
      relp.connection = connection;
      this.#sessions += 1;
      sendWithoutDelay(origin.fd);
    }
    this.#connections.add(connection);
    this.#admission.opened();
    readiness.watch(origin.fd, connection.token);
    this.#add(listenerSlot(origin.listener, 'connections'), 1);
    this.#add(LANE_SLOT.connectionsOpen, 1);
  }

  #close(connection: Connection, why: Closing): void {
    if (connection.isClosed) return;
    connection.isClosed = true;
    const { tokens, readiness } = this.#parts;
    if (connection.watched !== undefined) readiness.forget(connection.fd);
    closeSocket(connection.fd);
    tokens.release(connection.token);
    this.#connections.delete(connection);
    this.#held.delete(connection);
    this.#parting.delete(connection);
    this.#admission.closed(connection.source);
    this.#heldBytes -= connection.keptBytes;
    if (connection.relp) {
      this.#sessions -= 1;
      this.#relp.close(connection.relp);
    }
    this.#add(LANE_SLOT.connectionsOpen, -1);
    this.#add(LANE_SLOT[`closed:${why}`], 1);
  }

  /** Refuses somebody who was let in before it was known who it is. */
  #turnAway(connection: Connection, reason: Refusal & Closing): void {
    this.#add(listenerSlot(connection.listener, `refused:${reason}`), 1);
    this.#close(connection, reason);
  }

  /** Watches the connection for what there is to do on it. */
  #rewatch(connection: Connection): void {
    const { fd, token, watched, relp, closesAtMs } = connection;
    const isRead = !connection.isHeld && !connection.isStalled && !connection.hasEnded;
    const reads = isRead || (closesAtMs !== undefined && !connection.hasEnded);
    const writes = relp !== undefined && relp.output.length > 0;
    const wanted = writes ? (reads ? WATCH.both : WATCH.writing) : reads ? WATCH.reading : undefined;
    if (wanted === watched || connection.isClosed) return;
    connection.watched = wanted;
    this.#setWatch(fd, token, watched, wanted);
  }

  #setWatch(fd: number, token: number, was: Watch | undefined, wanted: Watch | undefined): void {
    const { readiness } = this.#parts;
    if (wanted === undefined) readiness.forget(fd);
    else if (was === undefined) readiness.watch(fd, token, wanted);
    else readiness.change(fd, token, wanted);
  }

  // ---- what comes

  /** The readiness queue has told of it. Returns the bytes read. */
  ready(connection: Connection, nowMs: number, canWrite: boolean, canRead: boolean): number {
    const { watched, relp } = connection;
    if (canWrite && relp && relp.output.length > 0) {
      connection.activeAtMs = nowMs;
      this.#relp.makeDue(relp);
    }
    return canRead && watched !== WATCH.writing ? this.#read(connection, nowMs) : 0;
  }

  /** Reads once from a connection that has something. Returns the bytes read. */
  #read(connection: Connection, nowMs: number): number {
    if (connection.closesAtMs !== undefined) return this.#readAway(connection);
    const isTroubled = this.#parts.pipeline.files.troubledCount > 0;
    if (isTroubled && this.#heldBytes > HELD_BYTES_MAX) {
      this.#hold(connection);
      return 0;
    }
    const count = readStream(connection.fd, isTroubled ? this.#readLittle : this.#readInto);
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
    if (connection.isClosed || (connection.header !== undefined && from === end)) return;
    if (connection.isMute && from < end) this.#turnAway(connection, 'not_allowed');
    else this.#take(connection, from, end);
  }

  /** Where the data begins behind the header of a balancer. */
  #takeHeader(connection: Connection, start: number, end: number): number {
    const { header } = connection;
    if (header === undefined) return start;
    const at = header.feed(this.#parts.arena.bytes, start, end);
    if (header.state === 'bad') this.#turnAway(connection, 'bad_proxy_header');
    if (header.state !== 'done') return end;
    connection.header = undefined;
    if (header.source === undefined) connection.isMute = !connection.peer.allowed;
    else this.#introduce(connection, header.source.address);
    return at;
  }

  /** It is known now who is at the other end. */
  #introduce(connection: Connection, { w0, w1, w2, w3 }: Peer['address']): void {
    const peer = this.#parts.peers.find(w0, w1, w2, w3);
    const refusal = this.#admission.refusal(peer);
    connection.peer = peer;
    if (refusal === 'not_allowed' || refusal === 'too_many_from_source') this.#turnAway(connection, refusal);
    else connection.source = this.#admission.enter(peer);
  }

  /** No more will come: the last line may be unfinished, and is a message all the same. */
  #end(connection: Connection, why: Closing): void {
    connection.hasEnded = true;
    if (connection.header !== undefined && connection.header.length > 0 && why === 'by_peer') {
      this.#turnAway(connection, 'bad_proxy_header');
    } else if (connection.relp) {
      this.#endSession(connection, connection.relp, why);
    } else {
      connection.framer?.finish();
      this.#take(connection, this.#parts.readAt, this.#parts.readAt);
      // One that was held, and could give what it had, is closed already.
      if (!connection.isHeld) this.#close(connection, why);
    }
  }

  /** A peer that has only stopped to send may read answers still: it gets those that the next flush brings. */
  #endSession(connection: Connection, relp: RelpTalk, why: Closing): void {
    if (why !== 'by_peer' || relp.session.unanswered === 0) {
      this.#close(connection, why);
      return;
    }
    this.#parting.add(connection);
    this.#rewatch(connection);
    this.#relp.isWaitedFor = true;
  }

  /** Gives all whole messages to the pipeline. */
  #take(connection: Connection, start: number, end: number): void {
    const { relp, framer } = connection;
    this.#parts.pipeline.setVia(connection.via);
    const isTaken = relp
      ? this.#relp.take(connection, relp, start, end)
      : framer === undefined || this.#takeFrames(connection, framer, start, end);
    const kept = (relp ? relp.session : framer)?.keepRest() ?? 0;
    this.#heldBytes += kept - connection.keptBytes;
    connection.keptBytes = kept;
    if (relp) connection.isStalled = relp.session.isFull;
    if (!isTaken) this.#hold(connection);
    else if (connection.isHeld) this.#letGo(connection);
    else if (relp) this.#rewatch(connection);
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

  #hold(connection: Connection): void {
    if (connection.isHeld) return;
    connection.isHeld = true;
    this.#held.add(connection);
    this.#rewatch(connection);
    this.#add(LANE_SLOT.held, 1);
  }

  #letGo(connection: Connection): void {
    connection.isHeld = false;
    this.#held.delete(connection);
    if (connection.hasEnded) this.#close(connection, 'by_peer');
    else this.#rewatch(connection);
  }

  /** Offers held messages again; called now and then while there are any. */
  resume(): void {
    for (const connection of this.#held) {
      if (this.#parts.pipeline.files.troubledCount > 0 && connection.keptBytes === 0) continue;
      this.#takeKept(connection);
    }
  }

  #takeKept(connection: Connection): void {
    this.#take(connection, this.#parts.readAt, this.#parts.readAt);
  }

  // ---- what RELP clients are told

  /** Sends the answers that are there. `isFlushed`: all that was taken before has been written, or cannot be. */
  answer(nowMs: number, isFlushed: boolean): void {
    if (isFlushed) this.#relp.isWaitedFor = false;
    while (this.#relp.hasDue) {
      for (const talk of this.#relp.takeDue()) {
        if (!talk.isOver && talk.connection) this.#answerOne(talk.connection, talk, nowMs);
      }
    }
    if (!isFlushed) return;
    for (const connection of this.#parting) this.#close(connection, 'by_peer');
  }

  #answerOne(connection: Connection, talk: RelpTalk, nowMs: number): void {
    if (talk.isLost) {
      this.#close(connection, 'not_synced');
      return;
    }
    const sent = this.#relp.send(connection.fd, talk);
    if (sent === 'broken') {
      this.#close(connection, 'reset');
      return;
    }
    if (talk.session.ending !== undefined) this.#part(connection, talk, sent === 'sent', nowMs);
    else if (connection.isStalled && !connection.isHeld && !talk.session.isFull) this.#takeKept(connection);
    this.#rewatch(connection);
  }

  /** The session is over: when its last words are sent, the peer has some time to read them. */
  #part(connection: Connection, talk: RelpTalk, isSent: boolean, nowMs: number): void {
    const { handshakeTimeoutMs } = this.#config;
    if (talk.session.ending) this.#relp.countEnd(talk, talk.session.ending);
    connection.closesAtMs ??= nowMs + (this.#isStopping ? STOP_LINGER_MS : handshakeTimeoutMs);
    if (!isSent) return;
    endSending(connection.fd);
    if (connection.hasEnded) this.#close(connection, connection.closing);
  }

  /** After the end of a session: until the peer has ended too, what it says is passed over. */
  #readAway(connection: Connection): number {
    for (let turns = 0; turns < READ_AWAY_TURNS; turns += 1) {
      const count = readStream(connection.fd, this.#readInto);
      if (count > 0) continue;
      const waits = count < 0 && ['EAGAIN', 'EINTR'].includes(streamError());
      if (!waits) this.#close(connection, connection.closing);
      break;
    }
    return 0;
  }

  // ---- who stays

  tick(nowMs: number): void {
    this.acceptor.tick(nowMs);
    if (this.isOverfull && this.#parts.pipeline.files.troubledCount === 0) this.#endLongest();
    for (const connection of this.#connections) this.#checkTimes(connection, nowMs);
  }

  /** Differences without a sign: a clock that was set back lets nobody stay for longer. */
  #checkTimes(connection: Connection, nowMs: number): void {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#config;
    const { relp, closesAtMs } = connection;
    if (closesAtMs !== undefined) {
      if (nowMs >= closesAtMs || closesAtMs - nowMs > Math.max(handshakeTimeoutMs, STOP_LINGER_MS))
        this.#close(connection, connection.closing);
      return;
    }
    const isStranger = connection.header !== undefined || (relp !== undefined && !relp.session.isOpen);
    if (isStranger && Math.abs(nowMs - connection.openedAtMs) >= handshakeTimeoutMs)
      this.#close(connection, 'handshake');
    else if (idleTimeoutMs > 0 && nowMs - connection.activeAtMs >= idleTimeoutMs) this.#endIdle(connection);
  }

  /** Who waits for a file, or for the answer to a message, is not idle. */
  #endIdle(connection: Connection): void {
    const { relp, isHeld } = connection;
    if (isHeld) return;
    if (!relp) this.#end(connection, 'idle');
    else if (relp.output.length > 0) this.#close(connection, 'idle');
    else if (relp.session.unanswered === 0) {
      connection.closing = 'idle';
      relp.session.stop();
      this.#relp.makeDue(relp);
    }
  }

  #endLongest(): void {
    const longest = [...this.#connections].sort((a, b) => b.keptBytes - a.keptBytes);
    for (const connection of longest) {
      if (this.#heldBytes <= HELD_BYTES_MAX / 2) return;
      if (connection.relp) this.#close(connection, 'memory');
      else this.#end(connection, 'memory');
    }
  }

  // ---- the end

  /**
   * Reads what the kernel has received already, in turns, up to the deadline, and closes who only sends. RELP
   * clients keep what was not taken: they get their answers, and are told to end.
   */
  stop(untilMs: number): void {
    this.#isStopping = true;
    let open = [...this.#connections].filter((connection) => !connection.relp);
    for (let bytes = 0; bytes < STOP_BYTES_MAX && Date.now() < untilMs; bytes += READ_MAX) {
      const nowMs = Date.now();
      open = open.filter((connection) => !connection.isHeld && this.#read(connection, nowMs) > 0);
      if (open.length === 0) break;
    }
    for (const connection of this.#connections) {
      if (connection.relp) this.#stopSession(connection, connection.relp);
      else if (!connection.isHeld) this.#end(connection, 'stopped');
    }
  }

  #stopSession(connection: Connection, relp: RelpTalk): void {
    if (connection.closesAtMs !== undefined) {
      this.#readAway(connection);
      return;
    }
    relp.session.stop();
    this.#relp.makeDue(relp);
    // What it holds was not taken, and is passed over now: the client will send it again.
    if (connection.keptBytes > 0 || connection.isHeld) this.#takeKept(connection);
  }

  /** What is still held when the time is up: the rest is lost, and told. */
  abandon(): number {
    const bytes = this.#heldBytes;
    for (const connection of this.#connections) this.#close(connection, 'stopped');
    return bytes;
  }
}
