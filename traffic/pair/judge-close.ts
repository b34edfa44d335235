// Who hung up in good order: which side sent its FIN first, as both saw it, and whether both saw it. A side that is done
// while the other is not is told apart by whether its FIN arrived.
// Refuses: to call a clean close a fault. It is shown only to whoever asks for all.

import type { ToldEvent } from '../events/read-sentence.ts';
import { orderOf } from './clocks.ts';
import type { HostView } from './connection.ts';
import { absenceText, sawIt, shortSpan, sideText } from './phrases.ts';
import type { Case, Ruling } from './ruling.ts';

type Side = 'client' | 'server';

const OTHER: Readonly<Record<Side, Side>> = { client: 'server', server: 'client' };

function closeOf(view: HostView | undefined): ToldEvent | undefined {
  return view?.outcome?.turn === 'closed' ? view.outcome : undefined;
}

export function judgeClose(one: Case): Ruling {
  const { client, server, others, protocol } = one.connection;
  const [a, b] = [closeOf(client), closeOf(server)];
  const told = b ?? a ?? others.map(closeOf).find((event) => event !== undefined);
  if (!told) return stillOpen(one);
  if (protocol !== 'tcp') return { code: 'closed', text: 'it is over, by silence', timeUs: told.timeUs };
  if (client && server && a && b && client.host !== server.host) return closedByBoth(one, a, b);
  if (client && server && client.host !== server.host) return oneSide(one, a ? 'client' : 'server', told);
  const by = told.by;
  const said = by ? `${sideText(by, one.connection)} closed it first (FIN)` : 'it was closed with FIN';
  const missing = client && server ? '' : `; ${absenceText(one.absence(client ? 'server' : 'client'))}`;
  return { code: by ? `closed-${by}` : 'closed', text: `${said}${missing}`, timeUs: told.timeUs };
}

function stillOpen({ connection }: Case): Ruling {
  const views = [connection.client, connection.server, ...connection.others];
  const timeUs = Math.max(...views.map((view) => view?.endUs ?? 0));
  return { code: 'open', text: 'it was open when it was last spoken of', timeUs };
}

function closedByBoth(one: Case, a: ToldEvent, b: ToldEvent): Ruling {
  const { client, server } = one.connection as { client: HostView; server: HostView };
  const order = orderOf(client, server, a, b);
  const timeUs = Math.min(a.timeUs, b.timeUs);
  if (a.by !== undefined && a.by === b.by) {
    const saw = sawIt(OTHER[a.by], order, a.by === 'server', 'the end');
    const text = `${sideText(a.by, one.connection)} closed it first (FIN); ${saw}`;
    return { code: `closed-${a.by}`, text, timeUs, order };
  }
  const isCrossing = a.by === 'client' && b.by === 'server';
  const text = isCrossing
    ? 'both sides sent FIN at once'
    : 'it was closed with FIN, who was first cannot be told';
  return { code: isCrossing ? 'closed-both' : 'closed', text, timeUs, order };
}

/** For one side it was closed; the other heard less of it. */
function oneSide(one: Case, side: Side, told: ToldEvent): Ruling {
  const other = one.connection[OTHER[side]]?.outcome;
  const saw = other === undefined ? 'reports no end of it' : 'did not see all of it';
  const text = `for the ${side} it was closed with FIN${told.by ? `, by the ${told.by} first` : ''}; the ${OTHER[side]} ${saw}`;
  return { code: 'closed-one-side', text, timeUs: told.timeUs };
}

export function judgeHalfClosed(one: Case): Ruling {
  const { client, server, others } = one.connection;
  const views = [client, server, ...others].flatMap((view) =>
    view?.outcome?.turn === 'halfClosed' ? [{ view, event: view.outcome }] : [],
  );
  const { view: teller, event } = views[0] as { view: HostView; event: ToldEvent };
  const by: Side = event.by ?? 'client';
  const other = OTHER[by];
  const said = `${sideText(by, one.connection)} is done (FIN), and ${sideText(other, one.connection)} has not closed its side after ${shortSpan(event.afterUs)}`;
  const { timeUs } = event;
  const witness = one.connection[other];
  if (!witness) return { code: 'half-closed', text: `${said}; ${absenceText(one.absence(other))}`, timeUs };
  if (witness !== teller && witness.outcome === undefined)
    return {
      code: 'half-closed-lost',
      text: `${sideText(by, one.connection)} is done (FIN), and for the ${other} the connection was still open: the FIN did not arrive, or nobody was told yet`,
      timeUs,
    };
  return { code: 'half-closed', text: said, timeUs };
}
