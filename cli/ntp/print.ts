// What came of asking an NTP server, for people: first a sentence that says it all, then the facts.

import type { NtpReport } from './ask.ts';

const LEAP_WORDS = ['none', 'a second is inserted today', 'a second is removed today', 'not synchronised'];

/** 1234 → "1.234 µs": three digits and more, in the unit that fits. */
export function printNanos(nanos: number): string {
  const size = Math.abs(nanos);
  if (size < 1000) return `${nanos.toFixed(0)} ns`;
  if (size < 1e6) return `${(nanos / 1e3).toPrecision(4)} µs`;
  if (size < 1e9) return `${(nanos / 1e6).toPrecision(4)} ms`;
  return `${(nanos / 1e9).toFixed(3)} s`;
}

function sentence(name: string, report: NtpReport): string {
  const { offsetNs, boundNs, packet, why } = report;
  if (packet === undefined) return `${name} gives no answer: ${why ?? 'nothing came back'}.`;
  if (offsetNs === undefined || boundNs === undefined)
    return `${name} answers, but its time cannot be used: ${why ?? 'it is not synchronised'}.`;
  const way = offsetNs > 0 ? 'behind' : 'ahead of';
  const bound = `give or take ${printNanos(boundNs)}`;
  return `The clock of this host is ${printNanos(Math.abs(offsetNs))} ${way} ${name} (stratum ${packet.stratum}), ${bound}.`;
}

function facts(report: NtpReport): (readonly [string, string])[] {
  const { packet } = report;
  if (packet === undefined) return [];
  const nanos = (value: number | undefined) => (value === undefined ? '-' : printNanos(value));
  const signed = report.offsetNs !== undefined && report.offsetNs > 0 ? '+' : '';
  return [
    ['offset', `${report.offsetNs === undefined ? '' : signed}${nanos(report.offsetNs)}`],
    ['delay', nanos(report.delayNs)],
    ['jitter', report.answered > 1 ? nanos(report.jitterNs) : '-'],
    ['stratum', String(packet.stratum)],
    ['reference id', packet.referenceId],
    ['reference time', packet.referenceTime?.toISOString() ?? 'unknown'],
    ['root delay', `${packet.rootDelayMs} ms`],
    ['root dispersion', `${packet.rootDispersionMs} ms`],
    ['root distance', report.rootDistanceS === undefined ? '-' : printNanos(report.rootDistanceS * 1e9)],
    ['leap second', LEAP_WORDS[packet.leapIndicator] ?? '-'],
    ['precision', `2^${packet.precision} s (${printNanos(2 ** packet.precision * 1e9)})`],
    ['version, poll', `${packet.version}, 2^${packet.poll} s`],
    ['server time', packet.transmitTime?.toISOString() ?? 'unknown'],
    ['answers', `${report.answered} of ${report.asked}`],
  ];
}

export function printReport(name: string, report: NtpReport): string {
  const rows = facts(report);
  const width = Math.max(0, ...rows.map(([title]) => title.length));
  const table = rows.map(([title, value]) => `  ${title.padEnd(width)}  ${value}\n`).join('');
  return `${sentence(name, report)}\n${table === '' ? '' : `\n${table}`}`;
}
