// Phrases that several verdicts share: spans rounded for people, how much later, how sure, who is missing.
// Refuses: to decide anything.

import type { Order } from './clocks.ts';
import type { Connection, HostView } from './connection.ts';
import type { Absence } from './absence.ts';
import { printTime } from '../events/view.ts';
import type { Gap } from '../events/watch.ts';

/** Three digits of it are enough to a person: "0.412 ms", "12.3 s", "2 h 5 min". */
export function shortSpan(us: number): string {
  const value = Math.abs(us);
  if (value < 1000) return `${threeDigits(value / 1000)} ms`;
  if (value < 1e6) return `${threeDigits(value / 1000)} ms`;
  if (value < 60e6) return `${threeDigits(value / 1e6)} s`;
  const minutes = Math.round(value / 60e6);
  if (value < 3600e6) return `${Math.floor(value / 60e6)} min ${Math.floor((value % 60e6) / 1e6)} s`;
  return minutes < 2880
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

function threeDigits(value: number): string {
  const digits = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return String(Number(value.toFixed(digits)));
}

export function countOf(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}

const HOW_WORDS = {
  handshake: 'by the handshake that both saw, to within',
  told: 'the clocks agree within',
} as const;

/** How sure a time between two hosts is: "(the clocks agree within 0.05 ms)". */
function sureness({ errorUs, how }: Order): string {
  if (errorUs === undefined || how === undefined) return ' by their clocks; how good those are is not told';
  return errorUs === 0 ? '' : ` (${HOW_WORDS[how]} ${shortSpan(errorUs)})`;
}

function doubt({ errorUs, how }: Order): string {
  const error = shortSpan(errorUs ?? 0);
  return how === 'handshake'
    ? `by the handshake that both saw within ${error} of it`
    : `when exactly cannot be told: the clocks may differ by up to ${error}`;
}

/**
 * What `side` saw of what the other had caused: "the client saw it 0.4 ms later (…)". `laterUs` counts for that side.
 */
export function sawIt(side: string, order: Order, isClient: boolean, what = 'it'): string {
  const laterUs = isClient ? order.laterUs : -order.laterUs;
  if (order.errorUs !== undefined && !order.isSure) {
    return order.errorUs < 1000
      ? `the ${side} saw ${what} within ${shortSpan(order.errorUs + Math.abs(laterUs))}`
      : `the ${side} saw ${what}, ${doubt(order)}`;
  }
  if (laterUs >= 0) return `the ${side} saw ${what} ${shortSpan(laterUs)} later${sureness(order)}`;
  return `the ${side} saw ${what} ${shortSpan(laterUs)} before by its clock: the two clocks differ${order.errorUs === undefined ? '' : ' more than they should'}`;
}

/** Which of two equal events came first, or that it cannot be told. */
export function whichFirst(order: Order): string {
  if (order.errorUs === undefined)
    return `by their clocks ${shortSpan(order.laterUs)} apart; how good those are is not told`;
  if (!order.isSure)
    return `in which order cannot be told: they lie within ${shortSpan(order.errorUs)}, and no clock is better`;
  return `the ${order.laterUs > 0 ? 'server' : 'client'} first, the other ${shortSpan(order.laterUs)} later${sureness(order)}`;
}

/** "the server (nginx[77] of www)": the process at that end, as far as its own host knows it. */
export function sideText(side: 'client' | 'server', connection: Connection): string {
  const process = processOf(side, connection);
  return process === undefined ? `the ${side}` : `the ${side} (${process})`;
}

export function processOf(side: 'client' | 'server', connection: Connection): string | undefined {
  const view: HostView | undefined = connection[side];
  const who = view?.events.findLast((event) => event.who !== '')?.who;
  return who
    ?.split('; ')
    .find((word) => word.startsWith(`${side} `))
    ?.slice(side.length + 1);
}

/** What is missing of one side, as a sentence without its full stop. */
export function absenceText(absence: Absence): string {
  const { address, host, lastUs, firstUs } = absence;
  switch (absence.kind) {
    case 'unknown':
      return `no report of ${address} was found in these files`;
    case 'ended':
      return `the last report of ${host} in these files is of ${printTime(lastUs)}`;
    case 'not-yet':
      return `the first report of ${host} in these files is of ${printTime(firstUs)}`;
    case 'gap':
      return `${host} tells nothing of it, but ${gapText(absence.gap)}`;
    case 'blind':
      return `${host} reports, but nothing of this connection`;
  }
}

/** "it held back 1890 events at that time" */
export function gapText(gap: Gap | undefined): string {
  const { dropped = 0, evicted = 0, heldBack = 0 } = gap ?? {};
  const lost = [
    ...(heldBack > 0 ? [`held back ${countOf(heldBack, 'event')}`] : []),
    ...(dropped > 0 ? [`missed ${countOf(dropped, 'packet')}`] : []),
    ...(evicted > 0 ? [`forgot ${countOf(evicted, 'connection')}`] : []),
  ];
  return `it ${lost.length === 0 ? 'lost some' : lost.join(' and ')} at that time`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
