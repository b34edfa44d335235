// How well we know the time, and what an answer says of it. `Standing` is the seam to whatever keeps the clock:
// today the kernel's own account of it with a local reference, later the sources that Belfry asks itself.
//
// Refuses: to claim a stratum that nobody gave us. A clock that somebody else keeps is known to be kept, but
// not by whom; without a local stratum the answer is then "not synchronised", like one that nobody keeps.

import type { Dice } from './dice.ts';
import { LEAP, type Leap } from './header.ts';
import { LOCAL_REFERENCE } from './reference.ts';
import { encodeShort } from './short.ts';
import { nanosBetween } from './timestamp.ts';

export type Standing =
  | { readonly kind: 'unsynchronised' }
  | {
      readonly kind: 'local';
      readonly stratum: number;
      readonly rootDispersionSec: number;
      readonly leap: Leap;
    }
  | {
      readonly kind: 'synchronised';
      readonly stratum: number;
      readonly referenceId: number;
      readonly rootDelaySec: number;
      /** At `updatedSec`; it grows from there. */
      readonly rootDispersionSec: number;
      /** Seconds and fraction as on the wire. */
      readonly updatedSec: number;
      readonly updatedFraction: number;
      readonly growthPerSec: number;
      readonly leap: Leap;
    };

/** What the kernel knows of its clock (adjtimex). */
export interface ClockFacts {
  readonly synchronised: boolean;
  readonly maxErrorSec: number;
  /** A leap second that the kernel has been told of. */
  readonly pending: 'none' | 'insert' | 'remove';
  /** The leap second is happening now. */
  readonly leaping: boolean;
}

/** Beyond this the kernel's own estimate says that nobody keeps the clock any more (chrony's `distance`). */
const ERROR_MAX_SEC = 1;

export function standingOf(
  clock: ClockFacts,
  local: { readonly stratum: number } | undefined,
  unixSec: number,
): Standing {
  if (!local) return { kind: 'unsynchronised' };
  const kept = clock.synchronised && clock.maxErrorSec <= ERROR_MAX_SEC;
  return {
    kind: 'local',
    stratum: local.stratum,
    rootDispersionSec: kept ? clock.maxErrorSec : 0,
    leap: leapOfClock(clock, unixSec),
  };
}

/** Leap seconds come at the end of June or December alone; while one happens, no time is certain. */
function leapOfClock(clock: ClockFacts, unixSec: number): Leap {
  if (clock.leaping) return LEAP.unsynchronised;
  if (clock.pending === 'none' || !isLeapDay(unixSec)) return LEAP.none;
  return clock.pending === 'insert' ? LEAP.insert : LEAP.remove;
}

export function isLeapDay(unixSec: number): boolean {
  const tomorrow = new Date((unixSec + 86_400) * 1000);
  return tomorrow.getUTCDate() === 1 && (tomorrow.getUTCMonth() === 6 || tomorrow.getUTCMonth() === 0);
}

/** A local reference has no last update, so one is made up this often, as chrony does. */
const UPDATE_SEC = 64;

/** The fields of every answer, as they go onto the wire. Made anew once a second. */
export class Served {
  leap: number = LEAP.unsynchronised;
  stratum = 0;
  precision = 0;
  /** Of a fraction's bits, those that are finer than the precision. */
  fuzzMask = 0;
  rootDelay = 0;
  rootDispersion = 0;
  referenceId = 0;
  referenceSec = 0;
  referenceFraction = 0;
  readonly #dice: Dice;

  constructor(precision: number, dice: Dice) {
    this.#dice = dice;
    this.setPrecision(precision);
    this.update({ kind: 'unsynchronised' }, 0, 0);
  }

  setPrecision(precision: number): void {
    this.precision = precision;
    this.fuzzMask = (1 << Math.max(1, 32 + precision)) - 1;
  }

  /** `nowSec`, `nowFraction`: the time now, as on the wire. */
  update(standing: Standing, nowSec: number, nowFraction: number): void {
    switch (standing.kind) {
      case 'unsynchronised':
        this.#set(LEAP.unsynchronised, 0, 0, 1, 1);
        this.referenceSec = 0;
        this.referenceFraction = 0;
        return;
      case 'local':
        this.#set(standing.leap, standing.stratum, LOCAL_REFERENCE, 0, standing.rootDispersionSec);
        this.#moveReference(nowSec, nowFraction);
        return;
      case 'synchronised': {
        const { updatedSec, updatedFraction, growthPerSec } = standing;
        const ageSec = Math.max(0, nanosBetween(nowSec, nowFraction, updatedSec, updatedFraction) / 1e9);
        // One second more: the next update comes then, and the dispersion grows until it does.
        const dispersionSec = standing.rootDispersionSec + (ageSec + 1) * growthPerSec;
        this.#set(
          standing.leap,
          standing.stratum,
          standing.referenceId,
          standing.rootDelaySec,
          dispersionSec,
        );
        this.referenceSec = updatedSec;
        this.referenceFraction = updatedFraction | 1;
      }
    }
  }

  #set(leap: number, stratum: number, referenceId: number, delaySec: number, dispersionSec: number): void {
    this.leap = leap;
    this.stratum = stratum;
    this.referenceId = referenceId;
    this.rootDelay = encodeShort(delaySec);
    this.rootDispersion = encodeShort(dispersionSec);
  }

  /** Between one and two seconds ago, by chance, so that nobody learns our receive times from it. */
  #moveReference(nowSec: number, nowFraction: number): void {
    const ageSec = nanosBetween(nowSec, nowFraction, this.referenceSec, this.referenceFraction) / 1e9;
    if (ageSec >= 1 && ageSec < UPDATE_SEC) return;
    this.referenceSec = (nowSec - 2) | 0;
    this.referenceFraction = this.#dice.word() | 1;
  }
}
