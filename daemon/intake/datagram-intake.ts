// The UDP side of a lane: takes datagrams in batches of up to 512 and gives each to the pipeline. Nobody can
// be made to wait here: what the kernel drops for want of room, and what a file in trouble cannot take, is
// counted.

import type { DatagramReader } from '../../kernel/datagrams.ts';
import { DropMeter } from '../../kernel/socket.ts';
import { listenerSlot } from './counts.ts';
import type { LaneSocket } from './lane.port.ts';
import type { Peers } from './peers.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * What a small datagram occupies in a receive buffer, by the kernel's count: 768 bytes for up to about 300
 * (measured with SO_MEMINFO), more for longer ones.
 */
const KERNEL_BYTES_PER_DATAGRAM = 1024;

export class DatagramIntake {
  readonly socket: LaneSocket;
  /** Datagrams that the kernel can surely hold for us. */
  readonly roomCount: number;
  readonly #reader: DatagramReader;
  readonly #pipeline: Pipeline;
  readonly #peers: Peers;
  readonly #counts: Float64Array;
  readonly #meter = new DropMeter();
  #dropsSeen = 0;

  constructor(
    socket: LaneSocket,
    own: { reader: DatagramReader; pipeline: Pipeline; peers: Peers; counts: Float64Array },
  ) {
    this.socket = socket;
    this.roomCount = Math.floor(socket.receiveBufferBytes / KERNEL_BYTES_PER_DATAGRAM);
    this.#reader = own.reader;
    this.#pipeline = own.pipeline;
    this.#peers = own.peers;
    this.#counts = own.counts;
    this.#dropsSeen = this.#meter.read(socket.fd);
  }

  /** Takes one batch. Returns how many there were; a full batch means that there may be more. */
  takeBatch(): number {
    const reader = this.#reader;
    const { listener } = this.socket;
    const count = reader.receive(this.socket.fd);
    for (let i = 0; i < count; i += 1) {
      reader.at(i);
      const peer = this.#peers.find(reader.w0, reader.w1, reader.w2, reader.w3);
      if (!peer.allowed) {
        this.#add(listenerSlot(listener, 'refused:not_allowed'), 1);
        continue;
      }
      if (reader.cut) this.#add(listenerSlot(listener, 'oversized'), 1);
      this.#pipeline.takeOrDrop(reader.start, reader.end, peer, listener);
    }
    return Math.max(0, count);
  }

  /** Adds what the kernel has dropped since the last look. The kernel counts in 32 bits. */
  countDrops(): void {
    const now = this.#meter.read(this.socket.fd);
    this.#add(listenerSlot(this.socket.listener, 'kernelDrops'), (now - this.#dropsSeen) >>> 0);
    this.#dropsSeen = now;
  }

  #add(slot: number, count: number): void {
    (this.#counts[slot] as number) += count;
  }
}
