// Belfry and chronyd as time servers, in alternating runs: answers a second and processor time an answer with 1,
// 16 and 256 requests outstanding, and the error that a client on the same machine measures (the true offset
// is 0), with the server idle and with a stream of syslog messages arriving beside it. With chronyd that stream
// goes to a Belfry that serves no time, so that the machine has the same to do.
//
// Refuses: to run without cc: an asker in Node would measure itself.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBelfry } from '../../../test/system/belfry.ts';
import { type Peer, findPeer } from '../../../test/system/peers.ts';
import {
  freePort,
  isListening,
  type Program,
  startProgram,
  waitUntil,
} from '../../../test/system/programs.ts';
import type { Tools } from '../compile.ts';
import type { Messages } from '../messages.ts';
import { cpuMs } from '../proc.ts';

export const WINDOWS = [1, 16, 256] as const;
export type Window = (typeof WINDOWS)[number];

export type NtpServerName = 'belfry' | 'chronyd';

export interface RateResult {
  readonly window: Window;
  readonly perSecond: number;
  readonly cpuUsPerAnswer: number;
  readonly lost: number;
}

/** In microseconds; of the sizes of the offsets but `offsetUs`, which is their median with its sign. */
export interface ErrorResult {
  readonly offsetUs: number;
  readonly medianUs: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly delayUs: number;
  readonly answers: number;
  readonly lost: number;
}

export interface NtpResult {
  readonly server: NtpServerName;
  readonly rates: readonly RateResult[];
  readonly idle: ErrorResult;
  readonly flooded: ErrorResult;
  /** What the sender of log messages reached meanwhile. */
  readonly messagesPerSecond: number;
}

export interface NtpWishes {
  readonly seconds: number;
  readonly samples: number;
  readonly sent: Messages;
  readonly tools: Tools;
  readonly folder: string;
}

const FLOOD_RATE = 300_000;
const PAUSE_US = 500;
const SETTLE_MS = 300;
/** dist/bench/load/ntp → bench/load/ntp. */
const SOURCES = join(import.meta.dirname, '../../../../bench/load/ntp');

/** Undefined: there is no C compiler. */
export function compileAsk(folder: string): Peer | undefined {
  const path = join(folder, 'ask');
  const done = spawnSync('cc', ['-O2', '-o', path, join(SOURCES, 'ask.c'), '-lm'], { encoding: 'utf8' });
  return done.status === 0 ? { path, args: [], env: {} } : undefined;
}

interface Standing {
  readonly programs: readonly Program[];
  readonly ntpPort: number;
  readonly syslogPort: number;
}

function startBelfryWith(folder: string, syslogPort: number, ntpPort: number | undefined): Promise<Program> {
  mkdirSync(folder, { recursive: true });
  const ntp = { listen: [`127.0.0.1:${ntpPort}`], local: { stratum: 10 }, rateLimit: false };
  const config = {
    syslog: { listen: [`udp://127.0.0.1:${syslogPort}`] },
    files: { root: join(folder, 'out') },
    rules: [{ name: 'load', file: 'all.log' }],
    control: { socket: join(folder, 'control.sock') },
    ...(ntpPort === undefined ? {} : { ntp }),
  };
  const path = join(folder, 'server.json');
  writeFileSync(path, JSON.stringify(config));
  return startBelfry(path);
}

async function startChronyd(peer: Peer, folder: string, port: number): Promise<Program> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'chrony.conf');
  const lines = [
    'local stratum 10',
    'allow 127.0.0.0/8',
    `port ${port}`,
    'bindaddress 127.0.0.1',
    'cmdport 0',
    'bindcmdaddress /',
    `pidfile ${join(folder, 'chronyd.pid')}`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  const program = startProgram(peer, ['-x', '-d', '-U', '-u', userInfo().username, '-f', path]);
  await waitUntil('chronyd serves', () => program.hasEnded() || isListening('udp', port));
  if (program.hasEnded()) throw new Error(`chronyd ended: ${program.stderr}`);
  return program;
}

/** The time server first, then, where it takes none itself, the one that takes the log messages. */
async function start(name: NtpServerName, folder: string, flooded: boolean): Promise<Standing> {
  const [ntpPort, syslogPort] = [await freePort(), await freePort()];
  if (name === 'belfry') {
    return { programs: [await startBelfryWith(folder, syslogPort, ntpPort)], ntpPort, syslogPort };
  }
  const peer = findPeer('chronyd');
  if ('missing' in peer) throw new Error(`chronyd: ${peer.missing}`);
  const chronyd = await startChronyd(peer, folder, ntpPort);
  const beside = flooded ? [await startBelfryWith(join(folder, 'log'), syslogPort, undefined)] : [];
  return { programs: [chronyd, ...beside], ntpPort, syslogPort };
}

async function ask<T>(asker: Peer, args: readonly (string | number)[]): Promise<T> {
  const program = await startProgram(asker, args.map(String)).success();
  return JSON.parse(program.stdout) as T;
}

async function measureRate(
  asker: Peer,
  standing: Standing,
  window: Window,
  seconds: number,
): Promise<RateResult> {
  const pid = standing.programs[0]?.pid ?? -1;
  const before = cpuMs(pid);
  const args = [standing.ntpPort, 'rate', window, seconds];
  const found = await ask<{ answers: number; lost: number; seconds: number }>(asker, args);
  return {
    window,
    perSecond: found.answers / found.seconds,
    cpuUsPerAnswer: ((cpuMs(pid) - before) * 1000) / Math.max(1, found.answers),
    lost: found.lost,
  };
}

function measureError(asker: Peer, standing: Standing, samples: number): Promise<ErrorResult> {
  return ask<ErrorResult>(asker, [standing.ntpPort, 'error', samples, PAUSE_US]);
}

async function stop(standing: Standing): Promise<void> {
  await Promise.all(standing.programs.map((program) => program.stop()));
}

async function runCalm(
  asker: Peer,
  name: NtpServerName,
  wishes: NtpWishes,
): Promise<{ rates: RateResult[]; idle: ErrorResult }> {
  const standing = await start(name, join(wishes.folder, name), false);
  try {
    const rates: RateResult[] = [];
    // The first one warms the server up, for both alike; it is measured like any other.
    for (const window of [...WINDOWS].reverse())
      rates.push(await measureRate(asker, standing, window, wishes.seconds));
    await sleep(SETTLE_MS);
    return { rates: rates.reverse(), idle: await measureError(asker, standing, wishes.samples) };
  } finally {
    await stop(standing);
  }
}

async function runFlooded(
  asker: Peer,
  name: NtpServerName,
  wishes: NtpWishes,
): Promise<{ flooded: ErrorResult; messagesPerSecond: number }> {
  const standing = await start(name, join(wishes.folder, `${name}-flooded`), true);
  try {
    const [path = '', ...args] = wishes.tools.sendUdp;
    const sender = startProgram({ path, args, env: {} }, [
      wishes.sent.path,
      String(standing.syslogPort),
      String(FLOOD_RATE),
      '0',
      '1',
    ]);
    await sleep(SETTLE_MS);
    const flooded = await measureError(asker, standing, wishes.samples);
    if (sender.hasEnded())
      throw new Error('the log messages ended before the samples: more messages are needed');
    await sender.success();
    const { beganNs, endedNs } = JSON.parse(sender.stdout) as { beganNs: string; endedNs: string };
    const seconds = Number(BigInt(endedNs) - BigInt(beganNs)) / 1e9;
    return { flooded, messagesPerSecond: wishes.sent.count / seconds };
  } finally {
    await stop(standing);
  }
}

export async function runNtp(asker: Peer, name: NtpServerName, wishes: NtpWishes): Promise<NtpResult> {
  const calm = await runCalm(asker, name, wishes);
  return { server: name, ...calm, ...(await runFlooded(asker, name, wishes)) };
}
