// Datagrams into one file, with the same receive buffer for every server: as fast as one sender can, at a
// steady rate that leaves the receiver time to sleep, and from as many senders as the machine has cores, which
// is a flood. UDP holds nobody back: what the receiver does not fetch in time is lost, and counted.
//
// The steady rate is 0.7 M/s where one sender reaches that with room to spare, else half of what it reaches.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Load } from '../run.ts';

const STEADY_RATE_MAX = 700_000;
/** Asked of the kernel with SO_RCVBUFFORCE, which root may. */
const ROOT_BUFFER = 64 * 1024 * 1024;

/** What every server can get: root any size, others up to net.core.rmem_max. */
function equalBuffer(): number {
  if (process.getuid?.() === 0) return ROOT_BUFFER;
  return Math.min(ROOT_BUFFER, Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8')));
}

export function udpToFile(): Load {
  return {
    name: 'udp_to_file',
    work: { transport: 'udp', into: 'file', receiveBuffer: equalBuffer() },
    rate: 0,
    senders: 1,
    goals: { cpuMax: 0.6, cpuOverKernelMax: 1.4, peakMiBMax: 200 },
  };
}

export function udpToFileSteady(flatOutPerSecond: number): Load {
  const half = Math.max(10_000, Math.round(flatOutPerSecond / 2 / 10_000) * 10_000);
  return { ...udpToFile(), name: 'udp_to_file_steady', rate: Math.min(STEADY_RATE_MAX, half) };
}

export function udpFloodToFile(): Load {
  const goals = { cpuOverKernelMax: 1.4, peakMiBMax: 200 };
  return { ...udpToFile(), name: 'udp_flood_to_file', senders: Math.max(2, availableParallelism()), goals };
}
