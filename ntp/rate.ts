// The rate limit of one address: a bucket that holds `burst` answers and gets one more every 2^interval seconds.
// When it is empty, one request in 2^leak is answered all the same, by chance: whoever floods us with a
// victim's address cannot silence the victim. And a client that asks faster when it gets no answer is
// answered mostly, since silence makes it worse.
//
// Refuses: kiss-o'-death packets. An answer to a forged request is for somebody who never asked.

import { type ClientRows, NUMBER } from './clients.ts';
import type { Dice } from './dice.ts';

export interface RateLimit {
  /** log2 of the seconds between two answers in the long run. */
  readonly interval: number;
  /** Answers that may come at once. */
  readonly burst: number;
  /** log2 of how many requests beyond the limit there are for each one that is answered. */
  readonly leak: number;
}

/** Unanswered requests before it is judged whether silence makes a client faster. */
const IMPATIENT_AFTER = 8;
/** Twice as fast without answers as with them is impatient. */
const IMPATIENT_RATIO = 2;

export class RateGate {
  readonly #costMs: number;
  readonly #roomMs: number;
  readonly #leakMask: number;
  readonly #dice: Dice;

  constructor(limit: RateLimit, dice: Dice) {
    this.#costMs = 2 ** limit.interval * 1000;
    this.#roomMs = this.#costMs * limit.burst;
    this.#leakMask = (1 << limit.leak) - 1;
    this.#dice = dice;
  }

  /** May the row's request, already counted, be answered? */
  passes(clients: ClientRows, row: number): boolean {
    const numbers = clients.numbers;
    const at = clients.at(row);
    const creditMs = Math.min(this.#roomMs, numbers[at + NUMBER.creditMs] as number);
    const pays = creditMs >= this.#costMs;
    numbers[at + NUMBER.creditMs] = pays ? creditMs - this.#costMs : creditMs;
    if (pays) return true;
    const leaks = (this.#dice.word() & this.#leakMask) === 0;
    return isImpatient(numbers, at) ? !leaks : leaks;
  }
}

function isImpatient(numbers: Float64Array, at: number): boolean {
  if ((numbers[at + NUMBER.unanswered] as number) < IMPATIENT_AFTER) return false;
  const withAnswers = numbers[at + NUMBER.answeredMs] as number;
  return (numbers[at + NUMBER.unansweredMs] as number) * IMPATIENT_RATIO < withAnswers;
}
