// Who reports an event, and how well its clock is kept: the compact end of a sentence. With it one line of text, in
// whatever format a server stored it, tells which host's view it is and exactly when.
//
//   [flow r1-0 server sent 2026-11-20T21:53:03.123456Z +-16us]
//         │    │      │    │                          └ how wrong the time may be; "unsynchronised"; nothing: not known
//         │    │      │    └ when it happened, by the clock of the host that reports
//         │    │      └ whether this host itself sent the RST or FIN: "sent", "received"; nothing: no such packet
//         │    └ which end this host is: client, server, both, neither; "host": not known
//         └ of the connection in one run of one agent
//
// Refuses: anything but ASCII without spaces within a word: relays and old tools keep that.

import type { ViewedFacts } from './facts.ts';

/** What the reporting host says of its clock (RFC 5424 section 7.1). */
export interface ClockQuality {
  readonly isSynced: boolean;
  /** Microseconds; only for a clock that somebody keeps. */
  readonly accuracyUs?: number | undefined;
}

/** Where the host stands that reports; `host`: nobody said. */
export const VIEW_ENDS = ['client', 'server', 'both', 'neither', 'host'] as const;
export type ViewEnd = (typeof VIEW_ENDS)[number];

/** How every sentence's end begins: what a search for events looks for. */
export const MARK = '[flow ';

export function viewEndOf({ isClientOwn, isServerOwn }: ViewedFacts): ViewEnd {
  if (isClientOwn === undefined || isServerOwn === undefined) return 'host';
  if (isClientOwn) return isServerOwn ? 'both' : 'client';
  return isServerOwn ? 'server' : 'neither';
}

/** RFC 3339, UTC, microseconds. A time that is none is the beginning of all. */
export function printTime(timeUs: number): string {
  const us = Number.isFinite(timeUs) ? Math.round(timeUs) : 0;
  const sec = Math.floor(us / 1e6);
  const micros = String(us - sec * 1e6).padStart(6, '0');
  return `${new Date(sec * 1000).toISOString().slice(0, 19)}.${micros}Z`;
}

/** What printTime wrote; undefined: no such text. */
export function readTime(text: string): number | undefined {
  const [, whole, micros] = /^(\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/.exec(text) ?? [];
  const ms = Date.parse(`${whole}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(micros);
}

function clockText(clock: ClockQuality | undefined): string {
  if (clock === undefined) return '';
  if (!clock.isSynced) return ' unsynchronised';
  return clock.accuracyUs === undefined ? '' : ` +-${Math.max(0, Math.round(clock.accuracyUs))}us`;
}

export function printMark(facts: ViewedFacts, clock: ClockQuality | undefined): string {
  const sent = facts.isEndOwn === undefined ? '' : facts.isEndOwn ? ' sent' : ' received';
  return `${MARK}${facts.id} ${viewEndOf(facts)}${sent} ${printTime(facts.timeUs)}${clockText(clock)}]`;
}
