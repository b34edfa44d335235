// How much of the processor looking up may take: a bucket of milliseconds that fills with time and is emptied by work. A
// flood of connections then costs names, and never the host.

/** The share of one core that looking up may take for long. */
const SHARE = 0.4;
/** What may be used at once, after a quiet while. */
const BURST_MS = 200;

/** `dear`: processes may be searched; `cheap`: the kernel may be asked for the socket; `none`: neither. */
export type Allowance = 'dear' | 'cheap' | 'none';

export class Budget {
  #leftMs = BURST_MS;
  #filledAtMs: number;

  constructor(nowMs: number) {
    this.#filledAtMs = nowMs;
  }

  allows(nowMs: number): Allowance {
    const passedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = nowMs;
    this.#leftMs = Math.min(BURST_MS, this.#leftMs + passedMs * SHARE);
    if (this.#leftMs > BURST_MS / 3) return 'dear';
    return this.#leftMs > 0 ? 'cheap' : 'none';
  }

  /** What was spent before the first connection counts for none. */
  refill(nowMs: number): void {
    this.#leftMs = BURST_MS;
    this.#filledAtMs = nowMs;
  }

  spend(ms: number): void {
    this.#leftMs -= ms;
  }
}
