// A RELP client of the tests' own, on our client session: sends numbered messages with a window, and knows which
// of them were acknowledged. Refuses: to connect again. Whoever wants that opens the next with `unacknowledged`.

import { connect, type Socket } from 'node:net';
import { RelpClientSession } from '../../syslog/relp/client.ts';
import { LOOPBACK, message } from './world.ts';

export interface RelpWish {
  readonly port: number;
  /** In each message, as its program. */
  readonly name: string;
  readonly count: number;
  readonly host?: string;
  readonly windowMax?: number;
  readonly padding?: number;
  /** Numbers to send instead of 0 … count - 1. */
  readonly numbers?: readonly number[];
  /** Sent before anything else: a PROXY header. */
  readonly before?: string | Buffer;
  /** Opens another kind of connection than plain TCP. */
  readonly open?: (opened: () => void) => Socket;
  /** Stays open when all is acknowledged. */
  readonly stays?: boolean;
}

export class RelpSender {
  readonly session: RelpClientSession;
  readonly socket: Socket;
  hasClosed = false;
  readonly #wish: RelpWish;
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(wish: RelpWish) {
    const times = { openTimeoutMs: 20_000, answerTimeoutMs: 0, closeTimeoutMs: 20_000 };
    const { windowMax = 128, port, host = LOOPBACK } = wish;
    this.session = new RelpClientSession({ windowMax, software: 'belfry,test', ...times }, Date.now());
    this.#wish = wish;
    this.#numbers = wish.numbers ?? Array.from({ length: wish.count }, (_, i) => i);
    const opened = () => {
      if (wish.before !== undefined) this.socket.write(wish.before);
      this.#pump();
    };
    this.socket = wish.open?.(opened) ?? connect(port, host, opened);
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => {
      this.session.receive(chunk, Date.now());
      this.#pump();
    });
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => {
      this.session.connectionEnded();
      this.hasClosed = true;
    });
  }

  /** So many were acknowledged. */
  get acknowledged(): number {
    return this.session.acknowledged;
  }

  get hasAll(): boolean {
    return this.acknowledged === this.#numbers.length;
  }

  /** The numbers that must be sent again: those in the window, and those that never were sent. */
  get unacknowledged(): number[] {
    return [...this.session.unacknowledged(), ...this.#numbers.slice(this.#next)];
  }

  #pump(): void {
    const { session, socket } = this;
    const { name, padding = 0 } = this.#wish;
    for (; this.#next < this.#numbers.length && session.hasRoom; this.#next += 1) {
      const number = this.#numbers[this.#next] as number;
      const bytes = Buffer.from(message('host', name, number, padding));
      session.send(number, bytes, 0, bytes.length, Date.now());
    }
    if (!this.#wish.stays && this.hasAll && session.ending === undefined) session.close(Date.now());
    const output = session.takeOutput();
    if (output.length > 0) socket.write(output, () => session.sent(output.length));
    if (session.ending !== undefined) socket.end();
  }
}
