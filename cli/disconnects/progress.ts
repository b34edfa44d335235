// How far the reading is, on one line of a terminal: percent, speed and what was found. In a pipe there is none.
// Refuses: to be drawn more often than a person can see.

import { printSize } from '../../base/units.ts';
import type { Io } from '../io.ts';
import { LiveView } from '../live-view.ts';
import type { LogFile } from './files.ts';

const DRAW_MS = 200;

export class Progress {
  readonly #view: LiveView;
  readonly #beganMs = performance.now();
  #all = 0;
  #what = '';
  #done = 0;
  #drawnMs = 0;

  constructor(io: Io) {
    this.#view = new LiveView(io);
    // What takes less than this is over before anybody looks.
    this.#drawnMs = this.#beganMs + DRAW_MS;
  }

  /** The files will be read so many times, for what the word says. */
  begin(files: readonly LogFile[], times: number, what: string): void {
    this.#all = times * files.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#done = 0;
    this.#what = what;
  }

  readonly onBytes = (count: number): void => {
    this.#done += count;
    const nowMs = performance.now();
    if (!this.#view.isOn || nowMs - this.#drawnMs < DRAW_MS) return;
    this.#drawnMs = nowMs;
    const percent = Math.min(100, Math.floor((this.#done * 100) / Math.max(1, this.#all)));
    this.#view.draw([`${this.#what}: ${percent} % of ${printSize(this.#all)}.`]);
  };

  end(): void {
    this.#view.draw([]);
  }
}
