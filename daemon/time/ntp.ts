// The handle of the time server for the main thread: opens its sockets, starts its thread, gives it orders,
// reads its counters. A thread that ends unasked is a bug of ours, and ends the process.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { BrokenPromise } from '../../base/assert.ts';
import type { Log } from '../../base/log.ts';
import type { Beat } from '../../base/pulse.ts';
import type { NtpConfig } from '../../config/server.ts';
import { BellRope } from '../../kernel/bell.ts';
import type { BoundSocket } from '../../kernel/socket.ts';
import { type ClientTable, makeClientTable } from '../../ntp/clients.ts';
import { makeNtpCounts, readNtpCount } from './counts.ts';
import { type NtpListener, openNtpListeners } from './listeners.ts';
import type { NtpOrder, NtpReport, NtpStart } from './ntp.port.ts';
import { type ClientStatus, clientStatus, type NtpStatus, ntpStatus } from './status.ts';

export interface NtpParts {
  readonly config: NtpConfig;
  readonly passed: readonly BoundSocket[];
  readonly log: Log;
  died(error: Error): void;
}

export class NtpServer {
  readonly #log: Log;
  readonly #counts = makeNtpCounts();
  readonly #clients: ClientTable;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #bell: Int32Array;
  readonly #waiting: { kind: NtpReport['kind']; done: () => void }[] = [];
  #config: NtpConfig;
  #listeners: readonly NtpListener[];
  /** Known when it has started; orders are given only then. */
  readonly #wake = new BellRope();
  #isStopping = false;
  #hasStopped = false;

  /** Use `openNtp`. */
  constructor(parts: NtpParts, listeners: readonly NtpListener[]) {
    this.#log = parts.log;
    this.#config = parts.config;
    this.#listeners = listeners;
    this.#clients = makeClientTable(parts.config.maxClients);
    const { port1, port2 } = new MessageChannel();
    const bell = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#bell = new Int32Array(bell);
    this.#port = port1;
    const start: NtpStart = {
      config: parts.config,
      sockets: listeners.map(({ socket }) => socket),
      counts: this.#counts,
      clients: this.#clients,
      bell,
    };
    this.#worker = new Worker(new URL('./ntp.thread.js', import.meta.url), {
      name: 'ntp',
      workerData: { start, port: port2 },
      transferList: [port2],
    });
    port1.on('message', (report: NtpReport) => this.#hear(report));
    this.#worker.on('error', (error) => parts.died(error));
    this.#worker.on('exit', () => {
      this.#wake.cut();
      if (!this.#isStopping) parts.died(new BrokenPromise('the time server ended without being asked'));
      // The end of a thread may be told before its last words are.
      else this.#hear({ kind: 'stopped' });
    });
  }

  #hear(report: NtpReport): void {
    if (report.kind === 'stopped') this.#hasStopped = true;
    if (report.kind === 'stepped') this.#sayStepped(report.bySec);
    if (report.kind === 'started') {
      this.#wake.tie(report.wake);
      this.#sayStarted(report.precision, report.stamped);
    }
    const found = this.#waiting.findIndex(({ kind }) => kind === report.kind);
    if (found >= 0) this.#waiting.splice(found, 1)[0]?.done();
  }

  #sayStepped(bySec: number): void {
    const way = bySec > 0 ? 'forward' : 'back';
    this.#log.warn(`The clock of this host was set ${way} by ${Math.abs(bySec).toFixed(3)} s.`, {
      event: 'clock_stepped',
      bySec,
    });
  }

  #sayStarted(precision: number, stamped: boolean): void {
    for (const { name, passed } of this.#listeners)
      this.#log.info(`Serving time on ${name}${passed ? ' (passed by the service manager)' : ''}.`);
    this.#log.debug(`A time is read to 2^${precision} s.`);
    if (!stamped) this.#log.warn('The kernel gives no receive times here: answers are less exact.');
    this.#sayUnsynchronised();
  }

  #sayUnsynchronised(): void {
    if (this.#config.local) return;
    this.#log.warn(
      'Answers say "not synchronised", so no client follows them: ntp.local with a stratum serves the time of this host.',
    );
  }

  #answer(kind: NtpReport['kind']): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ kind, done });
    });
  }

  #order(order: NtpOrder): void {
    this.#port.postMessage(order);
    Atomics.store(this.#bell, 0, 1);
    this.#wake.pull();
  }

  started(): Promise<void> {
    return this.#answer('started');
  }

  /** The sockets that are asked for before and after stay, and so do clients and counters. */
  async configure(config: NtpConfig): Promise<void> {
    const before = this.#listeners;
    const after = openNtpListeners(config, [], before);
    // What the service manager passed stays, named or not.
    const kept = before.filter((open) => open.passed && !after.includes(open));
    const all = [...after, ...kept];
    const add = all.filter((open) => !before.includes(open)).map(({ socket }) => socket);
    const remove = before.filter((open) => !all.includes(open)).map(({ socket }) => socket.fd);
    if (config.maxClients !== this.#config.maxClients)
      this.#log.warn('ntp.maxClients takes effect at the next start.');
    this.#config = config;
    this.#listeners = all;
    const answer = this.#answer('configured');
    this.#order({ kind: 'configure', config, add, remove });
    await answer;
    this.#sayUnsynchronised();
  }

  async stop(): Promise<void> {
    if (this.#hasStopped) return;
    this.#isStopping = true;
    const answer = this.#answer('stopped');
    this.#order({ kind: 'stop' });
    await answer;
    this.#port.close();
  }

  get beat(): Beat {
    return { name: 'the time server', beats: readNtpCount(this.#counts, 'beats') };
  }

  status(): NtpStatus {
    return ntpStatus(this.#listeners, this.#counts);
  }

  clients(): ClientStatus[] {
    return clientStatus(this.#clients);
  }
}

/** Answers requests when it returns. A Fault: nothing was left open. */
export async function openNtp(parts: NtpParts): Promise<NtpServer> {
  const server = new NtpServer(parts, openNtpListeners(parts.config, parts.passed));
  await server.started();
  return server;
}
