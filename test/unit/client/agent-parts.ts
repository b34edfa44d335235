// An agent without a network: transports that a test opens and shuts, inputs that a test feeds, queues in a
// folder of their own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Fault, type Place } from '../../../base/fault.ts';
import { Agent } from '../../../client/agent.ts';
import type { AgentDoors, InputContext } from '../../../client/doors.ts';
import type { Input, InputSink, InputStatus } from '../../../client/inputs/input.ts';
import type { AgentConfig, DestinationConfig, InputConfig, SourceConfig } from '../../../config/agent.ts';
import type { SpoolReader } from '../../../delivery/spool/reader.ts';
import type { Transport, TransportState } from '../../../delivery/transport/transport.ts';
import { batchOf, SpoolLog, textsOf } from '../delivery/use-spool.ts';

const PLACE: Place = { file: 'agent.json', line: 1, column: 1, key: '' };

/** Takes everything while it is open, and remembers it. */
export class FakeTransport implements Transport {
  readonly config: DestinationConfig;
  readonly reader: SpoolReader;
  readonly delivered: string[] = [];
  isOpen = true;
  hasStarted = false;
  hasStopped = false;

  constructor(config: DestinationConfig, reader: SpoolReader) {
    this.config = config;
    this.reader = reader;
  }

  start(): void {
    this.hasStarted = true;
    this.wake();
  }

  wake(): void {
    if (!this.isOpen || !this.hasStarted || this.hasStopped) return;
    for (let batch = this.reader.next(); batch.count > 0; batch = this.reader.next()) {
      this.delivered.push(...textsOf(batch));
      this.reader.acknowledge(batch.sequences[batch.count - 1] as number);
    }
  }

  state(): TransportState {
    const target = this.config.to[0]?.text ?? '';
    if (this.hasStopped) return { kind: 'stopped' };
    if (this.isOpen) return { kind: 'connected', target, address: '192.0.2.1:2514', sinceMs: 0 };
    const why = 'connection refused by 192.0.2.1:2514';
    return { kind: 'waiting', target, why, mend: 'Start it.', retryAtMs: Date.now() + 12_000 };
  }

  counts() {
    const sentRecords = this.delivered.length;
    const none = { failures: 0, sentBytes: 0, resentRecords: 0, refusedRecords: 0, cutRecords: 0 };
    return { connections: 1, sentRecords, ...none };
  }

  /** What happens while it waits for answers. */
  onStop: () => void = () => undefined;

  async stop(): Promise<void> {
    this.hasStopped = true;
    await Promise.resolve();
    this.onStop();
  }
}

/** Gives on what a test tells it, and keeps what the sink does not take. */
export class FakeInput implements Input {
  readonly config: SourceConfig;
  readonly sink: InputSink;
  readonly context: InputContext;
  held: string[] = [];
  /** What it would have saved as its checkpoint: records that were safe at the end. */
  saved: number | undefined;
  hasStarted = false;
  isAtEnd = false;
  resumed = 0;
  reopened = 0;
  hasStopped = false;

  constructor(config: SourceConfig, sink: InputSink, context: InputContext) {
    this.config = config;
    this.sink = sink;
    this.context = context;
  }

  start(): Promise<void> {
    this.hasStarted = true;
    return Promise.resolve();
  }

  feed(texts: readonly string[]): void {
    this.held.push(...texts);
    this.#give();
  }

  #give(): void {
    const taken = this.sink.put(batchOf(this.held));
    this.held = this.held.slice(taken);
  }

  resume(): void {
    this.resumed += 1;
    if (this.held.length > 0) this.#give();
  }

  reopen(): Promise<void> {
    this.reopened += 1;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.hasStopped = true;
    this.saved = this.sink.safe();
    return Promise.resolve();
  }

  isDone(): boolean {
    return this.isAtEnd && this.held.length === 0;
  }

  status(): InputStatus {
    const { name, type } = this.config;
    const isHeld = this.held.length > 0;
    return {
      name,
      type,
      messages: this.sink.taken,
      bytes: 0,
      dropped: {},
      position: 'somewhere',
      lag: {},
      isHeld,
      trouble: undefined,
    };
  }
}

export class FakeDoors implements AgentDoors {
  readonly transports: FakeTransport[] = [];
  readonly inputs: FakeInput[] = [];
  /** Names of inputs that cannot start, and with which code. */
  readonly broken = new Map<string, Fault['code']>();
  /** Destinations whose transports are shut from the start. */
  readonly shut = new Set<string>();
  hasStopped = false;

  openTransport(config: DestinationConfig, reader: SpoolReader): Transport {
    const transport = new FakeTransport(config, reader);
    transport.isOpen = !this.shut.has(config.name);
    this.transports.push(transport);
    return transport;
  }

  openInput(config: SourceConfig, sink: InputSink, context: InputContext): Input {
    const code = this.broken.get(config.name);
    if (code !== undefined) throw new Fault(code, { what: 'There is no such thing.', where: config.name });
    const input = new FakeInput(config, sink, context);
    this.inputs.push(input);
    return input;
  }

  stop(): Promise<void> {
    this.hasStopped = true;
    return Promise.resolve();
  }

  /** The last that was opened for this name. */
  transport(name: string): FakeTransport {
    const found = this.transports.findLast((one) => one.config.name === name);
    if (found === undefined) throw new Error(`no transport for ${name}`);
    return found;
  }

  input(name: string, destination?: string): FakeInput {
    const isIt = (one: FakeInput) =>
      one.config.name === name && one.context.destination?.name === destination;
    const found = this.inputs.findLast(isIt);
    if (found === undefined) throw new Error(`no input ${name}`);
    return found;
  }
}

/** A folder, doors and a log of a test's own; the agents that it opens are stopped when the test ends. */
export class AgentWorld {
  readonly folder: string;
  readonly doors = new FakeDoors();
  readonly log = new SpoolLog();
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'belfry-agent-'));
    this.#t = t;
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  destination(name: string, changes: Partial<DestinationConfig> = {}): DestinationConfig {
    return {
      name,
      place: PLACE,
      to: [{ scheme: 'relp', host: '192.0.2.1', port: 2514, text: 'relp://192.0.2.1:2514' }],
      select: undefined,
      program: undefined,
      framing: 'octet-counted',
      window: 128,
      tls: { ca: undefined, cert: undefined, key: undefined, serverName: undefined },
      queue: this.queue(name),
      retry: { minMs: 100, maxMs: 30_000 },
      timeoutMs: 10_000,
      ...changes,
    };
  }

  queue(name: string, changes: Partial<DestinationConfig['queue']> = {}): DestinationConfig['queue'] {
    const directory = join(this.folder, 'queue', name);
    return { directory, maxDiskSpaceBytes: 1024 ** 2, onFull: 'block', sync: '1s', ...changes };
  }

  file(name: string, paths: readonly string[] = ['/var/log/x.log']): InputConfig {
    return {
      type: 'file',
      name,
      place: PLACE,
      paths,
      exclude: [],
      from: 'end',
      format: 'plain',
      program: undefined,
      facility: 1,
      severity: 6,
      multiline: undefined,
      timeZone: 'local',
    };
  }

  devlog(name: string): InputConfig {
    return { type: 'devlog', name, place: PLACE, path: '/dev/log', mode: 0o666, receiveBufferBytes: 0 };
  }

  config(
    inputs: readonly InputConfig[],
    destinations: readonly DestinationConfig[],
    changes: Partial<AgentConfig> = {},
  ): AgentConfig {
    return {
      path: '/etc/belfry/agent.json',
      host: 'web1',
      maxMessageBytes: 65_536,
      inputs,
      destinations,
      traffic: undefined,
      control: { socket: join(this.folder, 'agent.sock'), mode: 0o600 },
      log: { level: 'info', format: 'text' },
      ...changes,
    };
  }

  make(config: AgentConfig): Agent {
    const agent = new Agent({ config, log: this.log, version: '0.0.0', doors: this.doors });
    this.#t.after(() => agent.stop(1000));
    return agent;
  }

  async open(config: AgentConfig): Promise<Agent> {
    const agent = this.make(config);
    await agent.open();
    return agent;
  }
}

/** RFC 5424 messages, numbered. */
export function records(from: number, count: number, pri = 13, program = 'app'): string[] {
  return Array.from({ length: count }, (_, i) => `<${pri}>1 - web1 ${program} - - - n=${from + i};`);
}
