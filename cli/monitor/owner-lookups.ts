// Whose the connections on the screen are: asked once for each that is seen, and again a little later while the answer
// may become surer (a connection that is about to be accepted has only its listener yet). What an event brought along
// needs no question. Promises: few questions at once, bounded memory.
// Refuses: to hold up a frame. What is not known yet is blank.

import type { SnapshotRow } from '../../client/monitor/capture.port.ts';
import type { WhoQuestion } from '../../client/monitor/who/who.port.ts';
import type { Owner, Owners } from '../../traffic/events/owner.ts';

/** Asked at one look; the rest has its turn at the next. */
const ASKED_MAX = 128;
const KNOWN_MAX = 8192;
const TRIES_MAX = 3;
const AGAIN_US = 2_000_000;

interface Known {
  owners: Owners;
  tries: number;
  askedUs: number;
  isAsking: boolean;
}

const NOBODY: Owners = {};

function isSure(owner: Owner | undefined): boolean {
  return owner === undefined || owner.how === 'exact' || owner.how === 'cache';
}

export class OwnerLookups {
  readonly #ask: (question: WhoQuestion) => Promise<Owners>;
  /** By the number of the flow. */
  readonly #known = new Map<number, Known>();

  constructor(ask: (question: WhoQuestion) => Promise<Owners>) {
    this.#ask = ask;
  }

  of(flow: number): Owners {
    return this.#known.get(flow)?.owners ?? NOBODY;
  }

  /** An event told them. */
  learn(flow: number, owners: Owners): void {
    const known = this.#known.get(flow);
    if (known) known.owners = { ...known.owners, ...owners };
    else this.#keep(flow, { owners, tries: TRIES_MAX, askedUs: 0, isAsking: false });
  }

  /** Asks for those that are not known yet; resolves when the answers are there. */
  async look(rows: readonly SnapshotRow[], nowUs: number): Promise<void> {
    this.#forget(rows);
    const wanted = rows.filter((row) => this.#isWanted(row, nowUs)).slice(0, ASKED_MAX);
    await Promise.all(wanted.map((row) => this.#askFor(row, nowUs)));
  }

  #isWanted(row: SnapshotRow, nowUs: number): boolean {
    if (!row.isClientOwn && !row.isServerOwn) return false;
    const known = this.#known.get(row.flow);
    if (known === undefined) return true;
    if (known.isAsking || known.tries >= TRIES_MAX || row.isEnded) return false;
    const sure = isSure(known.owners.client) && isSure(known.owners.server);
    return !sure && nowUs - known.askedUs >= AGAIN_US;
  }

  async #askFor(row: SnapshotRow, nowUs: number): Promise<void> {
    const known = this.#known.get(row.flow) ?? { owners: NOBODY, tries: 0, askedUs: 0, isAsking: true };
    this.#keep(row.flow, known);
    known.tries += 1;
    known.askedUs = nowUs;
    known.isAsking = true;
    const { protocol, clientAddress, clientPort, serverAddress, serverPort } = row;
    const { isClientOwn, isServerOwn, startUs } = row;
    const ends = { clientAddress, clientPort, serverAddress, serverPort, isClientOwn, isServerOwn };
    known.owners = await this.#ask({ protocol, ...ends, startUs });
    known.isAsking = false;
  }

  #keep(flow: number, known: Known): void {
    this.#known.set(flow, known);
    if (this.#known.size <= KNOWN_MAX) return;
    for (const first of this.#known.keys()) {
      this.#known.delete(first);
      return;
    }
  }

  /** Flows that are looked at stay, as far as there is room; of the others the memory is given back at times. */
  #forget(rows: readonly SnapshotRow[]): void {
    if (this.#known.size < KNOWN_MAX / 2) return;
    const seen = new Set(rows.map(({ flow }) => flow));
    for (const flow of [...this.#known.keys()]) if (!seen.has(flow)) this.#known.delete(flow);
  }
}
