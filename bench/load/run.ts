// One run: start a server, give it the load, wait until the last line is in its file, ask the kernel what it
// cost, stop it, and compare every stored line with what was sent.
//
//   messages a second   stored lines / (last write to a file − first byte sent)
//   CPU a message       user and system time of the server during the run / stored lines
//   lost                sent − stored
//
// Refuses: to average. One run is one result; who compares takes several.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type Program, startProgram } from '../../test/system/programs.ts';
import type { Tools } from './compile.ts';
import type { Messages } from './messages.ts';
import { cpuMs, kernelDrops, peakMiB, receiveBuffer } from './proc.ts';
import type { Server, ServerName, Work } from './servers.ts';
import { verify } from './verify.ts';

export interface Load {
  readonly name: string;
  readonly work: Work;
  /** Messages a second; 0: as fast as one sender can. */
  readonly rate: number;
  /** Senders at once, each with its share of the messages. TCP: one. */
  readonly senders: number;
  /** What Belfry is to reach; bench/print.ts says whether it did. */
  readonly goals: Goals;
}

export interface Goals {
  /** CPU a message, as a share of rsyslogd's. Not where the kernel alone costs about as much. */
  readonly cpuMax?: number;
  /** CPU a message, as a multiple of the kernel's own cost. */
  readonly cpuOverKernelMax: number;
  /** Messages a second, as a multiple of rsyslogd's. */
  readonly rateMin?: number;
  readonly peakMiBMax: number;
}

export interface Result {
  readonly load: string;
  readonly server: ServerName;
  readonly sent: number;
  readonly stored: number;
  readonly lost: number;
  readonly torn: number;
  readonly disordered: number;
  readonly seconds: number;
  /** What the sender managed; a UDP sender does not wait for the receiver. */
  readonly sentPerSecond: number;
  readonly perSecond: number;
  readonly cpuUsPerMessage: number;
  readonly peakMiB: number;
  /** UDP only: datagrams that the kernel dropped at the socket, and the buffer that the socket had. */
  readonly kernelDrops: number;
  readonly receiveBuffer: number | undefined;
}

/** No line for so long after the sender ended: what is not in a file by then is lost. */
const QUIET_MS = 2_000;
/** A load that takes longer than this has failed. */
const LOAD_MS_MAX = 180_000;

interface Growth {
  readonly bytes: number;
  readonly lastWriteNs: bigint;
}

function growth(folder: string): Growth {
  let bytes = 0;
  let lastWriteNs = 0n;
  for (const name of readdirSync(folder)) {
    const info = statSync(join(folder, name), { bigint: true });
    bytes += Number(info.size);
    if (info.mtimeNs > lastWriteNs) lastWriteNs = info.mtimeNs;
  }
  return { bytes, lastWriteNs };
}

/** Waits until the files hold all bytes, or until they have stopped growing after the sender ended. */
async function waitUntilStored(
  folder: string,
  allBytes: number,
  senderEnded: () => boolean,
): Promise<Growth> {
  const deadline = performance.now() + LOAD_MS_MAX;
  let last = growth(folder);
  let quietFrom = performance.now();
  while (last.bytes < allBytes && performance.now() < deadline) {
    await sleep(20);
    const now = growth(folder);
    if (now.bytes !== last.bytes || !senderEnded()) quietFrom = performance.now();
    last = now;
    if (performance.now() - quietFrom > QUIET_MS) break;
  }
  return last;
}

function startSenders(load: Load, sent: Messages, tools: Tools, port: number): Program[] {
  const isTcp = load.work.transport === 'tcp';
  const [path = '', ...args] = isTcp ? tools.sendTcp : tools.sendUdp;
  return Array.from({ length: load.senders }, (_, part) => {
    const share = isTcp ? [] : [load.rate / load.senders, part, load.senders].map(String);
    return startProgram({ path, args, env: {} }, [sent.path, String(port), ...share]);
  });
}

/** From the first byte of the first sender to the last byte of the last. */
async function sendingTimes(senders: readonly Program[]): Promise<{ beganNs: bigint; endedNs: bigint }> {
  const times = { beganNs: 0n, endedNs: 0n };
  for (const sender of senders) {
    const said = JSON.parse((await sender.success()).stdout) as { beganNs: string; endedNs: string };
    const beganNs = BigInt(said.beganNs);
    if (times.beganNs === 0n || beganNs < times.beganNs) times.beganNs = beganNs;
    if (BigInt(said.endedNs) > times.endedNs) times.endedNs = BigInt(said.endedNs);
  }
  return times;
}

async function measure(
  load: Load,
  server: Server,
  sent: Messages,
  tools: Tools,
  folder: string,
): Promise<Result> {
  const port = await freePort();
  const program = await server.start(load.work, port, folder);
  try {
    const out = join(folder, 'out');
    const cpuBefore = cpuMs(program.pid);
    const senders = startSenders(load, sent, tools, port);
    const allBytes = server.keepsPri ? sent.bytes.length : sent.storedBytes;
    const last = await waitUntilStored(out, allBytes, () => senders.every((one) => one.hasEnded()));
    const cpu = cpuMs(program.pid) - cpuBefore;
    const peak = peakMiB(program.pid);
    const isUdp = load.work.transport === 'udp';
    const drops = isUdp ? kernelDrops(port) : 0;
    const buffer = isUdp ? receiveBuffer(port) : undefined;
    await program.stop();
    const times = await sendingTimes(senders);
    const paths = readdirSync(out).map((name) => join(out, name));
    const { lines, torn, disordered } = verify(paths, sent, server.keepsPri, load.senders);
    const seconds = Number(last.lastWriteNs - times.beganNs) / 1e9;
    return {
      load: load.name,
      server: server.name,
      sent: sent.count,
      stored: lines,
      lost: sent.count - lines,
      torn,
      disordered,
      seconds,
      sentPerSecond: (sent.count * 1e9) / Number(times.endedNs - times.beganNs),
      perSecond: lines / seconds,
      cpuUsPerMessage: (cpu * 1000) / lines,
      peakMiB: peak,
      kernelDrops: drops,
      receiveBuffer: buffer,
    };
  } finally {
    await program.stop('SIGKILL');
  }
}

export async function runOnce(
  load: Load,
  server: Server,
  sent: Messages,
  tools: Tools,
  below: string,
): Promise<Result> {
  const folder = mkdtempSync(join(below, `${server.name}-`));
  try {
    return await measure(load, server, sent, tools, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
