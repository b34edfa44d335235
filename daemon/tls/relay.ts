// One connection behind its handshake: what TLS gives goes into a socket pair whose other end a lane reads, and
// what the lane answers goes out through TLS. Each side waits for the other (memory: what one write holds); an
// end on one side is an end on the other, and what came before it arrives first.
//
// Refuses: to lose what was decrypted because the connection broke behind it; to wait for ever for a peer that
// has been told the end (LINGER_MS).

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** From our last word to the peer's; closing at once would make the kernel throw away what is on its way to it. */
const LINGER_MS = 10_000;

export class Relay {
  /** Bytes that TLS has given. */
  received = 0;
  readonly #tls: TLSSocket;
  readonly #pair: Socket;
  readonly #ended: () => void;
  #linger: NodeJS.Timeout | undefined;
  #isPaused = false;
  #hasEnded = false;
  #tlsIsClosed = false;
  #pairIsClosed = false;

  /** Both must allow half-open connections. `ended` is called once, when both are closed. */
  constructor(tls: TLSSocket, pair: Socket, ended: () => void) {
    this.#tls = tls;
    this.#pair = pair;
    this.#ended = ended;
    this.#inward(tls, pair);
    this.#outward(tls, pair);
  }

  /** From the peer to the lane. */
  #inward(tls: TLSSocket, pair: Socket): void {
    tls.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      // A lane that has let go of the connection wants no more; the peer is read so that it hears our end.
      if (pair.writable && !pair.write(chunk)) tls.pause();
    });
    pair.on('drain', () => {
      if (!this.#isPaused) tls.resume();
    });
    tls.on('end', () => pair.end());
    // Trouble with TLS ends the connection. What was decrypted before it is in the pair and goes on its way.
    tls.on('error', () => pair.end());
    tls.once('close', () => {
      this.#tlsIsClosed = true;
      pair.end();
      pair.resume();
      this.#endIfOver();
    });
  }

  /** From the lane to the peer. */
  #outward(tls: TLSSocket, pair: Socket): void {
    pair.on('data', (chunk: Buffer) => {
      if (tls.writable && !tls.write(chunk)) pair.pause();
    });
    tls.on('drain', () => pair.resume());
    pair.on('end', () => this.#sayEnd());
    // The lane has closed its end while bytes were on their way to it.
    pair.on('error', () => undefined);
    pair.once('close', () => {
      this.#pairIsClosed = true;
      this.#sayEnd();
      this.#endIfOver();
    });
  }

  #sayEnd(): void {
    if (this.#tlsIsClosed) return;
    // Each time: a write to a lane that was just gone may have paused it, and is never drained.
    this.#tls.resume();
    if (this.#linger) return;
    this.#linger = setTimeout(() => this.#tls.destroy(), LINGER_MS);
    this.#tls.end();
  }

  #endIfOver(): void {
    if (!this.#tlsIsClosed || !this.#pairIsClosed || this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#linger);
    this.#ended();
  }

  /** All that TLS has given is with the kernel. */
  get isFlushed(): boolean {
    return this.#pair.writableLength === 0;
  }

  /** Reads no more from the peer; answers still go out. */
  pause(): void {
    this.#isPaused = true;
    this.#tls.pause();
  }

  destroy(): void {
    this.#tls.destroy();
    this.#pair.destroy();
  }
}
