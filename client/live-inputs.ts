// The inputs that exist once, whatever the number of destinations: what they read cannot be read again, so it
// is offered to all.

import type { Log } from '../base/log.ts';
import type { AgentConfig, SourceConfig } from '../config/agent.ts';
import type { AgentDoors } from './doors.ts';
import { FanOut, type Outlet } from './fan-out.ts';
import type { Forwarder } from './forwarder.ts';
import type { TrafficStatus } from './monitor/traffic-status.ts';
import { RunningInput } from './running-input.ts';

interface Live {
  readonly input: RunningInput;
  readonly fanOut: FanOut;
  readonly outlets: Map<Forwarder, Outlet>;
}

/** Whoever holds these open can be made to wait, and others cannot read them: so once, for all. */
function isLive({ type }: SourceConfig): boolean {
  return type === 'devlog' || type === 'listen' || type === 'stdin' || type === 'traffic';
}

export class LiveInputs {
  readonly #log: Log;
  readonly #doors: AgentDoors;
  readonly #all = new Map<string, Live>();

  constructor(log: Log, doors: AgentDoors) {
    this.#log = log;
    this.#doors = doors;
  }

  get inputs(): RunningInput[] {
    return [...this.#all.values()].map(({ input }) => input);
  }

  /** Leads those that run to these destinations, and starts those that are missing. */
  async follow(config: AgentConfig, forwarders: readonly Forwarder[]): Promise<void> {
    this.turnTo(forwarders);
    const wanted = [...config.inputs, ...(config.traffic === undefined ? [] : [config.traffic])];
    const missing = wanted.filter(isLive).filter(({ name }) => !this.#all.has(name));
    await Promise.all(missing.map((input) => this.#start(input, config, forwarders)));
  }

  #start(config: SourceConfig, agent: AgentConfig, forwarders: readonly Forwarder[]): Promise<void> {
    const fanOut = new FanOut([], config.type === 'traffic');
    const input = new RunningInput({
      config,
      destination: undefined,
      sink: fanOut,
      log: this.#log,
      open: () => this.#doors.openInput(config, fanOut, { agent, destination: undefined }),
    });
    const live = { input, fanOut, outlets: new Map<Forwarder, Outlet>() };
    lead(live, forwarders);
    this.#all.set(config.name, live);
    return input.start();
  }

  /** Stops those that are not wanted like this any more. */
  async leave(isGone: (input: RunningInput) => boolean): Promise<void> {
    const gone = [...this.#all.values()].filter(({ input }) => isGone(input));
    for (const { input } of gone) this.#all.delete(input.config.name);
    await Promise.all(gone.map(end));
  }

  /** At SIGHUP, whatever it changes: files that inputs write are opened anew. */
  async reopen(): Promise<void> {
    await Promise.all([...this.#all.values()].map(({ input }) => input.reopen()));
  }

  /** Undefined: nobody watches connections. */
  traffic(): TrafficStatus | undefined {
    return [...this.#all.values()].map(({ input }) => input.traffic()).find((one) => one !== undefined);
  }

  /** A destination is opened anew: what comes meanwhile waits with the inputs, and is not lost for it. */
  hold(): void {
    for (const { fanOut } of this.#all.values()) fanOut.hold();
  }

  /** Those that run lead to these from now on, also those that are about to leave. */
  turnTo(forwarders: readonly Forwarder[]): void {
    for (const live of this.#all.values()) lead(live, forwarders);
    this.release();
  }

  release(): void {
    for (const { fanOut } of this.#all.values()) fanOut.release();
    this.resume();
  }

  resume(): void {
    for (const { input } of this.#all.values()) input.resume();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all.values()].map(({ input }) => input.stop()));
  }
}

function lead(live: Live, forwarders: readonly Forwarder[]): void {
  for (const forwarder of live.outlets.keys()) {
    if (!forwarders.includes(forwarder)) live.outlets.delete(forwarder);
  }
  const outlets = forwarders.map((forwarder) => {
    const outlet = live.outlets.get(forwarder) ?? forwarder.openOutlet();
    live.outlets.set(forwarder, outlet);
    return outlet;
  });
  live.fanOut.lead(outlets);
}

async function end({ input, outlets }: Live): Promise<void> {
  await input.stop();
  for (const [forwarder, { sink }] of outlets) forwarder.closeSink(sink);
}
