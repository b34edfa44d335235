// One history of a crash test: sources that write all the time, and at moments left to chance something breaks:
// the agent or the server is killed or restarted, the network is cut, a disk is full, a log is rotated. Then
// everything is made well again, and what arrived is held against what was sent.
//
// What breaks, in which order and for how long comes from the seed. The machine's pace does not: a seed makes the
// same history, not the same moments.

import { setTimeout as sleep } from 'node:timers/promises';
import { type CrashWorld, free } from './crash-hosts.ts';
import { type Chance, DevlogSource, FileSource, TcpSource } from './crash-sources.ts';
import { arrivalsOf, judge, tornLines, type Verdict } from './crash-verdict.ts';
import { readText } from './world.ts';

export type Trouble =
  | 'kill agent'
  | 'kill server'
  | 'restart agent'
  | 'restart server'
  | 'cut network'
  | 'fill queue'
  | 'fill files'
  | 'rotate';

export interface HistoryOptions {
  readonly seed: number;
  /** How often something breaks and is made well again. */
  readonly steps: number;
  readonly troubles: readonly Trouble[];
}

export interface Outcome {
  readonly file: Verdict;
  readonly tcp: Verdict;
  readonly devlog: Verdict;
  readonly shortLives: readonly string[];
  readonly torn: readonly string[];
  readonly did: readonly string[];
  /** How often something broke that may break a connection. */
  readonly breaks: number;
  readonly agentStarts: number;
  readonly serverStarts: number;
  /** Lost before the queue could take it, by reason: devlog is read even when there is no room. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The most that the TCP source had to send again, since it could not know whether it had been taken. */
  readonly unsure: number;
  /** The most lines that stood behind a checkpoint when the agent died. */
  readonly unnoted: number;
}

/** How long everything may take to arrive once all is well, on a machine however busy. */
const ARRIVE_MS = 60_000;
const WRITE_EVERY_MS = 10;
const ASK_EVERY_MS = 100;

/** mulberry32: the same numbers on every machine. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class History {
  readonly #world: CrashWorld;
  readonly #options: HistoryOptions;
  readonly #chance: Chance;
  readonly #file: FileSource;
  readonly #tcp: TcpSource;
  readonly #devlog: DevlogSource;
  readonly #did: string[] = [];
  readonly #dropped = new Map<string, number>();
  #isWriting = true;
  #isAsking = true;
  #failure: unknown;
  #unnoted = 0;

  constructor(world: CrashWorld, options: HistoryOptions) {
    this.#world = world;
    this.#options = options;
    this.#chance = chanceFrom(options.seed);
    // What the sources write must not depend on how long it takes.
    this.#file = new FileSource(world.logs, chanceFrom(options.seed + 1));
    this.#tcp = new TcpSource(world.listenPort, chanceFrom(options.seed + 2));
    this.#devlog = new DevlogSource(world.devlog, chanceFrom(options.seed + 3));
  }

  async run(): Promise<Outcome> {
    await this.#world.server.start();
    await this.#startAgent();
    const writing = this.#keepWriting();
    const asking = this.#keepAsking();
    try {
      for (let step = 0; step < this.#options.steps; step += 1) await this.#step();
      this.#isWriting = false;
      await writing;
      if (this.#failure !== undefined) throw this.#failure;
      await this.#untilArrived();
    } finally {
      this.#isWriting = false;
      this.#isAsking = false;
      await Promise.all([writing, asking]);
      this.#tcp.disconnect();
    }
    await this.#world.agent.stop();
    await this.#world.server.stop();
    return this.#outcome();
  }

  // ---- the sources

  async #keepWriting(): Promise<void> {
    try {
      while (this.#isWriting) {
        this.#file.write();
        this.#tcp.write();
        this.#devlog.write();
        await sleep(WRITE_EVERY_MS);
      }
      this.#file.finish();
    } catch (error) {
      this.#failure = error;
    }
  }

  /** What the agent says it has taken is what the sources go by. */
  async #keepAsking(): Promise<void> {
    while (this.#isAsking) {
      const program = this.#world.agent.program;
      const status = await this.#world.status();
      // An answer of an earlier life says nothing of this one.
      if (status !== undefined && status.pid === program?.pid && program === this.#world.agent.program) {
        const taken = (name: string) => status.inputs.find((one) => one.name === name)?.messages ?? 0;
        this.#tcp.learn(taken('tcp'));
        this.#devlog.learn(taken('devlog'));
        this.#countDropped(status.inputs, status.destinations);
        if (!this.#tcp.isConnected && status.state === 'running') this.#tcp.connect(taken('tcp'));
      }
      await sleep(ASK_EVERY_MS);
    }
  }

  #countDropped(...parts: readonly (readonly { dropped: Readonly<Record<string, number>> }[])[]): void {
    for (const [reason, count] of parts.flat().flatMap(({ dropped }) => Object.entries(dropped))) {
      const key = `${reason} in life ${this.#world.agent.starts}`;
      if (count > 0) this.#dropped.set(key, Math.max(count, this.#dropped.get(key) ?? 0));
    }
  }

  async #startAgent(): Promise<void> {
    this.#devlog.begin();
    await this.#world.agent.start();
  }

  // ---- trouble

  #between(low: number, high: number): number {
    return low + Math.floor(this.#chance() * (high - low + 1));
  }

  async #step(): Promise<void> {
    await sleep(this.#between(100, 700));
    const count = this.#between(1, 3);
    for (let i = 0; i < count; i += 1) {
      const trouble = this.#options.troubles[this.#between(0, this.#options.troubles.length - 1)] as Trouble;
      this.#did.push(trouble);
      await this.#make(trouble);
      await sleep(this.#between(0, 300));
    }
    await sleep(this.#between(0, 700));
    await this.#heal();
  }

  async #make(trouble: Trouble): Promise<void> {
    const { agent, server, network, queueDisk, filesDisk } = this.#world;
    switch (trouble) {
      case 'kill agent':
        this.#tcp.disconnect();
        await agent.kill();
        this.#unnoted = Math.max(this.#unnoted, this.#linesBehindCheckpoint());
        return;
      case 'kill server':
        return await server.kill();
      case 'restart agent':
        if (!agent.isUp) return;
        await agent.stop();
        this.#tcp.disconnect();
        return await this.#startAgent();
      case 'restart server':
        if (!server.isUp) return;
        await server.stop();
        return await server.start();
      case 'cut network':
        return network?.unplug();
      case 'fill queue':
        return queueDisk?.fill();
      case 'fill files':
        return filesDisk?.fill();
      case 'rotate':
        this.#file.rotate();
        this.#did.push(`(from ${this.#file.next} on)`);
        return;
    }
  }

  /** Of a dead agent: lines of the log that it may have taken, and did not note. */
  #linesBehindCheckpoint(): number {
    return this.#file.next - this.#file.numberAt(this.#world.checkpoint());
  }

  async #heal(): Promise<void> {
    const { agent, server, network, queueDisk, filesDisk } = this.#world;
    this.#did.push('heal');
    network?.plug();
    free(queueDisk);
    free(filesDisk);
    // Either may come first.
    const agentFirst = this.#chance() < 0.5;
    if (agentFirst && !agent.isUp) await this.#startAgent();
    if (!server.isUp) await server.start();
    if (!agent.isUp) await this.#startAgent();
  }

  // ---- the end

  async #untilArrived(): Promise<void> {
    const deadline = performance.now() + ARRIVE_MS;
    while (performance.now() < deadline) {
      this.#tcp.finish();
      const status = await this.#world.status();
      const isEmpty = status?.destinations.every(({ queue }) => queue.waiting === 0) ?? false;
      if (isEmpty && this.#tcp.isSafe && this.#hasArrived()) return;
      await sleep(100);
    }
  }

  #hasArrived(): boolean {
    const text = readText(this.#world.file);
    const file = judge(arrivalsOf(text, this.#file.name), this.#file.next);
    const tcp = judge(arrivalsOf(text, this.#tcp.name), this.#tcp.highest);
    const short = this.#devlog.shortLives(arrivalsOf(text, this.#devlog.name));
    return file.missingCount + tcp.missingCount + short.length === 0;
  }

  #outcome(): Outcome {
    const text = readText(this.#world.file);
    const devlog = arrivalsOf(text, this.#devlog.name);
    return {
      file: judge(arrivalsOf(text, this.#file.name), this.#file.next),
      tcp: judge(arrivalsOf(text, this.#tcp.name), this.#tcp.highest),
      devlog: judge(devlog, 0),
      shortLives: this.#devlog.shortLives(devlog),
      torn: tornLines(text),
      did: this.#did,
      breaks: this.#did.filter((one) => /agent|server|network/.test(one)).length,
      agentStarts: this.#world.agent.starts,
      serverStarts: this.#world.server.starts,
      dropped: Object.fromEntries(this.#dropped),
      unsure: this.#tcp.unsure,
      unnoted: this.#unnoted,
    };
  }
}
