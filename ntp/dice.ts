// Random bits that cost nothing: xorshift128 (Marsaglia 2003), seeded by whoever starts it, so that a test can
// replay a day. For the bits below the clock's precision and for the leak of the rate limit.
//
// Refuses: to make secrets. A cookie that must not be guessed comes from node:crypto (exchange.ts).

export class Dice {
  readonly #state = new Int32Array(4);

  /** Any four numbers; all zeros are taken for something else, since they would stay zeros. */
  constructor(seed: readonly number[]) {
    for (let i = 0; i < 4; i += 1) this.#state[i] = (seed[i] ?? 0) ^ (0x9e3779b9 * (i + 1));
    for (let i = 0; i < 16; i += 1) this.word();
  }

  /** 32 random bits as a signed number. */
  word(): number {
    const state = this.#state;
    let t = state[3] as number;
    const s = state[0] as number;
    state[3] = state[2] as number;
    state[2] = state[1] as number;
    state[1] = s;
    t ^= t << 11;
    t ^= t >>> 8;
    const next = t ^ s ^ (s >>> 19);
    state[0] = next;
    return next;
  }
}
