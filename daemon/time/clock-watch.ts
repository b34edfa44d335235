// What the time server knows of its clock: how precisely it can be read, what the kernel says of it, and whether
// somebody has set it. The seam to whatever keeps the clock: `standing` is asked once a second, today of the
// kernel's own account, later of the sources that Belfry follows itself.

import { ClockReader, type KernelClock, measureGaps, readKernelClock } from '../../kernel/clock.ts';
import { precisionOf } from '../../ntp/precision.ts';
import { type Standing, standingOf } from '../../ntp/standing.ts';

/** Readings for the precision: a tenth of a millisecond for each round. */
const READINGS = 1000;
const ROUNDS = 10;
/** Slewing moves both clocks alike, so only a step shows; this is far above what two readings can differ. */
const STEP_MIN_SEC = 0.001;
/** Two readings that are further apart were interrupted. */
const PAIR_MAX_SEC = 0.0001;

/** Where adjtimex is not allowed, nobody vouches for the clock. */
const UNKNOWN: KernelClock = { synchronised: false, maxErrorSec: 16, pending: 'none', leaping: false };

export class ClockWatch {
  readonly real = new ClockReader('realtime');
  kernel: KernelClock = UNKNOWN;
  /** How far the clock was set in all since the start: without it, it is one that is never stepped. */
  steppedMs = 0;
  readonly #monotonic = new ClockReader('monotonic');
  #apartSec: number | undefined;

  /** log2 of seconds: the best of some rounds, since a round may be interrupted. */
  measurePrecision(): number {
    const rounds = Array.from({ length: ROUNDS }, () => precisionOf(measureGaps(this.real, READINGS)));
    return Math.min(...rounds);
  }

  /** Looks at the clocks. By how many seconds ours was set since the last look; 0 if it was not. */
  look(): number {
    this.kernel = readKernelClock() ?? UNKNOWN;
    const apartSec = this.#readApart();
    if (apartSec === undefined) return 0;
    const bySec = apartSec - (this.#apartSec ?? apartSec);
    this.#apartSec = apartSec;
    if (Math.abs(bySec) < STEP_MIN_SEC) return 0;
    this.steppedMs += bySec * 1000;
    return bySec;
  }

  /** Real time less monotonic time; undefined when the reading was interrupted. */
  #readApart(): number | undefined {
    const monotonic = this.#monotonic;
    monotonic.read();
    const { sec, nanos } = monotonic;
    this.real.read();
    const apartSec = this.real.sec - sec + (this.real.nanos - nanos) / 1e9;
    monotonic.read();
    const tookSec = monotonic.sec - sec + (monotonic.nanos - nanos) / 1e9;
    return tookSec <= PAIR_MAX_SEC ? apartSec : undefined;
  }

  standing(local: { readonly stratum: number } | undefined): Standing {
    return standingOf(this.kernel, local, this.real.sec);
  }
}
