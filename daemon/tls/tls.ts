// The handle of the thread that ends TLS, for the main thread: starts it, gives it orders, hears its reports. The
// thread that ends unasked is a bug of ours, and ends the process: the service manager starts it again.

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokenPromise } from '../../base/assert.ts';
import type { TlsOrder, TlsReport, TlsStart } from './tls.port.ts';

/** Behind the deadline, for the thread to end by itself. */
const LAST_WORD_MS = 300;

export interface TlsEvents {
  report(report: TlsReport): void;
  died(error: Error): void;
}

export class TlsThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #events: TlsEvents;
  readonly #waiting: { kind: TlsReport['kind']; done: () => void }[] = [];
  #hasStopped = false;

  constructor(start: TlsStart, events: TlsEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#events = events;
    this.#worker = new Worker(new URL('./tls.thread.js', import.meta.url), {
      name: 'tls',
      workerData: { port: port2 },
      transferList: [port2],
    });
    port1.on('message', (report: TlsReport) => this.#hear(report));
    this.#worker.on('error', (error) => events.died(error));
    this.#worker.on('exit', () => {
      // The end of a thread may be heard before the last thing that it said.
      for (let last = receiveMessageOnPort(port1); last; last = receiveMessageOnPort(port1)) {
        this.#hear(last.message as TlsReport);
      }
      if (!this.#hasStopped) events.died(new BrokenPromise('the thread of TLS ended without being asked'));
    });
    port1.postMessage(start);
  }

  #hear(report: TlsReport): void {
    if (report.kind === 'stopped') this.#hasStopped = true;
    const found = this.#waiting.findIndex((wait) => wait.kind === report.kind);
    if (found >= 0) this.#waiting.splice(found, 1)[0]?.done();
    this.#events.report(report);
  }

  #answer(kind: TlsReport['kind']): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ kind, done });
    });
  }

  async #order(order: TlsOrder, answer: TlsReport['kind']): Promise<void> {
    const answered = this.#answer(answer);
    this.#port.postMessage(order);
    await answered;
  }

  started(): Promise<void> {
    return this.#answer('started');
  }

  configure(order: Omit<Extract<TlsOrder, { kind: 'configure' }>, 'kind'>): Promise<void> {
    return this.#order({ kind: 'configure', ...order }, 'configured');
  }

  /** Resolves when everything that was received is with the lanes, or the deadline has passed. */
  async drain(deadlineMs: number): Promise<void> {
    if (this.#hasStopped) return;
    await this.#within(deadlineMs, this.#order({ kind: 'drain', deadlineMs }, 'drained'));
  }

  /** Called when the lanes have stopped; may be called twice. */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#hasStopped) return;
    await this.#within(deadlineMs, this.#order({ kind: 'stop', deadlineMs }, 'stopped'));
    this.#hasStopped = true;
    this.#port.close();
    await this.#worker.terminate();
  }

  async #within(deadlineMs: number, answer: Promise<void>): Promise<void> {
    const enough = new AbortController();
    const late = sleep(deadlineMs - Date.now() + LAST_WORD_MS, undefined, { signal: enough.signal }).catch(
      () => undefined,
    );
    await Promise.race([answer, late]);
    enough.abort();
  }
}
