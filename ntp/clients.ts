// Everybody who has asked: a table of bounded size in shared memory, written by the server's thread and read by
// whoever wants to know. Each address has one row with what it asked, what it was refused and why, how often
// it comes, and its credit with the rate limit (rate.ts).
//
//   16 rows make a set; an address belongs to one set, by a hash that is seeded anew at each start. A
//   newcomer takes the row of its set that was silent longest, and that is counted.
//   row, 8 words: address 0–3, owners so far 4, access verdict 5    and 16 floats: see NUMBER
//
// Refuses: to grow, and to keep anything that a packet says of itself.

import { assert } from '../base/assert.ts';
import type { Address } from '../base/ip.ts';
import { REASONS, type Reason } from './shape.ts';

const WAYS = 16;
const WORDS = 8;
const OWNERS = 4;
const ACCESS = 5;
const NUMBERS = 16;

/** Columns of a row. `dropped` is the first of one column for each reason. */
export const NUMBER = {
  firstMs: 0,
  lastMs: 1,
  requests: 2,
  dropped: 3,
  creditMs: 10,
  /** Averages of the time to the next request, in ms: after an answer, after none, after either. */
  answeredMs: 11,
  unansweredMs: 12,
  intervalMs: 13,
  unanswered: 14,
  /** 1: the last request had no answer. */
  wasDropped: 15,
} as const;

export type ClientTable = SharedArrayBuffer;

/** `clients` is rounded up to whole sets of 16, a power of two of them. */
export function makeClientTable(clients: number): ClientTable {
  let sets = 1;
  while (sets * WAYS < clients) sets *= 2;
  const rowBytes = WORDS * Int32Array.BYTES_PER_ELEMENT + NUMBERS * Float64Array.BYTES_PER_ELEMENT;
  return new SharedArrayBuffer(sets * WAYS * rowBytes);
}

function viewsOf(table: ClientTable): { rows: number; words: Int32Array; numbers: Float64Array } {
  const rowBytes = WORDS * Int32Array.BYTES_PER_ELEMENT + NUMBERS * Float64Array.BYTES_PER_ELEMENT;
  const rows = table.byteLength / rowBytes;
  const numbers = new Float64Array(table, 0, rows * NUMBERS);
  return { rows, numbers, words: new Int32Array(table, numbers.byteLength, rows * WORDS) };
}

/** How fast an average follows: an eighth of the way with each request. */
const FOLLOW = 1 / 8;

export class ClientRows {
  readonly numbers: Float64Array;
  readonly #words: Int32Array;
  readonly #setMask: number;
  readonly #seed: number;
  /** 1 and up; a row's access verdict holds for one configuration. */
  #generation = 1;
  #lastRow = 0;
  /** Milliseconds: now, and since the row's last request. In an array, since a double as an argument is allocated. */
  readonly #time = new Float64Array(2);
  forgotten = 0;

  constructor(table: ClientTable, seed: number) {
    const { rows, words, numbers } = viewsOf(table);
    this.numbers = numbers;
    this.#words = words;
    this.#setMask = rows / WAYS - 1;
    this.#seed = seed | 0;
  }

  /** Nobody has asked. */
  clear(): void {
    this.numbers.fill(0);
    this.#words.fill(0);
    this.forgotten = 0;
  }

  /** Access is asked anew for every row: the ranges have changed. */
  forgetAccess(): void {
    this.#generation += 1;
  }

  /** For all that follows, on a clock that is never stepped. */
  setTime(nowMs: number): void {
    this.#time[0] = nowMs;
  }

  /** The row of the address; a new one if it has none. Words are signed 32-bit. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    if (this.#owns(this.#lastRow, w0, w1, w2, w3)) return this.#lastRow;
    const from = (this.#hash(w0, w1, w2, w3) & this.#setMask) * WAYS;
    let oldest = from;
    for (let row = from; row < from + WAYS; row += 1) {
      if (this.#owns(row, w0, w1, w2, w3)) return (this.#lastRow = row);
      if (this.#lastMs(row) < this.#lastMs(oldest)) oldest = row;
    }
    this.#give(oldest, w0, w1, w2, w3);
    return (this.#lastRow = oldest);
  }

  #owns(row: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const words = this.#words;
    const at = row * WORDS;
    return (
      words[at + 3] === w3 &&
      words[at + 2] === w2 &&
      words[at + 1] === w1 &&
      words[at] === w0 &&
      words[at + OWNERS] !== 0
    );
  }

  #lastMs(row: number): number {
    return this.numbers[row * NUMBERS + NUMBER.lastMs] as number;
  }

  #hash(w0: number, w1: number, w2: number, w3: number): number {
    let hash = this.#seed;
    hash = Math.imul(hash ^ w3, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15) ^ w2, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 13) ^ w1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 16) ^ w0, 0xc2b2ae35);
    return hash ^ (hash >>> 15);
  }

  /** The owners' count is odd while a row changes hands, so that a reader can tell. */
  #give(row: number, w0: number, w1: number, w2: number, w3: number): void {
    const nowMs = this.#time[0] as number;
    const words = this.#words;
    const at = row * WORDS;
    const owners = words[at + OWNERS] as number;
    if (owners !== 0) this.forgotten += 1;
    Atomics.store(words, at + OWNERS, owners + 1);
    words[at] = w0;
    words[at + 1] = w1;
    words[at + 2] = w2;
    words[at + 3] = w3;
    words[at + ACCESS] = 0;
    const numbers = row * NUMBERS;
    this.numbers.fill(0, numbers, numbers + NUMBERS);
    this.numbers[numbers + NUMBER.firstMs] = nowMs;
    this.numbers[numbers + NUMBER.lastMs] = nowMs;
    this.numbers[numbers + NUMBER.creditMs] = Number.POSITIVE_INFINITY;
    Atomics.store(words, at + OWNERS, owners + 2);
  }

  /** undefined: nobody has asked yet for this row. */
  allowed(row: number): boolean | undefined {
    const word = this.#words[row * WORDS + ACCESS] as number;
    return word >> 1 === this.#generation ? (word & 1) === 1 : undefined;
  }

  setAllowed(row: number, allowed: boolean): void {
    this.#words[row * WORDS + ACCESS] = (this.#generation << 1) | (allowed ? 1 : 0);
  }

  /** One more request: its time goes into the average that belongs to how the one before ended. */
  count(row: number): void {
    const numbers = this.numbers;
    const nowMs = this.#time[0] as number;
    const at = row * NUMBERS;
    const elapsedMs = Math.max(0, nowMs - (numbers[at + NUMBER.lastMs] as number));
    this.#time[1] = elapsedMs;
    if ((numbers[at + NUMBER.requests] as number) > 0) this.#follow(at);
    (numbers[at + NUMBER.requests] as number) += 1;
    numbers[at + NUMBER.lastMs] = nowMs;
    (numbers[at + NUMBER.creditMs] as number) += elapsedMs;
  }

  #follow(at: number): void {
    const column = this.numbers[at + NUMBER.wasDropped] === 1 ? NUMBER.unansweredMs : NUMBER.answeredMs;
    this.#average(at + column);
    this.#average(at + NUMBER.intervalMs);
    this.numbers[at + NUMBER.wasDropped] = 0;
  }

  #average(column: number): void {
    const elapsedMs = this.#time[1] as number;
    const before = this.numbers[column] as number;
    this.numbers[column] = before === 0 ? elapsedMs : before + (elapsedMs - before) * FOLLOW;
  }

  /** `verdict` is a reason's number (1 and up). */
  drop(row: number, verdict: number): void {
    const at = row * NUMBERS;
    (this.numbers[at + NUMBER.dropped + verdict - 1] as number) += 1;
    (this.numbers[at + NUMBER.unanswered] as number) += 1;
    this.numbers[at + NUMBER.wasDropped] = 1;
  }

  /** Where the row's numbers begin. */
  at(row: number): number {
    return row * NUMBERS;
  }
}

export interface ClientFacts {
  readonly address: Address;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly requests: number;
  readonly dropped: Readonly<Record<Reason, number>>;
  /** Average time between the last requests; undefined before the second. */
  readonly intervalMs: number | undefined;
}

/** Every row that has an owner, read from another thread. */
export function readClients(table: ClientTable): ClientFacts[] {
  const { rows, words, numbers } = viewsOf(table);
  assert(REASONS.length <= NUMBER.creditMs - NUMBER.dropped, 'each reason has a column');
  const clients: ClientFacts[] = [];
  for (let row = 0; row < rows; row += 1) {
    const found = readRow(words, numbers, row);
    if (found !== undefined) clients.push(found);
  }
  return clients;
}

/** A row that changes hands while it is read is left out: its old owner is forgotten, its new one just came. */
function readRow(words: Int32Array, numbers: Float64Array, row: number): ClientFacts | undefined {
  const at = row * WORDS;
  const owners = Atomics.load(words, at + OWNERS);
  if (owners === 0 || (owners & 1) === 1) return undefined;
  const word = (i: number) => (words[at + i] as number) >>> 0;
  const number = (column: number) => numbers[row * NUMBERS + column] as number;
  const facts: ClientFacts = {
    address: { w0: word(0), w1: word(1), w2: word(2), w3: word(3) },
    firstMs: number(NUMBER.firstMs),
    lastMs: number(NUMBER.lastMs),
    requests: number(NUMBER.requests),
    dropped: Object.fromEntries(REASONS.map((reason, i) => [reason, number(NUMBER.dropped + i)])) as Record<
      Reason,
      number
    >,
    intervalMs: number(NUMBER.requests) < 2 ? undefined : number(NUMBER.intervalMs),
  };
  return Atomics.load(words, at + OWNERS) === owners ? facts : undefined;
}
