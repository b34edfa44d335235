// What one RELP connection leaves to the next: which records behind the cursor are done, and which record is
// under suspicion of being what the server will not take. Promises: a record is given up as refused only after
// several tries, and only when the server has shown that it takes others; a server that takes nothing is sent
// one record at a time, and loses none.
//
// Why: a server may answer a message with an error, or end the connection instead of answering (imrelp can, for
// what is longer than its maxDataSize). Sent again for ever, that message would block the queue for ever; given
// up at once, a server in trouble would eat the queue. Silence is never a refusal: a full disk looks like that.

import { assert } from '../../base/assert.ts';

/** Negative answers to a record, in a row, before it is given up. */
const REFUSALS_MAX = 3;
/** Connections that end, in a row, while a record alone is under way, before others are tried in its place. */
const BREAKS_MAX = 4;
/** So many records behind one that is unanswered may be done; beyond that nothing is sent before it is. */
const DONE_MAX = 65_536;
/** A server that does not answer in time is given more the next time: 90 s, librelp's own limit, from 10 s. */
const PATIENCE_MAX = 9;
/** How far behind a suspect a record is looked for that the server takes. */
const AROUND_MAX = 64;

interface Refused {
  /** Negative answers in a row. */
  readonly times: number;
  /** The server's words. */
  readonly words: string;
}

/** A record was sent in place of another. */
export interface Detour {
  readonly suspect: number;
  readonly sequence: number;
}

/** A connection, when it is over. */
export interface Outcome {
  readonly sent: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** Settled, while one before them is not. */
  readonly settledBeyond: readonly number[];
  readonly unacknowledged: readonly number[];
  readonly detour: Detour | undefined;
  /** The server has ended it, soon after it was sent something. */
  readonly wasBroken: boolean;
  readonly wasTooLate: boolean;
}

export interface GivenUp {
  readonly sequence: number;
  readonly why: string;
}

export class RelpMemory {
  /** By how much longer than configured an answer is waited for. */
  patience = 1;
  /** Connections in a row on which records were sent and none was answered. */
  #fruitless = 0;
  /** Behind the cursor, but acknowledged or given up. */
  readonly #done = new Set<number>();
  #lastDone = 0;
  readonly #refused = new Map<number, Refused>();
  /** It alone was under way when the connection ended, so many times in a row. */
  #suspect: { readonly sequence: number; breaks: number } | undefined;

  /** One record at a time, until one is answered. */
  get isCautious(): boolean {
    return this.#fruitless > 0;
  }

  isDone(sequence: number): boolean {
    return this.#done.size > 0 && this.#done.has(sequence);
  }

  /** False: too much behind the cursor is done already. */
  maySend(sequence: number): boolean {
    return this.#done.size < DONE_MAX || sequence <= this.#lastDone;
  }

  refused(sequence: number, words: string): void {
    const times = (this.#refused.get(sequence)?.times ?? 0) + 1;
    this.#refused.set(sequence, { times, words });
  }

  /** Something was acknowledged; not in place of a suspect. */
  answered(): void {
    this.#fruitless = 0;
    this.#suspect = undefined;
  }

  /** The cursor has moved. */
  forget(through: number): void {
    for (const known of [this.#done, this.#refused]) {
      if (known.size === 0) continue;
      for (const sequence of known.keys()) if (sequence <= through) known.delete(sequence);
    }
  }

  /**
   * Every other time, once the suspicion is strong: how far behind the suspect stands the record that is to be
   * sent in its place. If that one is taken, it was the suspect's fault.
   */
  detour(): { readonly suspect: number; readonly ahead: number } | undefined {
    const turn = (this.#suspect?.breaks ?? 0) - BREAKS_MAX;
    if (this.#suspect === undefined || turn < 0 || turn % 2 !== 0) return undefined;
    return { suspect: this.#suspect.sequence, ahead: 1 + ((turn / 2) % AROUND_MAX) };
  }

  /** A connection is over. Gives the records that are not sent any more. */
  learn(outcome: Outcome): GivenUp[] {
    for (const sequence of outcome.settledBeyond) this.#setDone(sequence);
    if (outcome.wasTooLate) this.patience = Math.min(PATIENCE_MAX, this.patience * 2);
    if (outcome.acknowledged > 0) return this.#convict(outcome);
    if (outcome.refused > 0) this.#fruitless = 0;
    else if (outcome.sent > 0) this.#doubt(outcome);
    return [];
  }

  #setDone(sequence: number): void {
    this.#done.add(sequence);
    this.#refused.delete(sequence);
    this.#lastDone = Math.max(this.#lastDone, sequence);
  }

  /** The server takes records, so what it has refused often enough is the records' own fault. */
  #convict({ detour }: Outcome): GivenUp[] {
    const givenUp: GivenUp[] = [];
    if (detour !== undefined) {
      assert(detour.suspect === this.#suspect?.sequence, 'a detour is around the suspect');
      this.#setDone(detour.sequence);
      const why = `the connection ended ${this.#suspect.breaks} times instead of an answer`;
      givenUp.push({ sequence: detour.suspect, why });
      this.answered();
    }
    for (const [sequence, { times, words }] of this.#refused) {
      if (times >= REFUSALS_MAX)
        givenUp.push({ sequence, why: `it was answered with "${words}" ${times} times` });
    }
    for (const { sequence } of givenUp) this.#setDone(sequence);
    return givenUp;
  }

  #doubt({ unacknowledged, wasBroken, detour }: Outcome): void {
    this.#fruitless += 1;
    const [sequence] = unacknowledged;
    if (!wasBroken || sequence === undefined || unacknowledged.length > 1) return;
    if (detour !== undefined && this.#suspect !== undefined) this.#suspect.breaks += 1;
    else if (this.#suspect?.sequence === sequence) this.#suspect.breaks += 1;
    else this.#suspect = { sequence, breaks: 1 };
  }
}
