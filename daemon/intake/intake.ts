// All of the intake as the main thread sees it: which listeners stand, which lane serves which of their sockets,
// and what all of them have counted. Listeners keep their number for the life of the process, since their
// counters stand under it; a listener that comes back goes on counting.

import type { Log } from '../../base/log.ts';
import { printSize } from '../../base/units.ts';
import type { ServerConfig } from '../../config/server.ts';
import { type BoundSocket, closeSocket } from '../../kernel/socket.ts';
import { makeLockTable } from '../files/line-locks.ts';
import { CountReader, type CountTable, LISTENERS_MAX, makeCountTable } from './counts.ts';
import { bootLaneThread, Lane, type LaneThread } from './lane.ts';
import type { LaneReport, LaneSocket } from './lane.port.ts';
import { type OpenListener, openListeners } from './listeners.ts';
import { makeSenderTable, type SenderTable } from './senders.ts';

/** The number of the lane that serves TCP; UDP lanes follow. */
const STREAM_LANE = 1;

/** A listener as it is told of: those that were closed by a reload are still counted. */
export interface StandingListener {
  readonly name: string;
  readonly open: boolean;
  readonly passed: boolean;
  readonly receiveBufferBytes: number | null;
}

export interface IntakeParts {
  readonly log: Log;
  /** Sockets that the service manager has opened for us. */
  readonly passed: readonly BoundSocket[];
  /** Threads that were booted ahead of time; what is not needed of them is ended. */
  readonly threads: LaneThread[];
  /** A lane begins: its table of senders. */
  lane(number: number, senders: SenderTable): void;
  report(lane: number, report: LaneReport): void;
  died(error: Error): void;
}

/** What a new configuration would change. Its sockets are open; nothing else has happened yet. */
export interface IntakePlan {
  readonly config: ServerConfig;
  readonly listeners: readonly OpenListener[];
  readonly fresh: readonly OpenListener[];
  readonly gone: readonly OpenListener[];
}

export class Intake {
  readonly #parts: IntakeParts;
  readonly #locks = makeLockTable();
  readonly #openTotal = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #lanes = new Map<number, Lane>();
  readonly #tables: CountTable[] = [];
  readonly #numbered: StandingListener[] = [];
  #listeners: readonly OpenListener[] = [];
  /** What all lanes have counted. */
  counts = new CountReader([]);

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  get listeners(): readonly StandingListener[] {
    return this.#numbered;
  }

  /** Takes messages when it resolves. A Fault: nothing is open. */
  async open(config: ServerConfig): Promise<void> {
    const listeners = openListeners(config.syslog, this.#parts.passed);
    this.#setListeners(listeners, config);
    const sockets = this.#socketsByLane(listeners);
    const numbers = new Set([STREAM_LANE, ...sockets.keys()]);
    await Promise.all([...numbers].map((number) => this.#start(number, config, sockets.get(number) ?? [])));
    for (const { worker } of this.#parts.threads.splice(0)) void worker.terminate();
  }

  /** Opens what a new configuration needs besides what stands. A Fault: nothing has changed. */
  plan(config: ServerConfig): IntakePlan {
    const before = this.#listeners;
    const listeners = openListeners(config.syslog, [], before);
    const fresh = listeners.filter((open) => !before.includes(open));
    return { config, listeners, fresh, gone: before.filter((open) => !listeners.includes(open)) };
  }

  discard({ fresh }: IntakePlan): void {
    for (const { fds } of fresh) fds.forEach(closeSocket);
  }

  async carryOut({ config, listeners, fresh, gone }: IntakePlan): Promise<void> {
    this.#setListeners(listeners, config);
    const added = this.#socketsByLane(fresh);
    const remove = gone.flatMap(({ fds }) => fds);
    const configured = [...this.#lanes].map(([number, lane]) =>
      lane.configure({ config, add: added.get(number) ?? [], remove }),
    );
    await Promise.all(configured);
    for (const [number, sockets] of added) {
      if (!this.#lanes.has(number)) await this.#start(number, config, sockets);
    }
  }

  /** Every lane lets go of a file, or of all, and opens what the path leads to for the next line. */
  async reopen(path?: string): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.reopen(path)));
  }

  /** Resolves with the bytes that could not be written. */
  async stop(deadlineMs: number): Promise<number> {
    const lanes = [...this.#lanes.values()];
    await Promise.all(lanes.map((lane) => lane.stop(deadlineMs)));
    return lanes.reduce((sum, lane) => sum + lane.unwrittenBytes, 0);
  }

  #start(number: number, config: ServerConfig, sockets: readonly LaneSocket[]): Promise<void> {
    const counts = makeCountTable();
    const senders = makeSenderTable();
    this.#tables.push(counts);
    this.counts = new CountReader(this.#tables);
    this.#parts.lane(number, senders);
    const via = number === STREAM_LANE ? 'tcp' : 'udp';
    const shared = { counts, senders, locks: this.#locks, openTotal: this.#openTotal };
    const thread = this.#parts.threads.pop() ?? bootLaneThread();
    const events = {
      report: (report: LaneReport) => this.#parts.report(number, report),
      died: (error: Error) => this.#parts.died(error),
    };
    const lane = new Lane(thread, { number, via, config, sockets, ...shared }, events);
    this.#lanes.set(number, lane);
    return lane.started();
  }

  /** TCP goes to one lane; each socket of a UDP address goes to a lane of its own. */
  #socketsByLane(listeners: readonly OpenListener[]): Map<number, LaneSocket[]> {
    const byLane = new Map<number, LaneSocket[]>();
    for (const open of listeners) {
      const listener = this.#numberOf(open);
      open.fds.forEach((fd, at) => {
        const lane = open.kind === 'tcp' ? STREAM_LANE : STREAM_LANE + 1 + at;
        const socket = { fd, kind: open.kind, listener, receiveBufferBytes: open.receiveBuffer?.bytes ?? 0 };
        byLane.set(lane, [...(byLane.get(lane) ?? []), socket]);
      });
    }
    return byLane;
  }

  /** More listeners than can be counted apart share the last place. */
  #numberOf(open: OpenListener): number {
    const at = this.#numbered.findIndex(({ name }) => name === open.name);
    return at < 0 ? LISTENERS_MAX - 1 : at;
  }

  #setListeners(listeners: readonly OpenListener[], config: ServerConfig): void {
    this.#listeners = listeners;
    const names = new Set(listeners.map(({ name }) => name));
    this.#numbered.forEach((known, at) => {
      this.#numbered[at] = { ...known, open: names.has(known.name) };
    });
    for (const open of listeners) {
      const receiveBufferBytes = open.receiveBuffer?.bytes ?? null;
      const standing = { name: open.name, open: true, passed: open.isPassed, receiveBufferBytes };
      const at = this.#numbered.findIndex(({ name }) => name === open.name);
      if (at >= 0) this.#numbered[at] = standing;
      else if (this.#numbered.length < LISTENERS_MAX) this.#numbered.push(standing);
      if (at < 0) this.#say(open, config);
    }
  }

  #say({ name, isPassed, receiveBuffer }: OpenListener, config: ServerConfig): void {
    const { log } = this.#parts;
    log.info(`Listening on ${name}${isPassed ? ' (passed by the service manager)' : ''}.`);
    if (!receiveBuffer || receiveBuffer.whole) return;
    const [has, wanted] = [printSize(receiveBuffer.bytes / 2), printSize(config.syslog.receiveBufferBytes)];
    log.info(
      `The receive buffer of ${name} is ${has} instead of ${wanted}: bursts beyond it are dropped (and counted). ` +
        'Raise net.core.rmem_max, or give CAP_NET_ADMIN to the service.',
    );
  }
}
