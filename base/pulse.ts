// Whether every thread of a program lives: each adds to a number of its own from time to time, and a number that
// has stood still for too long is a thread that hangs. Values in, verdict out: no timer, no clock.
//
// Refuses: to say why. A thread in a loop and one in a call to a disk that does not answer stand still alike.

export interface Beat {
  /** "lane 2". */
  readonly name: string;
  /** Grows as long as the thread lives. */
  readonly beats: number;
}

interface Seen {
  beats: number;
  atMs: number;
}

export class Pulse {
  readonly #patienceMs: number;
  readonly #seen = new Map<string, Seen>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The names of those that stand still. `nowMs`: of a clock that never jumps. */
  look(beats: readonly Beat[], nowMs: number): string[] {
    const names = new Set(beats.map(({ name }) => name));
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
    return beats.filter((beat) => !this.#lives(beat, nowMs)).map(({ name }) => name);
  }

  #lives({ name, beats }: Beat, nowMs: number): boolean {
    const seen = this.#seen.get(name);
    if (seen === undefined || seen.beats !== beats) {
      this.#seen.set(name, { beats, atMs: nowMs });
      return true;
    }
    return nowMs - seen.atMs < this.#patienceMs;
  }
}
