// The handle of the receiving thread for the main loop: one for the whole agent, started with the first socket,
// stopped with the last or when told. A thread that ends unasked is a bug of ours, and is told.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert, BrokenPromise } from '../../../base/assert.ts';
import type { Range } from '../../../base/ip.ts';
import { BellRope } from '../../../kernel/bell.ts';
import { DatagramQueue } from './datagram-queue.ts';
import type { DatagramOrder, DatagramReport, DatagramStart } from './datagrams.port.ts';

/** A thread that does not answer within this hangs, which none of its calls can: it is given up. */
const STOP_MS = 1000;

export interface DatagramSocket {
  readonly fd: number;
  readonly kind: 'local' | 'udp';
  readonly allow: readonly Range[];
}

interface Running {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly bell: BellRope;
}

interface Wait {
  readonly kind: DatagramReport['kind'];
  readonly fd: number | undefined;
  readonly done: () => void;
}

export class Datagrams {
  readonly #start: DatagramStart;
  readonly #died: (error: Error) => void;
  readonly #arrived = new Map<number, () => void>();
  readonly #waits: Wait[] = [];
  #running: Promise<Running> | undefined;
  #queues = 0;
  #isStopping = false;

  /** `died`: nothing more is received, and what the thread held is lost. */
  constructor(maxMessageBytes: number, died: (error: Error) => void) {
    this.#start = { maxMessageBytes };
    this.#died = died;
  }

  /** A queue of its own for an input. `arrived` is called when its reader has armed it and something came. */
  openQueue(arrived: () => void): DatagramInlet {
    this.#queues += 1;
    const queue = new DatagramQueue(this.#start.maxMessageBytes);
    this.#arrived.set(this.#queues, arrived);
    return new DatagramInlet(this, this.#queues, queue);
  }

  closeQueue(number: number): void {
    this.#arrived.delete(number);
  }

  async watch(number: number, queue: DatagramQueue, socket: DatagramSocket): Promise<void> {
    assert(!this.#isStopping, 'no socket is opened while the thread ends');
    this.#running ??= this.#boot();
    const running = await this.#running;
    order(running, { kind: 'watch', socket: { ...socket, ring: queue.ring, queue: number } });
  }

  /** Resolves when all that it had is in its queue, and it is closed. */
  async forget(fd: number): Promise<void> {
    const running = await this.#running;
    if (!running || this.#isStopping) return;
    const answer = this.#answer('forgotten', fd);
    order(running, { kind: 'forget', fd });
    await answer;
  }

  async stop(): Promise<void> {
    const running = await this.#running;
    if (!running || this.#isStopping) return;
    this.#isStopping = true;
    const answer = this.#answer('stopped', undefined);
    order(running, { kind: 'stop' });
    const enough = new AbortController();
    const late = sleep(STOP_MS, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([answer, late]);
    enough.abort();
    running.port.close();
    await running.worker.terminate();
  }

  #boot(): Promise<Running> {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL('./datagrams.thread.js', import.meta.url), {
      name: 'datagrams',
      workerData: { port: port2, start: this.#start },
      transferList: [port2],
    });
    const running: Running = { worker, port: port1, bell: new BellRope() };
    port1.on('message', (report: DatagramReport) => this.#hear(running, report));
    worker.on('error', (error) => this.#died(error));
    worker.on('exit', () => {
      running.bell.cut();
      for (const wait of this.#waits.splice(0)) wait.done();
      if (!this.#isStopping) this.#died(new BrokenPromise('the thread of the datagrams ended unasked'));
    });
    return this.#answer('started', undefined).then(() => running);
  }

  #answer(kind: DatagramReport['kind'], fd: number | undefined): Promise<void> {
    return new Promise((done) => {
      this.#waits.push({ kind, fd, done });
    });
  }

  #hear(running: Running, report: DatagramReport): void {
    if (report.kind === 'arrived') {
      this.#arrived.get(report.queue)?.();
      return;
    }
    if (report.kind === 'started') running.bell.tie(report.bell);
    const fd = report.kind === 'forgotten' ? report.fd : undefined;
    const found = this.#waits.findIndex((wait) => wait.kind === report.kind && wait.fd === fd);
    if (found >= 0) this.#waits.splice(found, 1)[0]?.done();
  }
}

function order(running: Running, what: DatagramOrder): void {
  running.port.postMessage(what);
  running.bell.pull();
}

/** The queue of one input, and the sockets that feed it. */
export class DatagramInlet {
  readonly queue: DatagramQueue;
  readonly #datagrams: Datagrams;
  readonly #number: number;
  readonly #fds = new Set<number>();

  constructor(datagrams: Datagrams, number: number, queue: DatagramQueue) {
    this.#datagrams = datagrams;
    this.#number = number;
    this.queue = queue;
  }

  async watch(socket: DatagramSocket): Promise<void> {
    this.#fds.add(socket.fd);
    await this.#datagrams.watch(this.#number, this.queue, socket);
  }

  async forget(fd: number): Promise<void> {
    if (this.#fds.delete(fd)) await this.#datagrams.forget(fd);
  }

  /** Reads all sockets to their end and closes them. What is in the queue may still be taken. */
  async close(): Promise<void> {
    await Promise.all([...this.#fds].map((fd) => this.forget(fd)));
    this.#datagrams.closeQueue(this.#number);
  }
}
