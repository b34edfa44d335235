// The loop of the receiving thread: waits for sockets, takes what they have in batches, and puts it into the
// rings. It never waits for anybody else: what the main loop does not take in time is dropped and counted, so
// that no program ever stands still because of a queue.

import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../../../base/assert.ts';
import { inAny } from '../../../base/ip.ts';
import { takeOrders } from '../../../base/orders.ts';
import { hushBell, openBell } from '../../../kernel/bell.ts';
import { ClockReader } from '../../../kernel/clock.ts';
import { BATCH_MAX, DatagramReader, datagramRegionSize } from '../../../kernel/datagrams.ts';
import { LOCAL_BATCH_MAX, LocalDatagrams } from '../../../kernel/local-datagrams.ts';
import { closeSocket, DropMeter } from '../../../kernel/socket.ts';
import { Readiness } from '../../../kernel/stream.ts';
import { DatagramWriter } from './datagram-queue.ts';
import type { DatagramOrder, DatagramReport, DatagramStart, WatchedSocket } from './datagrams.port.ts';

/** Batches that one socket may take before others have their turn. */
const ROUND_BATCHES = 8;
/** The kernel's drops are read so often while something comes, and as often at least as the wait ends. */
const TICK_MS = 100;
const QUIET_WAIT_MS = 1000;
/** A socket that is given up is read to its end, but by a flood no longer than this. */
const DRAIN_MS = 200;
const BELL_TOKEN = 0xffff_ffff;

interface Watched {
  readonly socket: WatchedSocket;
  readonly writer: DatagramWriter;
  readonly meter: DropMeter;
  dropsSeen: number;
}

export class DatagramLoop {
  readonly #port: MessagePort;
  readonly #bell = openBell();
  readonly #readiness = new Readiness();
  readonly #watched = new Map<number, Watched>();
  /** One for each ring: it alone knows where the ring ends. */
  readonly #writers = new Map<number, DatagramWriter>();
  readonly #clock = new ClockReader('realtime');
  readonly #who = new Uint32Array(4);
  readonly #maxMessageBytes: number;
  #local: LocalDatagrams | undefined;
  #udp: { reader: DatagramReader; bytes: Uint8Array } | undefined;
  #tickedAtMs = 0;
  #isStopping = false;

  constructor(start: DatagramStart, port: MessagePort) {
    this.#port = port;
    this.#maxMessageBytes = start.maxMessageBytes;
    this.#readiness.watch(this.#bell, BELL_TOKEN);
  }

  #tell(report: DatagramReport): void {
    this.#port.postMessage(report);
  }

  run(): void {
    this.#tell({ kind: 'started', bell: this.#bell });
    while (!this.#isStopping) {
      const ready = this.#readiness.wait(QUIET_WAIT_MS);
      let isRung = false;
      for (let i = 0; i < ready; i += 1) {
        const token = this.#readiness.token(i);
        if (token === BELL_TOKEN) isRung = true;
        else this.#takeRound(this.#watched.get(token));
      }
      this.#tick();
      if (isRung) this.#obey();
    }
    for (const fd of [...this.#watched.keys()]) this.#forget(fd);
    this.#readiness.close();
    this.#tell({ kind: 'stopped' });
    this.#port.close();
  }

  // ---- datagrams

  #takeRound(watched: Watched | undefined): void {
    if (!watched) return;
    for (let batches = 0; batches < ROUND_BATCHES && this.#takeBatch(watched); batches += 1);
    this.#publish(watched);
  }

  #publish({ socket, writer }: Watched): void {
    if (writer.publish()) this.#tell({ kind: 'arrived', queue: socket.queue });
  }

  /** True: the batch was full, so there may be more. */
  #takeBatch(watched: Watched): boolean {
    return watched.socket.kind === 'local' ? this.#takeLocal(watched) : this.#takeUdp(watched);
  }

  #takeLocal({ socket, writer }: Watched): boolean {
    this.#local ??= new LocalDatagrams(this.#maxMessageBytes);
    const local = this.#local;
    const count = local.receive(socket.fd);
    if (count > 0) this.#clock.read();
    for (let i = 0; i < count; i += 1) {
      local.at(i);
      this.#who[0] = local.pid;
      this.#who[1] = local.uid;
      this.#who[2] = local.gid;
      this.#who[3] = 0;
      const { sec, nanos } = local.sec > 0 ? local : this.#clock;
      writer.put(local.bytes, local.start, local.end, this.#who, sec, nanos, local.cut);
    }
    return count === LOCAL_BATCH_MAX;
  }

  #takeUdp({ socket, writer }: Watched): boolean {
    const { reader, bytes } = this.#udpReader();
    const count = reader.receive(socket.fd);
    if (count > 0) this.#clock.read();
    for (let i = 0; i < count; i += 1) {
      reader.at(i);
      if (!inAny(socket.allow, reader)) {
        writer.count('notAllowed', 1);
        continue;
      }
      this.#who[0] = reader.w0;
      this.#who[1] = reader.w1;
      this.#who[2] = reader.w2;
      this.#who[3] = reader.w3;
      writer.put(bytes, reader.start, reader.end, this.#who, this.#clock.sec, this.#clock.nanos, reader.cut);
    }
    return count === BATCH_MAX;
  }

  #udpReader(): { reader: DatagramReader; bytes: Uint8Array } {
    if (!this.#udp) {
      const arena = new ArrayBuffer(datagramRegionSize(this.#maxMessageBytes));
      this.#udp = {
        reader: new DatagramReader(arena, 0, this.#maxMessageBytes),
        bytes: new Uint8Array(arena),
      };
    }
    return this.#udp;
  }

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#tickedAtMs < TICK_MS) return;
    this.#tickedAtMs = nowMs;
    for (const watched of this.#watched.values()) this.#countDrops(watched);
  }

  /** The kernel counts in 32 bits. Unix sockets never drop: their senders wait. */
  #countDrops(watched: Watched): void {
    if (watched.socket.kind === 'local') return;
    const now = watched.meter.read(watched.socket.fd);
    watched.writer.count('kernelDrops', (now - watched.dropsSeen) >>> 0);
    watched.dropsSeen = now;
  }

  // ---- orders

  #obey(): void {
    hushBell(this.#bell);
    takeOrders<DatagramOrder>(this.#port, (order) => this.#obeyOne(order));
  }

  #obeyOne(order: DatagramOrder): void {
    switch (order.kind) {
      case 'watch':
        this.#watch(order.socket);
        return;
      case 'forget':
        this.#forget(order.fd);
        this.#tell({ kind: 'forgotten', fd: order.fd });
        return;
      case 'stop':
        this.#isStopping = true;
        return;
      default:
        unreachable(order);
    }
  }

  #watch(socket: WatchedSocket): void {
    const writer = this.#writers.get(socket.queue) ?? new DatagramWriter(socket.ring);
    this.#writers.set(socket.queue, writer);
    const meter = new DropMeter();
    this.#watched.set(socket.fd, { socket, writer, meter, dropsSeen: meter.read(socket.fd) });
    this.#readiness.watch(socket.fd, socket.fd);
  }

  #forget(fd: number): void {
    const watched = this.#watched.get(fd);
    if (!watched) return;
    const untilMs = performance.now() + DRAIN_MS;
    while (this.#takeBatch(watched) && performance.now() < untilMs);
    this.#countDrops(watched);
    this.#publish(watched);
    this.#readiness.forget(fd);
    closeSocket(fd);
    this.#watched.delete(fd);
    const { queue } = watched.socket;
    if (![...this.#watched.values()].some((other) => other.socket.queue === queue))
      this.#writers.delete(queue);
  }
}
