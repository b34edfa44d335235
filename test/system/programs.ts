// Real programs as tests and benches run them: started with a folder of their own, watched through what they
// print, ended by their pid. Nothing that was started here outlives the process that started it.
// Refuses: shells, names, process groups: only pids that we started ourselves are ever signalled.

import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer } from './peers.ts';

/** A promise of the program's that is not kept within this is a failure, on a machine however busy. */
export const PATIENCE_MS = 20_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();

process.on('exit', () => {
  endAll();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
// Node ends on these without an 'exit': a test that takes too long gets SIGTERM, a person presses Ctrl-C.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** For a test that has failed: what still runs would keep its process alive. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to the program's standard input, which is then closed. */
  readonly input?: string | Uint8Array;
}

export class Program {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  private readonly child: ChildProcess;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    this.pid = child.pid ?? -1;
    running.add(child);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.stderr += `${error.message}\n`;
        resolve({ code: null, signal: null });
      });
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    void this.ended.then(() => running.delete(child));
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  hasEnded(): boolean {
    return !running.has(this.child);
  }

  /** Ends it, with SIGKILL if it does not go by itself, and says how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = PATIENCE_MS): Promise<Ended> {
    this.signal(signal);
    const late = setTimeout(() => this.signal('SIGKILL'), patienceMs);
    const ended = await this.ended;
    clearTimeout(late);
    return ended;
  }

  /** Waits for its end and demands success. */
  async success(): Promise<this> {
    const { code, signal } = await this.ended;
    if (code !== 0) throw new Error(`${this.name} ended with ${code ?? signal}: ${this.stderr.trim()}`);
    return this;
  }
}

export function startProgram(peer: Peer, args: readonly string[], options: StartOptions = {}): Program {
  const child = spawn(peer.path, [...peer.args, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...peer.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  return new Program(peer.path, child);
}

export async function waitUntil(what: string, holds: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
    await sleep(5);
  }
}

export function readIfThere(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}

/** How many line feeds the file holds. */
export function countLines(path: string): number {
  const bytes = readIfThere(path);
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** The file as text, once it holds so many lines. */
export async function waitForLines(path: string, lines: number, patienceMs = PATIENCE_MS): Promise<string> {
  try {
    await waitUntil(`${lines} lines in ${path}`, () => countLines(path) >= lines, patienceMs);
  } catch (error) {
    throw new Error(`${(error as Error).message}, there are ${countLines(path)}`);
  }
  return readFileSync(path, 'utf8');
}

/** A new folder, below the system's own for temporary files unless told. Gone at the end at the latest. */
export function makeFolder(name: string, below: string = tmpdir()): { path: string; remove: () => void } {
  const path = mkdtempSync(join(below, `belfry-${name}-`));
  folders.add(path);
  return {
    path,
    // Something that is not stopped yet may make a file there meanwhile; what it leaves goes at the end.
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: got } = server.address() as AddressInfo;
      server.close(() => resolve(got));
    });
  });
}

function bindOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(port)));
  });
}

/** A port that nobody holds at this moment, neither for TCP nor for UDP. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return await bindOnce(await listenOnce(0));
    } catch {
      // Somebody holds it for UDP: the next one.
    }
  }
  throw new Error('no port is free');
}

/** Does a socket of this machine listen on the port? */
export function isListening(transport: 'tcp' | 'udp', port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  // State 0A is LISTEN, 07 the only one of UDP (include/net/tcp_states.h).
  const state = transport === 'tcp' ? '0A' : '07';
  return [`/proc/net/${transport}`, `/proc/net/${transport}6`].some((table) => {
    const rows = existsSync(table) ? readFileSync(table, 'utf8').trim().split('\n').slice(1) : [];
    return rows
      .map((text) => text.trim().split(/\s+/))
      .some((row) => row[1]?.endsWith(`:${hex}`) && row[3] === state);
  });
}
