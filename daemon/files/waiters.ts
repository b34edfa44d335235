// Who waits until lines of a file are safe: for each a mark, the count of the file's bytes up to the end of the
// line. Marks are given in the order of the lines, so whoever waits longest is first, and one comparison says
// whether there is anything to do. Promises: each that waits is told once, that it is written or that it is lost;
// nothing is allocated for a line but the growth of a ring, which is given back when it is empty.
//
// Its size is bounded by what a file can hold unwritten (files/buffers.ts) and by what is written between two
// flushes: behind those nobody waits.

import { assert } from '../../base/assert.ts';

const FIRST_SIZE = 64;
/** A ring up to this size is kept while empty. */
const IDLE_SIZE = 1024;

/** Told in the midst of a write: it notes what it is told, and acts later. */
export interface Waiter {
  /** The line stands where its file's `sync` wants it to stand. */
  written(number: number): void;
  /** The disk has refused it after it was written: nobody can say whether it is there. */
  lost(number: number): void;
}

export class Waiters {
  #marks = new Float64Array(FIRST_SIZE);
  #numbers = new Int32Array(FIRST_SIZE);
  #who = new Array<Waiter | undefined>(FIRST_SIZE).fill(undefined);
  #head = 0;
  #tail = 0;

  get count(): number {
    return this.#tail - this.#head;
  }

  /** `number` is the waiter's own name for the line. */
  add(mark: number, number: number, who: Waiter): void {
    if (this.count === this.#marks.length) this.#resize(this.count * 2);
    const size = this.#marks.length;
    assert(
      this.count === 0 || (this.#marks[(this.#tail - 1) % size] as number) <= mark,
      'marks come in the order of the lines',
    );
    const place = this.#tail % size;
    this.#marks[place] = mark;
    this.#numbers[place] = number;
    this.#who[place] = who;
    this.#tail += 1;
  }

  /** Lines up to this mark are safe. */
  written(through: number): void {
    for (;;) {
      const place = this.#next(through);
      if (place < 0) return;
      this.#take(place).written(this.#numbers[place] as number);
    }
  }

  /** Nobody can say of lines up to this mark that they are safe. */
  lost(through: number): void {
    for (;;) {
      const place = this.#next(through);
      if (place < 0) return;
      this.#take(place).lost(this.#numbers[place] as number);
    }
  }

  /** The place of the first, if its mark has been reached; -1 otherwise. */
  #next(through: number): number {
    if (this.#head === this.#tail) {
      if (this.#marks.length > IDLE_SIZE) this.#resize(FIRST_SIZE);
      return -1;
    }
    const place = this.#head % this.#marks.length;
    return (this.#marks[place] as number) <= through ? place : -1;
  }

  #take(place: number): Waiter {
    const who = this.#who[place];
    assert(who !== undefined, 'somebody waits at each place of the ring');
    this.#who[place] = undefined;
    this.#head += 1;
    return who;
  }

  #resize(size: number): void {
    const marks = new Float64Array(size);
    const numbers = new Int32Array(size);
    const who = new Array<Waiter | undefined>(size).fill(undefined);
    const { count } = this;
    for (let i = 0; i < count; i += 1) {
      const place = (this.#head + i) % this.#marks.length;
      marks[i] = this.#marks[place] as number;
      numbers[i] = this.#numbers[place] as number;
      who[i] = this.#who[place];
    }
    this.#marks = marks;
    this.#numbers = numbers;
    this.#who = who;
    this.#head = 0;
    this.#tail = count;
  }
}

/** One message that went to several files: whoever sent it is told when the last of them has it. */
export class SeveralFiles implements Waiter {
  readonly #who: Waiter;
  #left: number;

  constructor(who: Waiter, files: number) {
    this.#who = who;
    this.#left = files;
  }

  written(number: number): void {
    this.#left -= 1;
    if (this.#left === 0) this.#who.written(number);
  }

  lost(number: number): void {
    // Told at most once: behind a loss no count comes down to nothing.
    if (this.#left > 0) this.#who.lost(number);
    this.#left = -1;
  }
}
