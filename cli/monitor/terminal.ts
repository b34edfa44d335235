// The terminal while the live view has it: raw, on its alternate screen, without a cursor; and as it was before on every
// way out: a key, a signal, a crash, a hangup, a stop by Ctrl-Z, the reader gone. Its size is told when it changes, its
// keys as they are pressed.
// Refuses: to draw. Frames are handed in, and dropped while the terminal has not taken the one before.

import type { ReadStream, WriteStream } from 'node:tty';
import { hasReader } from '../../kernel/reader.ts';
import { KeyReader, type Key } from './keys.ts';
import { Outlet } from './outlet.ts';
import { ENTER_SCREEN, LEAVE_SCREEN, Painter } from './painter.ts';
import type { Line } from './text.ts';
import type { Size } from './view.ts';

export interface TerminalListener {
  onKey(key: Key): void;
  /** Another size, or the screen has to be drawn again. */
  onRedraw(): void;
  /** A signal, a hangup, nobody there: with a reason for the exit. */
  onLeave(reason: NodeJS.Signals | 'gone'): void;
}

/** An Escape is a key of its own when nothing follows it so long; ncurses waits longer, people do not like it. */
const ESCAPE_MS = 50;
/** A terminal that takes nothing is left as it is. */
const RESTORE_MS = 500;
/** Within it a job that was told to stop has stopped. */
const STOPPED_MS = 100;
const STDIN = 0;
const FALLBACK: Size = { columns: 80, rows: 24 };
const ENDS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export class Terminal {
  readonly #stdin: ReadStream;
  readonly #stdout: WriteStream;
  readonly #listener: TerminalListener;
  readonly #keys = new KeyReader();
  readonly #painter: Painter;
  readonly #outlet: Outlet;
  #escape: NodeJS.Timeout | undefined;
  #hasScreen = false;
  #isClosed = false;

  constructor(stdin: ReadStream, stdout: WriteStream, hasColours: boolean, listener: TerminalListener) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#listener = listener;
    this.#painter = new Painter(hasColours);
    this.#outlet = new Outlet(() => this.#leave('gone'));
  }

  open(): void {
    for (const signal of ENDS) process.on(signal, this.#onSignal);
    process.on('SIGCONT', this.#onContinue);
    process.on('SIGTSTP', this.#onStop);
    process.on('exit', this.#onExit);
    // Before anybody prints why: on the alternate screen nobody would read it.
    process.on('uncaughtExceptionMonitor', this.#onExit);
    this.#stdin.on('data', this.#onData);
    this.#stdin.on('end', this.#onEnd);
    this.#stdin.on('error', this.#onEnd);
    // Once the terminal has hung up Node cannot ask it for its size, and says so here.
    this.#stdout.on('error', this.#onEnd);
    this.#stdout.on('resize', this.#onResize);
    this.#takeScreen();
    this.#stdin.resume();
  }

  /** False: it has hung up. */
  isThere(): boolean {
    return hasReader(STDIN);
  }

  size(): Size {
    const { columns, rows } = this.#stdout;
    return columns > 0 && rows > 0 ? { columns, rows } : FALLBACK;
  }

  /** False: the terminal is busy with the frame before, and this one is dropped. */
  draw(lines: readonly Line[]): boolean {
    if (!this.#hasScreen || !this.#outlet.isFree) return false;
    const text = this.#painter.paint(lines, this.size());
    if (text !== '') this.#outlet.write(text);
    return true;
  }

  /** Whatever stands there is drawn over, all of it. */
  redraw(): void {
    this.#painter.forget();
    this.#listener.onRedraw();
  }

  /** As Ctrl-Z does outside raw mode: the whole job stops, and the shell has its terminal back. */
  suspend(): void {
    this.#giveBack();
    process.off('SIGTSTP', this.#onStop);
    process.kill(0, 'SIGTSTP');
    // A job without a shell to mind it cannot be stopped: then it goes on.
    setTimeout(() => {
      if (!this.#hasScreen) this.#onContinue();
    }, STOPPED_MS);
  }

  readonly #onStop = (): void => this.suspend();

  readonly #onContinue = (): void => {
    process.off('SIGTSTP', this.#onStop);
    process.on('SIGTSTP', this.#onStop);
    // After a SIGSTOP nobody asked us first: the shell may have changed the terminal meanwhile.
    if (this.#hasScreen) this.#giveBack();
    this.#takeScreen();
    this.redraw();
  };

  readonly #onSignal = (signal: NodeJS.Signals): void => this.#leave(signal);
  readonly #onEnd = (): void => this.#leave('gone');
  readonly #onExit = (): void => this.close();
  readonly #onResize = (): void => this.redraw();

  readonly #onData = (bytes: Buffer): void => {
    clearTimeout(this.#escape);
    this.#tell(this.#keys.read(bytes));
    if (this.#keys.isWaiting) this.#escape = setTimeout(() => this.#tell(this.#keys.flush()), ESCAPE_MS);
  };

  #tell(keys: readonly Key[]): void {
    for (const key of keys) if (!this.#isClosed) this.#listener.onKey(key);
  }

  #leave(reason: NodeJS.Signals | 'gone'): void {
    if (!this.#isClosed) this.#listener.onLeave(reason);
  }

  #takeScreen(): void {
    if (this.#isClosed) return;
    setRaw(this.#stdin, true);
    this.#hasScreen = true;
    this.#painter.forget();
    this.#outlet.writeLast(ENTER_SCREEN, RESTORE_MS);
  }

  #giveBack(last = ''): void {
    if (!this.#hasScreen) return;
    this.#hasScreen = false;
    if (!this.#outlet.isGone) this.#outlet.writeLast(LEAVE_SCREEN + last, RESTORE_MS);
    setRaw(this.#stdin, false);
  }

  /** Twice is once. `last` stands on the screen of before. */
  close(last = ''): void {
    if (this.#isClosed) return;
    this.#giveBack(last);
    this.#isClosed = true;
    clearTimeout(this.#escape);
    for (const signal of ENDS) process.off(signal, this.#onSignal);
    process.off('SIGCONT', this.#onContinue);
    process.off('SIGTSTP', this.#onStop);
    process.off('exit', this.#onExit);
    process.off('uncaughtExceptionMonitor', this.#onExit);
    this.#stdin.off('data', this.#onData);
    this.#stdout.off('resize', this.#onResize);
    this.#stdin.pause();
    this.#outlet.close();
  }
}

/** A terminal that has gone cannot be set, and need not be. */
function setRaw(stdin: ReadStream, isRaw: boolean): void {
  try {
    stdin.setRawMode(isRaw);
  } catch {
    // EIO: it hung up.
  }
}
