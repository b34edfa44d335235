// The loop of a lane: wait for sockets, take what they have, write lines when it is time. It runs until it is
// told to stop, and looks at its orders between two batches.
//
// When lines are written: at once if nothing was written in the last FLUSH_MS, so that `tail -f` sees a lone
// message as it comes; otherwise at most so often, and whenever a buffer is full, so that a flood is written
// in large pieces. While a RELP client waits for its answers, which may be all that it waits for: as soon as
// nothing more is there to be read. When traffic streams in small batches the loop naps for a millisecond, so that the next
// batch is larger: the receive buffer holds it, and a batch of one costs five times as much as its share of
// a large one.

import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../../base/assert.ts';
import { takeOrders } from '../../base/orders.ts';
import type { ServerConfig } from '../../config/server.ts';
import { hushBell, openBell } from '../../kernel/bell.ts';
import { BATCH_MAX, DatagramReader, datagramRegionSize, nap } from '../../kernel/datagrams.ts';
import { closeSocket } from '../../kernel/socket.ts';
import { Readiness } from '../../kernel/stream.ts';
import { HEADROOM_EXTRA } from '../../syslog/framing.ts';
import { relpHeadroom } from '../../syslog/relp/frame.ts';
import { LinePrinter, lineBytesMax } from '../../syslog/print.ts';
import { zoneFor } from '../../syslog/time.ts';
import { BufferPool, poolLayout } from '../files/buffers.ts';
import type { FileEvents } from '../files/file-set.ts';
import { LineLocks } from '../files/line-locks.ts';
import { Arena } from './arena.ts';
import { LANE_SLOT } from './counts.ts';
import { DatagramIntake } from './datagram-intake.ts';
import type { LaneOrder, LaneReport, LaneSocket, LaneStart } from './lane.port.ts';
import { Peers, SERVER_ZONE } from './peers.ts';
import { Pipeline } from './pipeline.ts';
import { SenderRows } from './senders.ts';
import { type Connection, type StreamListener, Tokens } from './connection.ts';
import { READ_MAX, StreamIntake } from './stream-intake.ts';

const FLUSH_MS = 10;
/** The same while RELP clients wait and other traffic never pauses. */
const FLUSH_WAITED_FOR_MS = 2;
const TICK_MS = 100;
/** Nothing has come for a while: then what a tick looks at hardly changes. */
const QUIET_AFTER_MS = 500;
const QUIET_TICK_MS = 1000;
/** While a file is in trouble, it is tried and held senders are asked at least so often. */
const TROUBLE_TICK_MS = 50;
const SYNC_MS = 1000;
/** A round this soon after the one before belongs to a stream of messages. */
const STREAM_GAP_MS = 2;
/** Batches that one UDP socket may take before others have their turn. */
const ROUND_BATCHES = 8;
/** Bytes on a stream that weigh as much as a datagram in judging how busy a round was. */
const BYTES_PER_UNIT = 128;
const NAP_MS = 1;
/** At the end, what RELP clients say is looked for so often. */
const LAST_WORDS_MS = 5;

/** The lane's bell, as it stands in the token table. */
class Bell {
  readonly fd: number;
  isRung = false;

  constructor(fd: number) {
    this.fd = fd;
  }
}

type Watched = Connection | StreamListener | DatagramIntake | Bell;

export class LaneLoop {
  readonly #port: MessagePort;
  /** Rung when an order waits. */
  readonly #bell = new Bell(openBell());
  readonly #counts: Float64Array;
  readonly #arena: Arena;
  readonly #readiness = new Readiness();
  readonly #tokens = new Tokens<Watched>();
  readonly #peers: Peers;
  readonly #pipeline: Pipeline;
  readonly #reader: DatagramReader;
  readonly #streams: StreamIntake;
  readonly #datagrams = new Map<number, DatagramIntake>();
  readonly #listeners = new Map<number, number>();
  #flushedAtMs = 0;
  #tickedAtMs = 0;
  #syncedAtMs = 0;
  #roundAtMs = 0;
  #stopAt: number | undefined;

  constructor(start: LaneStart, port: MessagePort) {
    this.#port = port;
    this.#counts = new Float64Array(start.counts);
    const { maxMessageBytes } = start.config.syslog;
    const lineMax = lineBytesMax(maxMessageBytes);
    const pool = poolLayout(lineMax);
    const headroom = Math.max(maxMessageBytes + HEADROOM_EXTRA, relpHeadroom(maxMessageBytes));
    const readSize = headroom + READ_MAX + 64;
    this.#arena = new Arena(readSize + datagramRegionSize(maxMessageBytes) + pool.size + 64 * 1024);
    // The region of streams comes first: what a connection holds is laid out from the arena's beginning.
    const readAt = this.#arena.take(readSize) + ((headroom + 63) & ~63);
    this.#reader = new DatagramReader(
      this.#arena.buffer,
      this.#arena.take(datagramRegionSize(maxMessageBytes)),
      maxMessageBytes,
    );
    this.#peers = new Peers(start.config.syslog);
    this.#pipeline = new Pipeline(start.config, {
      arena: this.#arena,
      counts: this.#counts,
      senders: new SenderRows(start.senders, (named) => this.#tell({ kind: 'sender', named })),
      files: {
        bytes: this.#arena.bytes,
        pool: new BufferPool(this.#arena.take(pool.size), pool),
        locks: new LineLocks(start.locks, start.number),
        printer: new LinePrinter(zoneFor(SERVER_ZONE), start.via),
        events: this.#fileEvents(),
        openTotal: new Int32Array(start.openTotal),
      },
    });
    this.#streams = new StreamIntake(start.config.syslog, {
      arena: this.#arena,
      readAt,
      readiness: this.#readiness,
      pipeline: this.#pipeline,
      peers: this.#peers,
      counts: this.#counts,
      tokens: this.#tokens as Tokens<Connection | StreamListener>,
      accepting: (paused, error) => this.#tell({ kind: 'accepting', paused, error }),
    });
    this.#tokens.give((token) => {
      this.#readiness.watch(this.#bell.fd, token);
      return this.#bell;
    });
    for (const socket of start.sockets) this.#add(socket);
  }

  #tell(report: LaneReport): void {
    this.#port.postMessage(report);
  }

  #count(slot: number, count: number): void {
    (this.#counts[slot] as number) += count;
  }

  #fileEvents(): FileEvents {
    return {
      troubled: ({ path, trouble, troubleError }) =>
        this.#tell({ kind: 'troubled', path, trouble: trouble ?? 'io_error', error: troubleError }),
      recovered: ({ path }) => this.#tell({ kind: 'recovered', path }),
      grown: ({ path }, rotate) => this.#tell({ kind: 'grown', path, rotate }),
      wrote: (bytes) => {
        this.#count(LANE_SLOT.fileBytes, bytes);
        this.#count(LANE_SLOT.fileWrites, 1);
      },
      evicted: (count) => this.#count(LANE_SLOT.filesEvicted, count),
    };
  }

  // ---- sockets

  #add(socket: LaneSocket): void {
    const watched = this.#tokens.give((token) => {
      if (socket.kind === 'tcp') {
        this.#listeners.set(socket.fd, token);
        return { socket, token };
      }
      const own = {
        reader: this.#reader,
        pipeline: this.#pipeline,
        peers: this.#peers,
        counts: this.#counts,
      };
      const intake = new DatagramIntake(socket, own);
      this.#datagrams.set(socket.fd, intake);
      this.#listeners.set(socket.fd, token);
      return intake;
    });
    this.#readiness.watch(socket.fd, this.#listeners.get(socket.fd) ?? 0);
    return void watched;
  }

  #remove(fd: number): void {
    const token = this.#listeners.get(fd);
    if (token === undefined) return;
    this.#drain(this.#datagrams.get(fd), Date.now() + 200);
    const watched = this.#tokens.get(token);
    if (watched !== undefined && !(watched instanceof DatagramIntake) && 'socket' in watched)
      this.#streams.acceptor.acceptRest(watched, Date.now());
    this.#readiness.forget(fd);
    closeSocket(fd);
    this.#tokens.release(token);
    this.#listeners.delete(fd);
    this.#datagrams.delete(fd);
  }

  #drain(intake: DatagramIntake | undefined, untilMs: number): void {
    if (!intake) return;
    while (intake.takeBatch() > 0 && Date.now() < untilMs);
    intake.countDrops();
  }

  // ---- the loop

  run(): void {
    this.#tell({ kind: 'started', bell: this.#bell.fd });
    while (this.#stopAt === undefined) {
      const ready = this.#readiness.wait(this.#patienceMs());
      const nowMs = performance.now();
      const units = ready > 0 ? this.#takeRound(ready) : 0;
      const isFlushed = this.#flushIfDue(nowMs, ready);
      const isAwaited = this.#streams.isWaitedFor || this.#streams.hasAnswers;
      this.#streams.answer(Date.now(), isFlushed);
      if (nowMs - this.#tickedAtMs >= this.#tickMs()) this.#tick(nowMs);
      if (this.#bell.isRung) this.#obey();
      this.#napIfStreaming(units, nowMs, isAwaited);
    }
    this.#end(this.#stopAt);
  }

  #tickMs(): number {
    if (this.#pipeline.files.troubledCount > 0 || this.#streams.heldCount > 0) return TROUBLE_TICK_MS;
    return performance.now() - this.#roundAtMs < QUIET_AFTER_MS ? TICK_MS : QUIET_TICK_MS;
  }

  #patienceMs(): number {
    if (this.#streams.hasAnswers) return 0;
    if (this.#streams.isWaitedFor && this.#pipeline.files.hasUnwritten) return 0;
    if (!this.#pipeline.files.hasUnwritten || this.#pipeline.files.troubledCount > 0) return this.#tickMs();
    return Math.max(0, Math.ceil(this.#flushedAtMs + FLUSH_MS - performance.now()));
  }

  /** Everything that is ready has a turn. Returns how much came, in datagrams or their like. */
  #takeRound(ready: number): number {
    const receivedMs = Date.now();
    this.#pipeline.setTime(receivedMs);
    let units = 0;
    for (let i = 0; i < ready; i += 1) {
      const watched = this.#tokens.get(this.#readiness.token(i));
      if (watched === undefined) continue;
      if (watched instanceof DatagramIntake) units += this.#takeBatches(watched);
      else if (watched instanceof Bell) watched.isRung = true;
      else if ('framer' in watched) units += this.#streams.ready(watched, receivedMs, i) / BYTES_PER_UNIT;
      else this.#streams.acceptor.accept(watched, receivedMs);
    }
    return units;
  }

  #takeBatches(intake: DatagramIntake): number {
    let total = 0;
    for (let batches = 0; batches < ROUND_BATCHES; batches += 1) {
      const count = intake.takeBatch();
      total += count;
      if (count < BATCH_MAX) break;
    }
    return total;
  }

  #flushIfDue(nowMs: number, ready: number): boolean {
    if (!this.#pipeline.files.hasUnwritten) return false;
    const everyMs = this.#streams.isWaitedFor ? FLUSH_WAITED_FOR_MS : FLUSH_MS;
    if (ready > 0 && nowMs - this.#flushedAtMs < everyMs) return false;
    this.#pipeline.flush();
    this.#flushedAtMs = nowMs;
    return true;
  }

  #napIfStreaming(units: number, nowMs: number, isAwaited: boolean): void {
    const gapMs = nowMs - this.#roundAtMs;
    if (units > 0) this.#roundAtMs = nowMs;
    if (units === 0 || units >= BATCH_MAX || gapMs > STREAM_GAP_MS || isAwaited) return;
    const comesMeanwhile = (units / Math.max(gapMs, 0.05)) * NAP_MS;
    for (const intake of this.#datagrams.values()) if (comesMeanwhile > intake.roomCount / 4) return;
    nap(NAP_MS);
  }

  #tick(nowMs: number): void {
    this.#tickedAtMs = nowMs;
    this.#count(LANE_SLOT.beats, 1);
    const wallMs = Date.now();
    this.#pipeline.setTime(wallMs);
    for (const intake of this.#datagrams.values()) intake.countDrops();
    const isFlushed = this.#pipeline.files.troubledCount > 0 || this.#streams.isOverfull;
    if (isFlushed) this.#pipeline.flush();
    this.#streams.answer(wallMs, isFlushed);
    if (this.#streams.heldCount > 0) this.#streams.resume();
    this.#streams.tick(wallMs);
    this.#streams.answer(wallMs, false);
    this.#pipeline.files.closeIdle(wallMs);
    this.#counts[LANE_SLOT.filesOpen] = this.#pipeline.files.openCount;
    this.#counts[LANE_SLOT.filesTroubled] = this.#pipeline.files.troubledCount;
    this.#counts[LANE_SLOT.decisions] = this.#pipeline.decisionCount;
    this.#counts[LANE_SLOT.peersForgotten] = this.#peers.forgotten;
    if (nowMs - this.#syncedAtMs < SYNC_MS) return;
    this.#syncedAtMs = nowMs;
    const paths = this.#pipeline.files.takeUnsynced();
    if (paths.length > 0) this.#tell({ kind: 'unsynced', paths });
  }

  // ---- orders

  #obey(): void {
    this.#bell.isRung = false;
    hushBell(this.#bell.fd);
    takeOrders<LaneOrder>(this.#port, (order) => this.#obeyOne(order));
  }

  #obeyOne(order: LaneOrder): void {
    switch (order.kind) {
      case 'configure':
        this.#configure(order.config, order.add, order.remove);
        return;
      case 'adopt':
        this.#streams.adopt(order, Date.now());
        return;
      case 'reopen':
        this.#pipeline.flush();
        this.#pipeline.files.reopen(order.path);
        this.#tell(order.path === undefined ? { kind: 'reopened' } : { kind: 'reopened', path: order.path });
        return;
      case 'stop':
        this.#stopAt = order.deadlineMs;
        return;
      default:
        unreachable(order);
    }
  }

  #configure(config: ServerConfig, add: readonly LaneSocket[], remove: readonly number[]): void {
    for (const fd of remove) this.#remove(fd);
    this.#peers.configure(config.syslog);
    this.#streams.configure(config.syslog);
    this.#pipeline.configure(config);
    for (const socket of add) this.#add(socket);
    this.#tell({ kind: 'configured' });
  }

  /** Takes no more, writes what was received, and says what could not be written. */
  #end(deadlineMs: number): void {
    this.#pipeline.setTime(Date.now());
    for (const fd of [...this.#listeners.keys()]) this.#remove(fd);
    this.#finish(deadlineMs);
    while (this.#isUnfinished() && Date.now() < deadlineMs) {
      nap(this.#isBlocked() ? TROUBLE_TICK_MS : LAST_WORDS_MS);
      this.#pipeline.setTime(Date.now());
      this.#streams.resume();
      this.#finish(deadlineMs);
    }
    const heldBytes = this.#streams.abandon();
    this.#pipeline.files.stop(Date.now());
    const unwrittenBytes = heldBytes + this.#pipeline.files.unwrittenBytes();
    this.#readiness.close();
    this.#tell({ kind: 'stopped', unwrittenBytes });
    this.#port.close();
  }

  /** What has come is written, and who waits for it is told. */
  #finish(deadlineMs: number): void {
    this.#streams.stop(deadlineMs);
    this.#pipeline.flush();
    this.#streams.answer(Date.now(), true);
    this.#streams.tick(Date.now());
  }

  #isBlocked(): boolean {
    return this.#streams.heldCount > 0 || this.#pipeline.files.hasUnwritten;
  }

  #isUnfinished(): boolean {
    return this.#isBlocked() || this.#streams.sessionCount > 0;
  }
}
