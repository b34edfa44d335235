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
/** Both captures have the kernel's time of the first packet; on loopback one has that of its way in. */
const BEGAN_BEFORE_US = 200;
const BEGAN_AFTER_US = 2000;
/** Where others had the same ends, the next of them may have begun by then. */
const BEGAN_AFTER_OTHERS_US = 400;
/** An end is told of later than it was, by no more than this unless the host stands still. */
const TOLD_LATE_US = 50_000;

export type Role = 'client' | 'server';

export interface End {
  readonly ends: Ends;
  readonly role: Role | undefined;
  /** Of its SYN, or its SYN-ACK; -1: not seen. */
  readonly sequence: number;
  /** Microseconds since 1970; 0: before anybody looked. */
  sinceUs: number;
  /** Infinity: it is there still, as far as is known. */
  untilUs: number;
  /** When its socket was asked for; 0: never. */
  lookedAtUs: number;
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
  #overCount = 0;

  get size(): number {
    return this.#live.size + this.#overCount;
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

  /** The one that is there now, else the one that ended last. */
  latest(ends: Ends): End | undefined {
    return this.#all(ends).at(-1);
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
    // The tuple that ended last is the last of all.
    this.#over.delete(key);
    this.#over.set(key, others);
    this.#overCount += 1;
    if (this.#overCount > OVER_MAX) this.#forgetOver();
  }

  /** Of the tuple that was used least of late, the oldest. */
  #forgetOver(): void {
    const [key, others] = this.#over.entries().next().value as [string, End[]];
    others.shift();
    if (others.length === 0) this.#over.delete(key);
    this.#overCount -= 1;
  }

  #forgetOldest(): void {
    const [key, oldest] = this.#live.entries().next().value as [string, End];
    this.#live.delete(key);
    this.#byCookie.delete(oldest.cookie);
    this.#forgotten += 1;
  }

  /**
   * The end of a connection whose first packet was at `startUs`: the first that began then; else one that was there
   * before, and was there long after.
   */
  find(ends: Ends, startUs: number): End | undefined {
    const all = this.#all(ends);
    const began = all.find((end) => hasBegun(end, startUs));
    const afterMaxUs = all.length > 1 ? BEGAN_AFTER_OTHERS_US : BEGAN_AFTER_US;
    if (began) return began.sinceUs <= startUs + afterMaxUs ? began : undefined;
    return all.findLast(({ sinceUs, untilUs }) => sinceUs < startUs && startUs <= untilUs - TOLD_LATE_US);
  }

  #all(ends: Ends): readonly End[] {
    const key = keyOf(ends);
    const live = this.#live.get(key);
    const over = this.#over.get(key) ?? [];
    return live ? [...over, live] : over;
  }

  /** One that is over and whose beginning nobody saw, though it was after `startUs`, or is told only now. */
  unseen(ends: Ends, startUs: number): End | undefined {
    const over = this.#over.get(keyOf(ends)) ?? [];
    return over.find(({ sinceUs, untilUs }) => sinceUs === 0 && untilUs + TOLD_LATE_US >= startUs);
  }

  /** The first that nobody had time to look for, and of whose end nothing was told yet. */
  anonymous(ends: Ends): End | undefined {
    return this.#all(ends).find(({ cookie, totals, sinceUs }) => cookie === 0 && !totals && sinceUs > 0);
  }
}

/** Whether it began with the packet of this time. */
export function hasBegun({ sinceUs }: End, startUs: number): boolean {
  return sinceUs >= startUs - BEGAN_BEFORE_US && sinceUs <= startUs + BEGAN_AFTER_US;
}
