// What a lane says and hears on its RELP connections: messages go to the pipeline, and each is answered when the
// files that it went to have it. Which message waits for which file stands with the files (files/waiters.ts), so
// that a dead file holds back the answers of its own messages and no others.
//
// Promises: no answer before the last file of a message has it; none at all for a message whose file failed its
// fdatasync; what is taken and not answered when a connection goes is counted. Limits: WINDOW_MAX messages of a
// connection wait for their answer, and what its peer does not read is bounded by the session.

import { sendStream, streamError } from '../../kernel/stream.ts';
import { RelpFrame } from '../../syslog/relp/frame.ts';
import { RelpServerSession } from '../../syslog/relp/server.ts';
import { SeveralFiles, type Waiter } from '../files/waiters.ts';
import type { Arena } from './arena.ts';
import type { Connection } from './connection.ts';
import { LANE_SLOT, listenerSlot, type RelpEnd } from './counts.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Messages of one connection that may wait for their answer. Clients have windows of 128 (librelp) to 2048 (our
 * agent); twice that, so that ours is never what a client waits for. A ring of one byte each, which grows as it
 * is needed: 5,000 clients that all fill it would have 20 MiB.
 */
const WINDOW_MAX = 4096;
/** The peer is told who we are, and no more: a version helps those who look for old ones. */
const SOFTWARE = 'belfry';

const LF = 10;
const CR = 13;
const NOTHING: Buffer = Buffer.alloc(0);

/** One session, and what it has to say. */
export class RelpTalk implements Waiter {
  readonly session: RelpServerSession;
  connection: Connection | undefined;
  /** Stands among those who may have something to send. */
  isDue = false;
  /** Some of its messages can never be answered. */
  isLost = false;
  isOver = false;
  /** Its end has been counted. */
  isCounted = false;
  /** Taken from the session; goes as the socket takes it. */
  output: Buffer = NOTHING;
  readonly #side: RelpSide;

  constructor(session: RelpServerSession, side: RelpSide) {
    this.session = session;
    this.#side = side;
  }

  written(txnr: number): void {
    if (this.isOver) return;
    this.session.written(txnr);
    this.#side.answered(this);
  }

  lost(): void {
    if (this.isOver) return;
    this.isLost = true;
    this.#side.makeDue(this);
  }
}

export interface RelpParts {
  readonly arena: Arena;
  readonly pipeline: Pipeline;
  readonly counts: Float64Array;
  readonly messageBytesMax: number;
}

export class RelpSide {
  /** Messages were taken since the last flush whose senders wait for it. */
  isWaitedFor = false;
  readonly #parts: RelpParts;
  readonly #frame = new RelpFrame();
  #due: RelpTalk[] = [];

  constructor(parts: RelpParts) {
    this.#parts = parts;
  }

  open(): RelpTalk {
    this.#add(LANE_SLOT.relpSessions, 1);
    const { messageBytesMax } = this.#parts;
    return new RelpTalk(
      new RelpServerSession({ messageBytesMax, windowMax: WINDOW_MAX, software: SOFTWARE }),
      this,
    );
  }

  /** Its connection goes. */
  close(talk: RelpTalk): void {
    talk.isOver = true;
    this.countEnd(talk, talk.session.ending ?? 'connection_ended');
    const { unanswered } = talk.session;
    this.#add(LANE_SLOT.relpSessions, -1);
    this.#add(LANE_SLOT.relpUnanswered, -unanswered);
    this.#add(LANE_SLOT.relpOrphans, unanswered);
  }

  countEnd(talk: RelpTalk, end: RelpEnd): void {
    if (!talk.isCounted) this.#add(LANE_SLOT[`relpEnded:${end}`], 1);
    talk.isCounted = true;
  }

  #add(slot: number, count: number): void {
    (this.#parts.counts[slot] as number) += count;
  }

  // ---- what comes

  /** Gives all whole messages to the pipeline. False: one could not be taken now, and waits. */
  take(connection: Connection, talk: RelpTalk, start: number, end: number): boolean {
    const { arena, pipeline } = this.#parts;
    const { session } = talk;
    const frame = this.#frame;
    let isTaken = true;
    session.feed(arena.bytes, start, end);
    while (session.next(frame)) {
      const textEnd = frame.cut ? frame.end : this.#withoutLineEnd(frame.start, frame.end);
      if (!pipeline.takeOrHold(frame.start, textEnd, connection.peer, connection.listener)) {
        session.refuse(frame);
        isTaken = false;
        break;
      }
      if (frame.cut) this.#add(listenerSlot(connection.listener, 'oversized'), 1);
      this.#await(talk, frame.txnr);
    }
    this.#countOddities(session);
    if (session.unsentBytes > 0 || session.ending !== undefined) this.makeDue(talk);
    return isTaken;
  }

  /** The line end that some templates put behind a message is no part of it, as on TCP. */
  #withoutLineEnd(start: number, end: number): number {
    const { bytes } = this.#parts.arena;
    if (end === start || bytes[end - 1] !== LF) return end;
    return end - 2 >= start && bytes[end - 2] === CR ? end - 2 : end - 1;
  }

  #await(talk: RelpTalk, txnr: number): void {
    const files = this.#parts.pipeline.lastFiles;
    this.#add(LANE_SLOT.relpUnanswered, 1);
    if (files.length === 0) {
      talk.written(txnr);
      return;
    }
    this.isWaitedFor = true;
    const who = files.length === 1 ? talk : new SeveralFiles(talk, files.length);
    for (const file of files) file.tellWhenSafe(txnr, who);
  }

  #countOddities(session: RelpServerSession): void {
    if (session.unknownCommands > 0) this.#add(LANE_SLOT.relpUnknownCommands, session.unknownCommands);
    if (session.skippedBytes > 0) this.#add(LANE_SLOT.relpSkippedBytes, session.skippedBytes);
    session.unknownCommands = 0;
    session.skippedBytes = 0;
  }

  // ---- what goes

  answered(talk: RelpTalk): void {
    this.#add(LANE_SLOT.relpAnswers, 1);
    this.#add(LANE_SLOT.relpUnanswered, -1);
    if (!talk.isDue) this.makeDue(talk);
  }

  makeDue(talk: RelpTalk): void {
    if (talk.isDue) return;
    talk.isDue = true;
    this.#due.push(talk);
  }

  get hasDue(): boolean {
    return this.#due.length > 0;
  }

  /** All who may have something to send, once. */
  takeDue(): readonly RelpTalk[] {
    const due = this.#due;
    this.#due = [];
    for (const talk of due) talk.isDue = false;
    return due;
  }

  /** Sends what the socket takes. `blocked`: there is more. `broken`: nobody will get it. */
  send(fd: number, talk: RelpTalk): 'sent' | 'blocked' | 'broken' {
    for (;;) {
      if (talk.output.length === 0) talk.output = talk.session.takeOutput();
      if (talk.output.length === 0) return 'sent';
      const count = sendStream(fd, talk.output);
      if (count < 0) {
        const error = streamError();
        if (error === 'EINTR') continue;
        return error === 'EAGAIN' ? 'blocked' : 'broken';
      }
      talk.session.sent(count);
      talk.output = talk.output.subarray(count);
    }
  }
}
