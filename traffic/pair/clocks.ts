// How two hosts' clocks stand to each other, and so which of two events came first. A connection that both hosts saw begin
// is an exchange as NTP makes it: the SYN leaves and arrives, its answer (SYN-ACK, or RST) leaves and arrives; from the four times follow
// the offset of the clocks and the most that it can be wrong (RFC 5905 section 8). Else what the hosts say of their own
// clocks must do, and where they say nothing, nothing is claimed.
// Refuses: to put an order on what lies within the error.

import type { ToldEvent } from '../events/read-sentence.ts';
import type { HostView } from './connection.ts';

/** Two crystals drift apart by so much (50 ppm each); added for the time since the handshake. */
const DRIFT = 1e-4;
/** A handshake is taken for clean if no SYN went twice; the first is sent again after a second (RFC 6298). */
const CLEAN_US = 900_000;

export interface Offset {
  /** Add it to a time of the first host, and it is the second host's. */
  readonly offsetUs: number;
  readonly errorUs: number;
  readonly how: 'handshake' | 'told';
}

interface Handshake {
  readonly synUs: number;
  readonly synAckUs: number;
}

function handshakeOf({ events, startUs }: HostView): Handshake | undefined {
  const opened = events.find(({ turn, rttUs }) => turn === 'opened' && rttUs !== undefined);
  if (opened?.rttUs !== undefined) {
    if (opened.afterUs - opened.rttUs > CLEAN_US) return undefined;
    return { synUs: opened.timeUs - opened.afterUs, synAckUs: opened.timeUs - opened.afterUs + opened.rttUs };
  }
  const refused = events.find(({ turn, unreachable }) => turn === 'refused' && unreachable === undefined);
  if (refused?.packets?.[0] === 1) return { synUs: startUs, synAckUs: refused.timeUs };
  const told = events.find(({ rttUs }) => rttUs !== undefined);
  const isClean = told && told.retransmitted[0] === 0 && told.retransmitted[1] === 0 && !told.isHandshakeOpen;
  return isClean ? { synUs: startUs, synAckUs: startUs + (told.rttUs ?? 0) } : undefined;
}

/** Client to server, at the start; undefined: not both saw a clean handshake. */
function byHandshake(client: HostView, server: HostView): Offset | undefined {
  const [sent, came] = [handshakeOf(client), handshakeOf(server)];
  if (!sent || !came) return undefined;
  const offsetUs = (came.synUs - sent.synUs + came.synAckUs - sent.synAckUs) / 2;
  const delayUs = sent.synAckUs - sent.synUs - (came.synAckUs - came.synUs);
  // Each time is stamped where it was captured, which may be some microseconds off.
  return { offsetUs, errorUs: Math.max(1, Math.abs(delayUs) / 2), how: 'handshake' };
}

function byTold(a: ToldEvent, b: ToldEvent): Offset | undefined {
  if (a.clockErrorUs === undefined || b.clockErrorUs === undefined) return undefined;
  const errorUs = a.clockErrorUs + b.clockErrorUs;
  return Number.isFinite(errorUs) ? { offsetUs: 0, errorUs, how: 'told' } : undefined;
}

/** How the client's clock stands to the server's at the time of these events; undefined: nobody can say. */
export function offsetOf(
  client: HostView,
  server: HostView,
  clientEvent: ToldEvent,
  serverEvent: ToldEvent,
): Offset | undefined {
  if (client.host === server.host) return { offsetUs: 0, errorUs: 0, how: 'told' };
  const told = byTold(clientEvent, serverEvent);
  const seen = byHandshake(client, server);
  if (!seen) return told;
  const sinceUs = Math.max(0, clientEvent.timeUs - client.startUs);
  const grown = { ...seen, errorUs: seen.errorUs + sinceUs * DRIFT };
  return told && told.errorUs < grown.errorUs && Math.abs(seen.offsetUs) <= told.errorUs + seen.errorUs
    ? told
    : grown;
}

/** By how much two clocks are further apart than their hosts claim; undefined: they keep their word, or made none. */
export function brokenPromise(client: HostView, server: HostView): number | undefined {
  const seen = byHandshake(client, server);
  const [a, b] = [client.events[0], server.events[0]];
  const told = a && b && byTold(a, b);
  if (!seen || !told || Math.abs(seen.offsetUs) <= told.errorUs + seen.errorUs) return undefined;
  return seen.offsetUs;
}

/** How much later the client saw its event than the server its own. */
export interface Order {
  readonly laterUs: number;
  /** Undefined: nobody can say. */
  readonly errorUs: number | undefined;
  readonly how: Offset['how'] | undefined;
  /** Whether it is beyond doubt which came first. */
  readonly isSure: boolean;
}

export function orderOf(
  client: HostView,
  server: HostView,
  clientEvent: ToldEvent,
  serverEvent: ToldEvent,
): Order {
  const offset = offsetOf(client, server, clientEvent, serverEvent);
  const laterUs = clientEvent.timeUs - serverEvent.timeUs + (offset?.offsetUs ?? 0);
  if (!offset) return { laterUs, errorUs: undefined, how: undefined, isSure: false };
  const { errorUs, how } = offset;
  return { laterUs, errorUs, how, isSure: Math.abs(laterUs) > errorUs };
}
