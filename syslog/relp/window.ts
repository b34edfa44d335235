// The messages of a RELP client that have been sent and are not settled: a ring in the order of sending, each
// with a reference of the caller's and the number it went out under. Promises: no allocation for a message; the
// ring's head moves only over messages that are settled (acknowledged, or given up by the caller), so
// `settledThrough` is a safe place for a cursor; which of the others are unacknowledged is known exactly.
//
// Refuses: to hold the messages themselves. Whoever sends again has them still.

import { assert } from '../../base/assert.ts';

const WAITING = 1;
const ACKNOWLEDGED = 2;
const REFUSED = 3;
const GIVEN_UP = 4;

/** What an answer says of a number: `unknown` when no message waits under it. */
export type Answered = 'unknown' | 'acknowledged' | 'refused';

function powerOfTwo(atLeast: number): number {
  let size = 1;
  while (size < atLeast) size *= 2;
  return size;
}

export class RelpWindow {
  /** Reference of the last answer that was not `unknown`. */
  answeredRef = 0;
  /** Messages whose answer is still to come. */
  waitingCount = 0;
  /** Every message up to this one is settled; undefined while not even the first is. */
  settledThrough: number | undefined;

  private readonly sizeMax: number;
  private readonly refs: Float64Array;
  private readonly txnrs: Int32Array;
  private readonly states: Uint8Array;
  /** For the low bits of a number, the place of the message that waits under it, or -1. */
  private readonly placeOf: Int32Array;
  private head = 0;
  private tail = 0;

  constructor(sizeMax: number) {
    assert(sizeMax >= 1, 'a window has room for one message');
    this.sizeMax = sizeMax;
    this.refs = new Float64Array(sizeMax);
    this.txnrs = new Int32Array(sizeMax);
    this.states = new Uint8Array(sizeMax);
    // Twice the window, so that a message that was sent again seldom meets an old one.
    this.placeOf = new Int32Array(powerOfTwo(sizeMax * 2)).fill(-1);
  }

  /** Messages that are not behind the head: waiting, refused, or settled behind one of these. */
  get size(): number {
    return this.tail - this.head;
  }

  /** Can a new message go out under this number? */
  hasRoom(txnr: number): boolean {
    return this.size < this.sizeMax && this.isFree(txnr);
  }

  /** False while an older message waits under a number with the same low bits. */
  isFree(txnr: number): boolean {
    return this.placeOf[this.bitsOf(txnr)] === -1;
  }

  add(ref: number, txnr: number): void {
    const place = this.tail % this.sizeMax;
    this.tail += 1;
    this.refs[place] = ref;
    this.wait(place, txnr);
  }

  /** A refused message goes out once more, in its old place. */
  addAgain(ref: number, txnr: number): void {
    this.wait(this.refusedPlace(ref), txnr);
  }

  private wait(place: number, txnr: number): void {
    this.txnrs[place] = txnr;
    this.states[place] = WAITING;
    this.placeOf[this.bitsOf(txnr)] = place;
    this.waitingCount += 1;
  }

  answer(txnr: number, isOk: boolean): Answered {
    const bits = this.bitsOf(txnr);
    const place = this.placeOf[bits] as number;
    if (place < 0 || this.txnrs[place] !== txnr) return 'unknown';
    this.placeOf[bits] = -1;
    this.waitingCount -= 1;
    this.answeredRef = this.refs[place] as number;
    this.states[place] = isOk ? ACKNOWLEDGED : REFUSED;
    if (isOk) this.advance();
    return isOk ? 'acknowledged' : 'refused';
  }

  /** The caller has done with a refused message otherwise. */
  giveUp(ref: number): void {
    this.states[this.refusedPlace(ref)] = GIVEN_UP;
    this.advance();
  }

  /** In the order of sending; what was refused and not given up is among them. */
  unacknowledged(): number[] {
    const refs: number[] = [];
    for (let i = this.head; i < this.tail; i++) {
      const state = this.states[i % this.sizeMax];
      if (state === WAITING || state === REFUSED) refs.push(this.refs[i % this.sizeMax] as number);
    }
    return refs;
  }

  /** What was settled behind one that is not, in the order of sending. */
  settledBeyond(): number[] {
    const refs: number[] = [];
    for (let i = this.head; i < this.tail; i++) {
      const state = this.states[i % this.sizeMax];
      if (state === ACKNOWLEDGED || state === GIVEN_UP) refs.push(this.refs[i % this.sizeMax] as number);
    }
    return refs;
  }

  private bitsOf(txnr: number): number {
    return txnr & (this.placeOf.length - 1);
  }

  private advance(): void {
    for (; this.head < this.tail; this.head++) {
      const place = this.head % this.sizeMax;
      if (this.states[place] !== ACKNOWLEDGED && this.states[place] !== GIVEN_UP) return;
      this.settledThrough = this.refs[place] as number;
    }
  }

  private refusedPlace(ref: number): number {
    for (let i = this.head; i < this.tail; i++) {
      const place = i % this.sizeMax;
      if (this.states[place] === REFUSED && this.refs[place] === ref) return place;
    }
    assert(false, 'the message was refused and is not settled');
  }
}
