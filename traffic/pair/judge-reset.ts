// Who sent the RST. A host knows whether a RST left it or came to it: so two views tell whether the one that came to one
// host ever left the other.
// Refuses: to blame a program where its host alone is known; and anybody, where one side is not heard.

import type { ToldEvent } from '../events/read-sentence.ts';
import { orderOf } from './clocks.ts';
import type { Connection, HostView } from './connection.ts';
import { absenceText, countOf, gapText, sawIt, shortSpan, sideText, whichFirst } from './phrases.ts';
import type { Case, Ruling } from './ruling.ts';

type Side = 'client' | 'server';

const OTHER: Readonly<Record<Side, Side>> = { client: 'server', server: 'client' };

/** How one host had to do with a RST. */
type Part =
  /** It sent it in its own name. */
  | 'sent'
  /** One came in the other's name. */
  | 'got'
  /** It made one in the other's name, against itself: its own firewall. */
  | 'made'
  /** No RST. */
  | 'none';

function partOf(view: HostView | undefined, side: Side): Part {
  const end = view?.outcome;
  if (end?.turn !== 'reset') return 'none';
  if (end.by === side) return end.isEndOwn === false ? 'got' : 'sent';
  return end.isEndOwn === true ? 'made' : 'got';
}

/** "after 14 packets": of both directions, as that side saw them. */
function afterText({ packets }: ToldEvent): string {
  return packets ? ` after ${countOf(packets[0] + packets[1], 'packet')}` : '';
}

export function judgeReset(one: Case): Ruling {
  const { client, server } = one.connection;
  const isOneHost = client !== undefined && client.host === server?.host;
  if (isOneHost && client.outcome?.turn === 'reset') return onOneHost(one, client);
  const parts = { client: partOf(client, 'client'), server: partOf(server, 'server') };
  if (parts.client === 'sent' && parts.server === 'sent') return bothSent(one.connection);
  for (const side of ['server', 'client'] as const) {
    if (parts[side] === 'sent') return sent(one, side, parts[OTHER[side]]);
    if (parts[side] === 'made') return madeByFirewall(one, side);
  }
  if (parts.client === 'got' && parts.server === 'got') return bothGot(one.connection);
  if (parts.client === 'got') return got(one, 'client');
  if (parts.server === 'got') return got(one, 'server');
  return seenOnTheWay(one);
}

function endOf(connection: Connection, side: Side): ToldEvent {
  return connection[side]?.outcome as ToldEvent;
}

function onOneHost({ connection }: Case, view: HostView): Ruling {
  const end = view.outcome as ToldEvent;
  const side = end.by ?? 'server';
  const code = side === 'client' ? 'client-reset' : 'server-reset';
  const text = `${sideText(side, connection)} sent RST${afterText(end)}; both ends are on ${view.host}`;
  return { code, text, timeUs: end.timeUs };
}

function bothSent(connection: Connection): Ruling {
  const { client, server } = connection as { client: HostView; server: HostView };
  const [a, b] = [endOf(connection, 'client'), endOf(connection, 'server')];
  const order = orderOf(client, server, a, b);
  const text = `both sides sent RST${afterText(order.laterUs > 0 ? b : a)}, ${whichFirst(order)}`;
  return { code: 'both-reset', text, timeUs: Math.min(a.timeUs, b.timeUs), order };
}

function sent(one: Case, side: Side, otherPart: Part): Ruling {
  const { connection } = one;
  const other = OTHER[side];
  const end = endOf(connection, side);
  const said = `${sideText(side, connection)} sent RST${afterText(end)}`;
  const view = connection[other];
  if (!view) {
    const code = side === 'client' ? 'client-reset' : 'server-reset';
    return { code, text: `${said}; ${absenceText(one.absence(other))}`, timeUs: end.timeUs };
  }
  const gap = one.gap(view);
  if (gap) {
    const code = side === 'client' ? 'client-reset' : 'server-reset';
    return { code, text: `${said}; the ${other} tells no end, but ${gapText(gap)}`, timeUs: end.timeUs };
  }
  if (otherPart !== 'got') {
    const text = `${said}, and it never reached the ${other}: ${stillThere(view, other)}`;
    return { code: 'reset-lost', text, timeUs: end.timeUs };
  }
  const order = orderBetween(connection);
  const code = side === 'client' ? 'client-reset' : 'server-reset';
  return { code, text: `${said}; ${sawIt(other, order, other === 'client')}`, timeUs: end.timeUs, order };
}

function orderBetween(connection: Connection) {
  const { client, server } = connection as { client: HostView; server: HostView };
  return orderOf(client, server, endOf(connection, 'client'), endOf(connection, 'server'));
}

/** What the connection was to a host that saw no RST. */
function stillThere({ outcome }: HostView, side: Side): string {
  switch (outcome?.turn) {
    case 'closed':
      return `for the ${side} it was closed with FIN`;
    case 'timeout':
      return `the ${side} waited in vain`;
    case 'halfClosed':
      return `for the ${side} it was half closed`;
    default:
      return `for the ${side} it was still open`;
  }
}

function madeByFirewall(one: Case, side: Side): Ruling {
  const end = endOf(one.connection, side);
  const text = `the ${side}'s own host made a RST in the ${OTHER[side]}'s name${afterText(end)}: a firewall rule on it that rejects`;
  return { code: 'firewall-reset', text, timeUs: end.timeUs };
}

function bothGot(connection: Connection): Ruling {
  const [a, b] = [endOf(connection, 'client'), endOf(connection, 'server')];
  const order = orderBetween(connection);
  const timeUs = Math.min(a.timeUs, b.timeUs);
  if (!order.isSure) {
    const text = `both sides think that the other reset it${afterText(a)}: something between sent RST to both`;
    return { code: 'between-reset', text, timeUs, order };
  }
  const [first, second]: readonly [Side, Side] =
    order.laterUs > 0 ? ['server', 'client'] : ['client', 'server'];
  const text =
    `the ${first} saw a RST${afterText(endOf(connection, first))} that the ${second} never sent: something between them did; ` +
    `the ${second} saw one ${shortSpan(order.laterUs)} later, from there as well, or the ${first}'s answer to data for a connection that it no longer had`;
  return { code: 'between-reset', text, timeUs, order };
}

function got(one: Case, side: Side): Ruling {
  const { connection } = one;
  const other = OTHER[side];
  const end = endOf(connection, side);
  const after = afterText(end);
  const view = connection[other];
  const gap = view && one.gap(view);
  if (gap) {
    const text = `the ${side} saw a RST in the ${other}'s name${after}; whether the ${other} sent it cannot be said: ${view.host} tells no end, but ${gapText(gap)}`;
    return { code: 'reset-one-sided', text, timeUs: end.timeUs };
  }
  if (view) {
    const text = `the ${side} saw a RST${after} that the ${other} never sent: something between them did; ${stillThere(view, other)}`;
    return { code: 'between-reset', text, timeUs: end.timeUs };
  }
  const absence = one.absence(other);
  const text = `the ${side} saw a RST in the ${other}'s name${after}; whether the ${other} sent it cannot be said: ${absenceText(absence)}`;
  return { code: 'reset-one-sided', text, timeUs: end.timeUs };
}

/** Only a router or a mirror port told of it. */
function seenOnTheWay({ connection }: Case): Ruling {
  const view = connection.others.find(({ outcome }) => outcome?.turn === 'reset') as HostView;
  const end = view.outcome as ToldEvent;
  const text = `a host between them, ${view.host}, saw a RST in the ${end.by ?? 'other'}${end.by ? "'s" : ''} name${afterText(end)}; neither end reports a RST`;
  return { code: 'reset-one-sided', text, timeUs: end.timeUs };
}
