// What the thread that ends TLS does with its orders: opens and closes listeners, takes new certificates, and stops
// in two steps. First what peers have sent already is handed on (`drain`), while lanes still read; then, when the
// lanes have said their last, that is brought out and everything is closed (`stop`).

import type { MessagePort } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../../base/assert.ts';
import { aTurn, Doorway } from './doorway.ts';
import type { TlsOrder, TlsReport, TlsSocket, TlsStart } from './tls.port.ts';
import { TlsCounts } from './tls-counts.ts';

/**
 * What a receive buffer can have held when the stop began: the largest that net.ipv4.tcp_rmem allows by default
 * (tcp(7)). A sender that goes on sending has no claim to more.
 */
const DRAIN_BYTES_MAX = 6 * 1024 * 1024;
/** Turns of the event loop in which nobody had anything, after which nobody has anything. */
const QUIET_TURNS = 2;
const WAIT_MS = 5;
/** For peers to hear the end, when all else is done. */
const FAREWELL_MS = 300;
const BEAT_MS = 1000;

export class TlsLoop {
  readonly #port: MessagePort;
  readonly #start: TlsStart;
  readonly #doorway: Doorway;
  readonly #counts: TlsCounts;
  /** Orders are obeyed one after the other. */
  #busy: Promise<void> = Promise.resolve();

  constructor(start: TlsStart, port: MessagePort) {
    this.#port = port;
    this.#start = start;
    this.#counts = new TlsCounts(start.tlsCounts);
    this.#doorway = new Doorway(start.config, start.credentials, {
      counts: new Float64Array(start.counts),
      tlsCounts: this.#counts,
      tell: (report) => this.#tell(report),
    });
  }

  async run(): Promise<void> {
    setInterval(() => this.#counts.add('beats', 1), BEAT_MS).unref();
    this.#port.on('message', (order: TlsOrder) => {
      this.#busy = this.#busy.then(() => this.#obey(order));
    });
    await this.#open(this.#start.sockets);
    this.#tell({ kind: 'started' });
  }

  #tell(report: TlsReport): void {
    this.#port.postMessage(report);
  }

  async #open(sockets: readonly TlsSocket[]): Promise<void> {
    await Promise.all(sockets.map((socket) => this.#doorway.open(socket)));
  }

  async #obey(order: TlsOrder): Promise<void> {
    switch (order.kind) {
      case 'configure':
        await Promise.all(order.remove.map((fd) => this.#doorway.close(fd)));
        this.#doorway.configure(order.config, order.credentials);
        await this.#open(order.add);
        return this.#tell({ kind: 'configured' });
      case 'drain':
        await this.#drain(order.deadlineMs);
        return this.#tell({ kind: 'drained' });
      case 'stop':
        await this.#stop(order.deadlineMs);
        this.#tell({ kind: 'stopped' });
        return this.#port.close();
      default:
        return unreachable(order);
    }
  }

  async #drain(deadlineMs: number): Promise<void> {
    await this.#doorway.closeAll();
    this.#doorway.giveUp();
    const { relays } = this.#doorway;
    const atStart = new Map([...relays].map((relay) => [relay, relay.received]));
    let before = -1;
    for (let quiet = 0; quiet < QUIET_TURNS && Date.now() < deadlineMs; ) {
      await aTurn();
      let received = 0;
      let areFlushed = true;
      for (const [relay, from] of atStart) {
        if (relay.received - from >= DRAIN_BYTES_MAX) relay.pause();
        received += relay.received;
        areFlushed &&= relay.isFlushed;
      }
      quiet = received === before && areFlushed ? quiet + 1 : 0;
      before = received;
      if (!areFlushed) await sleep(WAIT_MS);
    }
    for (const relay of relays) relay.pause();
  }

  /** The lanes have closed their ends: what they said goes out, then the peers have a moment to hear the end. */
  async #stop(deadlineMs: number): Promise<void> {
    await this.#doorway.closeAll();
    this.#doorway.giveUp();
    const { relays } = this.#doorway;
    const untilMs = Math.min(deadlineMs, Date.now() + FAREWELL_MS);
    while (relays.size > 0 && Date.now() < untilMs) await sleep(WAIT_MS);
    for (const relay of relays) relay.destroy();
  }
}
