// The handle of a lane for the main thread: starts it, gives it orders, hears its reports. A lane that ends
// unasked is a bug of ours, and ends the process: the service manager starts it again.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokenPromise } from '../../base/assert.ts';
import type { Beat } from '../../base/pulse.ts';
import { BellRope } from '../../kernel/bell.ts';
import { closeSocket } from '../../kernel/socket.ts';
import { LANE_SLOT } from './counts.ts';
import type { LaneOrder, LaneReport, LaneStart } from './lane.port.ts';

/** Behind the deadline, for a lane to say what it could not write. */
const LAST_WORD_MS = 300;

/** A thread that loads a lane's code and waits for its start. */
export interface LaneThread {
  readonly worker: Worker;
  readonly port: MessagePort;
}

/** May be called long before it is known what the lane is to do: its code takes a while to load. */
export function bootLaneThread(): LaneThread {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL('./lane.thread.js', import.meta.url), {
    name: 'lane',
    workerData: { port: port2 },
    transferList: [port2],
  });
  return { worker, port: port1 };
}

/**
 * One that is not needed ends by itself. Ended from outside while it loads native code, or by the end of the
 * process, it would take the whole process with it: Node aborts. Resolves when it is gone.
 */
export async function dismissLaneThread({ worker, port }: LaneThread): Promise<void> {
  const gone = new Promise((done) => worker.once('exit', done));
  port.postMessage(undefined);
  await gone;
  port.close();
}

export interface LaneEvents {
  report(report: LaneReport): void;
  /** The lane died: nothing that it held can be saved. */
  died(error: Error): void;
}

export class Lane {
  readonly #port: MessagePort;
  readonly #name: string;
  readonly #counts: Float64Array;
  readonly #bell = new BellRope();
  readonly #events: LaneEvents;
  readonly #waiting: { kind: LaneReport['kind']; path: string | undefined; done: () => void }[] = [];
  #hasStopped = false;
  unwrittenBytes = 0;

  constructor(thread: LaneThread, start: LaneStart, events: LaneEvents) {
    const { worker, port } = thread;
    this.#port = port;
    this.#name = `lane ${start.number}`;
    this.#counts = new Float64Array(start.counts);
    this.#events = events;
    port.on('message', (report: LaneReport) => this.#hear(report));
    worker.on('error', (error) => events.died(error));
    worker.on('exit', () => {
      // The end of a thread may be heard before the last thing that it said.
      for (let last = receiveMessageOnPort(port); last; last = receiveMessageOnPort(port)) {
        this.#hear(last.message as LaneReport);
      }
      this.#bell.cut();
      if (!this.#hasStopped) events.died(new BrokenPromise(`lane ${start.number} ended without being asked`));
      this.#end();
    });
    port.postMessage(start);
  }

  #hear(report: LaneReport): void {
    if (report.kind === 'started') this.#bell.tie(report.bell);
    if (report.kind === 'stopped') {
      this.unwrittenBytes = report.unwrittenBytes;
      this.#end();
    }
    const path = 'path' in report ? report.path : undefined;
    const found = this.#waiting.findIndex((wait) => wait.kind === report.kind && wait.path === path);
    if (found >= 0) this.#waiting.splice(found, 1)[0]?.done();
    this.#events.report(report);
  }

  /** It takes no more orders: those that it has not heard are settled, since its files are closed. */
  #end(): void {
    this.#hasStopped = true;
    for (const { done } of this.#waiting.splice(0)) done();
  }

  #answer(kind: LaneReport['kind'], path?: string): Promise<void> {
    if (this.#hasStopped) return Promise.resolve();
    return new Promise((done) => {
      this.#waiting.push({ kind, path, done });
    });
  }

  #order(order: LaneOrder): void {
    if (this.#hasStopped) return;
    this.#port.postMessage(order);
    this.#bell.pull();
  }

  get beat(): Beat {
    return { name: this.#name, beats: this.#counts[LANE_SLOT.beats] ?? 0 };
  }

  started(): Promise<void> {
    return this.#answer('started');
  }

  async configure(order: Omit<Extract<LaneOrder, { kind: 'configure' }>, 'kind'>): Promise<void> {
    const answer = this.#answer('configured');
    this.#order({ kind: 'configure', ...order });
    await answer;
  }

  /** The lane serves the connection from now on, and closes it; one that has stopped has no use for it. */
  adopt(connection: Omit<Extract<LaneOrder, { kind: 'adopt' }>, 'kind'>): void {
    if (this.#hasStopped) closeSocket(connection.fd);
    else this.#order({ kind: 'adopt', ...connection });
  }

  async reopen(path?: string): Promise<void> {
    const answer = this.#answer('reopened', path);
    this.#order(path === undefined ? { kind: 'reopen' } : { kind: 'reopen', path });
    await answer;
  }

  /**
   * Resolves when everything that was received is written, or the deadline has passed; also when the lane hangs
   * in a call to a disk that does not answer, and cannot say what it lost.
   */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#hasStopped) return;
    const answer = this.#answer('stopped');
    this.#order({ kind: 'stop', deadlineMs });
    const enough = new AbortController();
    const late = sleep(deadlineMs - Date.now() + LAST_WORD_MS, undefined, { signal: enough.signal }).catch(
      () => undefined,
    );
    await Promise.race([answer, late]);
    enough.abort();
    this.#end();
    this.#port.close();
  }
}
