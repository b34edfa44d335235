// The client's side of one RELP connection as a state machine: messages and times in, frames out, and what the
// server said of each message. Promises: `settledThrough` never passes a message that the server has not
// acknowledged (or the caller given up); when the connection ends, `unacknowledged` is exactly what must be
// sent again; memory for the window and no more, whatever the peer sends. The rules stand in docs/relp.md.
//
// Refuses: to own a socket, a clock or the messages; to send anything again by itself.

import { assert } from '../../base/assert.ts';
import { COMMAND, RelpFrame, RelpReader, relpHeadroom } from './frame.ts';
import { answerObjection, parseOffers, printOffers } from './offers.ts';
import { RelpOutput, WORD } from './output.ts';
import { nextTxnr, TXNR_FIRST, TXNR_HINT, txnrDistance } from './txnr.ts';
import { RelpWindow } from './window.ts';

/** The longest answer that is read. librelp's answer to `open` has about 100 bytes, all others fewer. */
const ANSWER_BYTES_MAX = 4096;
/** What the peer sends is read in pieces of this size. */
const PIECE_BYTES = 16 * 1024;
const HEADROOM = relpHeadroom(ANSWER_BYTES_MAX);
/** While so many bytes wait to be sent, there is no room for another message. */
const UNSENT_BYTES_MAX = 1024 * 1024;
const OUTPUT_IDLE_BYTES = UNSENT_BYTES_MAX;
/** RELP specification 0.0.1: DATALEN has nine digits. */
const MESSAGE_BYTES_MAX = 999_999_999;
/** Of an answer's text so much is kept; by the specification it has 80 at most. */
const TEXT_CHARS_MAX = 200;

const NOTHING = Buffer.alloc(0);

/** How a session can end; only `closed` is a good end. Label values of a metric. */
export const RELP_CLIENT_ENDS = [
  'closed',
  'connection_ended',
  'server_closed',
  'server_aborted',
  'open_refused',
  'open_timeout',
  'answer_timeout',
  'close_timeout',
  'bad_frame',
  'bad_answer',
  'unknown_txnr',
] as const;
export type RelpClientEnd = (typeof RELP_CLIENT_ENDS)[number];

/** opening: nothing may be sent yet. draining: no more messages, answers are awaited. closing: `close` is sent. */
type State = 'opening' | 'ready' | 'draining' | 'closing' | 'ended';

export interface RelpClientOptions {
  /** Messages that may be on their way at once. */
  readonly windowMax: number;
  /** Name, version and address, with commas between them; the peer is told. */
  readonly software: string;
  /** The server has so long to open the session. */
  readonly openTimeoutMs: number;
  /** While answers are due, so long may pass without one. 0: for ever. */
  readonly answerTimeoutMs: number;
  /** From `close` on, so long may pass until the session has ended. */
  readonly closeTimeoutMs: number;
  /** Where the numbers start; other than 1 only where a test looks at their end. */
  readonly firstTxnr?: number;
}

/** The server has answered a message with an error: it is not delivered. Send it `again`, or `giveUp`. */
export interface RelpRefusal {
  readonly ref: number;
  readonly code: number;
  readonly text: string;
}

/**
 * One per connection, made when it stands. After each call send what `takeOutput` gives, and call `onTimer`
 * when `deadlineMs` has come. Once `ending` is set: send the last output and end the connection.
 */
export class RelpClientSession {
  /** Acknowledged messages. */
  acknowledged = 0;
  /** Answers to commands that had been answered before; the first answer counts. */
  strayAnswers = 0;
  /** What the server or we have to say of the end; empty while the session lives. */
  told = '';
  /** As the server calls itself. */
  serverSoftware = '';

  private readonly options: RelpClientOptions;
  private readonly window: RelpWindow;
  private readonly output = new RelpOutput(OUTPUT_IDLE_BYTES);
  private readonly reader = new RelpReader({
    messageBytesMax: ANSWER_BYTES_MAX,
    dataBytesMax: ANSWER_BYTES_MAX,
  });
  private readonly arena = Buffer.allocUnsafeSlow(HEADROOM + PIECE_BYTES);
  private readonly frame = new RelpFrame();
  private refusals: RelpRefusal[] = [];

  private state: State = 'opening';
  private ended: RelpClientEnd | undefined;
  /** The server has said that it closes: no `close` is sent, and its end is no surprise. */
  private serverCloses = false;
  private readonly firstTxnr: number;
  private upcomingTxnr: number;
  private framesSent = 0;
  private closeTxnr = TXNR_HINT;
  /** Since when an answer is due: the last answer, or the first message after all had been answered. */
  private quietSinceMs: number;
  /** When the end began: from then the close timeout runs. */
  private leavingSinceMs = 0;

  constructor(options: RelpClientOptions, nowMs: number) {
    this.options = options;
    this.window = new RelpWindow(options.windowMax);
    this.firstTxnr = options.firstTxnr ?? TXNR_FIRST;
    this.upcomingTxnr = this.firstTxnr;
    this.quietSinceMs = nowMs;
    const offers = Buffer.from(printOffers(options.software));
    this.command(WORD.open, offers, 0, offers.length);
  }

  /** Set when nothing is left to do but to send the last output and to end the connection. */
  get ending(): RelpClientEnd | undefined {
    return this.ended;
  }

  get isReady(): boolean {
    return this.state === 'ready';
  }

  /** A message can be sent now. */
  get hasRoom(): boolean {
    return (
      this.state === 'ready' &&
      this.output.unsentBytes < UNSENT_BYTES_MAX &&
      this.window.hasRoom(this.upcomingTxnr)
    );
  }

  /** Messages whose answer is still to come. */
  get waiting(): number {
    return this.window.waitingCount;
  }

  /** Reference of the last message up to which all are settled: the cursor may stand behind it. */
  get settledThrough(): number | undefined {
    return this.window.settledThrough;
  }

  /** References of all messages that were sent and not acknowledged or given up, in the order of sending. */
  unacknowledged(): number[] {
    return this.window.unacknowledged();
  }

  /** References of messages that are settled, while one before them is not: they need not be sent again. */
  settledBeyond(): number[] {
    return this.window.settledBeyond();
  }

  // ---- what is sent

  /** `ref` is the caller's name for the message. Only while `hasRoom`. */
  send(ref: number, bytes: Buffer, start: number, end: number, nowMs: number): void {
    assert(this.hasRoom, 'a message is sent when there is room');
    this.noteSending(nowMs);
    this.window.add(ref, this.upcomingTxnr);
    this.message(bytes, start, end);
  }

  /** A refused message goes out once more. Only while `canSendAgain`. */
  sendAgain(ref: number, bytes: Buffer, start: number, end: number, nowMs: number): void {
    assert(this.canSendAgain, 'a message is sent when there is room');
    this.noteSending(nowMs);
    this.window.addAgain(ref, this.upcomingTxnr);
    this.message(bytes, start, end);
  }

  /** A refused message keeps its place in the window, so it can go out even when the window is full. */
  get canSendAgain(): boolean {
    return (
      this.state === 'ready' &&
      this.output.unsentBytes < UNSENT_BYTES_MAX &&
      this.window.isFree(this.upcomingTxnr)
    );
  }

  /** The caller has done with a refused message otherwise, and counts it. */
  giveUp(ref: number): void {
    this.window.giveUp(ref);
  }

  /** What the server has refused since the last call. */
  takeRefusals(): readonly RelpRefusal[] {
    const taken = this.refusals;
    if (taken.length > 0) this.refusals = [];
    return taken;
  }

  private noteSending(nowMs: number): void {
    if (this.window.waitingCount === 0) this.quietSinceMs = nowMs;
  }

  private message(bytes: Buffer, start: number, end: number): void {
    assert(end >= start && end - start <= MESSAGE_BYTES_MAX, 'a message fits into a frame');
    this.command(WORD.syslog, bytes, start, end);
  }

  private command(word: Buffer, bytes: Buffer, start: number, end: number): void {
    this.output.frame(this.upcomingTxnr, word, bytes, start, end);
    this.upcomingTxnr = nextTxnr(this.upcomingTxnr);
    this.framesSent += 1;
  }

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

  // ---- what comes

  /** Takes what the server has sent, cut anywhere. */
  receive(chunk: Uint8Array, nowMs: number): void {
    for (let at = 0; at < chunk.length && this.ended === undefined; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      this.arena.set(piece, HEADROOM);
      this.reader.feed(this.arena, HEADROOM, HEADROOM + piece.length);
      while (this.ended === undefined && this.reader.next(this.frame)) this.take(nowMs);
      this.reader.keepRest();
    }
    if (this.ended === undefined && this.reader.trouble !== 'none')
      this.end('bad_frame', `the server sent what is no RELP frame (${this.reader.trouble})`);
  }

  private take(nowMs: number): void {
    const { txnr, command } = this.frame;
    if (command === COMMAND.rsp) this.takeAnswer(nowMs);
    else if (command === COMMAND.serverclose) this.takeServerClose(nowMs);
    else if (command === COMMAND.abort) this.end('server_aborted', this.text(this.frame.start));
    else if (txnr !== TXNR_HINT) this.end('bad_frame', 'the server sent a command, which only clients do');
  }

  /** `CODE SP TEXT [LF DATA]`; librelp answers `close` with nothing at all. */
  private takeAnswer(nowMs: number): void {
    const { txnr, start, end } = this.frame;
    const code = this.readCode();
    if (txnr === this.closeTxnr && txnr !== TXNR_HINT) this.end('closed', 'the server agreed to the close');
    else if (!this.wasSent(txnr))
      this.end('unknown_txnr', `the server answered ${txnr}, which was never sent`);
    else if (code < 0) this.end('bad_answer', `the server's answer to ${txnr} has no code`);
    else if (txnr === this.firstTxnr && this.state === 'opening') this.takeOpened(code);
    else this.takeVerdict(txnr, code, Math.min(start + 4, end), nowMs);
  }

  /** Three digits, then a space or the end; -1 when that is not there. */
  private readCode(): number {
    const { start, end } = this.frame;
    let code = 0;
    for (let p = start; p < start + 3; p++) {
      const digit = p < end ? (this.arena[p] as number) - 0x30 : -1;
      if (digit < 0 || digit > 9) return -1;
      code = code * 10 + digit;
    }
    const after = start + 3 < end ? this.arena[start + 3] : 0x20;
    return after === 0x20 || after === 0x0a ? code : -1;
  }

  private wasSent(txnr: number): boolean {
    return txnr !== TXNR_HINT && txnrDistance(this.firstTxnr, txnr) < this.framesSent;
  }

  private takeOpened(code: number): void {
    const answer = this.arena.toString('latin1', this.frame.start, this.frame.end);
    const line = answer.indexOf('\n');
    const offers = parseOffers(line < 0 ? '' : answer.slice(line + 1));
    const wrong = code === 200 ? answerObjection(offers) : this.text(this.frame.start);
    if (wrong !== undefined) {
      this.end('open_refused', wrong);
      return;
    }
    this.serverSoftware = offers.software;
    this.state = 'ready';
  }

  private takeVerdict(txnr: number, code: number, textStart: number, nowMs: number): void {
    const answered = this.window.answer(txnr, code === 200);
    if (answered === 'unknown') {
      this.strayAnswers += 1;
      return;
    }
    this.quietSinceMs = nowMs;
    if (answered === 'acknowledged') this.acknowledged += 1;
    else this.refusals.push({ ref: this.window.answeredRef, code, text: this.text(textStart) });
    this.goOnLeaving();
  }

  /** The first line from here, without control bytes. */
  private text(start: number): string {
    const { end } = this.frame;
    const text = this.arena.toString('utf8', start, Math.min(end, start + TEXT_CHARS_MAX));
    return text.split('\n', 1)[0]?.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ') ?? '';
  }

  // ---- the end

  /** No more messages; when all answers are here, the server is told. */
  close(nowMs: number): void {
    if (this.state === 'opening') this.end('closed', 'closed before the session was open');
    if (this.state !== 'ready') return;
    this.state = 'draining';
    this.leavingSinceMs = nowMs;
    this.goOnLeaving();
  }

  /** The answers to messages that the server has taken may still come. */
  private takeServerClose(nowMs: number): void {
    this.told = this.text(this.frame.start);
    this.serverCloses = true;
    if (this.state === 'ready') this.leavingSinceMs = nowMs;
    if (this.state === 'opening' || this.state === 'closing') this.endConnection();
    else this.state = 'draining';
    this.goOnLeaving();
  }

  private goOnLeaving(): void {
    if (this.state !== 'draining' || this.window.waitingCount > 0) return;
    if (this.serverCloses) {
      this.endConnection();
      return;
    }
    this.state = 'closing';
    this.closeTxnr = this.upcomingTxnr;
    this.command(WORD.close, NOTHING, 0, 0);
  }

  /** The connection has ended, or failed; nothing more will come. */
  connectionEnded(): void {
    if (this.ended === undefined) this.endConnection();
  }

  private endConnection(): void {
    // Some servers end the connection as their answer to `close`; all messages are answered by then.
    if (this.state === 'closing') this.end('closed', 'the server ended the connection');
    else if (this.serverCloses) this.end('server_closed', this.told || 'the server closed the session');
    else this.end('connection_ended', 'the connection ended');
  }

  private end(reason: RelpClientEnd, told: string): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.told = told;
    this.state = 'ended';
  }

  // ---- time

  /** When `onTimer` is to be called at the latest; Infinity when nothing is due. */
  get deadlineMs(): number {
    const { openTimeoutMs, answerTimeoutMs, closeTimeoutMs } = this.options;
    if (this.state === 'ended') return Infinity;
    if (this.state === 'opening') return this.quietSinceMs + openTimeoutMs;
    if (this.state !== 'ready') return this.leavingSinceMs + closeTimeoutMs;
    const isDue = this.window.waitingCount > 0 && answerTimeoutMs > 0;
    return isDue ? this.quietSinceMs + answerTimeoutMs : Infinity;
  }

  onTimer(nowMs: number): void {
    if (nowMs < this.deadlineMs) return;
    if (this.state === 'opening') this.end('open_timeout', 'the server did not open the session in time');
    else if (this.state === 'ready') this.end('answer_timeout', 'the server did not answer in time');
    else if (this.serverCloses) this.endConnection();
    else this.end('close_timeout', 'the server did not answer in time before the close');
  }
}
