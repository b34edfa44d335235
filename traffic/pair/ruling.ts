// The closed list of verdicts, what a ruling is, and what a judge looks at.
// Refuses: to judge.

import type { Absence } from './absence.ts';
import type { Order } from './clocks.ts';
import type { Gap } from '../events/watch.ts';
import type { Connection, HostView } from './connection.ts';

/** What a summary counts, in words that stand behind a number. */
export const VERDICTS = {
  'server-reset': 'the server sent RST',
  'client-reset': 'the client sent RST',
  'both-reset': 'both sides sent RST',
  'between-reset': 'something between them sent RST',
  'firewall-reset': "a host's own firewall sent RST",
  'reset-lost': 'RST that did not arrive',
  'reset-one-sided': 'RST, reported by one host only',
  'refused-server': 'refused by the host of the server',
  'refused-between': 'refused by something between them',
  'refused-filter': 'refused by a filter',
  'refused-one-sided': 'refused, reported by one host only',
  'no-answer-syn-lost': 'no answer: the SYN did not arrive',
  'no-answer-lost': 'no answer: it was given, and lost',
  'no-answer-ignored': 'no answer: the host of the server gave none',
  'no-answer-one-sided': 'no answer, reported by one host only',
  'timeout-lost': 'timed out: data lost on the way',
  'timeout-ack-lost': 'timed out: acknowledgements lost on the way',
  'timeout-cut': 'timed out: nothing came through in either direction',
  'timeout-host-silent': 'timed out: the other host was not heard any more',
  'timeout-unanswered': 'timed out: the other host had it and did not answer',
  'timeout-one-sided': 'timed out, reported by one host only',
  'half-closed': 'half closed',
  'half-closed-lost': 'half closed: the FIN did not arrive',
  'closed-client': 'closed by the client first',
  'closed-server': 'closed by the server first',
  'closed-both': 'closed by both at once',
  'closed-one-side': 'closed for one side only',
  closed: 'closed',
  open: 'open',
} as const;
export type VerdictCode = keyof typeof VERDICTS;

export interface Ruling {
  readonly code: VerdictCode;
  /** Begins small and has no full stop. */
  readonly text: string;
  /** When it happened: by the clock of whoever caused it, else of whoever saw it. */
  readonly timeUs: number;
  /** How much later the client saw its end than the server, where that means something. */
  readonly order?: Order | undefined;
}

/** When a host's other logs last spoke before a time, and first after it. Undefined: never, as far as was looked. */
export interface LifeSigns {
  readonly lastUs: number | undefined;
  readonly nextUs: number | undefined;
  /** Between two of its lines, before. */
  readonly usualGapUs: number;
}

/** What a judge looks at. */
export interface Case {
  readonly connection: Connection;
  readonly absence: (side: 'client' | 'server') => Absence;
  /** What the host of a view may have missed around its end; undefined: nothing. */
  readonly gap: (view: HostView) => Gap | undefined;
  /** Undefined: nobody looked. */
  readonly life: (host: string, aroundUs: number) => LifeSigns | undefined;
}
