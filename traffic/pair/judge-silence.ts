// Why bytes were never acknowledged: they were lost on the way, their acknowledgements were, the other host fell silent,
// or it had them and said nothing. What left one host is held against what came to the other.
// Refuses: to call a host dead because its agent has nothing to tell; its other logs are asked too.

import type { ToldEvent } from '../events/read-sentence.ts';
import { printTime } from '../events/view.ts';
import type { HostView } from './connection.ts';
import { absenceText, countOf, gapText, shortSpan, sideText } from './phrases.ts';
import type { Case, Ruling } from './ruling.ts';

type Side = 'client' | 'server';

const OTHER: Readonly<Record<Side, Side>> = { client: 'server', server: 'client' };

/** A host that says nothing for so long after it spoke last has fallen silent: agents and systems speak oftener. */
const SILENCE_US = 30_000_000;
/** Whose last line is older than the waiting by this. */
const UNHEARD_US = 1_000_000;
/** So many times the usual pause between two of its lines is no pause any more. */
const UNUSUAL = 5;

interface Waiting {
  readonly side: Side;
  readonly view: HostView;
  readonly event: ToldEvent;
}

function waitingOf({ connection }: Case): Waiting[] {
  return (['client', 'server'] as const).flatMap((side) => {
    const view = connection[side];
    const event = view?.outcome?.turn === 'timeout' ? view.outcome : undefined;
    return view && event ? [{ side, view, event }] : [];
  });
}

/** Index into a pair: what that side sends. */
function wayOf(side: Side): 0 | 1 {
  return side === 'client' ? 0 : 1;
}

export function judgeTimeout(one: Case): Ruling {
  const waiting = waitingOf(one);
  const own = waiting.find(({ side, event }) => (event.outstanding?.[wayOf(side)] ?? 0) > 0) ?? waiting[0];
  if (!own) return seenOnTheWay(one);
  if (own.event.isHandshakeOpen) return handshakeOpen(one, own);
  if (one.connection.client?.host === one.connection.server?.host)
    return oneSided(one, own, 'both ends are on one host');
  return waiting.length === 2 ? bothWait(one, own) : oneWaits(one, own);
}

function seenOnTheWay({ connection }: Case): Ruling {
  const view = connection.others.find(({ outcome }) => outcome?.turn === 'timeout') as HostView;
  const event = view.outcome as ToldEvent;
  const text = `a host between them, ${view.host}, saw bytes that nobody acknowledged`;
  return { code: 'timeout-one-sided', text, timeUs: event.timeUs };
}

/** "the client waited in vain for the acknowledgement of 60 bytes" */
function waitText(one: Case, { side, event }: Waiting): string {
  const bytes = event.outstanding?.[wayOf(side)] ?? 0;
  const theirs = event.outstanding?.[wayOf(OTHER[side])] ?? 0;
  const who = sideText(side, one.connection);
  if (bytes > 0) return `${who} waited in vain for the acknowledgement of ${countOf(bytes, 'byte')}`;
  return theirs > 0
    ? `${who} did not acknowledge ${countOf(theirs, 'byte')} of the ${OTHER[side]}`
    : `nothing was heard for ${shortSpan(event.silentUs ?? 0)}`;
}

function handshakeOpen(one: Case, own: Waiting): Ruling {
  const { timeUs, packets } = own.event;
  const { client } = one.connection;
  const tries = countOf(packets?.[1] ?? 1, 'SYN-ACK');
  const said = `the server sent ${tries}, which nobody acknowledged`;
  if (client?.outcome?.turn === 'reset' || client?.events.some(({ turn }) => turn === 'opened'))
    return {
      code: 'timeout-lost',
      text: `${said}: the client took the connection for open, its packets did not arrive`,
      timeUs,
    };
  const why = client ? 'the client never got it' : absenceText(one.absence('client'));
  const guess = client ? '' : '; it was lost, or the SYN came under a forged address';
  return { code: 'timeout-one-sided', text: `${said}: ${why}${guess}`, timeUs };
}

/** How many bytes that this side sent came to the other; undefined: nobody counted. */
function lostOf({ side, event }: Waiting, other: HostView): number | undefined {
  const last = other.events.findLast(({ payloadBytes }) => payloadBytes !== undefined);
  const came = last?.payloadBytes?.[wayOf(side)];
  const sent = event.payloadBytes?.[wayOf(side)];
  return came === undefined || sent === undefined ? undefined : sent - came;
}

function bothWait(one: Case, own: Waiting): Ruling {
  const other = one.connection[OTHER[own.side]] as HostView;
  const lost = lostOf(own, other) ?? 0;
  const { timeUs } = own.event;
  const owed = (other.outcome?.outstanding?.[wayOf(OTHER[own.side])] ?? 0) > 0;
  if (lost > 0 && owed)
    return {
      code: 'timeout-cut',
      text: `${waitText(one, own)}, and the ${OTHER[own.side]} for its own: nothing came through in either direction`,
      timeUs,
    };
  return lost > 0 ? lostOnTheWay(one, own, lost) : unanswered(one, own);
}

function lostOnTheWay(one: Case, own: Waiting, lost: number): Ruling {
  const again = own.event.retransmitted[wayOf(own.side)];
  const resent = again > 0 ? ` (${countOf(again, 'packet')} sent again)` : '';
  const text = `${waitText(one, own)}: ${countOf(lost, 'byte')} that it sent${resent} never reached the ${OTHER[own.side]}, lost on the way`;
  return { code: 'timeout-lost', text, timeUs: own.event.timeUs };
}

function unanswered(one: Case, own: Waiting): Ruling {
  const other = OTHER[own.side];
  const text = `${waitText(one, own)}; all of it reached the ${other}'s host, but no acknowledgement came back: lost on the way back`;
  return { code: 'timeout-ack-lost', text, timeUs: own.event.timeUs };
}

function oneWaits(one: Case, own: Waiting): Ruling {
  const otherSide = OTHER[own.side];
  const other = one.connection[otherSide];
  if (!other) return withoutOther(one, own);
  const silent = silenceOf(one, own, other.host);
  if (silent) return silent;
  const { timeUs } = own.event;
  if (other.outcome) {
    const lost = lostOf(own, other) ?? 0;
    if (lost > 0) return lostOnTheWay(one, own, lost);
    const closed = other.outcome.turn === 'closed' ? 'had closed it' : 'was done with it';
    return { code: 'timeout-unanswered', text: `${waitText(one, own)}; the ${otherSide} ${closed}`, timeUs };
  }
  const gap = one.gap(other);
  if (gap) return oneSided(one, own, `${other.host} tells no end, but ${gapText(gap)}`);
  const text = `${waitText(one, own)}; for the ${otherSide}'s host it was open, and it knows of nothing that waits: lost on the way`;
  return { code: 'timeout-lost', text, timeUs };
}

/**
 * The other host's own logs end before the waiting does: for good, as far as the files go, or for much longer than is
 * usual with it.
 */
function silenceOf(one: Case, own: Waiting, host: string): Ruling | undefined {
  const { timeUs } = own.event;
  const life = one.life(host, timeUs);
  if (life?.lastUs === undefined) return undefined;
  const { lastUs, nextUs, usualGapUs } = life;
  const silentUs = timeUs - lastUs;
  if (silentUs < (nextUs === undefined ? UNHEARD_US : Math.max(SILENCE_US, usualGapUs * UNUSUAL)))
    return undefined;
  const said =
    nextUs === undefined
      ? `${host} has not been heard since ${printTime(lastUs)}`
      : `${host} had fallen silent: its last line in any log is of ${printTime(lastUs)}, the next is of ${printTime(nextUs)}`;
  return { code: 'timeout-host-silent', text: `${waitText(one, own)}; ${said}`, timeUs };
}

function withoutOther(one: Case, own: Waiting): Ruling {
  const absence = one.absence(OTHER[own.side]);
  const silent = absence.host === '' ? undefined : silenceOf(one, own, absence.host);
  return silent ?? oneSided(one, own, absenceText(absence));
}

function oneSided(one: Case, own: Waiting, why: string): Ruling {
  return { code: 'timeout-one-sided', text: `${waitText(one, own)}; ${why}`, timeUs: own.event.timeUs };
}
