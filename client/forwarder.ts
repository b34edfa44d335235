// One destination: its queue on disk, the way to the other side, and the inputs that read for it alone. Nothing
// here is shared with another destination, so that one that is dead or slow holds back nobody.
//
// Promises: a Fault at opening leaves nothing open. `stop` loses nothing: first nothing more is taken, then the
// other side may answer what is under way, then the queue is made safe, and last the inputs save how far they
// are: a start after a stop sends nothing twice that was answered.

import { join } from 'node:path';
import { endsBy } from '../base/deadline.ts';
import type { Log } from '../base/log.ts';
import { printCount, printSize, printSpan } from '../base/units.ts';
import type { DestinationConfig, InputConfig } from '../config/agent.ts';
import { nodeDisk } from '../delivery/spool/node-disk.ts';
import type { Amount } from '../delivery/spool/reasons.ts';
import type { SpoolReader } from '../delivery/spool/reader.ts';
import { openSpool, type Spool } from '../delivery/spool/spool.ts';
import { Voice } from '../delivery/spool/voice.ts';
import type { Transport } from '../delivery/transport/transport.ts';
import { compileFilter, type Filter } from './filter.ts';
import type { Outlet } from './fan-out.ts';
import { Progress } from './progress.ts';
import type { RunningInput } from './running-input.ts';
import { destinationSentence } from './sentence.ts';
import { SpoolSink } from './sink.ts';
import type { DestinationStatus } from './status.ts';
import { destinationFacts } from './view.ts';

export interface ForwarderParts {
  readonly log: Log;
  readonly maxMessageBytes: number;
  readonly openTransport: (reader: SpoolReader) => Transport;
  /** The queue has room again, or something is safe: live inputs may go on. */
  readonly onRoom: () => void;
}

/** What live inputs could not give a destination, by reason. */
export type LiveLosses = Map<string, Amount>;

/** Below the directory of a queue. */
export const RECORDS = 'records';
export const CHECKPOINTS = 'checkpoints';

/** Saving a checkpoint is quick; a program that does not end is left to its end. */
const INPUTS_STOP_MS = 500;

/** A backlog that is drained for longer is told about each time this has passed. */
const TELL_EVERY_MS = 10_000;

export class Forwarder {
  readonly config: DestinationConfig;
  /** Kept when a destination is opened anew, for the status. */
  readonly liveLosses: LiveLosses;
  readonly #parts: ForwarderParts;
  readonly #spool: Spool;
  readonly #transport: Transport;
  readonly #reader: SpoolReader;
  readonly #filter: Filter | undefined;
  readonly #progress = new Progress();
  readonly #voice: Voice;
  readonly #sinks = new Set<SpoolSink>();
  readonly #inputs = new Map<string, RunningInput>();
  #passedOverBefore = 0;
  #isWaking = false;
  #isTellingRoom = false;
  #toldAtMs = 0;
  #stopping: Promise<void> | undefined;

  constructor(config: DestinationConfig, parts: ForwarderParts, liveLosses: LiveLosses = new Map()) {
    this.config = config;
    this.liveLosses = liveLosses;
    this.#parts = parts;
    this.#voice = new Voice(parts.log, Date.now, { destination: config.name });
    this.#filter = compileFilter(config);
    this.#spool = openSpool(
      join(config.queue.directory, RECORDS),
      {
        destinations: [config.name],
        maxDiskSpaceBytes: config.queue.maxDiskSpaceBytes,
        onFull: config.queue.onFull,
        sync: config.queue.sync,
        recordBytesMax: parts.maxMessageBytes,
      },
      {
        disk: nodeDisk,
        now: Date.now,
        log: parts.log,
        salt: () => Math.floor(Math.random() * 2 ** 32),
        wake: (what) => (what === 'records' ? this.#wakeTransport() : this.#tellRoom()),
      },
    );
    this.#reader = this.#spool.reader(config.name);
    this.#transport = parts.openTransport(this.#reader);
  }

  start(): void {
    this.#transport.start();
  }

  // ---- inputs

  /** A sink for one input of this destination. */
  openSink(): SpoolSink {
    const sink = new SpoolSink(this.#spool, this.#filter);
    this.#sinks.add(sink);
    return sink;
  }

  /** It has been stopped, or will not be used any more. */
  closeSink(sink: SpoolSink): void {
    sink.close();
    if (this.#sinks.delete(sink)) this.#passedOverBefore += sink.passedOver.records;
  }

  /** For a live input: what this destination cannot take is counted here. */
  openOutlet(): Outlet {
    return { sink: this.openSink(), lose: (records, bytes, why) => this.#lose(records, bytes, why) };
  }

  #lose(records: number, bytes: number, why: string): void {
    const lost = this.liveLosses.get(why) ?? { records: 0, bytes: 0 };
    this.liveLosses.set(why, { records: lost.records + records, bytes: lost.bytes + bytes });
    this.#voice.warn(
      `live ${why}`,
      `${this.config.name} has no room (${why.replaceAll('_', ' ')}) for what other destinations took: messages of live inputs are dropped for it, and counted.`,
    );
  }

  get inputs(): ReadonlyMap<string, RunningInput> {
    return this.#inputs;
  }

  addInput(input: RunningInput): void {
    this.#inputs.set(input.config.name, input);
  }

  /** Stops an input that is not wanted any more, once what it gave is safe, so that its checkpoint covers it. */
  async removeInput(config: Pick<InputConfig, 'name'>, deadlineMs: number): Promise<void> {
    const input = this.#inputs.get(config.name);
    if (input === undefined) return;
    this.#inputs.delete(config.name);
    const { sink } = input;
    if (sink instanceof SpoolSink) {
      sink.close();
      while (sink.safe() < sink.taken && Date.now() < deadlineMs) await this.#nextTick();
      this.#spool.tick();
    }
    await input.stop();
    if (sink instanceof SpoolSink) this.closeSink(sink);
  }

  #nextTick(): Promise<void> {
    this.#spool.tick();
    return new Promise((done) => setTimeout(done, 50));
  }

  // ---- waking

  /** The spool calls from within `append`: the transport may read as soon as that is over. */
  #wakeTransport(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      if (this.#stopping === undefined) this.#transport.wake();
    });
  }

  #tellRoom(): void {
    if (this.#isTellingRoom) return;
    this.#isTellingRoom = true;
    setImmediate(() => {
      this.#isTellingRoom = false;
      if (this.#stopping === undefined) this.resume();
    });
  }

  /** There may be room, or something may be safe. */
  resume(): void {
    for (const input of this.#inputs.values()) input.resume();
    this.#parts.onRoom();
  }

  /** About once a second. */
  tick(): void {
    if (this.#stopping !== undefined) return;
    this.#spool.tick();
    this.#observe();
    for (const input of this.#inputs.values()) input.resume();
  }

  #observe(): void {
    const { delivered, waiting, underWay } = this.#reader.counts();
    const atMs = performance.now();
    const drained = this.#progress.observe({
      atMs,
      delivered: delivered.records,
      waiting: waiting.records,
      underWay,
    });
    if (drained !== undefined) {
      const { log } = this.#parts;
      const rate = printCount((drained.records * 1000) / Math.max(1, drained.tookMs));
      log.info(
        `${this.config.name}: the backlog is delivered: ${printCount(drained.records)} messages in ${printSpan(drained.tookMs)}, ${rate}/s.`,
        { event: 'drained' },
      );
    }
    this.#tellDraining(atMs);
    // What could not be read a moment ago is not announced again.
    if (waiting.records > underWay) this.#transport.wake();
  }

  #tellDraining(atMs: number): void {
    if (this.#progress.draining === undefined) {
      this.#toldAtMs = atMs;
      return;
    }
    if (atMs - this.#toldAtMs < TELL_EVERY_MS) return;
    this.#toldAtMs = atMs;
    this.#parts.log.info(`${destinationSentence(this.#facts())}.`, { event: 'draining' });
  }

  // ---- what is told

  /** Everything that it took is on its way, answered, and the inputs that read for it have ended. */
  get isDone(): boolean {
    return this.#reader.counts().waiting.records === 0;
  }

  /** What waits, for the case that this destination is taken out of the configuration. */
  get waiting(): Readonly<Amount> {
    return this.#reader.counts().waiting;
  }

  sayLeft(): void {
    const { records, bytes } = this.waiting;
    if (records === 0) return;
    this.#parts.log.warn(
      `${this.config.name} is no destination any more; ${printCount(records)} messages (${printSize(bytes)}) that were waiting for it stay in ${this.config.queue.directory}. They are sent when a destination with that queue is configured again; \`belfry queue\` shows and exports them.`,
      { event: 'destination_removed', destination: this.config.name, waiting: records },
    );
  }

  #facts(): Omit<DestinationStatus, 'sentence'> {
    return destinationFacts({
      config: this.config,
      spool: this.#spool.counts(),
      transport: this.#transport,
      progress: this.#progress,
      liveLosses: this.liveLosses,
      passedOver: this.#passedOver(),
      nowMs: Date.now(),
    });
  }

  #passedOver(): number {
    let sum = this.#passedOverBefore;
    for (const sink of this.#sinks) sum += sink.passedOver.records;
    return sum;
  }

  status(): DestinationStatus {
    const facts = this.#facts();
    return { ...facts, sentence: destinationSentence(facts) };
  }

  // ---- stopping

  /** May be called twice. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    for (const sink of this.#sinks) sink.close();
    await this.#transport.stop(deadlineMs);
    this.#spool.stop(Math.max(deadlineMs, Date.now() + 1));
    const inputs = [...this.#inputs.values()].map((input) => input.stop());
    await endsBy(Math.max(deadlineMs, Date.now() + INPUTS_STOP_MS), Promise.all(inputs));
  }
}
