// Lines for a program, or for a person with a pipe: each event as it happens. Promises: a reader that is slow holds up
// nothing; what has no room is counted, and said in a line of its own as soon as there is room.
// Refuses: to keep more than WAITING_MAX characters.

import { Outlet } from './outlet.ts';

/** Some ten thousand events. */
const WAITING_MAX = 4 * 1024 * 1024;
/** `| head -1` is over once it has its line, not at the next event. */
const LOOK_MS = 250;
const PIECE_MAX = 64 * 1024;

export class LineOutlet {
  readonly #outlet: Outlet;
  readonly #lossLine: (lines: number) => string;
  #waiting: string[] = [];
  #waitingLength = 0;
  #lost = 0;
  readonly #watch: NodeJS.Timeout;
  #drained: (() => void) | undefined;

  /** `lossLine` tells of so many lines that are missing. */
  constructor(onGone: (code: string) => void, lossLine: (lines: number) => string, path?: string) {
    this.#outlet = new Outlet(onGone, path);
    this.#lossLine = lossLine;
    this.#watch = setInterval(() => this.#outlet.look(), LOOK_MS);
    this.#watch.unref();
  }

  get isGone(): boolean {
    return this.#outlet.isGone;
  }

  /** Without its line feed. False: it had no room. */
  line(text: string): boolean {
    if (this.#outlet.isGone) return false;
    if (this.#waitingLength + text.length > WAITING_MAX) {
      this.#lost += 1;
      return false;
    }
    if (this.#lost > 0) {
      const loss = this.#lossLine(this.#lost);
      this.#lost = 0;
      this.#add(loss);
    }
    this.#add(text);
    this.#pump();
    return true;
  }

  #add(text: string): void {
    this.#waiting.push(`${text}\n`);
    this.#waitingLength += text.length + 1;
  }

  #pump(): void {
    if (!this.#outlet.isFree) return;
    if (this.#waiting.length === 0) {
      this.#drained?.();
      return;
    }
    let [count, length] = [0, 0];
    while (count < this.#waiting.length && length < PIECE_MAX) length += this.#waiting[count++]?.length ?? 0;
    const piece = this.#waiting.splice(0, count).join('');
    this.#waitingLength -= piece.length;
    this.#outlet.write(piece, () => this.#pump());
  }

  /** Gives the reader so long to take what is left. */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#lost > 0) this.#add(this.#lossLine(this.#lost));
    this.#lost = 0;
    if (!this.#outlet.isGone && (this.#waiting.length > 0 || !this.#outlet.isFree)) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, deadlineMs);
        this.#drained = () => {
          clearTimeout(timer);
          done();
        };
        this.#pump();
      });
    }
    clearInterval(this.#watch);
    this.#outlet.close();
  }
}
