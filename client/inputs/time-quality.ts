// How good the clock of this host is, as the element that RFC 5424 section 7.1 defines for it:
// `[timeQuality tzKnown="1" isSynced="1" syncAccuracy="1234"]`. Read from the kernel, at most once a second.
// Refuses: to give an accuracy for a clock that nobody keeps (section 7.1.3 forbids it), and to speak about
// times that are not this clock's, or of long ago.

import type { KernelClock } from '../../kernel/clock.ts';

const RENEW_MS = 1000;
/** What the kernel says now says little about its clock of an hour ago. */
const VOUCH_SEC = 60;

/** The same as values. */
export interface ClockTrust {
  readonly isSynced: boolean;
  /** Microseconds; only for a clock that somebody keeps. */
  readonly accuracyUs: number | undefined;
}

function trustOf(clock: KernelClock | undefined): ClockTrust {
  if (clock === undefined || !clock.synchronised || clock.maxErrorSec < 0)
    return { isSynced: false, accuracyUs: undefined };
  return { isSynced: true, accuracyUs: Math.round(clock.maxErrorSec * 1e6) };
}

export function printTimeQuality(clock: KernelClock | undefined): string {
  const { isSynced, accuracyUs } = trustOf(clock);
  const accuracy = accuracyUs === undefined ? '' : ` syncAccuracy="${accuracyUs}"`;
  return `[timeQuality tzKnown="1" isSynced="${isSynced ? 1 : 0}"${accuracy}]`;
}

export class TimeQuality {
  /** The element as it is now. */
  bytes: Uint8Array = new Uint8Array(0);
  trust: ClockTrust = { isSynced: false, accuracyUs: undefined };
  readonly #readClock: () => KernelClock | undefined;
  readonly #now: () => number;
  #renewedMs: number;

  /** `readClock` is readKernelClock of kernel/clock.ts, `now` is milliseconds since 1970. */
  constructor(readClock: () => KernelClock | undefined, now: () => number) {
    this.#readClock = readClock;
    this.#now = now;
    this.#renewedMs = now();
    this.#read();
  }

  /** Once for each batch. */
  renew(): void {
    const nowMs = this.#now();
    if (Math.abs(nowMs - this.#renewedMs) < RENEW_MS) return;
    this.#renewedMs = nowMs;
    this.#read();
  }

  /** Does it say something about a time that our clock showed at `sec`? */
  covers(sec: number): boolean {
    return Math.abs(sec - this.#renewedMs / 1000) <= VOUCH_SEC;
  }

  #read(): void {
    const clock = this.#readClock();
    this.trust = trustOf(clock);
    this.bytes = Buffer.from(printTimeQuality(clock));
  }
}
