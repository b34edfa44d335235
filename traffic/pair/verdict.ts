// What became of a connection, as both hosts' views together tell it: one verdict of a closed list, in a sentence, with
// what else a person should know. Which judge is asked follows from the most telling turn of either view.
// Promises: a verdict says no more than the reports do; a host that is not heard is no witness.
// Refuses: nothing; for every connection there is a verdict, if only that nobody else reported it.

import type { Turn } from '../flow/turn.ts';
import { absenceOf, gapAround } from './absence.ts';
import { brokenPromise } from './clocks.ts';
import type { Connection, HostView } from './connection.ts';
import type { HostBook } from './hosts.ts';
import { judgeClose, judgeHalfClosed } from './judge-close.ts';
import { judgeNoAnswer, judgeRefused } from './judge-opening.ts';
import { judgeReset } from './judge-reset.ts';
import { judgeTimeout } from './judge-silence.ts';
import { capital, countOf, shortSpan } from './phrases.ts';
import type { Case, Ruling } from './ruling.ts';

export interface Verdict extends Ruling {
  /** What happened, in the word of the events. */
  readonly turn: Turn;
  readonly sentence: string;
  readonly notes: readonly string[];
}

/** The first of these that a view tells names the judge. */
const TELLING: readonly Turn[] = ['reset', 'refused', 'noAnswer', 'timeout', 'halfClosed', 'closed'];

export function turnOfConnection({ client, server, others }: Connection): Turn {
  // To a client that had no answer a late one is a stranger: the RST that it gets is no reset of a connection.
  if (client?.outcome?.turn === 'noAnswer') return 'noAnswer';
  const turns = new Set([client, server, ...others].map((view) => view?.outcome?.turn));
  return TELLING.find((turn) => turns.has(turn)) ?? 'opened';
}

function ruleOn(turn: Turn, one: Case): Ruling {
  switch (turn) {
    case 'reset':
      return judgeReset(one);
    case 'refused':
      return judgeRefused(one);
    case 'noAnswer':
      return judgeNoAnswer(one);
    case 'timeout':
      return judgeTimeout(one);
    case 'halfClosed':
      return judgeHalfClosed(one);
    case 'closed':
    case 'opened':
    case 'update':
      return judgeClose(one);
  }
}

export function judge(connection: Connection, book: HostBook, life: Case['life'] = () => undefined): Verdict {
  const turn = turnOfConnection(connection);
  const seen = [connection.client, connection.server, ...connection.others].find((view) => view?.outcome);
  const one: Case = {
    connection,
    absence: (side) => absenceOf(side, connection, book, life),
    // Of a host that told no end: whether it may have missed the end that the other told.
    gap: (view) => (view.outcome || !seen ? undefined : gapAround(view.host, seen, book)),
    life,
  };
  const ruling = ruleOn(turn, one);
  return { ...ruling, turn, sentence: `${capital(ruling.text)}.`, notes: notesOf(connection) };
}

// ---- beside the verdict

function notesOf({ client, server }: Connection): string[] {
  if (!client || !server || client.host === server.host) return [];
  const offsetUs = brokenPromise(client, server);
  return [
    ...lossNotes(client, server),
    ...(offsetUs === undefined
      ? []
      : [
          `The clock of ${server.host} was ${shortSpan(offsetUs)} ${offsetUs > 0 ? 'ahead of' : 'behind'} that of ${client.host}, more than they say of themselves.`,
        ]),
  ];
}

/** Only views that are both over can be counted against each other. */
function lossNotes(client: HostView, server: HostView): string[] {
  const [a, b] = [client.outcome, server.outcome];
  if (!a?.payloadBytes || !b?.payloadBytes || !a.packets || !b.packets) return [];
  return ([0, 1] as const).flatMap((way) => {
    const [from, to] = way === 0 ? [a, b] : [b, a];
    const names = way === 0 ? ['client', 'server'] : ['server', 'client'];
    const lost = (from.payloadBytes?.[way] ?? 0) - (to.payloadBytes?.[way] ?? 0);
    const again = from.retransmitted[way];
    const resent = again === 0 ? '' : `, ${countOf(again, 'packet')} sent again`;
    if (lost > 0) return [`Of the ${names[0]}'s data ${countOf(lost, 'byte')} did not arrive${resent}.`];
    const packets = (from.packets?.[way] ?? 0) - (to.packets?.[way] ?? 0);
    if (lost < 0 || packets <= 0) return [];
    return [
      `${countOf(from.packets?.[way] ?? 0, 'packet')} left the ${names[0]}, ${to.packets?.[way] ?? 0} arrived, with all of the data.`,
    ];
  });
}
