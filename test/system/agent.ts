// The agent as the system tests run it: the compiled program with a configuration, queues and files of its own,
// beside a server that a test starts and stops as it likes.

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AgentStatus } from '../../client/status.ts';
import { BELFRY, startBelfry } from './belfry.ts';
import { freePort, makeFolder, type Program, startProgram, waitUntil } from './programs.ts';
import { askSocket, eventually, LOOPBACK, logLines, readText } from './world.ts';

/** Where things are, and what runs. Whatever still runs at the end of the test is killed. */
export class Hosts {
  readonly folder: string;
  readonly relpPort: number;
  readonly agentConfig: string;
  readonly serverConfig: string;
  readonly #t: TestContext;

  private constructor(t: TestContext, folder: string, relpPort: number) {
    this.#t = t;
    this.folder = folder;
    this.relpPort = relpPort;
    this.agentConfig = join(folder, 'agent.json');
    this.serverConfig = join(folder, 'server.json');
    mkdirSync(join(folder, 'in'));
    this.writeServer();
  }

  static async open(t: TestContext): Promise<Hosts> {
    const folder = makeFolder('agent');
    t.after(folder.remove);
    return new Hosts(t, folder.path, await freePort());
  }

  // ---- the server

  writeServer(): void {
    const config = {
      syslog: { listen: [`relp://${LOOPBACK}:${this.relpPort}`] },
      files: { root: join(this.folder, 'out') },
      rules: [{ file: 'all.log' }],
      control: { socket: join(this.folder, 'server.sock') },
      log: { format: 'text' },
    };
    writeFileSync(this.serverConfig, JSON.stringify(config));
  }

  async startServer(): Promise<Program> {
    const program = await startBelfry(this.serverConfig);
    this.#t.after(() => program.stop('SIGKILL'));
    return program;
  }

  /** What the server has written. */
  get received(): string {
    return readText(join(this.folder, 'out', 'all.log'));
  }

  // ---- the agent

  destination(name: string, changes: object = {}): object {
    return {
      name,
      to: `relp://${LOOPBACK}:${this.relpPort}`,
      queue: { directory: join(this.folder, 'queue', name) },
      retry: { min: '50ms', max: '200ms' },
      ...changes,
    };
  }

  get fileInput(): object {
    return { name: 'in', type: 'file', path: join(this.folder, 'in', '*.log'), from: 'beginning' };
  }

  writeAgent(changes: object = {}): void {
    const config = {
      inputs: [this.fileInput],
      destinations: [this.destination('one')],
      control: { socket: join(this.folder, 'agent.sock') },
      log: { format: 'text' },
      ...changes,
    };
    writeFileSync(this.agentConfig, JSON.stringify(config, undefined, 2));
  }

  /** Without waiting for anything. */
  runAgent(input?: string): Program {
    const program = startProgram(
      BELFRY,
      ['agent', '-c', this.agentConfig],
      input === undefined ? {} : { input },
    );
    this.#t.after(() => program.stop('SIGKILL'));
    return program;
  }

  async startAgent(): Promise<Program> {
    const program = this.runAgent();
    await waitUntil('belfry agent is ready', () => isReady(program) || program.hasEnded());
    if (program.hasEnded()) throw new Error(`belfry agent ended: ${program.stderr}`);
    return program;
  }

  async status(): Promise<AgentStatus> {
    return (await askSocket(join(this.folder, 'agent.sock'), 'status')) as unknown as AgentStatus;
  }

  async destinationStatus(name = 'one'): Promise<AgentStatus['destinations'][number]> {
    const found = (await this.status()).destinations.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no destination ${name}`);
    return found;
  }

  /** `belfry status -c agent.json`, as a person reads it. */
  async statusText(): Promise<string> {
    const program = startProgram(BELFRY, ['status', '-c', this.agentConfig]);
    return (await program.success()).stdout;
  }

  writeLines(from: number, count: number, file = 'a.log'): void {
    const lines = Array.from({ length: count }, (_, i) => `n=${from + i}; the quick brown fox\n`);
    appendFileSync(join(this.folder, 'in', file), lines.join(''));
  }

  /** The server has the numbers 0 to count - 1, each at least once. */
  async arrived(count: number): Promise<void> {
    const missing = () => {
      const found = new Set(numbersIn(this.received));
      return Array.from({ length: count }, (_, i) => i).filter((i) => !found.has(i));
    };
    await eventually(`${count} numbers arrive`, () => missing().length === 0);
  }
}

function isReady(program: Program): boolean {
  return logLines(program, 'agent is ready').length > 0;
}

export function numbersIn(text: string): number[] {
  return [...text.matchAll(/ n=(\d+);/g)].map(([, number]) => Number(number));
}
