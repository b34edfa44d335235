// The results of forwarding as tables for people: medians of the runs, for each pair of agent and server a line,
// and below them whether the goals are reached, against the better of the two rsyslogds.

import { atLeast, atMost, count, printVerdicts, table, type Verdict } from '../../print.ts';
import { median } from '../median.ts';
import type { AppendResult } from '../spool_append/bench.ts';
import type { PairName } from './pairs.ts';
import type { DrainResult, ForwardResult } from './run.ts';

/** Of the better of rsyslogd's two ways. */
const RATE_MIN = 1.5;
const CPU_MAX = 1;
const AGENT_MIB_MAX = 150;
const APPEND_SHARE_MIN = 0.6;

const ORDER: readonly PairName[] = ['belfry', 'rsyslogd', 'rsyslogd tuned'];

interface Figures {
  readonly name: PairName;
  readonly runs: number;
  readonly sent: number;
  readonly perSecond: number;
  readonly agentCpuUs: number;
  readonly serverCpuUs: number;
  readonly agentMiB: number;
  readonly serverMiB: number;
  /** Of all runs: what must never happen, and what came twice. */
  readonly bad: number;
  readonly twice: number;
}

function figuresOf(name: PairName, runs: readonly ForwardResult[]): Figures {
  const middle = (pick: (run: ForwardResult) => number) => median(runs.map(pick));
  const all = (pick: (run: ForwardResult) => number) => runs.reduce((sum, run) => sum + pick(run), 0);
  return {
    name,
    runs: runs.length,
    sent: runs[0]?.sent ?? 0,
    perSecond: middle((run) => run.perSecond),
    agentCpuUs: middle((run) => run.agent.cpuUsPerMessage),
    serverCpuUs: middle((run) => run.server.cpuUsPerMessage),
    agentMiB: Math.max(...runs.map((run) => run.agent.peakMiB)),
    serverMiB: Math.max(...runs.map((run) => run.server.peakMiB)),
    bad: all((run) => run.missing + run.torn + run.disordered),
    twice: all((run) => run.twice),
  };
}

function allFigures(results: readonly ForwardResult[]): Figures[] {
  return ORDER.flatMap((name) => {
    const runs = results.filter(({ pair }) => pair === name);
    return runs.length === 0 ? [] : [figuresOf(name, runs)];
  });
}

const HEADINGS = [
  '',
  'messages',
  'msg/s',
  'agent µs',
  'server µs',
  'agent MiB',
  'server MiB',
  'bad',
  'twice',
];

function row(one: Figures): string[] {
  const cpu = [one.agentCpuUs, one.serverCpuUs].map((us) => us.toFixed(2));
  const memory = [one.agentMiB, one.serverMiB].map((mib) => mib.toFixed(0));
  return [
    one.name,
    count(one.sent),
    count(one.perSecond),
    ...cpu,
    ...memory,
    count(one.bad),
    count(one.twice),
  ];
}

/** Against whom: the faster of rsyslogd's two ways. */
function best(figures: readonly Figures[]): Figures | undefined {
  const theirs = figures.filter(({ name }) => name !== 'belfry');
  return theirs.sort((a, b) => b.perSecond - a.perSecond)[0];
}

function judgeForward(figures: readonly Figures[]): Verdict[] {
  const ours = figures.find(({ name }) => name === 'belfry');
  const theirs = best(figures);
  if (ours === undefined) return [];
  const verdicts: Verdict[] = [];
  if (theirs !== undefined) {
    const cpu = (one: Figures) => one.agentCpuUs + one.serverCpuUs;
    verdicts.push(atLeast('rate', ours.perSecond / theirs.perSecond, RATE_MIN, ` × ${theirs.name}`));
    verdicts.push(atMost('CPU of both sides', cpu(ours) / cpu(theirs), CPU_MAX, ` × ${theirs.name}`));
  }
  const text = `missing, torn or out of order ${ours.bad}, goal none`;
  return [...verdicts, { text, reached: ours.bad === 0 }];
}

export function printForward(results: readonly ForwardResult[]): string {
  const figures = allFigures(results);
  const runs = figures[0]?.runs ?? 0;
  return [
    `agent_to_server: file → agent → RELP → server → file, median of ${runs} ${runs === 1 ? 'run' : 'runs'}`,
    table([HEADINGS, ...figures.map(row)]),
    ...printVerdicts(judgeForward(figures)),
    '',
  ].join('\n');
}

export function printDrain(results: readonly DrainResult[]): string {
  const headings = ['', 'backlog MiB', 'messages', 'taken in/s', 'µs', 'drained/s', 'agent µs', 'agent MiB'];
  const rows = results.map((one) => [
    one.pair,
    count(one.backlogMiB),
    count(one.sent),
    count(one.filledPerSecond),
    one.fillCpuUsPerMessage.toFixed(2),
    count(one.perSecond),
    one.agent.cpuUsPerMessage.toFixed(2),
    one.agent.peakMiB.toFixed(0),
  ]);
  const ours = results.find(({ pair }) => pair === 'belfry');
  const verdicts = ours === undefined ? [] : [atMost('agent', ours.agent.peakMiB, AGENT_MIB_MAX, ' MiB')];
  return [
    'agent_backlog: taken in while the server is away, drained when it comes',
    table([headings, ...rows]),
    ...printVerdicts(verdicts),
    '',
  ].join('\n');
}

export function printAppend(results: readonly AppendResult[]): string {
  const middle = (name: AppendResult['name'], pick: (one: AppendResult) => number) =>
    median(results.filter((one) => one.name === name).map(pick));
  const names = ['spool', 'the disk itself'] as const;
  const rows = names.map((name) => [
    name,
    middle(name, (one) => one.MiBPerSecond).toFixed(0),
    middle(name, (one) => one.cpuUsPerRecord).toFixed(3),
  ]);
  const share =
    middle('spool', (one) => one.MiBPerSecond) / middle('the disk itself', (one) => one.MiBPerSecond);
  const bytes = ((results[0]?.bytes ?? 0) / 1024 ** 2).toFixed(0);
  return [
    `spool_append: ${bytes} MiB of records of 190 bytes, median of ${results.length / 2} runs`,
    table([['', 'MiB/s', 'CPU µs/record'], ...rows]),
    ...printVerdicts([atLeast('the spool', share, APPEND_SHARE_MIN, ' × the disk’s own rate')]),
    '',
  ].join('\n');
}
