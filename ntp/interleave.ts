// Interleaved mode (RFC 9769): an answer carries the time at which the answer before it really left, which is
// known only afterwards. A client asks for that by giving back the receive time of the answer before; so
// for clients that do it, and only for those, we keep receive time → transmit time.
//
// 4 entries make a set, the oldest gives way: the memory is bounded and a lookup looks at four places. To tell
// the two kinds of origin apart without looking, our receive times are odd and our transmit times even.
// An entry is used once: a replayed request gets a plain answer.

const WAYS = 4;
const WORDS = 5;
const USED = 4;

export const INTERLEAVE_ENTRIES = 4096;

export class SentTimes {
  /** Of each entry: receive seconds and fraction, transmit seconds and fraction, age. */
  readonly #words: Int32Array;
  readonly #setMask: number;
  #age = 0;
  /** What `find` found. */
  seconds = 0;
  fraction = 0;

  constructor(entries: number = INTERLEAVE_ENTRIES) {
    let sets = 1;
    while (sets * WAYS < entries) sets *= 2;
    this.#words = new Int32Array(sets * WAYS * WORDS);
    this.#setMask = sets - 1;
  }

  #set(seconds: number, fraction: number): number {
    const hash = Math.imul(fraction ^ Math.imul(seconds, 0x85ebca6b), 0xc2b2ae35);
    return ((hash ^ (hash >>> 15)) & this.#setMask) * WAYS * WORDS;
  }

  /** Our clock was stepped: what was kept is of another timescale. */
  clear(): void {
    this.#words.fill(0);
  }

  keep(receiveSec: number, receiveFraction: number, sentSec: number, sentFraction: number): void {
    const words = this.#words;
    const from = this.#set(receiveSec, receiveFraction);
    let oldest = from;
    for (let at = from; at < from + WAYS * WORDS; at += WORDS) {
      if (words[at + USED] === 0) {
        oldest = at;
        break;
      }
      // Ages wrap after 2^31 entries; their difference does not mind.
      if ((((words[at + USED] as number) - (words[oldest + USED] as number)) | 0) < 0) oldest = at;
    }
    this.#age = (this.#age + 1) | 0 || 1;
    words[oldest] = receiveSec;
    words[oldest + 1] = receiveFraction;
    words[oldest + 2] = sentSec;
    words[oldest + 3] = sentFraction;
    words[oldest + USED] = this.#age;
  }

  /** Takes the entry out, if it is there. */
  find(receiveSec: number, receiveFraction: number): boolean {
    const words = this.#words;
    const from = this.#set(receiveSec, receiveFraction);
    for (let at = from; at < from + WAYS * WORDS; at += WORDS) {
      if (words[at + 1] !== receiveFraction || words[at] !== receiveSec || words[at + USED] === 0) continue;
      this.seconds = words[at + 2] as number;
      this.fraction = words[at + 3] as number;
      words[at + USED] = 0;
      return true;
    }
    return false;
  }
}
