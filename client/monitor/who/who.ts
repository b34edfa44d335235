// The handle of the thread that finds owners: starts it, asks it, says what of its ways works. What each answer means is
// in docs/who.md.
//
// Promises: `ask` never rejects, and answers within 200 ms, with `unknown:busy` where the thread was slower; `stop` may be
// called twice. A thread that ends unasked is told.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { BrokenPromise } from '../../../base/assert.ts';
import { BellRope } from '../../../kernel/bell.ts';
import type { Owner, Owners } from '../../../traffic/events/owner.ts';
import type { Listener } from '../capture.port.ts';
import { WhoCounters, type WhoCounts } from './counts.ts';
import type {
  NumberedQuestion,
  WayState,
  WhoOrder,
  WhoQuestion,
  WhoReport,
  WhoSettings,
} from './who.port.ts';

const ANSWER_MS = 200;
const LATE_EVERY_MS = 50;
/** Questions under way; of more, each is answered at once: nobody has time. */
const ASKED_MAX = 65_536;

export interface WhoListener {
  onListeners(listeners: readonly Listener[]): void;
  /** The thread ended unasked: nobody is named any more. */
  onDied(error: Error): void;
}

export interface WhoStatus {
  readonly ways: readonly WayState[];
  readonly counts: WhoCounts;
}

interface Asked {
  readonly question: WhoQuestion;
  readonly dueMs: number;
  readonly answer: (owners: Owners) => void;
}

export class Who {
  readonly #settings: WhoSettings;
  readonly #listener: WhoListener;
  readonly #counters = new WhoCounters();
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  readonly #bell = new BellRope();
  #ways: readonly WayState[] = [];
  #number = 0;
  #batch: NumberedQuestion[] = [];
  #lateTimer: NodeJS.Timeout | undefined;
  #started: (() => void) | undefined;
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(settings: WhoSettings, listener: WhoListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Resolves when the connections that are open already have their owners. */
  start(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const start = { settings: this.#settings, counts: this.#counters.memory };
    this.#worker = new Worker(new URL('./who.thread.js', import.meta.url), {
      name: 'who',
      workerData: { start, port: port2 },
      transferList: [port2],
    });
    port1.on('message', (report: WhoReport) => this.#hear(report));
    return new Promise((resolve, reject) => {
      this.#started = resolve;
      this.#worker?.on('error', (error) => {
        reject(error);
        this.#die(error);
      });
      this.#worker?.on('exit', () => this.#exited());
    });
  }

  #die(error: Error): void {
    if (this.#stopping) return;
    this.#answerAll();
    this.#listener.onDied(error);
  }

  #exited(): void {
    this.#bell.cut();
    if (!this.#stopping)
      this.#die(new BrokenPromise('the thread that finds owners ended without being asked'));
    this.#stopped?.();
  }

  #hear(report: WhoReport): void {
    if (report.kind === 'started') {
      this.#bell.tie(report.bell);
      this.#ways = report.ways;
      this.#started?.();
      this.#send();
    }
    if (report.kind === 'ways') this.#ways = report.ways;
    if (report.kind === 'listeners') this.#listener.onListeners(report.listeners);
    if (report.kind === 'answers')
      for (const { number, owners } of report.answers) this.#settle(number, owners);
    if (report.kind === 'stopped') this.#stopped?.();
  }

  #settle(number: number, owners: Owners): void {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    asked?.answer(owners);
  }

  ask(question: WhoQuestion): Promise<Owners> {
    if (this.#stopping || this.#asked.size >= ASKED_MAX) return Promise.resolve(busy(question));
    const number = this.#number++;
    this.#batch.push({ ...question, number });
    if (this.#batch.length === 1) queueMicrotask(() => this.#send());
    this.#lateTimer ??= setInterval(() => this.#answerLate(), LATE_EVERY_MS);
    return new Promise((answer) => {
      this.#asked.set(number, { question, dueMs: performance.now() + ANSWER_MS - LATE_EVERY_MS, answer });
    });
  }

  #send(): void {
    if (!this.#bell.isTied || this.#batch.length === 0 || this.#stopping) return;
    this.#order({ kind: 'ask', questions: this.#batch });
    this.#batch = [];
  }

  #order(order: WhoOrder): void {
    this.#port?.postMessage(order);
    this.#bell.pull();
  }

  #answerLate(): void {
    const nowMs = performance.now();
    for (const [number, { question, dueMs }] of this.#asked) {
      if (dueMs > nowMs) break;
      this.#settle(number, busy(question));
    }
    if (this.#asked.size > 0) return;
    clearInterval(this.#lateTimer);
    this.#lateTimer = undefined;
  }

  #answerAll(): void {
    for (const [number, { question }] of [...this.#asked]) this.#settle(number, busy(question));
    clearInterval(this.#lateTimer);
    this.#lateTimer = undefined;
  }

  status(): WhoStatus {
    return { ways: this.#ways, counts: this.#counters.read() };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#answerAll();
    if (!this.#worker || !this.#bell.isTied) {
      await this.#worker?.terminate();
      this.#port?.close();
      return;
    }
    const stopped = new Promise<void>((done) => {
      this.#stopped = done;
    });
    this.#order({ kind: 'stop' });
    await stopped;
    this.#port?.close();
  }
}

function busy({ isClientOwn, isServerOwn }: WhoQuestion): Owners {
  const owner: Owner = { how: 'unknown:busy' };
  return { client: isClientOwn ? owner : undefined, server: isServerOwn ? owner : undefined };
}
