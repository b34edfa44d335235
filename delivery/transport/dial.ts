// A TCP connection to the first of several addresses that takes one. Promises: an address that does not answer
// at once holds up the next for no more than NEXT_AFTER_MS; the first to answer wins, the others are dropped;
// after the timeout, or when told, nothing is left behind. A failure has words for the operator.

import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Trouble } from './trouble.ts';
import { connectionTrouble, connectTimeout, printPeer } from './trouble.ts';

/** RFC 8305 section 5: the recommended Connection Attempt Delay. */
const NEXT_AFTER_MS = 250;
/** A peer that is gone without a word is found after so long without traffic (and ten probes a second apart). */
const KEEPALIVE_AFTER_MS = 60_000;

export type Dialed =
  | { readonly ok: true; readonly socket: Socket; readonly peer: string }
  | { readonly ok: false; readonly trouble: Trouble };

export interface DialWish {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What the socket reads goes here, instead of into memory of its own for each piece. */
  readonly onread?: OnReadOpts;
}

export function dial(wish: DialWish): Promise<Dialed> {
  return new Promise((resolve) => {
    new Race(wish, resolve).next();
  });
}

class Race {
  readonly #wish: DialWish;
  readonly #done: (dialed: Dialed) => void;
  readonly #running = new Set<Socket>();
  #upcoming = 0;
  #isOver = false;
  #lastTrouble: Trouble | undefined;
  #nextTimer: NodeJS.Timeout | undefined;
  readonly #lateTimer: NodeJS.Timeout;
  readonly #onAbort = () => this.#lose();

  constructor(wish: DialWish, done: (dialed: Dialed) => void) {
    this.#wish = wish;
    this.#done = done;
    this.#lateTimer = setTimeout(() => this.#lose(), wish.timeoutMs);
    wish.signal.addEventListener('abort', this.#onAbort);
  }

  next(): void {
    clearTimeout(this.#nextTimer);
    const { addresses, port, onread } = this.#wish;
    const host = addresses[this.#upcoming];
    if (host === undefined) {
      if (this.#running.size === 0) this.#lose();
      return;
    }
    this.#upcoming += 1;
    this.#nextTimer = setTimeout(() => this.next(), NEXT_AFTER_MS);
    const socket = connect({ host, port, noDelay: true, ...(onread && { onread }) });
    this.#running.add(socket);
    const peer = printPeer(host, port);
    const onError = (error: Error) => this.#failed(socket, connectionTrouble(error, peer));
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      this.#win(socket, peer);
    });
  }

  #failed(socket: Socket, trouble: Trouble): void {
    this.#running.delete(socket);
    this.#lastTrouble = trouble;
    if (!this.#isOver) this.next();
  }

  #win(socket: Socket, peer: string): void {
    this.#running.delete(socket);
    socket.setKeepAlive(true, KEEPALIVE_AFTER_MS);
    // Whoever takes it over listens later; until then an error must not be an exception.
    socket.on('error', ignore);
    this.#end({ ok: true, socket, peer });
  }

  #lose(): void {
    const { addresses, port, timeoutMs } = this.#wish;
    const [first = ''] = addresses;
    const isLate = this.#running.size > 0 || this.#lastTrouble === undefined;
    const late = connectTimeout(printPeer(first, port), timeoutMs);
    this.#end({ ok: false, trouble: isLate ? late : (this.#lastTrouble as Trouble) });
  }

  #end(dialed: Dialed): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#nextTimer);
    clearTimeout(this.#lateTimer);
    this.#wish.signal.removeEventListener('abort', this.#onAbort);
    for (const socket of this.#running) {
      socket.on('error', ignore);
      socket.destroy();
    }
    this.#done(dialed);
  }
}

function ignore(): void {}
