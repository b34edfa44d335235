// How many events may become messages: a bucket of tokens for all, and one for each client address, so that a scan of
// two thousand ports cannot become a log flood nor silence the others. What is held back is counted by kind, to be
// said in a message of its own. Memory is fixed: addresses share buckets by their hash, and lose only sooner by it.
//
// Refuses: to hold back `update` and interval records, which have a rate of their own.

import type { Turn } from '../flow/turn.ts';

const CLIENT_BUCKETS = 4096;

export interface RateLimits {
  /** Events a second in the long run, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  readonly clientPerSecond: number;
  readonly clientBurst: number;
}

export const RATE_LIMITS: RateLimits = { perSecond: 200, burst: 1000, clientPerSecond: 10, clientBurst: 100 };

export class EventRate {
  /** By kind, since take() was last called. */
  private suppressed = new Map<Turn, number>();
  private readonly tokens = new Float64Array(CLIENT_BUCKETS + 1);
  private readonly filledUs = new Float64Array(CLIENT_BUCKETS + 1);
  private readonly limits: RateLimits;

  constructor(limits: RateLimits = RATE_LIMITS) {
    this.limits = limits;
    this.tokens.fill(limits.clientBurst);
    this.tokens[CLIENT_BUCKETS] = limits.burst;
  }

  /** Whether this event may be said; `w2` and `w3` are the last words of the client's address. */
  allows(turn: Turn, w2: number, w3: number, nowUs: number): boolean {
    if (turn === 'update') return true;
    const { perSecond, burst, clientPerSecond, clientBurst } = this.limits;
    const bucket = (Math.imul(w2 ^ Math.imul(w3, 0x9e3779b1), 0x85ebca6b) >>> 16) % CLIENT_BUCKETS;
    this.fill(bucket, clientPerSecond, clientBurst, nowUs);
    this.fill(CLIENT_BUCKETS, perSecond, burst, nowUs);
    if ((this.tokens[bucket] as number) < 1 || (this.tokens[CLIENT_BUCKETS] as number) < 1) {
      this.suppressed.set(turn, (this.suppressed.get(turn) ?? 0) + 1);
      return false;
    }
    this.tokens[bucket] = (this.tokens[bucket] as number) - 1;
    this.tokens[CLIENT_BUCKETS] = (this.tokens[CLIENT_BUCKETS] as number) - 1;
    return true;
  }

  private fill(bucket: number, perSecond: number, burst: number, nowUs: number): void {
    const before = this.filledUs[bucket] as number;
    // A clock that was set back gives nothing and takes nothing.
    const gained = before === 0 ? burst : Math.max(0, nowUs - before) * (perSecond / 1e6);
    this.tokens[bucket] = Math.min(burst, (this.tokens[bucket] as number) + gained);
    this.filledUs[bucket] = nowUs;
  }

  /** What was held back, by kind, and the counts begin anew; empty if nothing was. */
  take(): ReadonlyMap<Turn, number> {
    const taken = this.suppressed;
    this.suppressed = new Map();
    return taken;
  }
}
