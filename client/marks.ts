// Positions that become safe one after the other: what an input had given on, and where it then stood. An input
// adds a mark for each batch that its sink took; what the sink says is safe takes them out again.
// Refuses: to go back, and to grow without end where nothing becomes safe: then marks become one.

import { assert } from '../base/assert.ts';

/** Waiting marks: more than a second's worth at any rate. */
const WAITING_MAX = 8192;

export class Marks<Position> {
  readonly #taken: number[] = [];
  readonly #positions: Position[] = [];
  #first = 0;
  readonly #waitingMax: number;

  constructor(waitingMax = WAITING_MAX) {
    this.#waitingMax = waitingMax;
  }

  /** After the sink had `taken` records, the input stood at `position`. */
  add(taken: number, position: Position): void {
    const last = this.#taken.at(-1);
    assert(last === undefined || taken >= last, 'a sink does not give back what it took');
    if (this.waiting >= this.#waitingMax) this.#merge();
    this.#taken.push(taken);
    this.#positions.push(position);
  }

  /** Each second mark waits for the next one: a coarser step, and nothing that is passed too early. */
  #merge(): void {
    const [taken, positions] = [this.#taken.splice(0), this.#positions.splice(0)];
    for (let i = this.#first; i < taken.length; i += 2) {
      const last = Math.min(i + 1, taken.length - 1);
      this.#taken.push(taken[last] as number);
      this.#positions.push(positions[last] as Position);
    }
    this.#first = 0;
  }

  /** Takes out all that `safe` covers, in order. */
  pass(safe: number, visit: (position: Position) => void): void {
    while (this.#first < this.#taken.length && (this.#taken[this.#first] as number) <= safe) {
      visit(this.#positions[this.#first] as Position);
      this.#first += 1;
    }
    if (this.#first === 0 || this.#first * 2 < this.#taken.length) return;
    this.#taken.splice(0, this.#first);
    this.#positions.splice(0, this.#first);
    this.#first = 0;
  }

  get waiting(): number {
    return this.#taken.length - this.#first;
  }
}
