// One input while the agent runs: started, started again when it could not, stopped.
//
// Promises: an input that cannot start takes nobody else down. Why is said once, and when it works again; it is
// tried every RETRY_MS. Refuses: to start what has been stopped.

import { codeOf, Fault } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import type { SourceConfig } from '../config/agent.ts';
import type { Input, InputSink } from './inputs/input.ts';
import type { TrafficStatus } from './monitor/traffic-status.ts';
import type { AgentInputStatus } from './status.ts';

const RETRY_MS = 10_000;

export interface RunningInputParts {
  readonly config: SourceConfig;
  /** Whose records it reads; undefined: for all. */
  readonly destination: string | undefined;
  readonly sink: InputSink;
  readonly log: Log;
  readonly retryMs?: number;
  /** A new one each time: one that failed may be half open. */
  open(): Input;
}

export class RunningInput {
  readonly config: SourceConfig;
  readonly sink: InputSink;
  readonly #parts: RunningInputParts;
  #input: Input | undefined;
  #fault: Fault | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;
  #starting: Promise<void> = Promise.resolve();

  constructor(parts: RunningInputParts) {
    this.config = parts.config;
    this.sink = parts.sink;
    this.#parts = parts;
  }

  /** Resolves when it runs, or when it has been said why it does not. A fault of the configuration is thrown. */
  async start(): Promise<void> {
    const starting = this.#tryStart();
    this.#starting = starting.then(
      () => undefined,
      () => undefined,
    );
    const fault = await starting;
    if (fault?.code.startsWith('CONFIG_')) throw fault;
    if (fault !== undefined) this.#failed(fault);
  }

  async #tryStart(): Promise<Fault | undefined> {
    if (this.#isStopped) return undefined;
    let input: Input | undefined;
    try {
      input = this.#parts.open();
      await input.start();
    } catch (error) {
      const fault = faultOf(error);
      await input?.stop().catch(() => undefined);
      return fault;
    }
    // Should it have been stopped meanwhile, `stop` waits for this and goes on from here.
    this.#started(input);
    return undefined;
  }

  #started(input: Input): void {
    this.#input = input;
    if (this.#fault !== undefined) this.#parts.log.info(`The input ${this.#label} works now.`);
    this.#fault = undefined;
  }

  get #label(): string {
    const { config, destination } = this.#parts;
    return destination === undefined ? `"${config.name}"` : `"${config.name}" for ${destination}`;
  }

  #failed(fault: Fault): void {
    const isNew = this.#fault?.message !== fault.message || this.#fault.text.where !== fault.text.where;
    this.#fault = fault;
    if (isNew) {
      this.#parts.log.fault(fault);
      this.#parts.log.warn(`The input ${this.#label} does not run; the others do. It is tried again.`);
    }
    if (this.#isStopped) return;
    this.#retry = setTimeout(() => void this.#startAgain(), this.#parts.retryMs ?? RETRY_MS);
  }

  async #startAgain(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#failed(error);
    }
  }

  resume(): void {
    this.#input?.resume();
  }

  get isDone(): boolean {
    return this.#input?.isDone?.() ?? false;
  }

  async reopen(): Promise<void> {
    await this.#input?.reopen?.();
  }

  /** Undefined: it watches no connections, or does not run. */
  traffic(): TrafficStatus | undefined {
    return this.#input?.traffic?.();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearTimeout(this.#retry);
    await this.#starting;
    await this.#input?.stop();
  }

  status(): AgentInputStatus {
    const destination = this.#parts.destination ?? null;
    const status = this.#input?.status();
    if (status !== undefined) return { ...status, destination, isDone: this.isDone };
    return {
      name: this.config.name,
      type: this.config.type,
      messages: 0,
      bytes: 0,
      dropped: {},
      position: 'not started',
      lag: {},
      isHeld: false,
      trouble: this.#fault && troubleWords(this.#fault),
      destination,
      isDone: false,
    };
  }
}

/** What the system refuses may be granted later; all else is a bug of ours. */
function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  if (code === undefined) throw error;
  return new Fault('INPUT_FAILED', { what: `The system refused it: ${(error as Error).message}.` });
}

function troubleWords({ text }: Fault): string {
  return [text.what, text.where, text.mend].filter((part) => part !== undefined).join(' ');
}
