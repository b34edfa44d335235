// How soon after its start a server takes the first message, and what it costs when nothing happens.
//
//   accepted   from the start of the process until a TCP connection is taken
//   stored     from the start of the process until that connection's first message is in its file
//   idle       resident memory and share of one core, over the seconds after that
//   alone      a message sent to a server that sleeps, until it is in its file: median and worst of many
//
// Start times are the median of several starts. Refuses: to warm anything up. It is the first message that counts.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, PATIENCE_MS, type Program } from '../../../test/system/programs.ts';
import { median } from '../median.ts';
import { messageText } from '../messages.ts';
import { cpuMs, residentMiB } from '../proc.ts';
import type { Server, ServerName } from '../servers.ts';

export interface StartResult {
  readonly server: ServerName;
  readonly acceptedMs: number;
  readonly storedMs: number;
  readonly idleMiB: number;
  readonly idleCpuPercent: number;
  readonly aloneMsMedian: number;
  readonly aloneMsMax: number;
}

export interface StartGoals {
  readonly storedMsMax: number;
  readonly idleMiBMax: number;
  readonly idleCpuPercentMax: number;
  readonly aloneMsMax: number;
}

export const START_GOALS: StartGoals = {
  storedMsMax: 500,
  idleMiBMax: 120,
  idleCpuPercentMax: 0.5,
  aloneMsMax: 20,
};

const ALONE_COUNT = 50;
const LOG = 'out/all.log';

function tryConnect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

async function connectSoon(port: number): Promise<Socket> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const socket = await tryConnect(port);
    if (socket !== undefined) return socket.on('error', () => undefined);
    await sleep(1);
  }
  throw new Error('nobody listens');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Waits without sleeping longer than the event loop has to: this is what is measured. */
async function waitForGrowth(path: string, from: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (sizeOf(path) <= from) {
    if (performance.now() > deadline) throw new Error(`nothing arrives in ${path}`);
    await new Promise((next) => setImmediate(next));
  }
}

async function sendAlone(socket: Socket, file: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 1; i <= ALONE_COUNT; i++) {
    await sleep(60);
    const before = sizeOf(file);
    const sentAt = performance.now();
    socket.write(`${messageText(i)}\n`);
    await waitForGrowth(file, before);
    times.push(performance.now() - sentAt);
  }
  return times;
}

interface Started {
  readonly program: Program;
  readonly socket: Socket;
  readonly acceptedMs: number;
  readonly storedMs: number;
}

async function startOnce(server: Server, folder: string): Promise<Started> {
  const port = await freePort();
  const startedAt = performance.now();
  const starting = server.start({ transport: 'tcp', into: 'file', receiveBuffer: 0 }, port, folder);
  // A server that fails to start says so at once; one that starts well does not end the race.
  const failed = starting.then(() => new Promise<never>(() => undefined));
  const socket = await Promise.race([connectSoon(port), failed]);
  const acceptedMs = performance.now() - startedAt;
  socket.write(`${messageText(0)}\n`);
  await waitForGrowth(join(folder, LOG), 0);
  const storedMs = performance.now() - startedAt;
  return { program: await starting, socket, acceptedMs, storedMs };
}

async function inFolder<T>(below: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(below, 'start-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function end({ program, socket }: Started): Promise<void> {
  socket.destroy();
  await program.stop();
}

interface Idle {
  readonly idleMiB: number;
  readonly idleCpuPercent: number;
  readonly aloneMs: readonly number[];
}

/** V8 tidies up once after a start, some ten seconds later: that is still part of starting. */
const SETTLE_MS = 20_000;

async function watchIdle({ program, socket }: Started, folder: string, seconds: number): Promise<Idle> {
  await sleep(SETTLE_MS);
  const cpuBefore = cpuMs(program.pid);
  await sleep(seconds * 1000);
  const idleCpuPercent = (cpuMs(program.pid) - cpuBefore) / (seconds * 10);
  return {
    idleCpuPercent,
    idleMiB: residentMiB(program.pid),
    aloneMs: await sendAlone(socket, join(folder, LOG)),
  };
}

export async function measureStart(
  server: Server,
  below: string,
  rounds: number,
  idleSeconds: number,
): Promise<StartResult> {
  const starts: Started[] = [];
  for (let i = 0; i < rounds; i++) {
    await inFolder(below, async (folder) => {
      const started = await startOnce(server, folder);
      starts.push(started);
      await end(started);
    });
  }
  const idle = await inFolder(below, async (folder) => {
    const started = await startOnce(server, folder);
    starts.push(started);
    try {
      return await watchIdle(started, folder, idleSeconds);
    } finally {
      await end(started);
    }
  });
  return {
    server: server.name,
    acceptedMs: median(starts.map((one) => one.acceptedMs)),
    storedMs: median(starts.map((one) => one.storedMs)),
    idleMiB: idle.idleMiB,
    idleCpuPercent: idle.idleCpuPercent,
    aloneMsMedian: median(idle.aloneMs),
    aloneMsMax: Math.max(...idle.aloneMs),
  };
}
