// Takes datagrams out of the queue of an input and gives them on as messages. A lone one goes on at once; when
// they stream, the queue is looked at every few milliseconds instead, so that a flood costs no wake for each.
// While the sink is full it stands still: then the thread drops what the queue cannot hold.

import type { Outflow } from '../outflow.ts';
import type { DatagramQueue } from './datagram-queue.ts';

/** In a stream: the time between two looks. A ring of 4 MiB then holds 800 MB/s. */
const LOOK_MS = 5;
/** Datagrams of one look, so that others have their turn. */
const LOOK_MAX = 4096;

export class DatagramPump {
  readonly #queue: DatagramQueue;
  readonly #outflow: Outflow;
  /** Makes one message of the datagram at hand. There is room in the batch. */
  readonly #add: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(queue: DatagramQueue, outflow: Outflow, add: () => void) {
    this.#queue = queue;
    this.#outflow = outflow;
    this.#add = add;
    queue.arm();
  }

  /** Something came, or it is time to look. */
  look(): void {
    this.#timer = undefined;
    if (this.#isStopped) return;
    const taken = this.#take(LOOK_MAX);
    if (this.#outflow.isHeld) return;
    if (taken > 0 || !this.#queue.arm()) {
      this.#timer = setTimeout(() => this.look(), taken === LOOK_MAX ? 0 : LOOK_MS);
    }
  }

  /** The sink has room again, perhaps. */
  resume(): void {
    if (this.#outflow.isHeld && this.#outflow.flush()) {
      this.#queue.setHeld(false);
      this.look();
    }
  }

  #take(max: number): number {
    let taken = 0;
    const outflow = this.#outflow;
    while (taken < max && outflow.makeRoom() && this.#queue.next()) {
      this.#add();
      this.#queue.release();
      taken += 1;
    }
    this.#queue.setHeld(!outflow.flush());
    return taken;
  }

  /** Gives on what the queue still has, as far as the sink takes it. Says how many it had to leave. */
  stop(): number {
    clearTimeout(this.#timer);
    this.#isStopped = true;
    if (this.#outflow.flush()) this.#take(Number.MAX_SAFE_INTEGER);
    let left = this.#outflow.batch.count;
    while (this.#queue.next()) {
      this.#queue.release();
      left += 1;
    }
    return left;
  }
}
