// Positions that become safe one after the other: what an input had given on, and where it then stood. An input
// adds a mark for each batch that its sink took; what the sink says is safe takes them out again.
// Refuses: to go back. Marks come in the order of what was taken.

import { assert } from '../base/assert.ts';

export class Marks<Position> {
  readonly #taken: number[] = [];
  readonly #positions: Position[] = [];
  #first = 0;

  /** After the sink had `taken` records, the input stood at `position`. */
  add(taken: number, position: Position): void {
    const last = this.#taken.at(-1);
    assert(last === undefined || taken >= last, 'a sink does not give back what it took');
    this.#taken.push(taken);
    this.#positions.push(position);
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
