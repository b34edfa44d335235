// The two hosts of a crash test: a server and an agent that forwards to it, each the real program, each with a
// small disk of its own where the machine allows it, joined by a network that can be cut. What can be done to
// them is done here, and everything can be healed again.
// Refuses: to end anything but what it started.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AgentStatus } from '../../client/status.ts';
import { BELFRY } from './belfry.ts';
import type { ReadTo } from './crash-sources.ts';
import { makeNetwork, type Network } from './netns.ts';
import type { Peer } from './peers.ts';
import { freePort, makeFolder, type Program, startProgram, waitUntil } from './programs.ts';
import { askSocket, type Disk, IS_ROOT, LOOPBACK, useDisk } from './world.ts';

/** One program that is started, killed and started again. */
export class Host {
  readonly name: string;
  program: Program | undefined;
  starts = 0;
  readonly #peer: Peer;
  readonly #args: readonly string[];

  constructor(name: string, peer: Peer, args: readonly string[]) {
    this.name = name;
    this.#peer = peer;
    this.#args = args;
  }

  get isUp(): boolean {
    return this.program !== undefined;
  }

  async start(): Promise<void> {
    const program = startProgram(this.#peer, this.#args);
    this.program = program;
    this.starts += 1;
    const isReady = () => /\bready\b/.test(program.stderr + program.stdout);
    await waitUntil(`the ${this.name} is ready: ${program.stderr}`, () => isReady() || program.hasEnded());
    if (program.hasEnded())
      throw new Error(`the ${this.name} ended: ${program.stdout}${program.stderr.slice(-4000)}`);
  }

  /** SIGKILL: nothing is said, nothing is saved. */
  async kill(): Promise<void> {
    const { program } = this;
    this.program = undefined;
    await program?.stop('SIGKILL');
  }

  /** SIGTERM: it has to end well. */
  async stop(): Promise<void> {
    const { program } = this;
    this.program = undefined;
    if (program === undefined) return;
    const { code, signal } = await program.stop();
    if (code !== 0) throw new Error(`the ${this.name} ended with ${code ?? signal}: ${program.stderr}`);
  }
}

export type Scheme = 'relp' | 'relps' | 'tcp' | 'tls';

export interface WorldOptions {
  readonly scheme: Scheme;
  /** Use a network namespace for the server. */
  readonly isNetworked: boolean;
  /** RELP: messages that may wait for their answer. */
  readonly window: number;
  /** What the agent's destination and the server's `syslog` have besides, such as certificates. */
  readonly destination?: Readonly<Record<string, unknown>>;
  readonly syslog?: Readonly<Record<string, unknown>>;
  readonly queue?: Readonly<Record<string, unknown>>;
}

export interface CrashWorld {
  readonly agent: Host;
  readonly server: Host;
  /** Undefined: both are on one host. */
  readonly network: Network | undefined;
  /** Undefined: only root has disks to fill. */
  readonly queueDisk: Disk | undefined;
  readonly filesDisk: Disk | undefined;
  readonly folder: string;
  readonly logs: string;
  readonly listenPort: number;
  readonly devlog: string;
  /** What the server wrote. */
  readonly file: string;
  /** How far the agent has noted that it read its log files. */
  checkpoint(): readonly ReadTo[];
  /** Undefined: the agent does not answer. */
  status(): Promise<AgentStatus | undefined>;
}

/** The part of a checkpoint that the test reads (client/inputs/file/position.ts). */
interface SavedCheckpoint {
  readonly position: { readonly files: readonly ReadTo[] };
}

/** A queue of 16 MiB and files of 64 MiB are more than any history needs. */
const QUEUE_KIB = 16 * 1024;
const FILES_KIB = 64 * 1024;

function writeJson(path: string, value: object): string {
  writeFileSync(path, JSON.stringify(value, undefined, 2));
  return path;
}

function folderOn(disk: Disk | undefined, otherwise: string): string {
  const path = disk === undefined ? otherwise : join(disk.path, 'below');
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

/** Everything that is unplugged, full or dead, made well again is `heal`; this makes room. */
export function free(disk: Disk | undefined): void {
  if (disk !== undefined) rmSync(join(disk.path, 'ballast'), { force: true });
}

export async function makeCrashWorld(t: TestContext, options: WorldOptions): Promise<CrashWorld> {
  const folder = makeFolder('crash');
  const network = options.isNetworked ? makeNetwork() : undefined;
  const queueDisk = IS_ROOT ? useDisk(t, QUEUE_KIB) : undefined;
  const filesDisk = IS_ROOT ? useDisk(t, FILES_KIB) : undefined;
  const port = await freePort();
  const listenPort = await freePort();
  const address = network?.there ?? LOOPBACK;
  const url = `${options.scheme}://${address}:${port}`;
  const logs = folderOn(undefined, join(folder.path, 'logs'));
  const out = folderOn(filesDisk, join(folder.path, 'out'));
  const queue = folderOn(queueDisk, join(folder.path, 'queue'));
  const devlog = join(folder.path, 'log.sock');
  const socket = join(folder.path, 'agent.sock');
  const serverConfig = writeJson(join(folder.path, 'server.json'), {
    syslog: { listen: [url], allow: ['127.0.0.0/8', '198.18.0.0/15'], ...options.syslog },
    files: { root: out },
    rules: [{ name: 'all', file: 'all.log' }],
    control: { socket: join(folder.path, 'server.sock') },
    log: { format: 'text' },
  });
  const agentConfig = writeJson(join(folder.path, 'agent.json'), {
    inputs: [
      { type: 'file', name: 'file', path: join(logs, 'app.log*'), program: 'filesource' },
      { type: 'listen', name: 'tcp', listen: [`tcp://${LOOPBACK}:${listenPort}`] },
      { type: 'devlog', name: 'devlog', path: devlog },
    ],
    destinations: [
      {
        name: 'far',
        to: url,
        queue: {
          directory: queue,
          maxDiskSpace: '64MiB',
          onFull: 'block',
          ...options.queue,
        },
        ...(options.scheme.startsWith('relp') ? { window: options.window } : {}),
        retry: { min: '20ms', max: '200ms' },
        timeout: '2s',
        ...options.destination,
      },
    ],
    control: { socket },
    log: { format: 'text' },
  });
  const there = network === undefined ? BELFRY : network.inside(BELFRY);
  const server = new Host('server', there, ['serve', '-c', serverConfig]);
  const agent = new Host('agent', BELFRY, ['agent', '-c', agentConfig]);
  t.after(async () => {
    free(queueDisk);
    free(filesDisk);
    await Promise.all([agent.kill(), server.kill()]);
    network?.remove();
    folder.remove();
  });
  const status = async () => {
    if (!agent.isUp) return undefined;
    // The control socket of an agent answers as that of a server does, with a status of its own.
    return (await askSocket(socket, 'status').catch(() => undefined)) as unknown as AgentStatus | undefined;
  };
  const file = join(out, 'all.log');
  const checkpoint = () => {
    const path = join(queue, 'checkpoints/file.json');
    const saved = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SavedCheckpoint) : undefined;
    return saved?.position.files ?? [];
  };
  return {
    agent,
    server,
    network,
    queueDisk,
    filesDisk,
    folder: folder.path,
    logs,
    listenPort,
    devlog,
    file,
    checkpoint,
    status,
  };
}
