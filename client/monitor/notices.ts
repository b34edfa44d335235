// What is said of the watching itself, as messages with structured data of their own: that it began or ended, that an
// interface came or went, what was lost. Pure but for the addresses of the host, which stand in the first and the last.
// Refuses: to decide what is worth a message.

import { printAddress } from '../../base/ip.ts';
import { printCount, printSpan } from '../../base/units.ts';
import { listInterfaces } from '../../kernel/interfaces.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import { printGapMark, printWatch } from '../../traffic/events/watch.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import type { InterfaceState } from './capture.port.ts';
import type { Losses } from './monitor.ts';
import type { Notice } from './traffic-messages.ts';

/** `words`: what is watched, as settings.ts has it. */
export function watchNotice(isOn: boolean, words: string, timeUs: number): Notice {
  const what = `The connections on ${words} are ${isOn ? 'watched from now on' : 'not watched any more'}.`;
  const sentence = `${what} ${watchMark(isOn, timeUs)}`;
  return { name: isOn ? 'started' : 'stopped', severity: 'info', timeUs, params: [], sentence };
}

/** Whose connections these are, for whoever pairs what two hosts tell (traffic/events/watch.ts). */
function watchMark(isOn: boolean, timeUs: number): string {
  const found = listInterfaces();
  const own = found.ok ? found.interfaces.flatMap(({ addresses }) => addresses) : [];
  return printWatch({ isOn, addresses: own.map(printAddress), timeUs });
}

export function interfaceNotice({ name, state, trouble }: InterfaceState, timeUs: number): Notice {
  const isGood = state === 'captured';
  const sentence = isGood
    ? `The interface ${name} is watched.`
    : `The interface ${name} is not watched: ${trouble ?? state}`;
  const why = trouble === undefined ? [] : [['trouble', trouble] as const];
  const params = [['interface', name] as const, ['state', state] as const, ...why];
  return { name: 'interface', severity: isGood ? 'notice' : 'warning', timeUs, params, sentence };
}

/** Undefined: nothing was lost. */
export function lossNotice(losses: Losses, sinceUs: number): Notice | undefined {
  const { heldBack, dropped, evicted, timeUs } = losses;
  const held = Object.entries(heldBack).filter(([, count]) => count > 0) as [Turn, number][];
  const sum = held.reduce((total, [, count]) => total + count, 0);
  if (dropped + evicted + sum === 0) return undefined;
  const params = [
    ['sinceUs', String(Math.round(sinceUs))] as const,
    ['dropped', String(dropped)] as const,
    ['evicted', String(evicted)] as const,
    ['heldBack', String(sum)] as const,
    ...held.map(([turn, count]) => [`heldBack-${EVENT_NAMES[turn]}`, String(count)] as const),
  ];
  const mark = printGapMark({ dropped, evicted, heldBack: sum, fromUs: sinceUs, toUs: timeUs });
  const span = printSpan(Math.max(1, (timeUs - sinceUs) / 1000));
  const sentence = `In the last ${span}: ${lossWords(losses, held)}. ${mark}`;
  return { name: 'losses', severity: dropped > 0 ? 'warning' : 'notice', timeUs, params, sentence };
}

/** "12 packets were not seen, …; 1,890 events were held back by the rate limit (1,890 refused)" */
function lossWords({ dropped, evicted }: Losses, held: readonly (readonly [Turn, number])[]): string {
  const kinds = held.map(([turn, count]) => `${printCount(count)} ${EVENT_NAMES[turn]}`).join(', ');
  const sum = held.reduce((total, [, count]) => total + count, 0);
  const parts = [
    ...(dropped > 0 ? [`${printCount(dropped)} packets were not seen, since the kernel dropped them`] : []),
    ...(evicted > 0
      ? [`${printCount(evicted)} connections were forgotten, since there were more than maxFlows`]
      : []),
    ...(sum > 0 ? [`${printCount(sum)} events were held back by the rate limit (${kinds})`] : []),
  ];
  return parts.join('; ');
}

export function recordsNotice(over: number, recordsMax: number, timeUs: number): Notice {
  const sentence = `${printCount(over)} interval records were not told, since there were more than maxRecords (${printCount(recordsMax)}) in one interval.`;
  return { name: 'losses', severity: 'notice', timeUs, params: [['records', String(over)]], sentence };
}
