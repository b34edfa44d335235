// The agent as one thing that opens, reloads and stops: destinations with their queues, the inputs that read
// for each of them, and the live inputs that exist once.
//
// Opens the queues first, so that whatever an input reads has a place to go. A Fault leaves nothing open; an
// input that cannot start takes nothing else down. Stops in the reverse order, within a deadline.

import { resourceUsage } from 'node:process';
import { type ControlServer, openControlSocket } from '../base/control-socket.ts';
import { endsBy, waitForAll } from '../base/deadline.ts';
import { Fault } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import type { AgentConfig, DestinationConfig } from '../config/agent.ts';
import type { SpoolReader } from '../delivery/spool/reader.ts';
import type { AgentAnswers } from './control.port.ts';
import type { AgentDoors } from './doors.ts';
import { Forwarder } from './forwarder.ts';
import { LiveInputs } from './live-inputs.ts';
import { sayOrphans } from './orphans.ts';
import { RunningInput } from './running-input.ts';
import { isReplayable, isSame, keepsDestination, keepsInput } from './same.ts';
import type { AgentStatus } from './status.ts';

export interface AgentParts {
  readonly config: AgentConfig;
  readonly log: Log;
  readonly version: string;
  readonly doors: AgentDoors;
}

const TICK_MS = 1000;
/** What live inputs have received is given on quickly, or not at all. */
const LIVE_STOP_MS = 1000;
/** For the answers to what is under way when a destination is opened anew by a reload. */
const RELOAD_WITHIN_MS = 1500;
/** A stop waits so long for a reload that is under way: for its destinations, and an input that is slow to open. */
const BUSY_MS = 2 * RELOAD_WITHIN_MS;

export class Agent {
  readonly #parts: AgentParts;
  readonly #log: Log;
  readonly #live: LiveInputs;
  readonly #startedAt = new Date();
  #config: AgentConfig;
  #loadedAt = new Date();
  #failedReloads = 0;
  #forwarders: Forwarder[] = [];
  #control: ControlServer | undefined;
  #watch: NodeJS.Timeout | undefined;
  #state: 'running' | 'stopping' = 'running';
  /** A reload that is under way; the stop waits for it. */
  #busy: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #finish: () => void = () => undefined;
  /** Every input has come to its end, and everything is delivered. Never, with inputs that have no end. */
  readonly done: Promise<void> = new Promise((done) => {
    this.#finish = done;
  });

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#config = parts.config;
    this.#live = new LiveInputs(parts.log, parts.doors);
  }

  // ---- opening

  async open(): Promise<void> {
    try {
      for (const destination of this.#config.destinations) {
        this.#forwarders.push(this.#openForwarder(destination, this.#config));
      }
      this.#control = await this.#openControl(this.#config);
      for (const forwarder of this.#forwarders) forwarder.start();
      await this.#startInputs(this.#config);
    } catch (fault) {
      await this.stop(1000);
      throw fault;
    }
    this.#watch = setInterval(() => this.#tick(), TICK_MS);
    const queues = this.#config.destinations.map(({ queue }) => queue.directory);
    setImmediate(() => sayOrphans(queues, this.#log));
  }

  #openForwarder(
    destination: DestinationConfig,
    { maxMessageBytes }: AgentConfig,
    before?: Forwarder,
  ): Forwarder {
    const { log, doors } = this.#parts;
    const parts = {
      log,
      maxMessageBytes,
      openTransport: (reader: SpoolReader) => doors.openTransport(destination, reader, log),
      onRoom: () => this.#live.resume(),
    };
    return new Forwarder(destination, parts, before?.liveLosses);
  }

  #openControl({ control }: AgentConfig): Promise<ControlServer> {
    const answers: { [Q in keyof AgentAnswers]: () => AgentAnswers[Q] } = { status: () => this.status() };
    return openControlSocket(control, answers);
  }

  async #startInputs(config: AgentConfig): Promise<void> {
    const starts = this.#forwarders.flatMap((forwarder) => this.#addInputs(forwarder, config));
    starts.push(this.#live.follow(config, this.#forwarders));
    await waitForAll(starts);
  }

  /** Those that the destination does not have yet. */
  #addInputs(forwarder: Forwarder, config: AgentConfig): Promise<void>[] {
    const wanted = config.inputs.filter(isReplayable).filter(({ name }) => !forwarder.inputs.has(name));
    return wanted.map((input) => {
      const sink = forwarder.openSink();
      const running = new RunningInput({
        config: input,
        destination: forwarder.config.name,
        sink,
        log: this.#log,
        open: () =>
          this.#parts.doors.openInput(input, sink, { agent: config, destination: forwarder.config }),
      });
      forwarder.addInput(running);
      return running.start();
    });
  }

  #tick(): void {
    for (const forwarder of this.#forwarders) forwarder.tick();
    this.#live.resume();
    if (this.#isDone) this.#finish();
  }

  get #inputs(): RunningInput[] {
    return [...this.#forwarders.flatMap((one) => [...one.inputs.values()]), ...this.#live.inputs];
  }

  get #isDone(): boolean {
    const inputs = this.#inputs;
    return (
      inputs.length > 0 &&
      inputs.every(({ isDone }) => isDone) &&
      this.#forwarders.every(({ isDone }) => isDone)
    );
  }

  // ---- reloading

  /** What did not change goes on untouched; a Fault changes nothing. */
  reload(config: AgentConfig): Promise<void> {
    const reloading = this.#busy.then(() => this.#reload(config)).then(() => this.#live.reopen());
    this.#busy = reloading.catch(() => undefined);
    return reloading;
  }

  async #reload(config: AgentConfig): Promise<void> {
    if (this.#state === 'stopping') return;
    const old = this.#config;
    const leaving = this.#forwarders.filter((one) => !keepsDestination(one.config, old, config));
    const control = await this.#openOtherControl(old, config);
    try {
      const arriving = await this.#exchange(leaving, config).catch(async (fault: unknown) => {
        await control?.stop();
        throw fault;
      });
      await this.#takeControl(control, config);
      this.#config = config;
      this.#takeForwarders(leaving, arriving);
      this.#live.turnTo(this.#forwarders);
      await this.#moveInputs(old, config);
    } finally {
      this.#live.release();
    }
    await this.#stopLeaving(leaving, config);
    this.#loadedAt = new Date();
  }

  /** In the order of the configuration. */
  #takeForwarders(leaving: readonly Forwarder[], arriving: readonly Forwarder[]): void {
    const all = [...this.#forwarders.filter((one) => !leaving.includes(one)), ...arriving];
    this.#forwarders = this.#config.destinations.flatMap(
      ({ name }) => all.find((one) => one.config.name === name) ?? [],
    );
    for (const one of arriving) one.start();
  }

  /**
   * Opens what is new or has changed. A queue changes hands, so whoever holds one that is wanted is stopped
   * first, and opened again if that does not work out.
   */
  async #exchange(leaving: readonly Forwarder[], config: AgentConfig): Promise<Forwarder[]> {
    const kept = new Set(
      this.#forwarders.filter((one) => !leaving.includes(one)).map((one) => one.config.name),
    );
    const wanted = config.destinations.filter(({ name }) => !kept.has(name));
    const directories = new Set(wanted.map(({ queue }) => queue.directory));
    const inTheWay = leaving.filter((one) => directories.has(one.config.queue.directory));
    const deadlineMs = Date.now() + RELOAD_WITHIN_MS;
    if (inTheWay.length > 0) this.#live.hold();
    await Promise.all(inTheWay.map((one) => one.stop(deadlineMs)));
    const opened: Forwarder[] = [];
    try {
      for (const one of wanted) {
        opened.push(
          this.#openForwarder(
            one,
            config,
            leaving.find(({ config: { name } }) => name === one.name),
          ),
        );
      }
      return opened;
    } catch (fault) {
      await Promise.all(opened.map((one) => one.stop(Date.now())));
      await this.#openAgain(inTheWay);
      throw fault;
    }
  }

  async #openAgain(stopped: readonly Forwarder[]): Promise<void> {
    for (const one of stopped) {
      try {
        const again = this.#openForwarder(one.config, this.#config, one);
        this.#forwarders = this.#forwarders.map((other) => (other === one ? again : other));
        again.start();
      } catch (error) {
        this.#sayFault(error);
      }
    }
    await this.#startInputs(this.#config).catch((error: unknown) => this.#sayFault(error));
  }

  #sayFault(error: unknown): void {
    if (!(error instanceof Fault)) throw error;
    this.#log.fault(error);
  }

  /** At another path it is opened beside the one that is there, so that a Fault changes nothing. */
  async #openOtherControl(from: AgentConfig, to: AgentConfig): Promise<ControlServer | undefined> {
    return from.control.socket === to.control.socket ? undefined : await this.#openControl(to);
  }

  async #takeControl(other: ControlServer | undefined, config: AgentConfig): Promise<void> {
    if (other === undefined && isSame(this.#config.control, config.control)) return;
    await this.#control?.stop();
    this.#control = other ?? (await this.#openControl(config));
  }

  /** Those that are gone or have changed end; those that are new or have changed begin. */
  async #moveInputs(from: AgentConfig, to: AgentConfig): Promise<void> {
    const deadlineMs = Date.now() + RELOAD_WITHIN_MS;
    const isGone = (one: RunningInput) => !keepsInput(one.config, from, to);
    const leaves = this.#forwarders.flatMap((forwarder) =>
      [...forwarder.inputs.values()]
        .filter(isGone)
        .map((one) => forwarder.removeInput(one.config, deadlineMs)),
    );
    await Promise.all([...leaves, this.#live.leave(isGone)]);
    await this.#startInputs(to).catch((error: unknown) => this.#sayFault(error));
  }

  async #stopLeaving(leaving: readonly Forwarder[], config: AgentConfig): Promise<void> {
    const deadlineMs = Date.now() + RELOAD_WITHIN_MS;
    const directories = new Set(config.destinations.map(({ queue }) => queue.directory));
    await Promise.all(leaving.map((one) => one.stop(deadlineMs)));
    for (const one of leaving.filter(({ config: { queue } }) => !directories.has(queue.directory))) {
      one.sayLeft();
    }
  }

  reloadFailed(faults: readonly Fault[]): void {
    this.#failedReloads += 1;
    // Whoever rotates files sends SIGHUP for them alone.
    this.#busy = this.#busy.then(() => this.#live.reopen());
    for (const fault of faults) this.#log.fault(fault);
    this.#log.error('The new configuration was not taken; the agent goes on with the one it has.', {
      event: 'reload_failed',
      faults: faults.length,
    });
  }

  // ---- stopping

  /** Takes no more, hears what is answered until the deadline, makes everything safe. May be called twice. */
  stop(withinMs: number): Promise<void> {
    this.#stopped ??= this.#stop(withinMs);
    return this.#stopped;
  }

  async #stop(withinMs: number): Promise<void> {
    this.#state = 'stopping';
    await endsBy(Date.now() + BUSY_MS, this.#busy);
    const deadlineMs = Date.now() + withinMs;
    clearInterval(this.#watch);
    await endsBy(Date.now() + LIVE_STOP_MS, this.#live.stop());
    await Promise.all(this.#forwarders.map((forwarder) => forwarder.stop(deadlineMs)));
    await this.#parts.doors.stop();
    await this.#control?.stop();
  }

  // ---- what is asked

  status(): AgentStatus {
    const usage = resourceUsage();
    return {
      program: 'belfry agent',
      version: this.#parts.version,
      pid: process.pid,
      state: this.#state,
      startedAt: this.#startedAt.toISOString(),
      uptimeS: Math.round((Date.now() - this.#startedAt.getTime()) / 1000),
      config: {
        path: this.#config.path,
        loadedAt: this.#loadedAt.toISOString(),
        failedReloads: this.#failedReloads,
      },
      host: this.#config.host,
      inputs: this.#inputs.map((input) => input.status()),
      destinations: this.#forwarders.map((forwarder) => forwarder.status()),
      traffic: this.#live.traffic() ?? null,
      process: {
        residentBytes: process.memoryUsage.rss(),
        cpuS: Math.round((usage.userCPUTime + usage.systemCPUTime) / 1e4) / 100,
      },
    };
  }
}
