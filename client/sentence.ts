// A destination, or the watching of connections, in one sentence, for `belfry status`, for the line on a terminal and for the log.

import { printCount, printCountOf, printSize, printSpan } from '../base/units.ts';
import type { TrafficStatus } from './monitor/traffic-status.ts';
import type { DestinationStatus } from './status.ts';

type Told = Pick<DestinationStatus, 'name' | 'state' | 'queue' | 'perSecond' | 'draining'>;

type Draining = NonNullable<DestinationStatus['draining']>;

/** Nobody needs the seconds of an hour: "14 min", "3 h 20 min". */
export function printAge(ms: number): string {
  const unitMs = ms >= 2 * 86_400_000 ? 3_600_000 : ms >= 120_000 ? 60_000 : 1000;
  return ms < 1000 ? 'less than 1 s' : printSpan(Math.floor(ms / unitMs) * unitMs);
}

/** "fwdRule1: not delivering: connection refused by …, next try in 12 s, 48,213 messages (31 MiB) waiting, oldest 14 min" */
export function destinationSentence(told: Told): string {
  return `${told.name}: ${stateWords(told)}`;
}

function stateWords(told: Told): string {
  const { state, draining } = told;
  if (state.kind === 'connected')
    return draining === null ? deliveringWords(told) : drainingWords(told, draining);
  if (state.kind === 'waiting')
    return `not delivering: ${state.why ?? 'it does not say why'}, ${retryWords(told)}, ${waitingWords(told)}`;
  if (state.kind === 'connecting')
    return `connecting to ${state.target ?? 'the server'}, ${waitingWords(told)}`;
  return `stopped, ${waitingWords(told)}`;
}

function retryWords({ state }: Told): string {
  const seconds = Math.max(0, state.retryInS ?? 0);
  return seconds < 1 ? 'trying again now' : `next try in ${printSpan(Math.ceil(seconds) * 1000)}`;
}

function deliveringWords(told: Told): string {
  const { state, perSecond, queue } = told;
  const rate = perSecond >= 1 ? `, ${printCount(perSecond)}/s` : '';
  const waits = queue.waiting > queue.underWay ? waitingWords(told) : 'nothing waiting';
  return `delivering to ${state.target ?? 'the server'}${rate}, ${waits}`;
}

/** "draining: 48,213 of 210,000 waiting (31 MiB), 41,000/s, 1 s left" */
function drainingWords({ queue, perSecond }: Told, { total, leftS }: Draining): string {
  const left =
    leftS === null ? 'as many come as go' : `${printAge(Math.max(1, Math.ceil(leftS)) * 1000)} left`;
  const of = `${printCount(queue.waiting)} of ${printCount(total)} waiting`;
  return `draining: ${of} (${printSize(queue.waitingBytes)}), ${printCount(perSecond)}/s, ${left}`;
}

function waitingWords({ queue }: Told): string {
  if (queue.waiting === 0) return 'nothing waiting';
  const oldest = queue.oldestS === null ? '' : `, oldest ${printAge(queue.oldestS * 1000)}`;
  const messages = queue.waiting === 1 ? 'message' : 'messages';
  return `${printCount(queue.waiting)} ${messages} (${printSize(queue.waitingBytes)}) waiting${oldest}`;
}

/** Interfaces that are named; of more, how many. */
const INTERFACES_NAMED_MAX = 3;

/** "traffic: watching eth0, lo; 12 connections now, 340 events told, 12 packets LOST" */
export function trafficSentence({ interfaces, counts, events }: TrafficStatus): string {
  const good = interfaces.filter(({ state }) => state === 'captured').map(({ name }) => name);
  const named = good.length > INTERFACES_NAMED_MAX ? printCountOf(good.length, 'interface') : good.join(', ');
  const told = Object.values(events).reduce((total, count) => total + count, 0);
  const lost = counts.dropped;
  return [
    `traffic: watching ${named || 'no interface'}; ${printCountOf(counts.flows, 'connection')} now`,
    `${printCountOf(told, 'event')} told`,
    ...(lost > 0 ? [`${printCountOf(lost, 'packet')} LOST`] : []),
  ].join(', ');
}
