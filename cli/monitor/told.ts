// Events as the lower window shows them: the sentence without the mark for pairing, in a tone that lets what broke stand
// out. Beside the connections' events there are those of the watching: interfaces that come and go, and what was lost.
// Refuses: to keep; a ring of EVENTS_KEPT does.

import { printCountOf } from '../../base/units.ts';
import type { InterfaceState, SeenFacts } from '../../client/monitor/capture.port.ts';
import type { Losses } from '../../client/monitor/monitor.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import { sentenceOf } from '../../traffic/events/sentence.ts';
import { MARK } from '../../traffic/events/view.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import { EVENTS_KEPT, type ToldEvent } from './view.ts';

const TONES: Readonly<Record<Turn, ToldEvent['tone']>> = {
  opened: 'good',
  update: 'plain',
  closed: 'plain',
  reset: 'bad',
  refused: 'bad',
  noAnswer: 'warn',
  timeout: 'warn',
  halfClosed: 'warn',
};

export function toldEvent(facts: SeenFacts, owners: Owners): ToldEvent {
  const sentence = sentenceOf(facts, owners, undefined);
  const mark = sentence.lastIndexOf(` ${MARK}`);
  // A narrow screen has better use for these four columns; what is not TCP says so.
  const text = (mark === -1 ? sentence : sentence.slice(0, mark)).replace(/^TCP /, '');
  return { timeUs: facts.timeUs, flow: facts.flow, tone: TONES[facts.turn], text };
}

export function toldInterface({ name, state, trouble }: InterfaceState, timeUs: number): ToldEvent {
  const why = trouble === undefined ? '' : `: ${trouble}`;
  const tone = state === 'captured' ? 'plain' : 'bad';
  return { timeUs, flow: undefined, tone, text: `Interface ${name} is ${state}${why}` };
}

/** Undefined: nothing was lost. */
export function lossWords({ dropped, evicted, heldBack }: Losses): string | undefined {
  const held = Object.entries(heldBack)
    .filter(([, count]) => count > 0)
    .map(([turn, count]) => `${count} ${EVENT_NAMES[turn as Turn]}`);
  const words = [
    ...(dropped > 0 ? [`${printCountOf(dropped, 'packet')} dropped by the kernel`] : []),
    ...(evicted > 0 ? [`${printCountOf(evicted, 'connection')} forgotten, the table is full`] : []),
    ...(held.length > 0 ? [`events not shown, too many at once: ${held.join(', ')}`] : []),
  ];
  return words.length === 0 ? undefined : words.join('; ');
}

export function toldLosses(losses: Losses): ToldEvent | undefined {
  const text = lossWords(losses);
  if (text === undefined) return undefined;
  const tone = losses.dropped > 0 ? 'bad' : 'warn';
  return { timeUs: losses.timeUs, flow: undefined, tone, text };
}

/** The newest EVENTS_KEPT, and how many there were. */
export class EventRing {
  #events: readonly ToldEvent[] = [];
  #fresh: ToldEvent[] = [];
  total = 0;

  add(event: ToldEvent): void {
    this.total += 1;
    this.#fresh.push(event);
    if (this.#fresh.length >= EVENTS_KEPT) this.#settle();
  }

  /** Oldest first; the list is never changed afterwards. */
  list(): readonly ToldEvent[] {
    if (this.#fresh.length > 0) this.#settle();
    return this.#events;
  }

  #settle(): void {
    this.#events = [...this.#events, ...this.#fresh].slice(-EVENTS_KEPT);
    this.#fresh = [];
  }
}
