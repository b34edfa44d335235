// Whose each connection is, while its events are told: asks once for a connection, and once more at its end, since the
// kernel's totals and a late accept are known then. Promises: the events of one connection are told in their order, each
// within ANSWER_WITHIN_MS; memory is bounded: of too many at once, some are told without an owner, and say so.
//
// Refuses: to keep the order of events of different connections, which one slow answer would otherwise hold up.

import { type Owner, type Owners, PROC_HOWS } from '../../traffic/events/owner.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import { PROTOCOL } from '../../traffic/packet/packet.ts';
import type { SeenFacts } from './capture.port.ts';
import type { WhoQuestion } from './who/who.port.ts';

/** Whoever is asked answers within 200 ms; this is for the case that its thread does not. */
const ANSWER_WITHIN_MS = 250;
/** Events that wait for an owner. */
const WAITING_MAX = 8192;
/** Connections whose owner is remembered; of one that was forgotten it is asked again. */
const KNOWN_MAX = 16_384;

const ENDS: ReadonlySet<Turn> = new Set(['closed', 'reset', 'refused', 'noAnswer'] as const);

export interface OwnerBookParts {
  /** Never rejects. */
  readonly ask: (question: WhoQuestion) => Promise<Owners>;
  readonly tell: (facts: SeenFacts, owners: Owners) => void;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

interface Known {
  owners: Owners | undefined;
  /** It was asked at its end. */
  isWhole: boolean;
  /** In their order; the first one waits for an answer. */
  waiting: SeenFacts[];
  askedAtMs: number;
  /** Which question an answer belongs to. */
  asked: number;
}

export class OwnerBook {
  /** Told without an owner since too many waited, or nobody answered. */
  unasked = 0;
  readonly #parts: OwnerBookParts;
  /** By the number of the flow; the one that was begun first is the first. */
  readonly #known = new Map<number, Known>();
  #waiting = 0;
  #asked = 0;

  constructor(parts: OwnerBookParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#waiting;
  }

  see(facts: SeenFacts): void {
    const known = this.#known.get(facts.flow) ?? this.#begin(facts.flow);
    known.waiting.push(facts);
    this.#waiting += 1;
    if (known.waiting.length > 1 && this.#waiting <= WAITING_MAX) return;
    if (this.#waiting > WAITING_MAX) this.#giveUp(known);
    else this.#goOn(known);
  }

  #begin(flow: number): Known {
    if (this.#known.size >= KNOWN_MAX) this.#forgetOne();
    const known = { owners: undefined, isWhole: false, waiting: [], askedAtMs: 0, asked: 0 };
    this.#known.set(flow, known);
    return known;
  }

  #forgetOne(): void {
    for (const [flow, { waiting }] of this.#known) {
      if (waiting.length > 0) continue;
      this.#known.delete(flow);
      return;
    }
  }

  /** Tells what can be told, up to one that an answer is needed for. */
  #goOn(known: Known): void {
    for (let facts = known.waiting[0]; facts !== undefined; facts = known.waiting[0]) {
      const isEnd = ENDS.has(facts.turn);
      if (known.owners === undefined || (isEnd && facts.protocol === PROTOCOL.tcp && !known.isWhole)) {
        this.#ask(known, facts, isEnd);
        return;
      }
      this.#tellFirst(known, facts, known.owners);
    }
  }

  #tellFirst(known: Known, facts: SeenFacts, owners: Owners): void {
    known.waiting.shift();
    this.#waiting -= 1;
    this.#parts.tell(facts, owners);
    if (ENDS.has(facts.turn) && known.waiting.length === 0) this.#known.delete(facts.flow);
  }

  #ask(known: Known, facts: SeenFacts, isEnd: boolean): void {
    const asked = ++this.#asked;
    known.asked = asked;
    known.askedAtMs = this.#parts.now();
    void this.#parts.ask({ ...questionOf(facts), isEnd }).then((owners) => {
      if (known.asked !== asked || known.waiting.length === 0) return;
      known.owners = joined(known.owners, owners);
      known.isWhole = isEnd;
      this.#goOn(known);
    });
  }

  /** Nobody is waited for any more: all that waits is told with what is known. It may be asked again later. */
  #giveUp(known: Known): void {
    known.asked = 0;
    this.unasked += known.waiting.length;
    for (let facts = known.waiting[0]; facts !== undefined; facts = known.waiting[0])
      this.#tellFirst(known, facts, known.owners ?? busyOwners(facts));
  }

  /** To be called now and then while something waits: what was not answered in time is told as it is. */
  expire(): void {
    const before = this.#parts.now() - ANSWER_WITHIN_MS;
    for (const known of [...this.#known.values()]) {
      if (known.waiting.length === 0 || known.askedAtMs > before) continue;
      this.#giveUp(known);
    }
  }
}

function questionOf(facts: SeenFacts): WhoQuestion {
  const { protocol, clientAddress, clientPort, serverAddress, serverPort } = facts;
  const { isClientOwn, isServerOwn, startUs } = facts;
  return {
    protocol,
    clientAddress,
    clientPort,
    serverAddress,
    serverPort,
    isClientOwn,
    isServerOwn,
    startUs,
  };
}

function busyOwners(facts: SeenFacts): Owners {
  const busy: Owner = { how: 'unknown:busy' };
  return { client: facts.isClientOwn ? busy : undefined, server: facts.isServerOwn ? busy : undefined };
}

/** By how much the first answer is surer than the second. */
function lead(first: Owner, second: Owner): number {
  return PROC_HOWS.indexOf(second.how) - PROC_HOWS.indexOf(first.how);
}

/**
 * The surer one of two answers. Of two that are as sure, at the client's end the first: who opened it, not the child
 * that has its descriptors too; at the server's end the later: the worker that it was handed to.
 */
function surer(
  first: Owner | undefined,
  second: Owner | undefined,
  end: 'client' | 'server',
): Owner | undefined {
  if (first === undefined || second === undefined) return second ?? first;
  return lead(first, second) >= (end === 'client' ? 0 : 1) ? first : second;
}

function joined(first: Owners | undefined, second: Owners): Owners {
  if (first === undefined) return second;
  return {
    client: surer(first.client, second.client, 'client'),
    server: surer(first.server, second.server, 'server'),
    clientTotals: second.clientTotals ?? first.clientTotals,
    serverTotals: second.serverTotals ?? first.serverTotals,
  };
}
