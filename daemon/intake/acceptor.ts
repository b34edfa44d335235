// Takes connections from listening sockets, some at a time. When the system is out of descriptors, nobody is
// accepted for a while: who waits would be told of at once and again and again, and the lane do nothing else.

import { acceptStream, type Accepted, type Readiness } from '../../kernel/stream.ts';
import { listenerSlot } from './counts.ts';
import type { Connection, StreamListener, Tokens } from './connection.ts';

/** Connections accepted from one listener before others have their turn. */
const ACCEPT_MAX = 64;
/** As many as a backlog can hold (net.core.somaxconn is 4096 by default). */
const ACCEPT_REST_TURNS = 4096 / ACCEPT_MAX + 1;
/** After the system ran out of descriptors, nobody is accepted for so long. */
const ACCEPT_PAUSE_MS = 1000;
/** It is told no more often than this. */
const PAUSE_TELL_MS = 60_000;

export type Arrived = Extract<Accepted, { ok: true }>;

export interface AcceptorParts {
  readonly readiness: Readiness;
  readonly counts: Float64Array;
  readonly tokens: Tokens<Connection | StreamListener>;
  arrived(accepted: Arrived, listener: StreamListener, nowMs: number): void;
  /** Descriptors ran out, or are there again. */
  accepting(paused: boolean, error: string): void;
}

export class Acceptor {
  readonly #parts: AcceptorParts;
  readonly #leftWaiting = new Set<StreamListener>();
  #againAtMs = 0;
  #pauseToldAtMs = 0;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
  }

  /** Takes who waits at a listener that is about to be closed: they were told that they are connected. */
  acceptRest(listener: StreamListener, nowMs: number): void {
    for (let turns = 0; turns < ACCEPT_REST_TURNS; turns += 1) this.accept(listener, nowMs);
  }

  accept(listener: StreamListener, nowMs: number): void {
    if (nowMs < this.#againAtMs) {
      this.#leaveWaiting(listener);
      return;
    }
    for (let i = 0; i < ACCEPT_MAX; i += 1) {
      const accepted = acceptStream(listener.socket.fd);
      if (!accepted.ok) {
        if (accepted.error === 'EMFILE' || accepted.error === 'ENFILE')
          this.#pause(listener, nowMs, accepted.error);
        return;
      }
      this.#parts.arrived(accepted, listener, nowMs);
    }
  }

  #pause(listener: StreamListener, nowMs: number, error: string): void {
    const slot = listenerSlot(listener.socket.listener, 'refused:too_many_open_files');
    (this.#parts.counts[slot] as number) += 1;
    this.#againAtMs = nowMs + ACCEPT_PAUSE_MS;
    this.#leaveWaiting(listener);
    if (Math.abs(nowMs - this.#pauseToldAtMs) < PAUSE_TELL_MS) return;
    this.#pauseToldAtMs = nowMs;
    this.#parts.accepting(true, error);
  }

  #leaveWaiting(listener: StreamListener): void {
    this.#parts.readiness.forget(listener.socket.fd);
    this.#leftWaiting.add(listener);
  }

  tick(nowMs: number): void {
    const pauseMs = this.#againAtMs - nowMs;
    // A clock that was set back does not make the pause longer.
    if (this.#againAtMs !== 0 && (pauseMs <= 0 || pauseMs > ACCEPT_PAUSE_MS)) this.#again();
  }

  #again(): void {
    this.#againAtMs = 0;
    this.#parts.accepting(false, '');
    for (const listener of this.#leftWaiting) {
      // It may have been closed meanwhile.
      if (this.#parts.tokens.get(listener.token) === listener)
        this.#parts.readiness.watch(listener.socket.fd, listener.token);
    }
    this.#leftWaiting.clear();
  }
}
