// One event of a connection as a message: what it is called, the parameters of its structured data in order, and the
// sentence for people. Refuses: names of hosts, and anything that the facts do not know; what cannot be said is left out.

import type { FlowFacts, ViewedFacts } from './facts.ts';
import { EVENT_NAMES, hasPorts, isTcp, protocolName } from './names.ts';
import type { Owner, Owners, SocketTotals } from './owner.ts';
import { sentenceOf } from './sentence.ts';
import { isProhibited } from './unreachable.ts';
import { type ClockQuality, viewEndOf } from './view.ts';

export type Params = readonly (readonly [name: string, value: string])[];

export interface FlowEvent {
  /** Of EVENT_NAMES. */
  readonly name: string;
  readonly params: Params;
  readonly sentence: string;
}

type Add = (name: string, value: string | number) => void;

/** `clock`: how good the clock is that gave the facts their time; undefined: nobody knows. */
export function describe(facts: ViewedFacts, owners: Owners = {}, clock?: ClockQuality): FlowEvent {
  const name = EVENT_NAMES[facts.turn];
  const params: [string, string][] = [];
  const add: Add = (key, value) => params.push([key, String(value)]);
  add('id', facts.id);
  add('event', name);
  add('proto', protocolName(facts.protocol));
  add('src', facts.clientAddress);
  add('dst', facts.serverAddress);
  if (hasPorts(facts.protocol)) {
    add('sport', facts.clientPort);
    add('dport', facts.serverPort);
  }
  add('state', facts.state);
  add('dirHow', facts.dirHow);
  if (facts.by) add('by', facts.by);
  addView(facts, add);
  add('durationUs', Math.round(Math.max(0, facts.timeUs - facts.startUs)));
  addCounts(facts, add);
  if (facts.rttUs >= 0) add('rttUs', Math.round(facts.rttUs));
  if (facts.turn === 'update') add('seq', facts.updates);
  else if (facts.updates > 0) add('updates', facts.updates);
  if (facts.turn === 'noAnswer') add('syns', facts.synCount);
  if (isOfSilence(facts)) add('silentUs', Math.round(Math.max(0, facts.timeUs - facts.lastUs)));
  if (facts.turn === 'refused') add('reason', refusalOf(facts));
  if (facts.unreachable) add('icmp', facts.unreachable.join('/'));
  addOwner('', owners.client, owners.clientTotals, add);
  addOwner('Server', owners.server, owners.serverTotals, add);
  return { name, params, sentence: sentenceOf(facts, owners, clock) };
}

/** `view`: which end this host is. `sent`: whether the RST or FIN is its own. */
function addView(facts: ViewedFacts, add: Add): void {
  const view = viewEndOf(facts);
  if (view !== 'host') add('view', view);
  if (facts.isEndOwn !== undefined) add('sent', facts.isEndOwn ? 'here' : 'elsewhere');
  if (facts.interfaceName !== undefined) add('iface', facts.interfaceName);
}

function isOfSilence({ turn, protocol }: FlowFacts): boolean {
  return turn === 'timeout' || turn === 'noAnswer' || (turn === 'closed' && !isTcp(protocol));
}

/** `blocked` is a filter's word, `unreachable` a network's, `rst` the server's. */
function refusalOf({ unreachable }: FlowFacts): 'rst' | 'blocked' | 'unreachable' {
  if (!unreachable) return 'rst';
  return isProhibited(unreachable) ? 'blocked' : 'unreachable';
}

/** `Out` is from client to server. Zero is said of packets and bytes, and left out of troubles. */
function addCounts(facts: FlowFacts, add: Add): void {
  for (const [side, way] of [[0, 'Out'] as const, [1, 'In'] as const]) {
    add(`packets${way}`, facts.packets[side]);
    add(`bytes${way}`, facts.ipBytes[side]);
    add(`payload${way}`, facts.payloadBytes[side]);
    for (const trouble of ['retransmitted', 'outOfOrder', 'zeroWindows', 'outstanding'] as const) {
      if (facts[trouble][side] > 0) add(`${trouble}${way}`, facts[trouble][side]);
    }
  }
}

/** `procHow`, `proc`, `pid` are the client's; the server's end with `Server`. */
function addOwner(
  end: '' | 'Server',
  owner: Owner | undefined,
  totals: SocketTotals | undefined,
  add: Add,
): void {
  if (owner) {
    add(`procHow${end}`, owner.how);
    if (owner.process !== undefined) add(`proc${end}`, owner.process);
    if (owner.pid !== undefined) add(`pid${end}`, owner.pid);
    const user = owner.user ?? owner.uid;
    if (user !== undefined) add(`user${end}`, user);
    if (owner.unit !== undefined) add(`unit${end}`, owner.unit);
    if (owner.container !== undefined) add(`container${end}`, owner.container);
  }
  if (!totals) return;
  add(`kernelAcked${end}`, totals.bytesAcked);
  add(`kernelReceived${end}`, totals.bytesReceived);
  if (totals.retransmitted > 0) add(`kernelRetransmitted${end}`, totals.retransmitted);
}
