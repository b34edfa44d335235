// The way to standard output that never waits: a terminal behind a slow line, or a pipe whose reader has stopped, must
// hold up neither the capture's events nor a signal. What it is is opened anew without blocking, so that the shell's own
// descriptor stays as it was. One write is under way at a time; whoever would write more asks `isFree` first.
// Refuses: to keep more than was handed in once. Dropping frames, or counting lines that are lost, is the caller's.

import { closeSync, constants, openSync, write, writeSync } from 'node:fs';
import { codeOf } from '../../base/fault.ts';
import { hasReader } from '../../kernel/reader.ts';

const STDOUT = 1;
/** How often a full pipe or terminal is tried again. */
const AGAIN_MS = 10;

export class Outlet {
  readonly #fd: number;
  readonly #isOwn: boolean;
  readonly #onGone: (code: string) => void;
  #pending = Buffer.alloc(0);
  #whenFree: (() => void) | undefined;
  #isGone = false;
  #isClosed = false;

  /** `onGone` is called once, when nobody reads any more (EPIPE, EIO), or it cannot be written for another reason. */
  constructor(onGone: (code: string) => void, path = `/proc/self/fd/${STDOUT}`) {
    this.#onGone = onGone;
    let fd = STDOUT;
    try {
      // O_APPEND changes nothing for a terminal or a pipe, and keeps what a file has.
      fd = openSync(
        path,
        constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_APPEND,
      );
    } catch {
      // A socket, or another user's terminal: written in the pool of threads, which may wait.
    }
    this.#fd = fd;
    this.#isOwn = fd !== STDOUT;
  }

  get isFree(): boolean {
    return this.#pending.length === 0 && !this.#isGone;
  }

  /** To be asked now and then by whoever writes seldom: a reader that has gone is told by the next write alone. */
  look(): void {
    if (!this.#isGone && !this.#isClosed && !hasReader(this.#fd)) this.#end('EPIPE');
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Only when it is free; `whenFree` is called when all of it is taken. */
  write(text: string, whenFree?: () => void): void {
    this.#pending = Buffer.from(text);
    this.#whenFree = whenFree;
    this.#step();
  }

  #step(): void {
    if (this.#isClosed) return;
    if (!this.#isOwn) {
      this.#writeApart();
      return;
    }
    try {
      while (this.#pending.length > 0) this.#took(writeSync(this.#fd, this.#pending));
      this.#free();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The descriptor may block: a thread of the pool waits for it. */
  #writeApart(): void {
    write(this.#fd, this.#pending, (error, taken) => {
      if (error !== null) {
        this.#failed(error);
        return;
      }
      this.#took(taken);
      if (this.#pending.length > 0) this.#step();
      else this.#free();
    });
  }

  #took(bytes: number): void {
    this.#pending = this.#pending.subarray(bytes);
  }

  #free(): void {
    const then = this.#whenFree;
    this.#whenFree = undefined;
    if (then) setImmediate(then);
  }

  #failed(error: unknown): void {
    if (codeOf(error) === 'EAGAIN') setTimeout(() => this.#step(), AGAIN_MS);
    else this.#end(codeOf(error) ?? String(error));
  }

  #end(code: string): void {
    this.#pending = Buffer.alloc(0);
    if (this.#isGone || this.#isClosed) return;
    this.#isGone = true;
    this.#onGone(code);
  }

  /** At the end, when nothing else may run: what is under way is finished and this is written, for at most so long. */
  writeLast(text: string, deadlineMs: number): void {
    const bytes = Buffer.concat([this.#pending, Buffer.from(text)]);
    this.#pending = Buffer.alloc(0);
    const until = performance.now() + deadlineMs;
    for (let at = 0; at < bytes.length && performance.now() < until; ) {
      try {
        at += writeSync(this.#fd, bytes, at);
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
      }
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isOwn) closeSync(this.#fd);
  }
}
