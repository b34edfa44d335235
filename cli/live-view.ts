// The last lines of a terminal, rewritten in place, below the lines of the log that go by above them. Where
// standard error is no terminal, the log is all there is.

import type { Io } from './io.ts';
import { plainText } from './table.ts';

/** ECMA-48: to the start of the line so many lines up, and everything from there erased. */
function back(lines: number): string {
  return lines === 0 ? '' : `\r\u001b[${lines}A\u001b[J`;
}

export class LiveView {
  readonly isOn: boolean;
  readonly #io: Io;
  #lines: readonly string[] = [];

  constructor(io: Io) {
    this.#io = io;
    this.isOn = io.stderrIsTerminal;
  }

  /** Lines of the log, whole ones. */
  write(text: string): void {
    this.#io.stderr(`${back(this.#lines.length)}${text}${this.#text()}`);
  }

  draw(lines: readonly string[]): void {
    const before = this.#lines.length;
    // One column is left free: a line that fills the last one is two on some terminals.
    this.#lines = lines.map((line) => plainText(line).slice(0, this.#io.columns - 1));
    this.#io.stderr(`${back(before)}${this.#text()}`);
  }

  /** The lines stay where they are; what comes stands below them. */
  clear(): void {
    this.#lines = [];
  }

  #text(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }
}
