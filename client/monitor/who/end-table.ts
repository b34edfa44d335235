// The ends of TCP connections on this host, by their tuple: since when, which socket, whose. One that is over is kept as
// well, with what the kernel counted, since the question comes after the end. A tuple is used again by others, so each
// end says from when until when it was.
//
// Refuses: memory without end. Of too many the oldest are forgotten, which is counted (`takeForgotten`).

import type { Address } from '../../../base/ip.ts';
import type { Ends } from '../../../kernel/inet-diag.ts';
import type { Owner, SocketTotals } from '../../../traffic/events/owner.ts';

const LIVE_MAX = 32_768;
const OVER_MAX = 16_384;
/** Of one tuple. */
const OVER_OF_ONE_MAX = 4;
/** Two clocks and two queues tell of the same packet. */
const SLACK_US = 5000;

export type Role = 'client' | 'server';

export interface End {
  readonly ends: Ends;
  readonly role: Role | undefined;
  /** Of its SYN, or its SYN-ACK; -1: not seen. */
  readonly sequence: number;
  /** Microseconds since 1970; 0: before anybody looked. */
  readonly sinceUs: number;
  /** Infinity: it is there still, as far as is known. */
  untilUs: number;
  /** 0: not known. */
  cookie: number;
  /** The best that is known so far. */
  owner: Owner | undefined;
  totals: SocketTotals | undefined;
}

function addressKey({ w0, w1, w2, w3 }: Address): string {
  return w0 === 0 && w1 === 0 ? `${w2},${w3}` : `${w0},${w1},${w2},${w3}`;
}

function keyOf({ protocol, local, localPort, remote, remotePort }: Ends): string {
  return `${protocol} ${addressKey(local)} ${localPort} ${addressKey(remote)} ${remotePort}`;
}

export class EndTable {
  #forgotten = 0;
  readonly #live = new Map<string, End>();
  readonly #byCookie = new Map<number, End>();
  /** Newest last. */
  readonly #over = new Map<string, End[]>();

  get size(): number {
    return this.#live.size + this.#over.size;
  }

  /** How many were forgotten since this was last asked. */
  takeForgotten(): number {
    const forgotten = this.#forgotten;
    this.#forgotten = 0;
    return forgotten;
  }

  /** A connection begins, or is seen for the first time; what had the same ends is over. */
  begin(end: End): void {
    const key = keyOf(end.ends);
    const before = this.#live.get(key);
    if (before) this.#end(key, before, end.sinceUs);
    if (this.#live.size >= LIVE_MAX) this.#forgetOldest();
    this.#live.set(key, end);
    if (end.cookie !== 0) this.#byCookie.set(end.cookie, end);
  }

  /** The one that is there now. */
  live(ends: Ends): End | undefined {
    return this.#live.get(keyOf(ends));
  }

  allLive(): End[] {
    return [...this.#live.values()];
  }

  byCookie(cookie: number): End | undefined {
    return this.#byCookie.get(cookie);
  }

  /** Its socket has become known. */
  identify(end: End, cookie: number): void {
    if (end.cookie !== 0) this.#byCookie.delete(end.cookie);
    end.cookie = cookie;
    if (cookie !== 0 && end.untilUs === Number.POSITIVE_INFINITY) this.#byCookie.set(cookie, end);
  }

  /** The socket is gone. One that nobody knew is kept as well, since then it can be said that it was closed. */
  finish(end: End, untilUs: number): void {
    const key = keyOf(end.ends);
    this.#end(key, end, untilUs);
    if (this.#live.get(key) === end) this.#live.delete(key);
  }

  #end(key: string, end: End, untilUs: number): void {
    if (end.untilUs !== Number.POSITIVE_INFINITY) return;
    end.untilUs = untilUs;
    this.#byCookie.delete(end.cookie);
    const others = this.#over.get(key) ?? [];
    others.push(end);
    if (others.length > OVER_OF_ONE_MAX) others.shift();
    this.#over.delete(key);
    this.#over.set(key, others);
    if (this.#over.size > OVER_MAX) this.#over.delete(this.#over.keys().next().value as string);
  }

  #forgetOldest(): void {
    const [key, oldest] = this.#live.entries().next().value as [string, End];
    this.#live.delete(key);
    this.#byCookie.delete(oldest.cookie);
    this.#forgotten += 1;
  }

  /** The end of a connection that began at `startUs`: of those with these ends, the last that was there by then. */
  find(ends: Ends, startUs: number): End | undefined {
    const key = keyOf(ends);
    const live = this.#live.get(key);
    const all = [...(this.#over.get(key) ?? []), ...(live ? [live] : [])];
    return all.findLast(
      ({ sinceUs, untilUs }) => sinceUs - SLACK_US <= startUs && untilUs + SLACK_US >= startUs,
    );
  }
}
