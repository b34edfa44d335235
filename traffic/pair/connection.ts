// The views of one connection, put together: events of one host and one id are a view, views of different hosts whose
// ends are the same and whose times overlap, within what their clocks may be wrong, are one connection.
// Promises: the order in which reports come changes nothing. Views are turned so that all agree who the client is.
// Refuses: to pair across an address translation: there the ends differ, and each view stays alone.

import type { Pair } from '../events/facts.ts';
import type { ToldEvent } from '../events/read-sentence.ts';
import type { HostBook } from './hosts.ts';
import type { Report } from './line.ts';

export interface HostView {
  readonly host: string;
  readonly ids: readonly string[];
  /** In order of time. */
  readonly events: readonly ToldEvent[];
  readonly startUs: number;
  /** Of the last event. */
  readonly endUs: number;
  /** What became of it, as this host saw it; undefined: it was open when the host last spoke of it. */
  readonly outcome: ToldEvent | undefined;
}

export interface Connection {
  readonly protocol: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** As the host at that end saw it. */
  readonly client: HostView | undefined;
  readonly server: HostView | undefined;
  /** On the way, or of whom nobody knows where they stand. */
  readonly others: readonly HostView[];
}

/** The same for both directions and for whoever took whom for the client. */
export function keyOf(event: ToldEvent): string {
  const one = `${event.clientAddress} ${event.clientPort}`;
  const two = `${event.serverAddress} ${event.serverPort}`;
  return one < two ? `${event.protocol} ${one} ${two}` : `${event.protocol} ${two} ${one}`;
}

/** Where nobody says how good a clock is, and where nobody keeps it. */
const UNTOLD_ERROR_US = 2_000_000;
const UNKEPT_ERROR_US = 120_000_000;
/** The way of a packet. */
const WAY_US = 1_000_000;
/** The last SYN that Linux sends comes 127 s after the first (tcp_syn_retries 6): one host may have seen only that one. */
const SYN_RETRIES_US = 130_000_000;

function slackOf({ events }: HostView): number {
  const errorUs = events.at(-1)?.clockErrorUs;
  if (errorUs === undefined) return UNTOLD_ERROR_US;
  return Number.isFinite(errorUs) ? errorUs : UNKEPT_ERROR_US;
}

const FINAL_TURNS: ReadonlySet<string> = new Set(['closed', 'reset', 'refused', 'noAnswer']);
const DOUBTFUL_TURNS: ReadonlySet<string> = new Set(['timeout', 'halfClosed']);

function outcomeOf(events: readonly ToldEvent[]): ToldEvent | undefined {
  return (
    events.findLast(({ turn }) => FINAL_TURNS.has(turn)) ??
    events.findLast(({ turn }) => DOUBTFUL_TURNS.has(turn))
  );
}

function viewOf(host: string, ids: readonly string[], unsorted: readonly ToldEvent[]): HostView {
  const events = [...unsorted].sort(
    (a, b) => a.timeUs - b.timeUs || (a.turn < b.turn ? -1 : 1) || (a.id < b.id ? -1 : 1),
  );
  return {
    host,
    ids,
    events,
    startUs: Math.min(...events.map(({ timeUs, afterUs }) => timeUs - afterUs)),
    endUs: events.at(-1)?.timeUs ?? 0,
    outcome: outcomeOf(events),
  };
}

function byStart(a: HostView, b: HostView): number {
  return a.startUs - b.startUs || compareText(a.host, b.host) || compareText(a.ids[0] ?? '', b.ids[0] ?? '');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One view for each host and id; a report that came twice is one. */
function viewsOf(reports: readonly Report[]): HostView[] {
  const byId = new Map<string, Map<string, ToldEvent>>();
  for (const { host, event } of reports) {
    const key = `${host} ${event.id}`;
    const events = byId.get(key) ?? new Map<string, ToldEvent>();
    byId.set(key, events);
    events.set(`${event.turn} ${event.timeUs}`, event);
  }
  const views = [...byId].map(([key, events]) => {
    const [host = '', id = ''] = key.split(' ');
    return viewOf(host, [id], [...events.values()]);
  });
  return joinRestarts(views.sort(byStart));
}

/** An agent that was started anew meets its open connections in the middle: the same view, told under two ids. */
function joinRestarts(views: readonly HostView[]): HostView[] {
  const joined: HostView[] = [];
  for (const view of views) {
    const at = joined.findLastIndex(({ host }) => host === view.host);
    const before = joined[at];
    const goesOn = before?.outcome === undefined && view.events[0]?.isMidstream;
    if (before && goesOn && view.startUs >= before.endUs) {
      joined[at] = viewOf(view.host, [...before.ids, ...view.ids], [...before.events, ...view.events]);
    } else joined.push(view);
  }
  return joined;
}

/** How far apart two views are; Infinity: they cannot be of one connection. */
function distance(a: HostView, b: HostView): number {
  const slackUs = slackOf(a) + slackOf(b) + WAY_US;
  // A view from the middle knows no start.
  const hasMiddle = (a.events[0]?.isMidstream ?? false) || (b.events[0]?.isMidstream ?? false);
  const apartUs = hasMiddle ? 0 : Math.abs(a.startUs - b.startUs);
  if (apartUs > slackUs + SYN_RETRIES_US) return Number.POSITIVE_INFINITY;
  if (a.startUs - slackUs > overUs(b) || b.startUs - slackUs > overUs(a)) return Number.POSITIVE_INFINITY;
  return apartUs + (a.outcome && b.outcome ? Math.abs(a.endUs - b.endUs) : 0);
}

/** From when on no packet is of this connection; after doubtful turns it may go on. */
function overUs({ outcome }: HostView): number {
  return outcome && FINAL_TURNS.has(outcome.turn) ? outcome.timeUs : Number.POSITIVE_INFINITY;
}

/** A view is held against so many that began after it; between two hosts and two ports there are no more at once. */
const NEIGHBOURS_MAX = 50;

/** How far apart two views of different hosts are; Infinity: they are not of one connection. */
type Measure = (a: HostView, b: HostView) => number;

/** Pairs of views that may be of one connection, the nearest first. */
function candidates(views: readonly HostView[], measure: Measure): (readonly [a: number, b: number])[] {
  const found: { a: number; b: number; far: number }[] = [];
  views.forEach((view, a) => {
    const last = Math.min(views.length, a + 1 + NEIGHBOURS_MAX);
    for (let b = a + 1; b < last; b += 1) {
      const other = views[b] as HostView;
      const far = other.host === view.host ? Number.POSITIVE_INFINITY : measure(view, other);
      if (far < Number.POSITIVE_INFINITY) found.push({ a, b, far });
    }
  });
  return found.sort((x, y) => x.far - y.far || x.a - y.a || x.b - y.b).map(({ a, b }) => [a, b]);
}

/** Puts the nearest together, one view of each host. */
function join(groups: readonly HostView[][], measure: Measure): HostView[][] {
  const joined = [...groups];
  const firsts = groups.map(([view]) => view as HostView);
  for (const [a, b] of candidates(firsts, measure)) {
    const [one, two] = [joined[a] as HostView[], joined[b] as HostView[]];
    const meets = one === two || one.some(({ host }) => two.some((other) => other.host === host));
    if (meets) continue;
    one.push(...two);
    joined.forEach((group, at) => {
      if (group === two) joined[at] = one;
    });
  }
  return [...new Set(joined)];
}

/** Two hosts measure the same connection as equally long, whatever day their clocks show. */
const LENGTH_US_APART = 50_000;
const LENGTH_SHARE_APART = 1e-3;

function lengthOf({ outcome, startUs }: HostView): number | undefined {
  const isMeasured = outcome && FINAL_TURNS.has(outcome.turn) && outcome.turn !== 'noAnswer';
  return isMeasured ? outcome.timeUs - startUs : undefined;
}

function isClockTold({ events }: HostView): boolean {
  return Number.isFinite(events.at(-1)?.clockErrorUs ?? Number.POSITIVE_INFINITY);
}

/**
 * For what is left over: one of the clocks may be hours off. Only where nobody vouches for both, or where the two are all
 * that was ever told between these ends.
 */
function byLength(count: number): Measure {
  return (a, b) => {
    const [one, two] = [lengthOf(a), lengthOf(b)];
    if (one === undefined || two === undefined) return Number.POSITIVE_INFINITY;
    if (count > 2 && isClockTold(a) && isClockTold(b)) return Number.POSITIVE_INFINITY;
    const apartUs = Math.abs(one - two);
    return apartUs <= LENGTH_US_APART + one * LENGTH_SHARE_APART ? apartUs : Number.POSITIVE_INFINITY;
  };
}

/** Reports of one key (keyOf) as connections, in order of time. */
export function connectionsOf(reports: readonly Report[], book: HostBook): Connection[] {
  const views = viewsOf(reports);
  const groups = join(
    views.map((view) => [view]),
    distance,
  );
  const alone = groups.filter(({ length }) => length === 1);
  const together = groups.filter(({ length }) => length > 1);
  return [...together, ...join(alone, byLength(views.length))].map((members) => joinViews(members, book));
}

// ---- who is the client

/** How well a view knows who is the client: it saw the handshake, it saw a beginning, it came later. */
function certainty({ events }: HostView): number {
  if (events.some(({ rttUs, turn }) => rttUs !== undefined || turn === 'refused' || turn === 'noAnswer'))
    return 2;
  return events[0]?.isMidstream ? 0 : 1;
}

function swap(pair: Pair): Pair {
  return [pair[1], pair[0]];
}

const OTHER_SIDE = { client: 'server', server: 'client' } as const;

function turned(event: ToldEvent): ToldEvent {
  const { view, by, packets, payloadBytes, outstanding } = event;
  return {
    ...event,
    clientAddress: event.serverAddress,
    clientPort: event.serverPort,
    serverAddress: event.clientAddress,
    serverPort: event.clientPort,
    view: view === 'client' || view === 'server' ? OTHER_SIDE[view] : view,
    by: by && OTHER_SIDE[by],
    packets: packets && swap(packets),
    payloadBytes: payloadBytes && swap(payloadBytes),
    retransmitted: swap(event.retransmitted),
    outstanding: outstanding && swap(outstanding),
  };
}

function isAlike(a: ToldEvent | undefined, b: ToldEvent | undefined): boolean {
  return a?.clientAddress === b?.clientAddress && a?.clientPort === b?.clientPort;
}

function joinViews(views: readonly HostView[], book: HostBook): Connection {
  const sure = [...views].sort((a, b) => certainty(b) - certainty(a) || byStart(a, b))[0] as HostView;
  const first = sure.events[0] as ToldEvent;
  const alike = views.map((view) =>
    viewOf(
      view.host,
      view.ids,
      view.events.map((event) => (isAlike(event, first) ? event : turned(event))),
    ),
  );
  const { protocol, clientAddress, clientPort, serverAddress, serverPort } = first;
  const standsAt = (view: HostView, side: 'client' | 'server', address: string) => {
    const where = view.events[0]?.view;
    return where === side || where === 'both' || (where === 'host' && book.owns(view.host, address));
  };
  const client = alike.find((view) => standsAt(view, 'client', clientAddress));
  const server = alike.find((view) => standsAt(view, 'server', serverAddress));
  return {
    protocol,
    clientAddress,
    clientPort,
    serverAddress,
    serverPort,
    client,
    server,
    others: alike.filter((view) => view !== client && view !== server),
  };
}
