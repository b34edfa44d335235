// The handle of the capture for the rest of the program: starts its thread, gives it orders, hands on what it tells,
// reads its counters. `start` throws a Fault where no packet can be seen; an interface that is not there is none, since
// it may come. A thread that ends unasked is told once (`onDied`).

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { BrokenPromise, unreachable } from '../../base/assert.ts';
import { Fault } from '../../base/fault.ts';
import { BellRope } from '../../kernel/bell.ts';
import type {
  CaptureOrder,
  CaptureReport,
  CaptureSettings,
  CaptureStart,
  InterfaceState,
  Listener,
  SeenFacts,
  Snapshot,
  SnapshotOrder,
} from './capture.port.ts';
import { CAPTURE_SLOT, type CaptureCounts, makeCaptureCounts, readCaptureCounts } from './capture-counts.ts';
import { makeRunId } from './capture-teller.ts';

export interface CaptureListener {
  onEvents(events: readonly SeenFacts[]): void;
  onRecords(lines: readonly string[], endUs: number): void;
  onInterface(state: InterfaceState): void;
  onLosses(losses: Omit<Extract<CaptureReport, { kind: 'losses' }>, 'kind'>): void;
  onDied(error: Error): void;
}

const NO_FLOWS: Omit<Snapshot, 'timeUs'> = { rows: [], flows: 0 };

export class Capture {
  readonly #settings: CaptureSettings;
  readonly #listener: CaptureListener;
  readonly #counts = makeCaptureCounts();
  readonly #numbers = new Float64Array(this.#counts);
  readonly #interfaces = new Map<string, InterfaceState>();
  readonly #snapshots: ((snapshot: Snapshot) => void)[] = [];
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  /** Rung with each order. */
  readonly #bell = new BellRope();
  #started: { done(): void; failed(error: Error): void } | undefined;
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  #hasEnded = false;

  constructor(settings: CaptureSettings, listener: CaptureListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  start(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const start: CaptureStart = { settings: this.#settings, counts: this.#counts, runId: makeRunId() };
    this.#port = port1;
    port1.on('message', (report: CaptureReport) => this.#hear(report));
    this.#worker = new Worker(new URL('./capture.thread.js', import.meta.url), {
      name: 'capture',
      workerData: { start, port: port2 },
      transferList: [port2],
    });
    this.#worker.on('error', (error) => this.#die(error));
    // The end of a thread may be told before its last words are.
    this.#worker.on('exit', () => setImmediate(() => this.#exited()));
    return new Promise((done, failed) => {
      this.#started = { done, failed };
    });
  }

  #exited(): void {
    this.#bell.cut();
    this.#end();
  }

  #hear(report: CaptureReport): void {
    switch (report.kind) {
      case 'started':
        this.#bell.tie(report.bell);
        this.#started?.done();
        this.#started = undefined;
        // It was told to stop before it could hear.
        if (this.#stopping) this.#order({ kind: 'stop' });
        return;
      case 'refused':
        return this.#refuse(report.error);
      case 'interface':
        this.#note(report.interface);
        return this.#listener.onInterface(report.interface);
      case 'events':
        this.#hasHeard(report.events.length);
        return this.#listener.onEvents(report.events);
      case 'records':
        this.#hasHeard(report.lines.length);
        return this.#listener.onRecords(report.lines, report.endUs);
      case 'losses':
        return this.#listener.onLosses(report);
      case 'snapshot':
        this.#snapshots.shift()?.(report.snapshot);
        return;
      case 'stopped':
        return this.#end();
      default:
        unreachable(report);
    }
  }

  /** Of all interfaces, one that has gone is not missed. */
  #note(state: InterfaceState): void {
    const isMissed = this.#settings.interfaces.includes(state.name);
    if (state.state === 'absent' && !isMissed) this.#interfaces.delete(state.name);
    else this.#interfaces.set(state.name, state);
  }

  #hasHeard(count: number): void {
    const at = CAPTURE_SLOT.heard;
    this.#numbers[at] = (this.#numbers[at] as number) + count;
  }

  #refuse(error: string): void {
    const { failed } = this.#started ?? {};
    this.#started = undefined;
    this.#stopping = Promise.resolve();
    failed?.(faultOf(error, this.#settings));
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const answer of this.#snapshots.splice(0)) answer(this.#noSnapshot());
    this.#port?.close();
    if (this.#stopping) this.#stopped?.();
    else this.#die(new BrokenPromise('the capture ended without being asked'));
  }

  #die(error: Error): void {
    const starting = this.#started;
    this.#started = undefined;
    this.#stopping ??= Promise.resolve();
    this.#stopped?.();
    if (starting) starting.failed(error);
    else this.#listener.onDied(error);
  }

  #order(order: CaptureOrder): void {
    if (!this.#isRunning) return;
    this.#port?.postMessage(order);
    this.#bell.pull();
  }

  get #isRunning(): boolean {
    return this.#bell.isTied && !this.#hasEnded;
  }

  #noSnapshot(): Snapshot {
    return { ...NO_FLOWS, timeUs: Date.now() * 1000 };
  }

  counts(): CaptureCounts {
    return readCaptureCounts(this.#counts);
  }

  interfaces(): readonly InterfaceState[] {
    return [...this.#interfaces.values()];
  }

  /** Empty when it does not run. */
  snapshot(order: SnapshotOrder, rowsMax: number): Promise<Snapshot> {
    if (!this.#isRunning) return Promise.resolve(this.#noSnapshot());
    return new Promise((done) => {
      this.#snapshots.push(done);
      this.#order({ kind: 'snapshot', order, rowsMax });
    });
  }

  setFilter(filter: string | undefined): void {
    this.#order({ kind: 'filter', filter });
  }

  setListeners(listeners: readonly Listener[]): void {
    this.#order({ kind: 'listeners', listeners });
  }

  /** What was told until then is heard before it resolves. */
  stop(): Promise<void> {
    if (!this.#worker) return Promise.resolve();
    this.#stopping ??= new Promise((done) => {
      this.#stopped = done;
      this.#order({ kind: 'stop' });
    });
    return this.#stopping;
  }
}

/** EAFNOSUPPORT: the service manager does not let this program have packet sockets. */
const NO_RIGHT: readonly string[] = ['EPERM', 'EACCES', 'EAFNOSUPPORT'];

function faultOf(error: string, { interfaces, ringBytes }: CaptureSettings): Fault {
  const where = `interface ${interfaces.join(', ')}`;
  if (NO_RIGHT.includes(error)) {
    return new Fault('CAPTURE_PERMISSION', {
      what: `The packets of this host cannot be seen: the right CAP_NET_RAW is missing (${error}).`,
      where,
      mend: 'Run it as root, or give the service the right: copy systemd/belfry-agent.service.d/capture.conf to /etc/systemd/system/belfry-agent.service.d/, then systemctl daemon-reload and restart.',
    });
  }
  const isMemory = error === 'ENOMEM' || error === 'ENOBUFS';
  return new Fault('CAPTURE_FAILED', {
    what: isMemory
      ? `The kernel has no memory for a ring of ${ringBytes} bytes (${error}).`
      : `Packets cannot be captured: the kernel refuses with ${error}.`,
    where,
    mend: isMemory ? 'Choose a smaller traffic.ringSize.' : 'Is this kernel built with CONFIG_PACKET?',
  });
}
