// All of the intake as the main thread sees it: which listeners stand, which lane serves which of their sockets,
// and what all of them have counted. Listeners keep their number for the life of the process, since their
// counters stand under it; a listener that comes back goes on counting. TLS is ended by a thread of its own, which
// is started with the first listener that needs it and hands its connections to the lane of streams.

import { assert } from '../../base/assert.ts';
import type { Log } from '../../base/log.ts';
import type { Beat } from '../../base/pulse.ts';
import { printSize } from '../../base/units.ts';
import type { ServerConfig } from '../../config/server.ts';
import { closeSocket } from '../../kernel/socket.ts';
import { makeLockTable } from '../files/line-locks.ts';
import type { ReadCredentials } from '../tls/credentials.ts';
import { TlsThread } from '../tls/tls.ts';
import { makeTlsCountTable, TlsCounts } from '../tls/tls-counts.ts';
import type { TlsReport, TlsSocket } from '../tls/tls.port.ts';
import { CountReader, type CountTable, LISTENERS_MAX, makeCountTable } from './counts.ts';
import { bootLaneThread, dismissLaneThread, Lane, type LaneThread } from './lane.ts';
import type { LaneReport, LaneSocket } from './lane.port.ts';
import {
  isTls,
  type OpenListener,
  openListeners,
  type PassedSocket,
  socketKind,
  spokenOn,
} from './listeners.ts';
import { makeSenderTable, type SenderTable } from './senders.ts';

/** The number of the lane that serves TCP, RELP and what comes out of TLS; UDP lanes follow. */
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
  readonly passed: readonly PassedSocket[];
  /** Threads that were booted ahead of time; what is not needed of them is ended. */
  readonly threads: LaneThread[];
  /** A lane begins: its table of senders. */
  lane(number: number, senders: SenderTable): void;
  report(lane: number, report: LaneReport): void;
  tls(report: TlsReport): void;
  died(error: Error): void;
}

/** What a new configuration would change. Its sockets are open; nothing else has happened yet. */
export interface IntakePlan {
  readonly config: ServerConfig;
  readonly credentials: ReadCredentials | undefined;
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
  #tls: TlsThread | undefined;
  readonly #tlsCountTable = makeTlsCountTable();
  /** What the thread of TLS has counted, and what it shows to peers. */
  readonly tlsCounts = new TlsCounts(this.#tlsCountTable);
  credentials: ReadCredentials | undefined;
  #isStopping = false;
  /** What all lanes have counted. */
  counts = new CountReader([]);

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  get listeners(): readonly StandingListener[] {
    return this.#numbered;
  }

  /** Of each of its threads. */
  beats(): Beat[] {
    const lanes = [...this.#lanes.values()].map(({ beat }) => beat);
    const tls = { name: 'the thread of TLS', beats: this.tlsCounts.get('beats') };
    return this.#tls ? [...lanes, tls] : lanes;
  }

  /** Takes messages when it resolves. A Fault: nothing is open. */
  async open(config: ServerConfig): Promise<void> {
    const credentials = await credentialsOf(config);
    const listeners = openListeners(config.syslog, this.#parts.passed);
    this.credentials = credentials;
    this.#setListeners(listeners, config);
    const sockets = this.#socketsByLane(listeners);
    const numbers = new Set([STREAM_LANE, ...sockets.keys()]);
    await Promise.all([...numbers].map((number) => this.#start(number, config, sockets.get(number) ?? [])));
    await this.#addTls(config, this.#tlsSockets(listeners));
    await Promise.all(this.#parts.threads.splice(0).map(dismissLaneThread));
  }

  /** Opens what a new configuration needs besides what stands. A Fault: nothing has changed. */
  async plan(config: ServerConfig): Promise<IntakePlan> {
    const before = this.#listeners;
    const credentials = await credentialsOf(config);
    const listeners = openListeners(config.syslog, [], before);
    const fresh = listeners.filter((open) => !before.includes(open));
    return {
      config,
      credentials,
      listeners,
      fresh,
      gone: before.filter((open) => !listeners.includes(open)),
    };
  }

  discard({ fresh }: IntakePlan): void {
    for (const { fds } of fresh) fds.forEach(closeSocket);
  }

  async carryOut({ config, credentials, listeners, fresh, gone }: IntakePlan): Promise<void> {
    this.credentials = credentials;
    this.#setListeners(listeners, config);
    const added = this.#socketsByLane(fresh);
    const fdsOf = (wanted: boolean) =>
      gone.filter((open) => isTls(open) === wanted).flatMap(({ fds }) => fds);
    // An address may change hands between TLS and plain speech: who lets go comes first.
    await this.#configureTls(config, [], fdsOf(true));
    const remove = fdsOf(false);
    const configured = [...this.#lanes].map(([number, lane]) =>
      lane.configure({ config, add: added.get(number) ?? [], remove }),
    );
    await Promise.all(configured);
    for (const [number, sockets] of added) {
      if (!this.#lanes.has(number) && !this.#isStopping) await this.#start(number, config, sockets);
    }
    if (this.#isStopping) return;
    await this.#addTls(config, this.#tlsSockets(fresh));
  }

  /** Every lane lets go of a file, or of all, and opens what the path leads to for the next line. */
  async reopen(path?: string): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.reopen(path)));
  }

  /** Resolves with the bytes that could not be written. */
  async stop(deadlineMs: number): Promise<number> {
    this.#isStopping = true;
    const lanes = [...this.#lanes.values()];
    // What TLS has received is handed on while the lanes still take it; what they answer goes out at the end.
    await this.#tls?.drain(Date.now() + (deadlineMs - Date.now()) / 2);
    await Promise.all(lanes.map((lane) => lane.stop(deadlineMs)));
    await this.#tls?.stop(deadlineMs);
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

  async #addTls(config: ServerConfig, sockets: readonly TlsSocket[]): Promise<void> {
    if (this.#tls || sockets.length === 0) return await this.#configureTls(config, sockets, []);
    const credentials = this.credentials?.credentials;
    assert(credentials !== undefined, 'a listener with TLS was checked to have a certificate');
    const counts = makeCountTable();
    this.#tables.push(counts);
    this.counts = new CountReader(this.#tables);
    const shared = { counts, tlsCounts: this.#tlsCountTable };
    this.#tls = new TlsThread(
      { config: config.syslog, credentials, sockets, ...shared },
      { report: (report) => this.#hearTls(report), died: (error) => this.#parts.died(error) },
    );
    await this.#tls.started();
  }

  async #configureTls(
    { syslog }: ServerConfig,
    add: readonly TlsSocket[],
    remove: readonly number[],
  ): Promise<void> {
    const credentials = this.credentials?.credentials;
    await this.#tls?.configure({ config: syslog, credentials, add, remove });
  }

  #hearTls(report: TlsReport): void {
    if (report.kind === 'unwrapped') this.#lanes.get(STREAM_LANE)?.adopt(report.connection);
    else this.#parts.tls(report);
  }

  #tlsSockets(listeners: readonly OpenListener[]): TlsSocket[] {
    return listeners.filter(isTls).flatMap((open) => {
      const socket = { name: open.name, speaks: spokenOn(open), listener: this.#numberOf(open) };
      return open.fds.map((fd) => ({ fd, ...socket }));
    });
  }

  /** TCP goes to one lane; each socket of a UDP address goes to a lane of its own. */
  #socketsByLane(listeners: readonly OpenListener[]): Map<number, LaneSocket[]> {
    const byLane = new Map<number, LaneSocket[]>();
    for (const open of listeners.filter((one) => !isTls(one))) {
      const listener = this.#numberOf(open);
      const kind = socketKind(open);
      const receiveBufferBytes = open.receiveBuffer?.bytes ?? 0;
      open.fds.forEach((fd, at) => {
        const lane = kind === 'tcp' ? STREAM_LANE : STREAM_LANE + 1 + at;
        const socket = { fd, kind, speaks: spokenOn(open), listener, receiveBufferBytes };
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

/**
 * Read wherever the configuration names them: a mistake there is told before a listener needs them. Whoever has
 * none does not load the TLS library either.
 */
async function credentialsOf({ syslog }: ServerConfig): Promise<ReadCredentials | undefined> {
  if (syslog.tls === undefined) return undefined;
  const { readCredentials } = await import('../tls/credentials.ts');
  return readCredentials(syslog.tls, Date.now());
}
