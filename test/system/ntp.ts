// What the tests of the time server share: Belfry serving time on a port of its own, chronyd as server or client
// beside it (never touching a clock: -x or -Q), and questions from a plain socket.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { BELFRY, type Belfry, useBelfry } from './belfry.ts';
import { demandPeer } from './peers.ts';
import { freePort, isListening, makeFolder, type Program, startProgram, waitUntil } from './programs.ts';

export interface TimeServer {
  readonly belfry: Belfry;
  readonly port: number;
}

/** `listen` without port: each address gets the same free one. `port`: that one. */
export async function useTimeServer(
  t: TestContext,
  ntp: Readonly<Record<string, unknown>> = {},
  listen: readonly string[] = ['127.0.0.1'],
  port?: number,
): Promise<TimeServer> {
  const own = port ?? (await freePort());
  const section = {
    listen: listen.map((host) => `${host}:${own}`),
    local: { stratum: 10 },
    rateLimit: false,
    ...ntp,
  };
  const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }], more: { ntp: section } });
  return { belfry, port: own };
}

/** Rejects nothing: chronyd without root, and with a pid file and a command socket of its own. */
export function chronydArgs(config: string): string[] {
  return ['-U', '-u', userInfo().username, '-f', config];
}

export async function useChronyd(
  t: TestContext,
  lines: readonly string[],
): Promise<{ program: Program; commandSocket: string }> {
  const folder = makeFolder('chronyd');
  t.after(folder.remove);
  const commandSocket = join(folder.path, 'chronyd.sock');
  const config = join(folder.path, 'chrony.conf');
  const own = [`pidfile ${join(folder.path, 'pid')}`, 'cmdport 0', `bindcmdaddress ${commandSocket}`];
  writeFileSync(config, `${[...lines, ...own].join('\n')}\n`);
  const program = startProgram(demandPeer('chronyd'), ['-x', '-d', ...chronydArgs(config)]);
  t.after(() => program.stop());
  await waitUntil(
    'chronyd runs',
    () => /Disabled control|privileges|Frequency/.test(program.stderr) || program.hasEnded(),
  );
  // It says so before it opens its port.
  const port = Number(/^port (\d+)$/m.exec(lines.join('\n'))?.[1] ?? 0);
  await waitUntil('chronyd listens', () => port === 0 || isListening('udp', port) || program.hasEnded());
  assert.ok(!program.hasEnded(), `chronyd ended: ${program.stderr}`);
  return { program, commandSocket };
}

/** One report of chronyc, as its rows of comma-separated values. */
export async function chronyc(commandSocket: string, report: string): Promise<string[][]> {
  const program = startProgram(demandPeer('chronyc'), ['-n', '-c', '-h', commandSocket, report]);
  const { code } = await program.ended;
  if (code !== 0) return [];
  return program.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(','));
}

export async function runBelfry(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = startProgram(BELFRY, args);
  const { code } = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** A socket that asks, and keeps what comes back. */
export class Asker {
  readonly answers: { bytes: Buffer; from: string }[] = [];
  readonly #socket: Socket;
  #isOpen = true;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, { address }) => this.answers.push({ bytes, from: address }));
    socket.on('error', () => undefined);
  }

  send(bytes: Uint8Array, port: number, host: string): Promise<void> {
    return new Promise((done) => this.#socket.send(bytes, port, host, () => done()));
  }

  /** May be called twice. */
  close(): void {
    if (this.#isOpen) this.#socket.close();
    this.#isOpen = false;
  }
}

/** Bound to an address of this host, so that the server sees it as that one. */
export async function makeAsker(t: TestContext, from = '127.0.0.1', port = 0): Promise<Asker> {
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, from);
  await once(socket, 'listening');
  const asker = new Asker(socket);
  t.after(() => asker.close());
  return asker;
}

/** A good request; `mark` stands in its transmit time and comes back as the answer's origin. */
export function goodRequest(mark: number): Buffer {
  const bytes = Buffer.alloc(48);
  bytes[0] = 0x23;
  bytes[2] = 6;
  bytes.writeUInt32BE(0x5afe5afe, 40);
  bytes.writeUInt32BE(mark, 44);
  return bytes;
}

export function markOf(answer: Buffer): number | undefined {
  return answer.readUInt32BE(24) === 0x5afe5afe ? answer.readUInt32BE(28) : undefined;
}
