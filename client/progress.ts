// How fast a destination's queue empties, and how long that will take: from what is counted once a second.
//
// A backlog is what waits beyond what is under way, from BACKLOG_RECORDS on, until it is gone. Its total grows
// with what comes meanwhile: "48,213 of 210,000" means that 161,787 of what was waiting, or came since, is gone.
// Refuses: to guess. A time left is told only while the queue gets shorter.

/** Fewer are the ordinary to and fro of a busy queue. */
export const BACKLOG_RECORDS = 1000;

/** Rates are those of the last so many observations, at most. */
const OBSERVATIONS_MAX = 5;

export interface Observation {
  /** Milliseconds of a clock that never jumps. */
  readonly atMs: number;
  /** So far, in this run. */
  readonly delivered: number;
  readonly waiting: number;
  readonly underWay: number;
}

export interface Draining {
  readonly waiting: number;
  /** The most that waited since the backlog began, and what of it is delivered counts as done. */
  readonly total: number;
  readonly perSecond: number;
  /** Undefined: it does not get shorter. */
  readonly leftMs: number | undefined;
}

export interface Drained {
  readonly records: number;
  readonly tookMs: number;
}

interface Backlog {
  readonly beganMs: number;
  readonly deliveredBefore: number;
  /** The most that waited, with what was delivered before that. */
  total: number;
  /** When something of it was delivered first. */
  drainsSinceMs: number | undefined;
}

export class Progress {
  #seen: Observation[] = [];
  #backlog: Backlog | undefined;

  /** Once a second. What it gives is the backlog that has just come to its end. */
  observe(now: Observation): Drained | undefined {
    this.#seen.push(now);
    if (this.#seen.length > OBSERVATIONS_MAX + 1) this.#seen.shift();
    const beyond = now.waiting - now.underWay;
    if (this.#backlog === undefined) {
      if (beyond > BACKLOG_RECORDS) this.#begin(now);
      return undefined;
    }
    return this.#follow(this.#backlog, now, beyond);
  }

  #begin({ atMs, delivered, waiting }: Observation): void {
    this.#backlog = { beganMs: atMs, deliveredBefore: delivered, total: waiting, drainsSinceMs: undefined };
  }

  #follow(backlog: Backlog, now: Observation, beyond: number): Drained | undefined {
    const done = now.delivered - backlog.deliveredBefore;
    backlog.total = Math.max(backlog.total, now.waiting + done);
    if (done > 0 && backlog.drainsSinceMs === undefined) {
      // The seconds in which nothing was delivered say nothing about how fast it goes now.
      this.#seen = this.#seen.slice(-2);
      backlog.drainsSinceMs = this.#seen[0]?.atMs ?? now.atMs;
    }
    if (beyond > 0) return undefined;
    this.#backlog = undefined;
    return { records: done, tookMs: now.atMs - (backlog.drainsSinceMs ?? now.atMs) };
  }

  /** Delivered, by the last seconds. */
  get perSecond(): number {
    return this.#slope(({ delivered }) => delivered);
  }

  #slope(value: (one: Observation) => number): number {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((value(last) - value(first)) * 1000) / (last.atMs - first.atMs);
  }

  /** Undefined: there is no backlog, or nothing of it is delivered. */
  get draining(): Draining | undefined {
    const last = this.#seen.at(-1);
    const { perSecond } = this;
    if (this.#backlog === undefined || last === undefined || perSecond <= 0) return undefined;
    const shorter = -this.#slope(({ waiting }) => waiting);
    const leftMs = shorter > 0 ? (last.waiting * 1000) / shorter : undefined;
    return { waiting: last.waiting, total: this.#backlog.total, perSecond, leftMs };
  }
}
