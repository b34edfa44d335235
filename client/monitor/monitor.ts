// Watching connections as one thing: the thread that captures and the thread that finds owners, joined. Whoever opens
// it hears each event with its owners, interval records, what interfaces do, and what was lost.
//
// Promises: the events of one connection come in their order; an owner that is not found in time holds up nothing.
// `start` throws a Fault and leaves nothing open; `stop` gives what is under way first, and may be called twice.

import type { Owners } from '../../traffic/events/owner.ts';
import { Capture, type CaptureListener } from './capture.ts';
import type { CaptureCounts } from './capture-counts.ts';
import type {
  CaptureReport,
  CaptureSettings,
  InterfaceState,
  Listener,
  SeenFacts,
  Snapshot,
  SnapshotOrder,
} from './capture.port.ts';
import { OwnerBook } from './owner-book.ts';
import type { WhoQuestion, WhoSettings } from './who/who.port.ts';
import { Who, type WhoListener, type WhoStatus } from './who/who.ts';

export type Losses = Omit<Extract<CaptureReport, { kind: 'losses' }>, 'kind'>;

export interface MonitorSettings {
  readonly capture: CaptureSettings;
  /** Find out whose each connection is. */
  readonly owners: boolean;
}

export interface MonitorListener {
  onEvent(facts: SeenFacts, owners: Owners): void;
  onRecords(lines: readonly string[], endUs: number): void;
  onInterface(state: InterfaceState): void;
  onLosses(losses: Losses): void;
  /** A thread died unasked: nothing more is seen. */
  onDied(error: Error): void;
}

/** The two threads, as they are joined here; a test puts its own in their place. */
export interface MonitorDoors {
  openCapture(settings: CaptureSettings, listener: CaptureListener): CaptureHandle;
  openWho(settings: WhoSettings, listener: WhoListener): WhoHandle;
}

export type CaptureHandle = Pick<Capture, keyof Capture>;
export type WhoHandle = Pick<Who, keyof Who>;

const THREADS: MonitorDoors = {
  openCapture: (settings, listener) => new Capture(settings, listener),
  openWho: (settings, listener) => new Who(settings, listener),
};

/** How often it is looked whether an answer is overdue. */
const EXPIRE_EVERY_MS = 50;

export class Monitor {
  readonly #capture: CaptureHandle;
  readonly #who: WhoHandle | undefined;
  readonly #book: OwnerBook;
  readonly #listener: MonitorListener;
  #listeners: readonly Listener[] = [];
  #expiry: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(settings: MonitorSettings, listener: MonitorListener, doors: MonitorDoors = THREADS) {
    this.#listener = listener;
    this.#capture = doors.openCapture(settings.capture, {
      onEvents: (events) => this.#see(events),
      onRecords: (lines, endUs) => listener.onRecords(lines, endUs),
      onInterface: (state) => listener.onInterface(state),
      onLosses: (losses) => listener.onLosses(losses),
      onDied: (error) => listener.onDied(error),
    });
    this.#who = settings.owners
      ? doors.openWho(
          { filter: settings.capture.filter },
          {
            onListeners: (listeners) => this.#setListeners(listeners),
            onDied: (error) => listener.onDied(error),
          },
        )
      : undefined;
    this.#book = new OwnerBook({
      ask: (question: WhoQuestion) => this.#who?.ask(question) ?? Promise.resolve({}),
      tell: (facts, owners) => listener.onEvent(facts, owners),
      now: () => performance.now(),
    });
  }

  /** Owners first: what is open already has its own when its first event comes. */
  async start(): Promise<void> {
    try {
      await this.#who?.start();
      await this.#capture.start();
      // What the first dump has found came before there was a thread to hear it.
      this.#capture.setListeners(this.#listeners);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #setListeners(listeners: readonly Listener[]): void {
    this.#listeners = listeners;
    this.#capture.setListeners(listeners);
  }

  #see(events: readonly SeenFacts[]): void {
    if (this.#who === undefined) {
      for (const facts of events) this.#listener.onEvent(facts, {});
      return;
    }
    for (const facts of events) this.#book.see(facts);
    if (this.#book.waiting > 0 && this.#expiry === undefined)
      this.#expiry = setInterval(() => this.#expire(), EXPIRE_EVERY_MS);
  }

  #expire(): void {
    this.#book.expire();
    if (this.#book.waiting > 0) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
  }

  counts(): CaptureCounts {
    return this.#capture.counts();
  }

  interfaces(): readonly InterfaceState[] {
    return this.#capture.interfaces();
  }

  snapshot(order: SnapshotOrder, rowsMax: number): Promise<Snapshot> {
    return this.#capture.snapshot(order, rowsMax);
  }

  setFilter(filter: string | undefined): void {
    this.#capture.setFilter(filter);
  }

  /** Whose a connection is, for one that is looked at before it has an event. */
  async ownersOf(question: WhoQuestion): Promise<Owners> {
    return (await this.#who?.ask(question)) ?? {};
  }

  /** Undefined: owners are not looked for. */
  who(): WhoStatus | undefined {
    return this.#who?.status();
  }

  /** Events that were told without an owner, since too many came at once. */
  get unasked(): number {
    return this.#book.unasked;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The capture first: it tells what is open still, and that has owners too. */
  async #stop(): Promise<void> {
    await this.#capture.stop();
    while (this.#book.waiting > 0) {
      this.#book.expire();
      await new Promise((done) => setTimeout(done, EXPIRE_EVERY_MS / 5));
    }
    clearInterval(this.#expiry);
    await this.#who?.stop();
  }
}
