// Why a connection never came to be: who refused it, and where the SYN or its answer was lost. The server's host is the
// witness: what it saw of the SYN, and whether it answered.
// Refuses: to take a host that does not report for one that did not get the SYN.

import type { ToldEvent } from '../events/read-sentence.ts';
import { isProhibited, unreachableText } from '../events/unreachable.ts';
import { orderOf } from './clocks.ts';
import type { HostView } from './connection.ts';
import { absenceText, countOf, sawIt, sideText } from './phrases.ts';
import type { Case, Ruling } from './ruling.ts';

function outcomeWith(view: HostView | undefined, turn: ToldEvent['turn']): ToldEvent | undefined {
  return view?.outcome?.turn === turn ? view.outcome : undefined;
}

/** Whoever told of it, the server's host first. */
function teller({ connection }: Case, turn: ToldEvent['turn']): ToldEvent {
  const { client, server, others } = connection;
  const views = [server, client, ...others];
  return views.map((view) => outcomeWith(view, turn)).find((event) => event !== undefined) as ToldEvent;
}

export function judgeRefused(one: Case): Ruling {
  const { client, server } = one.connection;
  const told = teller(one, 'refused');
  const [atClient, atServer] = [outcomeWith(client, 'refused'), outcomeWith(server, 'refused')];
  if (atServer) return refusedByServer(one, atServer, atClient);
  const what = refusalText(told);
  const isFiltered = told.unreachable !== undefined && isProhibited(told.unreachable);
  const { timeUs } = told;
  if (server) {
    const saw = server.outcome?.turn === 'noAnswer' ? 'did not answer it' : 'did not refuse it';
    const text = `${what}, but the server's host got the SYN and ${saw}: something between them refused`;
    return { code: isFiltered ? 'refused-filter' : 'refused-between', text, timeUs };
  }
  const absence = one.absence('server');
  const missing = absenceText(absence);
  if (absence.kind === 'blind') {
    const text = `${what}; ${missing}: something between them refused`;
    return { code: isFiltered ? 'refused-filter' : 'refused-between', text, timeUs };
  }
  if (isFiltered) return { code: 'refused-filter', text: `${what}; ${missing}`, timeUs };
  const guess = told.unreachable ? '' : ': nothing listens there, or something refused in its name';
  return { code: 'refused-one-sided', text: `${what}${guess}; ${missing}`, timeUs };
}

function refusalText({ unreachable }: ToldEvent): string {
  if (!unreachable) return 'the SYN was answered with RST';
  const text = unreachableText(unreachable);
  return `it was refused with ICMP ${unreachable.join('/')}, ${text}`;
}

function refusedByServer(one: Case, end: ToldEvent, atClient: ToldEvent | undefined): Ruling {
  const { client, server } = one.connection;
  const { unreachable } = end;
  const isFiltered = unreachable !== undefined && isProhibited(unreachable);
  const why = unreachable
    ? `with ICMP ${unreachable.join('/')}, ${unreachableText(unreachable)}`
    : `the SYN with RST: nothing listens on port ${one.connection.serverPort}`;
  const code = isFiltered ? 'refused-filter' : 'refused-server';
  const said = `the server's host refused ${why}`;
  if (!client) return { code, text: `${said}; ${absenceText(one.absence('client'))}`, timeUs: end.timeUs };
  if (!atClient || client.host === server?.host) return { code, text: said, timeUs: end.timeUs };
  const order = orderOf(client, server as HostView, atClient, end);
  return { code, text: `${said}; ${sawIt('client', order, true)}`, timeUs: end.timeUs, order };
}

/** "only 2 of the 3 SYNs arrived" */
function arrivedText(sent: number | undefined, arrived: number | undefined): string {
  if (sent === undefined || arrived === undefined || arrived >= sent) return 'the SYN arrived';
  return `only ${arrived} of the ${countOf(sent, 'SYN')} arrived`;
}

export function judgeNoAnswer(one: Case): Ruling {
  const { client, server } = one.connection;
  const told = teller(one, 'noAnswer');
  const { timeUs } = told;
  const atClient = outcomeWith(client, 'noAnswer');
  const syns = countOf(atClient?.syns ?? told.syns ?? 1, 'SYN');
  if (!server) return withoutServer(one, syns, timeUs);
  const arrived = server.outcome?.packets?.[0];
  const answers = server.outcome?.packets?.[1] ?? 0;
  const came = arrivedText(atClient?.syns, arrived);
  const missing = client ? '' : `; ${absenceText(one.absence('client'))}`;
  if (server.outcome?.turn === 'noAnswer') {
    const text = `${came} at the server's host, which gave no answer: its firewall drops them, or the queue of ${sideText('server', one.connection)} is full${missing}`;
    return { code: 'no-answer-ignored', text, timeUs };
  }
  const given = answers > 0 ? `${countOf(answers, 'packet')} went back` : 'it was answered';
  const isLate = server.outcome?.turn === 'reset' && server.outcome.by === 'client';
  const fate = isLate
    ? 'none reached the client in time; a late one it answered with RST'
    : 'no answer reached the client: lost on the way back';
  const text = `${came} and ${given}, but ${fate}${missing}`;
  return { code: 'no-answer-lost', text, timeUs };
}

function withoutServer(one: Case, syns: string, timeUs: number): Ruling {
  const absence = one.absence('server');
  const missing = absenceText(absence);
  if (absence.kind === 'blind') {
    const text = `the client sent ${syns}, and none arrived: ${missing}; lost or dropped on the way`;
    return { code: 'no-answer-syn-lost', text, timeUs };
  }
  const text = `the client sent ${syns} and got no answer; ${missing}`;
  return { code: 'no-answer-one-sided', text, timeUs };
}
