// The input `stdin`: lines of what is piped into the agent. Promises: while the sink is full nothing is read, so
// that the program before the pipe waits; at the end of the input its last line is a message, with or without a
// line end, and the input is done once the sink has all of it. Refuses: a checkpoint; a pipe cannot be read twice.

import type { Readable } from 'node:stream';
import type { StdinInput } from '../../../config/agent.ts';
import { ClockReader } from '../../../kernel/clock.ts';
import type { Input, InputSink, InputStatus } from '../input.ts';
import { type Following, LineReader, type LineState } from '../lines/line-reader.ts';
import type { MessageSettings } from '../message.ts';
import { Outflow } from '../outflow.ts';

/** What is kept beside the window that the lines need: one piece as Node reads it. */
const PIECE_BYTES = 64 * 1024;
/** A message of several lines is complete when no line came for so long. */
const QUIET_MS = 1000;
const PROGRAM_DEFAULT = 'stdin';

export interface StdinParts {
  readonly sink: InputSink;
  readonly settings: MessageSettings;
  /** Standard input of the process. */
  readonly stream: Readable;
}

export function openStdin(config: StdinInput, parts: StdinParts): Input {
  return new Stdin(config, parts);
}

class Stdin implements Input {
  readonly #config: StdinInput;
  readonly #stream: Readable;
  readonly #outflow: Outflow;
  readonly #lines: LineReader;
  readonly #line: LineState = { isPassing: false };
  readonly #clock = new ClockReader('realtime');
  /** What was read and is no message yet. */
  readonly #window: Buffer;
  #from = 0;
  #to = 0;
  /** What Node has given us and the window has no room for. */
  #chunk: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  #isStopped = false;
  #readBytes = 0;
  #unsent = 0;
  #quiet: NodeJS.Timeout | undefined;
  #trouble: string | undefined;

  constructor(config: StdinInput, parts: StdinParts) {
    this.#config = config;
    this.#stream = parts.stream;
    this.#outflow = new Outflow(parts.sink, parts.settings);
    const { maxMessageBytes } = parts.settings;
    this.#lines = new LineReader(config, this.#outflow.batch, maxMessageBytes);
    this.#lines.setProgram(Buffer.from(config.program ?? PROGRAM_DEFAULT));
    this.#window = Buffer.from(new ArrayBuffer(LineReader.windowBytes(maxMessageBytes) + PIECE_BYTES));
  }

  async start(): Promise<void> {
    this.#stream.on('data', this.#onData);
    this.#stream.on('end', this.#onEnd);
    this.#stream.on('error', this.#onError);
    if (this.#stream.readableEnded || this.#stream.destroyed) this.#onEnd();
  }

  readonly #onData = (chunk: Buffer | string): void => {
    this.#chunk = Buffer.concat([this.#chunk, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    this.#work();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#work();
  };

  readonly #onError = (error: Error): void => {
    this.#trouble = `Standard input cannot be read any more: ${error.message}.`;
    this.#onEnd();
  };

  // ---- lines

  #work(): void {
    clearTimeout(this.#quiet);
    this.#clock.read();
    this.#lines.at.sec = this.#clock.sec;
    this.#lines.at.nanos = this.#clock.nanos;
    let isDry = false;
    do isDry = this.#readOn();
    while (this.#outflow.flush() && !isDry);
    if (this.#outflow.isHeld) this.#stream.pause();
    else if (this.#config.multiline && this.#from < this.#to) {
      this.#quiet = setTimeout(() => this.#endQuiet(), QUIET_MS);
    }
  }

  /** Works off what there is. False: the sink has no room. */
  #readOn(): boolean {
    do {
      if (!this.#makeMessages('unknown')) return false;
    } while (this.#fill());
    return !this.#hasEnded || this.#makeMessages('end');
  }

  /** Moves what there is to the window. False: nothing came in. */
  #fill(): boolean {
    const piece = Math.min(this.#chunk.length, PIECE_BYTES);
    if (piece === 0) return false;
    if (this.#to + piece > this.#window.length) {
      this.#window.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    if (this.#to + piece > this.#window.length) return false;
    this.#chunk.copy(this.#window, this.#to, 0, piece);
    this.#to += piece;
    this.#readBytes += piece;
    this.#chunk = this.#chunk.subarray(piece);
    return true;
  }

  /** False: the sink is full. */
  #makeMessages(following: Following): boolean {
    for (;;) {
      if (!this.#outflow.makeRoom()) return false;
      this.#from = this.#lines.read(this.#line, this.#window, this.#from, this.#to, following);
      // With room left in the batch, the lines are what ran out.
      if (this.#outflow.batch.hasRoom) return true;
    }
  }

  #endQuiet(): void {
    let isDry = false;
    do isDry = this.#makeMessages('quiet');
    while (this.#outflow.flush() && !isDry);
    if (this.#outflow.isHeld) this.#stream.pause();
  }

  // ---- as an input

  resume(): void {
    if (!this.#outflow.isHeld || !this.#outflow.flush()) return;
    this.#work();
    if (!this.#outflow.isHeld && !this.#isStopped) this.#stream.resume();
  }

  isDone(): boolean {
    return this.#hasEnded && this.#from === this.#to && this.#outflow.batch.count === 0;
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.pause();
    this.#hasEnded = true;
    this.#work();
    clearTimeout(this.#quiet);
    const isRest = this.#from < this.#to || this.#chunk.length > 0;
    this.#unsent += this.#outflow.batch.count + (isRest ? 1 : 0);
  }

  status(): InputStatus {
    return {
      name: this.#config.name,
      type: 'stdin',
      messages: this.#outflow.messages,
      bytes: this.#outflow.bytes,
      dropped: {
        stopped: this.#unsent,
        cut: this.#outflow.batch.cut,
      },
      position: `${this.#readBytes} bytes read${this.#hasEnded ? ', ended' : ''}`,
      lag: { bytes: this.#to - this.#from + this.#chunk.length },
      isHeld: this.#outflow.isHeld,
      trouble: this.#trouble,
    };
  }
}
