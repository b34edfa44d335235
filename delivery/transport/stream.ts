// Delivery over plain TCP or TLS: frames one behind the other, to a peer that never answers. Promises: records
// are acknowledged no sooner than the peer's kernel has taken their bytes (sent.ts); when the peer ends the
// connection, nothing more is written to it, and what it did not take is sent again over the next.
//
// Refuses: to promise more. What the peer's kernel took and its program never read is lost, and nobody on this
// side can know; docs/transports.md says when, and that RELP is the cure.

import type { Socket } from 'node:net';
import { printSpan } from '../../base/units.ts';
import type { Connection, ConnectionParts } from './connection.ts';
import { FrameBuffer, type Framing } from './framing.ts';
import { measure } from './handle.ts';
import { GRACE_MS, SentBatches } from './sent.ts';
import { connectionTrouble, type Trouble } from './trouble.ts';

/** Nothing more is written while the peer's kernel has not taken so much. */
const UNTAKEN_BYTES_MAX = 1024 * 1024;
/** How often it is asked what the peer has taken: at first, and when nothing moves. */
const ASK_AFTER_MS = 20;
const ASK_AFTER_MS_MAX = 250;

export class StreamConnection implements Connection {
  readonly #socket: Socket;
  /** The TCP socket: the same, or the one below TLS. */
  readonly #wire: Socket;
  readonly #parts: ConnectionParts;
  readonly #frames: FrameBuffer;
  readonly #sent = new SentBatches();
  #isWriting = false;
  #isLeaving = false;
  #isOver = false;
  #error: Error | undefined;
  #askTimer: NodeJS.Timeout | undefined;
  #asking: NodeJS.Immediate | undefined;
  #askAfterMs = ASK_AFTER_MS;
  #next: NodeJS.Immediate | undefined;
  /** The connection stood at this moment: all that the kernel had to say of it until then has been heard. */
  #aliveAtMs = performance.now();
  /** When the peer took something last, or when it had taken all. */
  #movedAtMs = performance.now();

  constructor(socket: Socket, wire: Socket, framing: Framing, parts: ConnectionParts) {
    this.#socket = socket;
    this.#wire = wire;
    this.#parts = parts;
    this.#frames = new FrameBuffer(framing);
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.once('end', () => this.#ended());
    socket.once('close', () => this.#ended());
    // What the peer says is thrown away, but its end must be seen.
    socket.resume();
    this.#next = setImmediate(() => this.#begin());
  }

  #begin(): void {
    if (this.#isOver) return;
    if (this.#socket.destroyed || this.#socket.readableEnded) {
      this.#ended();
      return;
    }
    this.#parts.listener.ready();
    this.#pump();
  }

  wake(): void {
    this.#pump();
  }

  tick(): void {
    this.#pump();
  }

  // ---- records out

  #pump(): void {
    if (this.#isOver || this.#isLeaving || this.#isWriting) return;
    if (this.#sent.untakenBytes >= UNTAKEN_BYTES_MAX) return;
    const batch = this.#parts.reader.next();
    if (batch.count === 0) return;
    for (let i = 0; i < batch.count; i++) {
      const bytes = (batch.ends[i] as number) - (batch.starts[i] as number);
      this.#parts.tally.sent(batch.sequences[i] as number, bytes);
    }
    const sequence = batch.sequences[batch.count - 1] as number;
    this.#isWriting = true;
    if (this.#sent.isEmpty) this.#movedAtMs = performance.now();
    this.#askLater();
    this.#socket.write(this.#frames.fill(batch), (error) => {
      if (!error) this.#written(sequence);
    });
  }

  /** The kernel has all of it, TLS's own bytes among them. */
  #written(sequence: number): void {
    this.#isWriting = false;
    const meter = this.#isOver ? undefined : measure(this.#wire);
    if (meter === undefined) return;
    if (this.#sent.isEmpty) this.#movedAtMs = performance.now();
    this.#sent.add(sequence, meter.written);
    this.#ask();
    if (this.#isLeaving) this.#socket.end();
    // Not at once: others have their turn between two batches.
    else this.#next = setImmediate(() => this.#pump());
  }

  // ---- what the peer has taken

  #ask(): void {
    if (this.#isOver) return;
    this.#learn(GRACE_MS);
    this.#checkSilence();
    if (this.#isOver) return;
    if (!this.#sent.isEmpty || this.#isWriting) this.#askLater();
    else if (this.#isLeaving) this.#finish(undefined);
  }

  /** However many batches are written meanwhile. */
  #askLater(): void {
    this.#askTimer ??= setTimeout(() => this.#askSoon(), this.#askAfterMs);
  }

  /**
   * The process may have stood still, and a timer comes before what the kernel has to say meanwhile: a connection that was
   * reset must not count as one that has lived on.
   */
  #askSoon(): void {
    this.#askTimer = undefined;
    const atMs = performance.now();
    this.#asking = setImmediate(() => {
      if (this.#isOver || this.#socket.destroyed) return;
      this.#aliveAtMs = atMs;
      this.#askAgain();
    });
  }

  #askAgain(): void {
    this.#askAfterMs = Math.min(ASK_AFTER_MS_MAX, this.#askAfterMs * 2);
    this.#ask();
    this.#pump();
  }

  #learn(graceMs: number): void {
    const nowMs = performance.now();
    const meter = measure(this.#wire);
    const hasMoved = meter !== undefined && this.#sent.taken(meter.taken, nowMs);
    if (hasMoved) this.#askAfterMs = ASK_AFTER_MS;
    if (hasMoved || meter?.underWay === 0) this.#movedAtMs = nowMs;
    const sequence = this.#sent.done(graceMs === 0 ? nowMs : this.#aliveAtMs, graceMs);
    if (sequence === undefined) return;
    this.#parts.reader.acknowledge(sequence);
    this.#parts.listener.proved();
  }

  /** Bytes are under way and nobody acknowledges them. A peer that only does not read acknowledges them. */
  #checkSilence(): void {
    const { peer, options } = this.#parts;
    const isIdle = this.#sent.isEmpty && !this.#isWriting;
    if (isIdle || performance.now() - this.#movedAtMs < options.timeoutMs) return;
    const why = `${peer} has acknowledged nothing for ${printSpan(options.timeoutMs)}`;
    this.#finish({ why, mend: 'Look whether the host is up, and at the network between.' });
  }

  // ---- the end

  leave(): void {
    this.#isLeaving = true;
    if (!this.#isWriting) this.#socket.end();
    this.#ask();
  }

  drop(): void {
    this.#finish(undefined);
    this.#wire.destroy();
  }

  /** By the peer. Only after an end of ours does its own mean that it has read all. */
  #ended(): void {
    if (this.#isOver) return;
    const { peer } = this.#parts;
    this.#learn(this.#isLeaving && this.#error === undefined ? 0 : GRACE_MS);
    const why = `${peer} ended the connection`;
    const trouble = this.#error ? connectionTrouble(this.#error, peer) : { why, mend: undefined };
    this.#finish(this.#isLeaving && this.#sent.isEmpty ? undefined : trouble);
  }

  #finish(trouble: Trouble | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#askTimer);
    clearImmediate(this.#asking);
    clearImmediate(this.#next);
    if (trouble === undefined) this.#socket.destroySoon();
    else this.#wire.destroy();
    this.#parts.listener.ended(trouble);
  }
}
