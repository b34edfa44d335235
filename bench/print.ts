// The results as tables for people: for each load one line a server, the median of its runs and the range of
// its CPU; below it the ratios against rsyslogd in the same session and whether the goals were reached.
// Refuses: to call a goal reached that was not measured.

import type { StartGoals, StartResult } from './load/start/bench.ts';
import { median } from './load/median.ts';
import type { Goals, Load, Result } from './load/run.ts';
import type { ServerName } from './load/servers.ts';

export const SERVER_ORDER: readonly ServerName[] = ['belfry', 'rsyslogd', 'rsyslogd tuned', 'kernel'];

export interface Summary {
  readonly load: string;
  readonly server: ServerName;
  readonly runs: number;
  readonly cpuUsPerMessage: number;
  readonly cpuUsMin: number;
  readonly cpuUsMax: number;
  readonly perSecond: number;
  readonly sentPerSecond: number;
  readonly lostPercent: number;
  readonly peakMiB: number;
  readonly torn: number;
  readonly disordered: number;
  readonly kernelDrops: number;
  readonly receiveBuffer: number | undefined;
}

/** Medians, but for what must never happen: of that the worst run counts. */
function summarise(load: string, server: ServerName, runs: readonly Result[]): Summary {
  const all = (pick: (run: Result) => number) => runs.map(pick);
  const cpu = all((run) => run.cpuUsPerMessage);
  return {
    load,
    server,
    runs: runs.length,
    cpuUsPerMessage: median(cpu),
    cpuUsMin: Math.min(...cpu),
    cpuUsMax: Math.max(...cpu),
    perSecond: median(all((run) => run.perSecond)),
    sentPerSecond: median(all((run) => run.sentPerSecond)),
    lostPercent: median(all((run) => (run.lost * 100) / run.sent)),
    peakMiB: Math.max(...all((run) => run.peakMiB)),
    torn: Math.max(...all((run) => run.torn)),
    disordered: Math.max(...all((run) => run.disordered)),
    kernelDrops: Math.max(...all((run) => run.kernelDrops)),
    receiveBuffer: runs[0]?.receiveBuffer,
  };
}

export function summariseAll(load: string, results: readonly Result[]): Summary[] {
  return SERVER_ORDER.flatMap((server) => {
    const runs = results.filter((run) => run.load === load && run.server === server);
    return runs.length === 0 ? [] : [summarise(load, server, runs)];
  });
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n');
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function summaryRow(one: Summary): string[] {
  const range = `${one.cpuUsMin.toFixed(2)}–${one.cpuUsMax.toFixed(2)}`;
  const bad = one.torn + one.disordered === 0 ? 'none' : `${count(one.torn)} / ${count(one.disordered)}`;
  return [
    one.server,
    one.cpuUsPerMessage.toFixed(2),
    range,
    count(one.perSecond),
    `${one.lostPercent.toFixed(one.lostPercent === 0 ? 0 : 2)} %`,
    bad,
    one.peakMiB.toFixed(0),
  ];
}

const HEADINGS = ['', 'CPU µs/msg', 'range', 'msg/s', 'lost', 'torn/out of order', 'peak MiB'];

export interface Verdict {
  readonly text: string;
  readonly reached: boolean;
}

export function atMost(what: string, value: number, limit: number, unit: string): Verdict {
  return {
    text: `${what} ${value.toFixed(2)}${unit}, goal at most ${limit}${unit}`,
    reached: value <= limit,
  };
}

export function atLeast(what: string, value: number, limit: number, unit: string): Verdict {
  return {
    text: `${what} ${value.toFixed(2)}${unit}, goal at least ${limit}${unit}`,
    reached: value >= limit,
  };
}

function lossVerdict(ours: Summary, theirs: Summary): Verdict {
  const text = `lost ${ours.lostPercent.toFixed(2)} %, goal not more than rsyslogd (${theirs.lostPercent.toFixed(2)} %)`;
  return { text, reached: ours.lostPercent <= theirs.lostPercent };
}

function judge(goals: Goals, summaries: readonly Summary[]): Verdict[] {
  const find = (server: ServerName) => summaries.find((one) => one.server === server);
  const [ours, theirs, kernel] = [find('belfry'), find('rsyslogd'), find('kernel')];
  if (ours === undefined) return [];
  const verdicts: Verdict[] = [];
  if (theirs !== undefined) {
    const share = ours.cpuUsPerMessage / theirs.cpuUsPerMessage;
    if (goals.cpuMax !== undefined) verdicts.push(atMost('CPU', share, goals.cpuMax, ' × rsyslogd'));
    if (goals.rateMin !== undefined)
      verdicts.push(atLeast('rate', ours.perSecond / theirs.perSecond, goals.rateMin, ' × rsyslogd'));
    verdicts.push(lossVerdict(ours, theirs));
  }
  if (kernel !== undefined) {
    const ratio = ours.cpuUsPerMessage / kernel.cpuUsPerMessage;
    verdicts.push(atMost('CPU', ratio, goals.cpuOverKernelMax, ' × the kernel’s own cost'));
  }
  verdicts.push(atMost('peak memory', ours.peakMiB, goals.peakMiBMax, ' MiB'));
  const bad = ours.torn + ours.disordered;
  verdicts.push({ text: `lines torn or out of order ${bad}, goal none`, reached: bad === 0 });
  return verdicts;
}

export function printVerdicts(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(({ text, reached }) => `  ${reached ? '✔' : '✖'} ${text}`);
}

function tunedLine(summaries: readonly Summary[]): string[] {
  const ours = summaries.find((one) => one.server === 'belfry');
  const tuned = summaries.find((one) => one.server === 'rsyslogd tuned');
  if (ours === undefined || tuned === undefined) return [];
  const cpu = (ours.cpuUsPerMessage / tuned.cpuUsPerMessage).toFixed(2);
  return [
    `  ℹ against rsyslogd tuned: CPU ${cpu} ×, rate ${(ours.perSecond / tuned.perSecond).toFixed(2)} ×`,
  ];
}

function udpLine(load: Load, summaries: readonly Summary[]): string[] {
  if (load.work.transport !== 'udp') return [];
  const MiB = 1024 * 1024;
  const got = summaries.map((one) => (one.receiveBuffer === undefined ? '?' : `${one.receiveBuffer / MiB}`));
  const asked = `${load.work.receiveBuffer / MiB} MiB asked`;
  const rate = load.rate === 0 ? 'flat out' : `at ${count(load.rate)}/s`;
  const sent = summaries.map((one) => count(one.sentPerSecond)).join(', ');
  return [
    `  ℹ ${load.senders === 1 ? 'one sender' : `${load.senders} senders`} ${rate}, reached ${sent} msg/s`,
    `  ℹ receive buffers: ${asked}, the kernel counts ${got.join(', ')} MiB; kernel drops ${summaries.map((one) => count(one.kernelDrops)).join(', ')}`,
  ];
}

export function printLoad(load: Load, messages: number, summaries: readonly Summary[]): string {
  const runs = summaries[0]?.runs ?? 0;
  const title = `${load.name}: ${count(messages)} messages, median of ${runs} ${runs === 1 ? 'run' : 'runs'}`;
  const rows = [HEADINGS, ...summaries.map(summaryRow)];
  const notes = [...udpLine(load, summaries), ...tunedLine(summaries)];
  return [title, table(rows), ...notes, ...printVerdicts(judge(load.goals, summaries)), ''].join('\n');
}

export function printStart(results: readonly StartResult[], goals: StartGoals): string {
  const headings = ['', 'accepted ms', 'stored ms', 'idle MiB', 'idle CPU %', 'alone ms', 'worst'];
  const rows = results.map((one) => [
    one.server,
    one.acceptedMs.toFixed(0),
    one.storedMs.toFixed(0),
    one.idleMiB.toFixed(0),
    one.idleCpuPercent.toFixed(2),
    one.aloneMsMedian.toFixed(1),
    one.aloneMsMax.toFixed(1),
  ]);
  const ours = results.find((one) => one.server === 'belfry');
  const verdicts =
    ours === undefined
      ? []
      : [
          atMost('first message stored after', ours.storedMs, goals.storedMsMax, ' ms'),
          atMost('idle memory', ours.idleMiB, goals.idleMiBMax, ' MiB'),
          atMost('idle CPU', ours.idleCpuPercent, goals.idleCpuPercentMax, ' %'),
          atMost('a lone message in its file after (median)', ours.aloneMsMedian, goals.aloneMsMax, ' ms'),
        ];
  return [
    'start: from nothing to the first message, then idle',
    table([headings, ...rows]),
    ...printVerdicts(verdicts),
    '',
  ].join('\n');
}
