// Belfry itself as the system tests run it: the compiled program with a configuration and a folder of its own.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { endAll, freePort, makeFolder, type Program, startProgram, waitUntil } from './programs.ts';
import type { Peer } from './peers.ts';

/** dist/test/system → dist/cli/main.js. */
const MAIN = join(import.meta.dirname, '../../cli/main.js');

/** `belfry`, as a program to start, with the flag that stands in its first line. */
export const BELFRY: Peer = { path: process.execPath, args: ['--max-semi-space-size=2', MAIN], env: {} };

export interface Belfry {
  readonly program: Program;
  /** Its folder: server.json, out/ (files.root) and control.sock stand in it. */
  readonly folder: string;
  readonly config: string;
  /** Where UDP and TCP are listened on. */
  readonly port: number;
  /** A path below files.root. */
  readonly file: (name: string) => string;
}

export interface BelfryOptions {
  readonly rules: readonly object[];
  /** The address to listen on; 127.0.0.1 unless told. */
  readonly host?: string;
  readonly syslog?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

export function writeConfig(folder: string, port: number, options: BelfryOptions): string {
  const path = join(folder, 'server.json');
  const host = options.host?.includes(':') ? `[${options.host}]` : (options.host ?? '127.0.0.1');
  const listen = [`udp://${host}:${port}`, `tcp://${host}:${port}`];
  const config = {
    syslog: { listen, ...options.syslog },
    files: { root: join(folder, 'out'), ...options.files },
    rules: options.rules,
    control: { socket: join(folder, 'control.sock') },
    log: { format: 'text' },
    ...options.more,
  };
  writeFileSync(path, JSON.stringify(config, undefined, 2));
  return path;
}

/** Starts `belfry serve` and waits until it says that it is ready. */
export async function startBelfry(config: string): Promise<Program> {
  const program = startProgram(BELFRY, ['serve', '-c', config]);
  await waitUntil(
    `belfry serve is ready; it said: ${program.stderr}`,
    () => isReady(program) || program.hasEnded(),
  );
  if (program.hasEnded()) throw new Error(`belfry serve ended: ${program.stdout}${program.stderr}`);
  return program;
}

function isReady(program: Program): boolean {
  return /\bready\b/.test(program.stderr) || /\bready\b/.test(program.stdout);
}

/** For one test: a running Belfry that is stopped, and has to stop well, when the test ends. */
export async function useBelfry(t: TestContext, options: BelfryOptions): Promise<Belfry> {
  const folder = makeFolder('system');
  const port = await freePort();
  const config = writeConfig(folder.path, port, options);
  const program = await startBelfry(config);
  // Hooks run in the order in which they were made: one for all, so that the folder goes last.
  t.after(async () => {
    const { code, signal } = await program.stop();
    folder.remove();
    if (code !== 0) endAll();
    assert.equal(code, 0, `belfry serve ended with ${code ?? signal}: ${program.stderr}`);
  });
  return { program, folder: folder.path, config, port, file: (name) => join(folder.path, 'out', name) };
}
