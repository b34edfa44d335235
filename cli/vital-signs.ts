// What a running program tells the service manager: its state, how it does in a sentence, and signs of life as
// long as every thread of it gives some. A thread that hangs is said once, and then the program keeps silent: the
// manager ends it and starts it again.

import { type Beat, Pulse } from '../base/pulse.ts';
import type { Log } from '../base/log.ts';
import type { Notify } from '../kernel/notify.ts';

/** How often the sentence is told. */
const STATUS_MS = 10_000;
/** Threads that nobody asks anything give a sign each second: less than a few of them says nothing. */
const PATIENCE_MS_MIN = 3000;
/** The manager hears four signs in the time that it waits for one. */
const SIGNS = 4;

export interface Patient {
  /** How it does, in one sentence. */
  sentence(): string;
  /** Of all its threads but this one, whose timer it is that asks. */
  beats(): readonly Beat[];
}

export class VitalSigns {
  readonly #notify: Notify;
  readonly #patient: Patient;
  readonly #log: Log;
  readonly #pulse: Pulse;
  readonly #timers: NodeJS.Timeout[] = [];
  #silent: readonly string[] = [];
  #state: 'starting' | 'ready' | 'reloading' | 'stopping' = 'starting';

  constructor(notify: Notify, patient: Patient, log: Log) {
    this.#notify = notify;
    this.#patient = patient;
    this.#log = log;
    const { watchdogMs } = notify;
    this.#pulse = new Pulse(Math.max(PATIENCE_MS_MIN, (watchdogMs ?? 0) / 2));
    // From the start on: opening may take longer than the manager waits for a sign.
    if (watchdogMs !== undefined) this.#every(watchdogMs / SIGNS, () => this.#sign());
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.#timers.push(timer);
  }

  #sign(): void {
    const silent =
      this.#state === 'stopping' ? [] : this.#pulse.look(this.#patient.beats(), performance.now());
    const fresh = silent.filter((name) => !this.#silent.includes(name));
    this.#silent = silent;
    if (silent.length === 0) this.#notify.alive();
    if (fresh.length === 0) return;
    this.#log.error(
      `No sign of life from ${fresh.join(', ')}: the service manager is not told that this process lives, and will start it again.`,
      { event: 'thread_hangs' },
    );
  }

  ready(): void {
    if (this.#state === 'starting' && this.#notify.isHeard) this.#every(STATUS_MS, () => this.#tellState());
    this.#state = 'ready';
    this.#tellState();
  }

  /** Told again and again, so that a manager that was busy hears it in the end. */
  #tellState(): void {
    if (this.#state === 'ready') this.#notify.ready(this.#patient.sentence());
  }

  /** While `work` runs, which is over whether or not the new configuration was taken. */
  async reloading(work: () => Promise<void>): Promise<void> {
    if (this.#state === 'ready') {
      this.#state = 'reloading';
      this.#notify.reloading();
    }
    try {
      await work();
    } finally {
      if (this.#state === 'reloading') this.ready();
    }
  }

  /** Signs of life go on: the end may take a while. */
  stopping(status: string): void {
    this.#state = 'stopping';
    this.#notify.stopping(status);
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
