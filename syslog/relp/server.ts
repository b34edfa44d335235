// The server's side of one RELP connection as a state machine: bytes in, messages and answers out. Promises: a
// message is answered after the caller has called it written, and never before; what cannot be kept is not
// answered, so that the client sends it again; at most `windowMax` messages wait for their answer, and beyond
// that (or while the peer does not read its answers) nothing more is taken. Each way a session ends has a name.
// The rules and their reasons stand in docs/relp.md.
//
// Refuses: to own a socket or a clock; to answer a message with an error, unless no other try could help it:
// librelp's client drops what was refused.

import { assert } from '../../base/assert.ts';
import { COMMAND, type RelpFrame, RelpReader } from './frame.ts';
import { objection, parseOffers, printOffers } from './offers.ts';
import { RelpOutput, WORD } from './output.ts';
import { nextTxnr, TXNR_FIRST, TXNR_HINT, TXNR_MAX, txnrDistance } from './txnr.ts';

/** Announced as longer, a message is taken for nonsense. As long as the longest octet count on TCP. */
export const RELP_DATA_BYTES_MAX = 16 * 1024 * 1024;
/** While so many bytes of answers wait for a peer that does not read, it is not read either. */
const UNSENT_BYTES_MAX = 64 * 1024;
/** The window begins so small, and grows with what waits: most clients are idle most of the time. */
const WINDOW_FIRST = 64;
/** An output buffer up to this size is kept while idle: 5,000 connections then hold 20 MiB at most. */
const OUTPUT_IDLE_BYTES = 4096;

const OK = Buffer.from('200 OK');
/** Behind the number of a message that is written. */
const WRITTEN = Buffer.from(' rsp 6 200 OK\n');
const OPEN_ALREADY = Buffer.from('200 OK, the session is open already');
const UNKNOWN_COMMAND = Buffer.from('500 unknown command');
const NOTHING = Buffer.alloc(0);

/**
 * How a session can end: as the client wished (`closed`), as we wished (`stopped`), or for what the peer did
 * wrong. Label values of a metric.
 */
export const RELP_SERVER_ENDS = [
  'closed',
  'stopped',
  'aborted',
  'bad_header',
  'bad_trailer',
  'too_long',
  'bad_txnr',
  'not_open',
  'bad_open',
] as const;
export type RelpServerEnd = (typeof RELP_SERVER_ENDS)[number];

export interface RelpServerOptions {
  /** A longer message is cut, and the rest of it counted in `skippedBytes`. */
  readonly messageBytesMax: number;
  /** A message that announces more than this ends the session. */
  readonly dataBytesMax?: number;
  /** Messages that may wait for their answer. */
  readonly windowMax: number;
  /** Name, version and address, with commas between them; the peer is told. */
  readonly software: string;
  /** Where the numbers start; other than 1 only where a test looks at their end. */
  readonly firstTxnr?: number;
}

/**
 * One per connection. `feed`, then `next` until it says false, then `keepRest`; `written` as messages are
 * safe; after each of these send what `takeOutput` gives. Once `ending` is set: send the last output, end the
 * connection for writing, and read it to its end.
 */
export class RelpServerSession {
  /** Hints and commands that are not known: the first were passed over, the second answered with an error. */
  unknownCommands = 0;
  /** What the peer was told at the end, or what there is to say of it; empty while the session lives. */
  told = '';
  /** As the client calls itself. */
  clientSoftware = '';

  private readonly reader: RelpReader;
  private readonly output = new RelpOutput(OUTPUT_IDLE_BYTES);
  private readonly windowMax: number;
  private readonly software: string;

  private bytes: Buffer = NOTHING;
  private open = false;
  /** Set when no more frames are taken; the session ends when the last message has been answered. */
  private leaving: RelpServerEnd | undefined;
  private ended: RelpServerEnd | undefined;
  /** The answer to give last, if its number is not TXNR_HINT. */
  private lastTxnr = TXNR_HINT;
  private lastWords: Buffer = OK;

  /** Frames [oldest, upcoming) are in the window; counted from 0 and never wrapped, unlike their numbers. */
  private oldest = 0;
  private upcoming = 0;
  private oldestTxnr: number;
  private upcomingTxnr: number;
  private waitingCount = 0;
  /** 1 for each frame of the window that waits for its answer, by its place modulo the length. */
  private waiting: Uint8Array;

  constructor(options: RelpServerOptions) {
    const { messageBytesMax, dataBytesMax = RELP_DATA_BYTES_MAX, windowMax } = options;
    assert(windowMax >= 1, 'a window has room for one message');
    this.reader = new RelpReader({ messageBytesMax, dataBytesMax });
    this.windowMax = windowMax;
    this.software = options.software;
    this.oldestTxnr = options.firstTxnr ?? TXNR_FIRST;
    this.upcomingTxnr = this.oldestTxnr;
    this.waiting = new Uint8Array(Math.min(WINDOW_FIRST, windowMax));
  }

  /** The client has opened the session; until then only a short time should be granted to it. */
  get isOpen(): boolean {
    return this.open;
  }

  /** Set when nothing is left to do but to send the last output and to end the connection. */
  get ending(): RelpServerEnd | undefined {
    return this.ended;
  }

  /** Messages that were given and not yet called written. */
  get unanswered(): number {
    return this.waitingCount;
  }

  /** Nothing more is taken until messages are written or answers are sent: the connection need not be read. */
  get isFull(): boolean {
    return this.upcoming - this.oldest >= this.windowMax || this.output.unsentBytes >= UNSENT_BYTES_MAX;
  }

  /** Bytes that wait for the next `feed`: so many must be free before its `start`. */
  get kept(): number {
    return this.reader.kept;
  }

  /** Bytes of cut messages that were passed over. The caller adds them to its counts and sets 0. */
  get skippedBytes(): number {
    return this.reader.skippedBytes;
  }

  set skippedBytes(count: number) {
    this.reader.skippedBytes = count;
  }

  // ---- what comes

  /** As RelpReader.feed. */
  feed(bytes: Buffer, start: number, end: number): void {
    this.reader.feed(bytes, start, end);
    this.bytes = bytes;
  }

  /** The next message, [start, end) of what was fed; it waits for `written(message.txnr)` from now on. */
  next(message: RelpFrame): boolean {
    for (;;) {
      if (this.leaving !== undefined || this.isFull) return false;
      if (!this.reader.next(message)) {
        this.checkTrouble(message);
        return false;
      }
      if (this.accept(message)) return true;
    }
  }

  /** Takes back the message that `next` gave last: it comes again, first of all. */
  refuse(message: RelpFrame): void {
    assert(nextTxnr(message.txnr) === this.upcomingTxnr, 'only the last message can be refused');
    this.reader.refuse();
    this.upcoming -= 1;
    this.upcomingTxnr = message.txnr;
    this.waitingCount -= 1;
    this.endIfDone();
  }

  keepRest(): number {
    this.bytes = NOTHING;
    if (this.leaving !== undefined) this.reader.passOver();
    return this.reader.keepRest();
  }

  private checkTrouble(frame: RelpFrame): void {
    switch (this.reader.trouble) {
      case 'none':
        return;
      case 'too_long':
        this.leave(
          'too_long',
          `a frame of ${frame.dataBytes} bytes is longer than ${this.reader.dataMax(frame)}`,
          frame.txnr,
        );
        return;
      case 'bad_trailer':
        this.leave('bad_trailer', 'a frame does not end where its length says');
        return;
      case 'bad_header':
        this.leave('bad_header', 'this is no RELP frame');
    }
  }

  /** True: it is a message for the caller. */
  private accept(frame: RelpFrame): boolean {
    const { txnr, command } = frame;
    if (command === COMMAND.abort) {
      this.leave('aborted', 'the client has aborted the session');
      return false;
    }
    if (txnr === TXNR_HINT) return this.acceptHint(command);
    if (txnr !== this.upcomingTxnr) {
      this.leave('bad_txnr', `transaction ${this.upcomingTxnr} is due, not ${txnr}`);
      return false;
    }
    if (!this.open && command !== COMMAND.open) {
      this.leave('not_open', 'the session is not open yet');
      return false;
    }
    if (command === COMMAND.syslog) {
      this.enter(1);
      return true;
    }
    this.acceptCommand(frame);
    return false;
  }

  /** Nobody answers a hint; a command that needs an answer is none. */
  private acceptHint(command: number): boolean {
    if (command === COMMAND.syslog || command === COMMAND.open || command === COMMAND.close)
      this.leave('bad_txnr', 'a command cannot have the number 0');
    else this.unknownCommands += 1;
    return false;
  }

  private acceptCommand(frame: RelpFrame): void {
    if (frame.command === COMMAND.close) {
      this.leave('closed', 'the client has closed the session', frame.txnr);
      return;
    }
    if (frame.command === COMMAND.open) {
      this.acceptOpen(frame);
      return;
    }
    this.unknownCommands += 1;
    this.answerAtOnce(frame.txnr, UNKNOWN_COMMAND);
  }

  private acceptOpen(frame: RelpFrame): void {
    // librelp can open a session twice, and harms nobody by it.
    if (this.open) {
      this.answerAtOnce(frame.txnr, OPEN_ALREADY);
      return;
    }
    const offers = parseOffers(this.bytes.toString('latin1', frame.start, frame.end));
    const wrong = objection(offers);
    if (wrong !== undefined) {
      this.leave('bad_open', wrong, frame.txnr);
      return;
    }
    this.open = true;
    this.clientSoftware = offers.software;
    this.answerAtOnce(frame.txnr, Buffer.from(`200 OK\n${printOffers(this.software)}`));
  }

  // ---- what is answered

  /** The message is safe: it is answered. Any order will do. */
  written(txnr: number): void {
    const ahead = txnrDistance(this.oldestTxnr, txnr);
    const place = (this.oldest + ahead) % this.waiting.length;
    assert(ahead < this.upcoming - this.oldest && this.waiting[place] === 1, 'a message is written once');
    this.waiting[place] = 0;
    this.waitingCount -= 1;
    this.output.ready(txnr, WRITTEN);
    this.advance();
  }

  /** This message and all that were given before it are safe. */
  writtenThrough(txnr: number): void {
    const last = this.oldest + txnrDistance(this.oldestTxnr, txnr);
    if (last >= this.oldest + TXNR_MAX / 2) return;
    assert(last < this.upcoming, 'a message is given before it is written');
    while (this.oldest <= last) this.written(this.oldestTxnr);
  }

  private enter(waits: number): void {
    if (this.upcoming - this.oldest === this.waiting.length) this.widen();
    this.waiting[this.upcoming % this.waiting.length] = waits;
    this.waitingCount += waits;
    this.upcoming += 1;
    this.upcomingTxnr = nextTxnr(this.upcomingTxnr);
  }

  private widen(): void {
    const wider = new Uint8Array(Math.min(this.waiting.length * 2, this.windowMax));
    assert(wider.length > this.waiting.length, 'the window is never wider than its limit');
    for (let at = this.oldest; at < this.upcoming; at += 1)
      wider[at % wider.length] = this.waiting[at % this.waiting.length] as number;
    this.waiting = wider;
  }

  private answerAtOnce(txnr: number, words: Buffer): void {
    this.enter(0);
    this.answer(txnr, words);
    this.advance();
  }

  private answer(txnr: number, words: Buffer): void {
    this.output.frame(txnr, WORD.rsp, words, 0, words.length);
  }

  private advance(): void {
    while (this.oldest < this.upcoming && this.waiting[this.oldest % this.waiting.length] === 0) {
      this.oldest += 1;
      this.oldestTxnr = nextTxnr(this.oldestTxnr);
    }
    this.endIfDone();
  }

  // ---- the end

  /** No more messages are taken; when the last one has been answered, the client is told and the session ends. */
  stop(): void {
    this.leave('stopped', 'the server stops');
  }

  /** Whatever is answered last, is answered after all messages. */
  private leave(reason: RelpServerEnd, told: string, txnr: number = TXNR_HINT): void {
    if (this.leaving !== undefined) return;
    this.leaving = reason;
    this.told = told;
    this.lastTxnr = txnr;
    if (reason !== 'closed') this.lastWords = Buffer.from(`500 ${told}`);
    // What waits was not taken, and will not be answered.
    this.reader.passOver();
    this.endIfDone();
  }

  private endIfDone(): void {
    if (this.leaving === undefined || this.ended !== undefined || this.waitingCount > 0) return;
    this.ended = this.leaving;
    if (this.lastTxnr !== TXNR_HINT) this.answer(this.lastTxnr, this.lastWords);
    if (this.ended === 'closed') return;
    const words = this.ended === 'stopped' ? NOTHING : Buffer.from(this.told);
    this.output.frame(TXNR_HINT, WORD.serverclose, words, 0, words.length);
  }

  // ---- what is sent

  /** All that was not taken before; stays as it is until `sent` has been told of it. */
  takeOutput(): Buffer {
    return this.output.take();
  }

  /** So many of the bytes that were taken are gone. */
  sent(count: number): void {
    this.output.sent(count);
  }

  get unsentBytes(): number {
    return this.output.unsentBytes;
  }
}
