// One run: the server and the agent of one make start, a log file of N lines appears at once, and the run is over
// when the last of them stands in the server's file; and the same with the server away at first, so that the
// agent fills its queue (the backlog) and has to empty it when the server comes.
//
//   messages a second   lines / (last write to the server's file − the file's appearance, or the server's start)
//   CPU a message       user and system time of each side in that time / lines
//
// Refuses: to average. One run is one result; who compares takes several.

import { closeSync, linkSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type Program } from '../../../test/system/programs.ts';
import { cpuMs, peakMiB, residentMiB } from '../proc.ts';
import { type Arrived, checkArrived, type LogFile } from './lines.ts';
import { makePlaces, type Pair, type PairName, type Places } from './pairs.ts';

export interface Side {
  readonly cpuUsPerMessage: number;
  readonly peakMiB: number;
}

export interface ForwardResult extends Arrived {
  readonly pair: PairName;
  readonly sent: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly agent: Side;
  readonly server: Side;
}

export interface DrainResult extends ForwardResult {
  /** Taking the backlog in, with nobody to send it to. */
  readonly filledPerSecond: number;
  readonly fillCpuUsPerMessage: number;
  readonly backlogMiB: number;
  /** Of the agent, when the backlog was complete. */
  readonly residentMiB: number;
}

/** Nothing new for so long: what is not there by then does not come. */
const QUIET_MS = 20_000;
/** A queue that grew no more for so long has taken in everything. */
const FILLED_MS = 4_000;
const RUN_MS_MAX = 300_000;

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function folderBytes(folder: string): number {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return names.reduce((sum, { parentPath, name }) => sum + sizeOf(join(parentPath, name)), 0);
}

/** Until something that grows has reached a size, or has stopped growing. Says when it grew last. */
async function waitForGrowth(size: () => number, enough: number, quietMs = QUIET_MS): Promise<number> {
  const deadline = performance.now() + RUN_MS_MAX;
  let last = size();
  let grewAt = performance.now();
  while (last < enough && performance.now() < Math.min(deadline, grewAt + quietMs)) {
    await sleep(20);
    const now = size();
    if (now > last) grewAt = performance.now();
    last = now;
  }
  return grewAt;
}

/** What a line costs in the server's file besides its own bytes: told by the first one. */
async function storedBytes(places: Places, sent: LogFile): Promise<number> {
  await waitForGrowth(() => sizeOf(places.file), 1);
  const start = Buffer.alloc(4096);
  const fd = openSync(places.file, 'r');
  readSync(fd, start);
  closeSync(fd);
  return sent.bytes + sent.count * Math.max(0, start.indexOf('seq='));
}

interface Clocked {
  readonly program: Program;
  readonly before: number;
}

function clocked(program: Program): Clocked {
  return { program, before: cpuMs(program.pid) };
}

function sideOf({ program, before }: Clocked, count: number): Side {
  return {
    cpuUsPerMessage: ((cpuMs(program.pid) - before) * 1000) / count,
    peakMiB: peakMiB(program.pid),
  };
}

/** Waits for the last line, asks the kernel what it cost, and compares. */
async function finish(
  pair: Pair,
  places: Places,
  sent: LogFile,
  agent: Clocked,
  server: Clocked,
  fromMs: number,
): Promise<ForwardResult> {
  const enough = await storedBytes(places, sent);
  await waitForGrowth(() => sizeOf(places.file), enough);
  const seconds = (statSync(places.file).mtimeMs - fromMs) / 1000;
  const sides = { agent: sideOf(agent, sent.count), server: sideOf(server, sent.count) };
  await agent.program.stop();
  await server.program.stop();
  const arrived = checkArrived(places.file, sent.count);
  const perSecond = (sent.count - arrived.missing) / seconds;
  return { pair: pair.name, sent: sent.count, seconds, perSecond, ...sides, ...arrived };
}

async function inFolder<T>(below: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(below, 'forward-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** File → agent → server → file, both running from the start. */
export function runForward(pair: Pair, sent: LogFile, below: string): Promise<ForwardResult> {
  return inFolder(below, async (folder) => {
    const places = makePlaces(folder, await freePort());
    const server = await pair.startServer(places);
    const agent = await pair.startAgent(places);
    try {
      await sleep(500);
      const sides = [clocked(agent), clocked(server)] as const;
      const fromMs = Date.now();
      linkSync(sent.path, join(places.inbox, 'app.log'));
      return await finish(pair, places, sent, ...sides, fromMs);
    } finally {
      await agent.stop('SIGKILL');
      await server.stop('SIGKILL');
    }
  });
}

/** The server comes only when the agent has taken in everything. */
export function runDrain(pair: Pair, sent: LogFile, below: string): Promise<DrainResult> {
  return inFolder(below, async (folder) => {
    const places = makePlaces(folder, await freePort());
    const queue = join(folder, 'agent');
    const agent = await pair.startAgent(places);
    try {
      await sleep(500);
      const filling = clocked(agent);
      const beganAt = performance.now();
      linkSync(sent.path, join(places.inbox, 'app.log'));
      const filledAt = await waitUntilFilled(queue, sent);
      const fillCpu = sideOf(filling, sent.count);
      const backlogMiB = folderBytes(queue) / 1024 ** 2;
      const resident = residentMiB(agent.pid);
      const fromMs = Date.now();
      const server = await pair.startServer(places);
      try {
        const sides = [clocked(agent), { program: server, before: 0 }] as const;
        const result = await finish(pair, places, sent, ...sides, fromMs);
        return {
          ...result,
          filledPerSecond: (sent.count * 1000) / (filledAt - beganAt),
          fillCpuUsPerMessage: fillCpu.cpuUsPerMessage,
          backlogMiB,
          residentMiB: resident,
        };
      } finally {
        await server.stop('SIGKILL');
      }
    } finally {
      await agent.stop('SIGKILL');
    }
  });
}

/** The queue grows no more. What rsyslogd keeps in memory, hundreds of MiB of it, is not on the disk. */
async function waitUntilFilled(queue: string, sent: LogFile): Promise<number> {
  await waitForGrowth(() => folderBytes(queue), sent.bytes / 3);
  const grewAt = await waitForGrowth(() => folderBytes(queue), Number.POSITIVE_INFINITY, FILLED_MS);
  if (folderBytes(queue) < sent.bytes / 3) throw new Error('the agent did not take in the backlog');
  return grewAt;
}
