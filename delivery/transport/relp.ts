// Delivery over one RELP connection, on plain TCP or TLS: records from the queue into the window, answers back
// to the queue. Promises: the queue is told once for many answers, and only of what the server has answered;
// when the connection ends, nothing but unanswered records will be sent again; what a server will not take is
// counted and said, and blocks nothing for ever (relp-memory.ts). docs/transports.md has the rules.

import type { Socket } from 'node:net';
import { type RelpClientEnd, RelpClientSession } from '../../syslog/relp/client.ts';
import type { ReadBatch } from '../spool/batch.ts';
import type { Connection, ConnectionParts } from './connection.ts';
import { acknowledgeReceived } from './handle.ts';
import type { Detour, RelpMemory } from './relp-memory.ts';
import { relpTrouble } from './relp-words.ts';
import type { Trouble } from './trouble.ts';

const SOFTWARE = 'belfry';
/** Parts of the window: a refill is one at least, and so is what the queue is told of before the next tick. */
const SHARES = 4;
/**
 * So long after answers the server's kernel is told that they came, instead of the kernel's 40 ms: librelp sends
 * each answer by itself, and with Nagle's algorithm the second waits for that. Into imrelp, window 2048, without
 * it 46,000 messages/s came through; with it 80,000 to 148,000. The 3 ms were chosen on single runs.
 */
const ACK_AFTER_MS = 3;
/** The server has so long to end a connection whose session has ended in order. */
const LINGER_MS = 1000;

/** Ends that may be a message's fault, if they come within BLAME_WITHIN_MS after it was sent. */
const BREAKS: readonly (RelpClientEnd | undefined)[] = [
  'connection_ended',
  'server_closed',
  'server_aborted',
];
const BLAME_WITHIN_MS = 5000;

export class RelpConnection implements Connection {
  readonly #socket: Socket;
  /** The TCP socket: the same, or the one below TLS. */
  readonly #wire: Socket;
  readonly #parts: ConnectionParts;
  readonly #memory: RelpMemory;
  readonly #session: RelpClientSession;
  readonly #share: number;
  readonly #answerTimeoutMs: number;

  /** Records that were handed out; from `#at` on they are not sent yet. */
  #batch: ReadBatch | undefined;
  #at = 0;
  /** The last record that was sent, or passed over since it is done. */
  #handled: number | undefined;
  #sentCount = 0;
  #sentAtMs = 0;
  /** Answers that the queue knows of. */
  #toldCount = 0;
  /** Sent in place of a suspect: then the queue is told nothing. */
  #detour: Detour | undefined;
  /** Set when the session ends for a reason of ours. */
  #reason: { readonly trouble: Trouble | undefined } | undefined;
  #refusedCount = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  #isReady = false;
  #isOver = false;
  #error: Error | undefined;

  constructor(socket: Socket, wire: Socket, parts: ConnectionParts, memory: RelpMemory) {
    const { window, timeoutMs } = parts.options;
    this.#socket = socket;
    this.#wire = wire;
    this.#parts = parts;
    this.#memory = memory;
    this.#share = Math.max(1, Math.floor(window / SHARES));
    this.#answerTimeoutMs = timeoutMs * memory.patience;
    const times = {
      openTimeoutMs: timeoutMs,
      answerTimeoutMs: this.#answerTimeoutMs,
      closeTimeoutMs: timeoutMs,
    };
    const options = { windowMax: window, software: SOFTWARE, ...times };
    this.#session = new RelpClientSession(options, performance.now());
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.once('end', () => this.#lost());
    socket.once('close', () => this.#lost());
    // It may have ended before anybody listened.
    setImmediate(() => {
      if (socket.destroyed || socket.readableEnded) this.#lost();
    });
    this.#flush();
  }

  wake(): void {
    this.#pump();
  }

  tick(): void {
    if (this.#isOver) return;
    this.#session.onTimer(performance.now());
    this.#tell();
    this.#pump();
  }

  leave(): void {
    this.#close(undefined);
    this.#flush();
  }

  drop(): void {
    this.#finish();
  }

  /** No more messages; the session ends when those that are under way have been answered. */
  #close(trouble: Trouble | undefined): void {
    this.#reason ??= { trouble };
    this.#session.close(performance.now());
  }

  // ---- records out

  #pump(): void {
    if (this.#isOver) return;
    if (this.#reason === undefined && this.#isTimeToSend()) {
      if (this.#memory.isCautious) this.#sendOne();
      else this.#sendMany();
    }
    this.#flush();
  }

  /** Not for a few: a server that answers one by one would be sent one by one. */
  #isTimeToSend(): boolean {
    const { waiting, hasRoom } = this.#session;
    if (this.#memory.isCautious) return hasRoom && waiting === 0;
    return hasRoom && waiting <= this.#parts.options.window - this.#share;
  }

  #sendMany(): void {
    const session = this.#session;
    const nowMs = performance.now();
    while (session.hasRoom) {
      const batch = this.#nextBatch();
      if (batch === undefined) return;
      while (this.#at < batch.count && session.hasRoom) this.#handle(batch, this.#at++, nowMs);
    }
  }

  #sendOne(): void {
    if (this.#sendInPlaceOfSuspect()) return;
    for (let batch = this.#nextBatch(); batch !== undefined; batch = this.#nextBatch()) {
      if (this.#handle(batch, this.#at++, performance.now())) return;
    }
  }

  #nextBatch(): ReadBatch | undefined {
    const { reader } = this.#parts;
    if (this.#batch === undefined || this.#at >= this.#batch.count) {
      this.#at = 0;
      this.#batch = reader.next();
    }
    const sequence = this.#batch.sequences[this.#at] as number;
    return this.#batch.count > 0 && this.#memory.maySend(sequence) ? this.#batch : undefined;
  }

  /** False: it is done already. */
  #handle(batch: ReadBatch, i: number, nowMs: number): boolean {
    const sequence = batch.sequences[i] as number;
    this.#handled = sequence;
    if (this.#memory.isDone(sequence)) return false;
    const start = batch.starts[i] as number;
    const end = batch.ends[i] as number;
    this.#session.send(sequence, batch.bytes, start, end, nowMs);
    this.#parts.tally.sent(sequence, end - start);
    this.#sentCount += 1;
    this.#sentAtMs = nowMs;
    return true;
  }

  /** False: no record is under suspicion, or there is no other. */
  #sendInPlaceOfSuspect(): boolean {
    const { suspect, ahead } = this.#memory.detour() ?? {};
    if (suspect === undefined || ahead === undefined) return false;
    const { reader } = this.#parts;
    let left = ahead;
    for (let batch = reader.next(); batch.count > 0; batch = reader.next()) {
      for (let i = 0; i < batch.count; i++) {
        const sequence = batch.sequences[i] as number;
        if (sequence <= suspect || this.#memory.isDone(sequence) || --left > 0) continue;
        this.#detour = { suspect, sequence };
        return this.#handle(batch, i, performance.now());
      }
    }
    this.#parts.reader.rewind();
    return false;
  }

  #flush(): void {
    const session = this.#session;
    const output = session.takeOutput();
    if (output.length > 0 && this.#socket.writable) {
      this.#socket.write(output, (error) => {
        if (error) return;
        session.sent(output.length);
        this.#pump();
      });
    }
    if (session.ending !== undefined) this.#finish();
  }

  // ---- answers in

  receive(chunk: Uint8Array): void {
    if (this.#isOver) return;
    const session = this.#session;
    session.receive(chunk, performance.now());
    if (!this.#isReady && session.isReady) {
      this.#isReady = true;
      this.#parts.listener.ready();
    }
    this.#takeRefusals();
    if (session.acknowledged > this.#toldCount) this.#takeAnswers();
    this.#pump();
    if (session.waiting > 0) this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ACK_AFTER_MS);
  }

  #acknowledge(): void {
    this.#ackTimer = undefined;
    acknowledgeReceived(this.#wire);
  }

  #takeRefusals(): void {
    for (const { ref, code, text } of this.#session.takeRefusals()) {
      const words = `${code} ${text}`.trimEnd();
      this.#memory.refused(ref, words);
      this.#refusedCount += 1;
      const mend = 'Look at what the server says of it in its own log.';
      this.#close({ why: `${this.#parts.peer} refused a message with "${words}"`, mend });
    }
  }

  #takeAnswers(): void {
    this.#parts.listener.proved();
    if (this.#detour !== undefined) {
      // The window knows a later record than those that follow: they need a session of their own.
      this.#close(undefined);
      return;
    }
    this.#memory.answered();
    const isMuch = this.#session.acknowledged - this.#toldCount >= this.#share;
    if (isMuch || this.#session.waiting === 0) this.#tell();
  }

  /** The queue may forget what is settled. */
  #tell(): void {
    const { acknowledged, waiting, settledThrough } = this.#session;
    if (this.#detour !== undefined || this.#handled === undefined) return;
    const isAllSettled = waiting === 0 && this.#refusedCount === 0;
    const through = isAllSettled ? this.#handled : settledThrough;
    this.#toldCount = acknowledged;
    if (isAllSettled) this.#memory.patience = 1;
    if (through === undefined) return;
    this.#parts.reader.acknowledge(through);
    this.#memory.forget(through);
  }

  // ---- the end

  #lost(): void {
    if (this.#isOver) return;
    // An error comes before the end of the connection, and says more.
    this.#session.connectionEnded();
    this.#flush();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#ackTimer);
    this.#tell();
    this.#remember();
    const { ending } = this.#session;
    if (ending === 'closed' || ending === 'server_closed') this.#hangUp();
    else this.#socket.destroy();
    this.#parts.listener.ended(this.#trouble(ending));
  }

  #hangUp(): void {
    this.#socket.end();
    const late = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once('close', () => clearTimeout(late));
  }

  #trouble(ending: RelpClientEnd | undefined): Trouble | undefined {
    if (this.#reason !== undefined || ending === undefined) return this.#reason?.trouble;
    const { told, waiting } = this.#session;
    const { peer, options } = this.#parts;
    const isOpen = this.#isReady;
    if (ending === 'closed') return { why: `${peer} closed the session`, mend: undefined };
    const timeoutMs = ending === 'answer_timeout' ? this.#answerTimeoutMs : options.timeoutMs;
    return relpTrouble({ end: ending, told, peer, timeoutMs, waiting, isOpen, error: this.#error });
  }

  /** What the next connection has to know. */
  #remember(): void {
    const session = this.#session;
    const isSoon = performance.now() - this.#sentAtMs < BLAME_WITHIN_MS;
    const givenUp = this.#memory.learn({
      sent: this.#sentCount,
      acknowledged: session.acknowledged,
      refused: this.#refusedCount,
      settledBeyond: session.settledBeyond(),
      unacknowledged: session.unacknowledged(),
      detour: this.#detour,
      wasBroken: isSoon && this.#reason === undefined && BREAKS.includes(session.ending),
      wasTooLate: session.ending === 'answer_timeout',
    });
    const { tally, voice, peer } = this.#parts;
    for (const { sequence, why } of givenUp) {
      tally.counts.refusedRecords += 1;
      const whose = `${peer} takes other messages, but not number ${sequence} of the queue: ${why}.`;
      voice.warn('refused', `${whose} It is given up, and counted as refused.`);
    }
  }
}
