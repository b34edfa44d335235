// The results of the time servers as tables for people: medians of the runs, and whether the goals are reached.

import { median } from '../median.ts';
import { type ErrorResult, type NtpResult, type NtpServerName, WINDOWS, type Window } from './bench.ts';

/** Under the stream of log messages: no client may see more than this in 99 of 100 questions. */
const FLOODED_P99_MAX_US = 200;

function of(results: readonly NtpResult[], server: NtpServerName): readonly NtpResult[] {
  return results.filter((one) => one.server === server);
}

function rate(
  results: readonly NtpResult[],
  window: Window,
  pick: 'perSecond' | 'cpuUsPerAnswer' | 'lost',
): number {
  return median(results.map(({ rates }) => rates.find((one) => one.window === window)?.[pick] ?? Number.NaN));
}

function error(results: readonly NtpResult[], when: 'idle' | 'flooded', pick: keyof ErrorResult): number {
  return median(results.map((one) => one[when][pick]));
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function lines(server: NtpServerName, results: readonly NtpResult[]): string[] {
  const own = of(results, server);
  if (own.length === 0) return [];
  const rates = WINDOWS.map((window) => {
    const lost = rate(own, window, 'lost');
    const cpu = rate(own, window, 'cpuUsPerAnswer').toFixed(2);
    return `${window}: ${count(rate(own, window, 'perSecond'))}/s at ${cpu} µs${lost > 0 ? ` (${count(lost)} lost)` : ''}`;
  });
  const errors = (['idle', 'flooded'] as const).map((when) => {
    const us = (pick: keyof ErrorResult) => error(own, when, pick).toFixed(2);
    return `${when}: ${us('medianUs')} / ${us('p95Us')} / ${us('p99Us')} µs (offset ${us('offsetUs')}, delay ${us('delayUs')})`;
  });
  const beside = count(median(own.map((one) => one.messagesPerSecond)));
  return [
    `  ${server.padEnd(8)}  answers by requests outstanding  ${rates.join(', ')}`,
    `  ${' '.repeat(8)}  own error, median / p95 / p99     ${errors.join(', ')}`,
    `  ${' '.repeat(8)}  log messages beside it            ${beside}/s`,
  ];
}

function verdict(what: string, ours: number, limit: number, unit: string, isAtLeast = false): string {
  const reached = isAtLeast ? ours >= limit : ours <= limit;
  const word = isAtLeast ? 'at least' : 'at most';
  return `  ${reached ? '✔' : '✖'} ${what} ${ours.toFixed(2)}${unit}, goal ${word} ${limit.toFixed(2)}${unit}`;
}

function verdicts(ours: readonly NtpResult[], theirs: readonly NtpResult[]): string[] {
  if (ours.length === 0 || theirs.length === 0) return [];
  const ratio = (window: Window, pick: 'perSecond' | 'cpuUsPerAnswer') =>
    rate(ours, window, pick) / rate(theirs, window, pick);
  return [
    ...WINDOWS.map((window) =>
      verdict(`${window} outstanding: rate`, ratio(window, 'perSecond'), 1, ' × chronyd', true),
    ),
    ...WINDOWS.map((window) =>
      verdict(`${window} outstanding: CPU an answer`, ratio(window, 'cpuUsPerAnswer'), 1, ' × chronyd'),
    ),
    verdict('own error, median', error(ours, 'idle', 'medianUs'), error(theirs, 'idle', 'medianUs'), ' µs'),
    verdict('own error, p95', error(ours, 'idle', 'p95Us'), error(theirs, 'idle', 'p95Us'), ' µs'),
    verdict('own error beside log messages, p99', error(ours, 'flooded', 'p99Us'), FLOODED_P99_MAX_US, ' µs'),
  ];
}

export function printNtp(results: readonly NtpResult[]): string {
  const runs = of(results, 'belfry').length;
  return [
    `ntp: Belfry and chronyd in alternating runs, median of ${runs} ${runs === 1 ? 'run' : 'runs'}`,
    ...lines('belfry', results),
    ...lines('chronyd', results),
    ...verdicts(of(results, 'belfry'), of(results, 'chronyd')),
    '',
  ].join('\n');
}
