// Datagrams on their way from the receiving thread to the main loop: a ring in shared memory, one writer, one
// reader. Bounded: what finds no room is dropped by the writer and counted, since a program that logs must
// never be made to wait. The reason is the reader's: `queue_full` while a queue holds it back, else `busy`.
//
//   control   head u32 | tail u32 | waiting | held      head and tail count bytes for ever, modulo 2^32
//   counts    one f64 for each of COUNTS
//   ring      of 2^n bytes; a datagram, aligned to 8 and never split:
//             length u32 | flags u32 | who 4 × u32 | nanos u32 | unused | sec f64 | length bytes
//             length 2^32 - 1: nothing more before the end of the ring

import { assert } from '../../../base/assert.ts';

const CONTROL_BYTES = 64;
const COUNTS_AT = CONTROL_BYTES;
const RING_AT = 128;
const HEADER = 40;
const SKIP = 0xffff_ffff;
/** What a flood may fill before the main loop comes: at 200 bytes some 17,000 datagrams. */
const RING_BYTES = 4 * 1024 * 1024;

const WORD = { head: 0, tail: 1, waiting: 2, held: 3 } as const;
const HEAD = { length: 0, flags: 1, who: 2, nanos: 6 } as const;

/** Each is written by the thread alone. */
const COUNTS = ['received', 'busy', 'queueFull', 'cut', 'notAllowed', 'kernelDrops'] as const;
export type DatagramCount = (typeof COUNTS)[number];

const CUT = 1;

export function makeDatagramRing(maxMessageBytes: number): SharedArrayBuffer {
  let size = RING_BYTES;
  while (size < 4 * maxMessageBytes) size *= 2;
  return new SharedArrayBuffer(RING_AT + size);
}

function aligned(length: number): number {
  return (HEADER + length + 7) & ~7;
}

/** The thread's side. */
export class DatagramWriter {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #seconds: Float64Array;
  readonly #control: Int32Array;
  readonly #counts: Float64Array;
  readonly #size: number;
  #head: number;

  constructor(ring: SharedArrayBuffer) {
    this.#size = ring.byteLength - RING_AT;
    this.#bytes = Buffer.from(ring, RING_AT);
    this.#words = new Uint32Array(ring, RING_AT);
    this.#seconds = new Float64Array(ring, RING_AT);
    this.#control = new Int32Array(ring, 0, CONTROL_BYTES / 4);
    this.#counts = new Float64Array(ring, COUNTS_AT, COUNTS.length);
    this.#head = Atomics.load(this.#control, WORD.head) >>> 0;
  }

  count(what: DatagramCount, by: number): void {
    (this.#counts[COUNTS.indexOf(what)] as number) += by;
  }

  /** Seen by the reader after `publish`. `who`: four words, in the writer's meaning. */
  put(
    from: Uint8Array,
    start: number,
    end: number,
    who: readonly [number, number, number, number] | Uint32Array,
    sec: number,
    nanos: number,
    isCut: boolean,
  ): void {
    this.count('received', 1);
    if (isCut) this.count('cut', 1);
    const at = this.#room(aligned(end - start));
    if (at < 0) {
      this.count(Atomics.load(this.#control, WORD.held) === 1 ? 'queueFull' : 'busy', 1);
      return;
    }
    const word = at >> 2;
    this.#words[word + HEAD.length] = end - start;
    this.#words[word + HEAD.flags] = isCut ? CUT : 0;
    for (let i = 0; i < 4; i += 1) this.#words[word + HEAD.who + i] = who[i] as number;
    this.#words[word + HEAD.nanos] = nanos;
    this.#seconds[(at + 32) >> 3] = sec;
    this.#bytes.set(from.subarray(start, end), at + HEADER);
    this.#head = (this.#head + aligned(end - start)) >>> 0;
  }

  /** Where so many bytes go, in one piece; -1: there is no room. */
  #room(bytes: number): number {
    const used = (this.#head - (Atomics.load(this.#control, WORD.tail) >>> 0)) >>> 0;
    const at = this.#head & (this.#size - 1);
    const left = this.#size - at;
    if (left >= bytes) return this.#size - used >= bytes ? at : -1;
    if (this.#size - used < left + bytes) return -1;
    this.#words[at >> 2] = SKIP;
    this.#head = (this.#head + left) >>> 0;
    return 0;
  }

  /** Shows the reader what was put. True: the reader waits, and must be woken. */
  publish(): boolean {
    if (Atomics.load(this.#control, WORD.head) >>> 0 === this.#head) return false;
    Atomics.store(this.#control, WORD.head, this.#head | 0);
    return Atomics.compareExchange(this.#control, WORD.waiting, 1, 0) === 1;
  }
}

/** The main loop's side. */
export class DatagramQueue {
  readonly ring: SharedArrayBuffer;
  /** Where the datagram that `next` found lies. Valid until `release`. */
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  isCut = false;
  readonly who = new Uint32Array(4);
  sec = 0;
  nanos = 0;

  readonly #words: Uint32Array;
  readonly #seconds: Float64Array;
  readonly #control: Int32Array;
  readonly #counts: Float64Array;
  readonly #size: number;
  #tail = 0;
  #next = 0;

  constructor(maxMessageBytes: number) {
    this.ring = makeDatagramRing(maxMessageBytes);
    this.#size = this.ring.byteLength - RING_AT;
    this.bytes = Buffer.from(this.ring, RING_AT);
    this.#words = new Uint32Array(this.ring, RING_AT);
    this.#seconds = new Float64Array(this.ring, RING_AT);
    this.#control = new Int32Array(this.ring, 0, CONTROL_BYTES / 4);
    this.#counts = new Float64Array(this.ring, COUNTS_AT, COUNTS.length);
  }

  countOf(what: DatagramCount): number {
    return this.#counts[COUNTS.indexOf(what)] as number;
  }

  /** A queue of a destination holds the reader back: drops are its, not the loop's. */
  setHeld(isHeld: boolean): void {
    Atomics.store(this.#control, WORD.held, isHeld ? 1 : 0);
  }

  /** Bytes that wait. */
  get waitingBytes(): number {
    return ((Atomics.load(this.#control, WORD.head) >>> 0) - this.#tail) >>> 0;
  }

  /** Looks at the oldest datagram. False: there is none. */
  next(): boolean {
    if (this.waitingBytes === 0) return false;
    let at = this.#tail & (this.#size - 1);
    if (this.#words[at >> 2] === SKIP) {
      this.#tail = (this.#tail + this.#size - at) >>> 0;
      at = 0;
    }
    const word = at >> 2;
    const length = this.#words[word + HEAD.length] as number;
    assert(length <= this.#size - HEADER, 'a datagram in the ring is no longer than the ring');
    this.isCut = this.#words[word + HEAD.flags] === CUT;
    for (let i = 0; i < 4; i += 1) this.who[i] = this.#words[word + HEAD.who + i] as number;
    this.nanos = this.#words[word + HEAD.nanos] as number;
    this.sec = this.#seconds[(at + 32) >> 3] as number;
    this.start = at + HEADER;
    this.end = this.start + length;
    this.#next = (this.#tail + aligned(length)) >>> 0;
    return true;
  }

  /** Gives back the room of the datagram that `next` found. */
  release(): void {
    this.#tail = this.#next;
    Atomics.store(this.#control, WORD.tail, this.#tail | 0);
  }

  /** The next datagram is to wake us. False: one is here already. */
  arm(): boolean {
    Atomics.store(this.#control, WORD.waiting, 1);
    if (this.waitingBytes === 0) return true;
    Atomics.store(this.#control, WORD.waiting, 0);
    return false;
  }
}
