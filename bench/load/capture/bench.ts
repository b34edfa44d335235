// Who counts packets at what cost: TCP packets of 10,000 connections over loopback, as fast as one sender can, and beside
// it in turn Belfry's capture with its flow table, tcpdump that writes to /dev/null and counts no flows, and softflowd.
// All in a network namespace of their own, so that nothing else is seen, with receive buffers of one size.
//
// Refuses: to run without cc, without root. What the kernel does for each capturer is booked to the sender, for all alike.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeNetwork, type Network, whyNoNetwork } from '../../../test/system/netns.ts';
import { demandPeer, findPeer, type Peer } from '../../../test/system/peers.ts';
import { type Program, startProgram, waitUntil } from '../../../test/system/programs.ts';
import { cpuMs, peakMiB } from '../proc.ts';

export const FLOWS = 10_000;
export const BUFFER_MIB = 32;
const SETTLE_MS = 500;
/** dist/bench/load/capture → bench/load/capture. */
const SOURCES = join(import.meta.dirname, '../../../../bench/load/capture');

export type CapturerName = 'belfry' | 'tcpdump' | 'softflowd';

export interface CaptureResult {
  readonly capturer: CapturerName;
  readonly packets: number;
  readonly sentPerSecond: number;
  readonly cpuUsPerPacket: number;
  /** Of those sent; undefined: it did not say. */
  readonly dropped: number | undefined;
  readonly peakMiB: number;
  /** Share of one core with nothing to do, where it was measured. */
  readonly idlePercent: number | undefined;
}

export interface CaptureWishes {
  readonly packets: number;
  readonly rounds: number;
  readonly idleSeconds: number;
  readonly folder: string;
  say(line: string): void;
}

/** How a capturer is started, how one knows that it captures, and how it is asked what it lost. */
interface Capturer {
  readonly name: CapturerName;
  start(network: Network, folder: string): Promise<Program>;
  /** Ends it. */
  dropped(program: Program, network: Network, folder: string): Promise<number | undefined>;
}

const belfry: Capturer = {
  name: 'belfry',
  async start(network) {
    const path = join(import.meta.dirname, 'watch.js');
    const peer = { path: process.execPath, args: ['--max-semi-space-size=2', path], env: {} };
    const program = startProgram(network.inside(peer), ['lo', String(BUFFER_MIB)]);
    await waitUntil('belfry captures', () => program.stdout.includes('captures') || program.hasEnded());
    return program;
  },
  async dropped(program) {
    await program.stop();
    const line = program.stdout.split('\n').find((text) => text.startsWith('{')) ?? '{}';
    return (JSON.parse(line) as { dropped?: number }).dropped;
  },
};

const tcpdump: Capturer = {
  name: 'tcpdump',
  async start(network) {
    const peer = network.inside(demandPeer('tcpdump'));
    const buffer = ['-B', String(BUFFER_MIB * 1024), '-s', '256'];
    const program = startProgram(peer, ['-Z', 'root', '-i', 'lo', '-n', ...buffer, '-w', '/dev/null']);
    await waitUntil('tcpdump captures', () => program.stderr.includes('listening') || program.hasEnded());
    return program;
  },
  async dropped(program) {
    await program.stop();
    const found = /(\d+) packets dropped by kernel/.exec(program.stderr);
    return found ? Number(found[1]) : undefined;
  },
};

const softflowd: Capturer = {
  name: 'softflowd',
  async start(network, folder) {
    const buffer = ['-B', String(BUFFER_MIB * 1024 * 1024), '-C', '256'];
    const files = ['-p', join(folder, 'softflowd.pid'), '-c', join(folder, 'softflowd.ctl')];
    const peer = network.inside(demandPeer('softflowd'));
    const program = startProgram(peer, ['-d', '-i', 'lo', '-m', '65536', ...buffer, ...files]);
    await waitUntil('softflowd captures', () => program.stderr.includes('starting') || program.hasEnded());
    return program;
  },
  async dropped(program, _network, folder) {
    const control = demandPeer('softflowctl');
    const env = { ...process.env, ...control.env };
    const args = ['-c', join(folder, 'softflowd.ctl'), 'statistics'];
    const { stdout } = spawnSync(control.path, args, { encoding: 'utf8', env });
    await program.stop();
    const found = /dropped by libpcap: (\d+)/.exec(stdout);
    return found ? Number(found[1]) : undefined;
  },
};

function findCapturers(say: (line: string) => void): Capturer[] {
  return [belfry, tcpdump, softflowd].filter(({ name }) => {
    const peer = name === 'belfry' ? undefined : findPeer(name);
    const missing = peer && 'missing' in peer ? peer.missing : undefined;
    if (missing !== undefined) say(`without ${name}: ${missing}`);
    return missing === undefined;
  });
}

function compileSender(folder: string): Peer | undefined {
  const path = join(folder, 'send_packets');
  const source = join(SOURCES, 'send_packets.c');
  const done = spawnSync('cc', ['-O2', '-o', path, source], { encoding: 'utf8' });
  return done.status === 0 ? { path, args: [], env: {} } : undefined;
}

async function measureIdle(pid: number, seconds: number): Promise<number> {
  const before = cpuMs(pid);
  await sleep(seconds * 1000);
  return (cpuMs(pid) - before) / (seconds * 10);
}

async function runOne(
  capturer: Capturer,
  sender: Peer,
  network: Network,
  wishes: CaptureWishes,
  idleSeconds: number,
): Promise<CaptureResult> {
  const program = await capturer.start(network, wishes.folder);
  if (program.hasEnded()) throw new Error(`${capturer.name} ended: ${program.stderr}`);
  await sleep(SETTLE_MS);
  const idlePercent = idleSeconds > 0 ? await measureIdle(program.pid, idleSeconds) : undefined;
  const before = cpuMs(program.pid);
  const sent = await startProgram(network.inside(sender), [
    String(wishes.packets),
    String(FLOWS),
    '0',
  ]).success();
  await sleep(SETTLE_MS);
  const cpuUsPerPacket = ((cpuMs(program.pid) - before) * 1000) / wishes.packets;
  const peak = peakMiB(program.pid);
  const { packets, seconds } = JSON.parse(sent.stdout) as { packets: number; seconds: number };
  const dropped = await capturer.dropped(program, network, wishes.folder);
  const sentPerSecond = packets / seconds;
  return {
    capturer: capturer.name,
    ...{ packets, sentPerSecond, cpuUsPerPacket, dropped, peakMiB: peak, idlePercent },
  };
}

export async function runCaptureRounds(wishes: CaptureWishes): Promise<CaptureResult[]> {
  const sender = compileSender(wishes.folder);
  const why = sender ? whyNoNetwork() : 'there is no C compiler (cc) for the sender';
  if (!sender || why !== false) {
    wishes.say(`capture: not measured, ${String(why)}`);
    return [];
  }
  const network = makeNetwork();
  const results: CaptureResult[] = [];
  try {
    const capturers = findCapturers(wishes.say);
    for (let round = 0; round < wishes.rounds; round += 1) {
      for (let turn = 0; turn < capturers.length; turn += 1) {
        const capturer = capturers[(turn + round) % capturers.length] as Capturer;
        const result = await runOne(capturer, sender, network, wishes, round === 0 ? wishes.idleSeconds : 0);
        const figures = `${result.cpuUsPerPacket.toFixed(3)} µs a packet at ${Math.round(result.sentPerSecond)}/s, dropped ${result.dropped}`;
        wishes.say(`capture ${round + 1}/${wishes.rounds} ${result.capturer}: ${figures}`);
        results.push(result);
      }
    }
  } finally {
    network.remove();
  }
  return results;
}
