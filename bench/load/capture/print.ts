// The results of the capture as a table for people: medians of the runs, and whether the goals are reached.

import { median } from '../median.ts';
import { BUFFER_MIB, type CaptureResult, type CapturerName, FLOWS } from './bench.ts';

/** With nothing to see, at most this share of one core. */
const IDLE_PERCENT_MAX = 0.5;
/** What one core must be able to take. */
const PER_SECOND_MIN = 1_000_000;

function of(results: readonly CaptureResult[], name: CapturerName): CaptureResult[] {
  return results.filter(({ capturer }) => capturer === name);
}

function cpuOf(results: readonly CaptureResult[]): number {
  return median(results.map(({ cpuUsPerPacket }) => cpuUsPerPacket));
}

function row(name: CapturerName, results: readonly CaptureResult[]): string {
  const dropped = results.map((one) => one.dropped ?? Number.NaN).reduce((sum, count) => sum + count, 0);
  const sent = results.reduce((sum, { packets }) => sum + packets, 0);
  const idle = results.find(({ idlePercent }) => idlePercent !== undefined)?.idlePercent;
  const cells = [
    `${cpuOf(results).toFixed(3)} µs`,
    `${(1 / cpuOf(results)).toFixed(2)} M/s`,
    `${Math.round(median(results.map(({ sentPerSecond }) => sentPerSecond)) / 1000)} k/s`,
    `${dropped} of ${sent}`,
    `${median(results.map(({ peakMiB }) => peakMiB)).toFixed(0)} MiB`,
    idle === undefined ? '-' : `${idle.toFixed(2)} %`,
  ];
  return `  ${name.padEnd(10)}${cells.map((cell) => cell.padStart(16)).join('')}`;
}

function verdict(text: string, isReached: boolean): string {
  return `  ${isReached ? 'reached' : 'MISSED '}  ${text}`;
}

export function printCapture(results: readonly CaptureResult[]): string {
  const names: readonly CapturerName[] = ['belfry', 'tcpdump', 'softflowd'];
  const present = names.filter((name) => of(results, name).length > 0);
  const heads = ['CPU a packet', 'one core takes', 'sent at', 'dropped', 'peak memory', 'idle'];
  const own = of(results, 'belfry');
  const theirs = of(results, 'softflowd');
  const idle = own.find(({ idlePercent }) => idlePercent !== undefined)?.idlePercent;
  const ratio = cpuOf(own) / cpuOf(theirs);
  return [
    `capture: TCP packets of ${FLOWS} connections over loopback, buffers of ${BUFFER_MIB} MiB`,
    `  ${''.padEnd(10)}${heads.map((head) => head.padStart(16)).join('')}`,
    ...present.map((name) => row(name, of(results, name))),
    verdict(
      'nothing dropped at the full speed of the sender',
      own.every(({ dropped }) => dropped === 0),
    ),
    verdict(`one core takes at least ${PER_SECOND_MIN} packets/s`, 1e6 / cpuOf(own) >= PER_SECOND_MIN),
    ...(theirs.length === 0
      ? []
      : [verdict(`CPU a packet at most softflowd's (${ratio.toFixed(2)} times)`, ratio <= 1)]),
    ...(idle === undefined
      ? []
      : [verdict(`idle below ${IDLE_PERCENT_MAX} % of a core`, idle < IDLE_PERCENT_MAX)]),
    '',
  ].join('\n');
}
