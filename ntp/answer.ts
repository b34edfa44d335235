// The thinking of the NTP server: a request, whom it is from, when it came and how well we know the time in;
// silence or the 48 octets of an answer out. It touches no socket and no clock, and allocates nothing.
//
// An answer is made in two steps: `answer` writes all of it but the transmit time, `stamp` writes that as late
// as possible. Receive times are made odd and transmit times even (see interleave.ts); the bits below
// our precision are random.
//
// Refuses: to write more than a header, so that no answer is longer than its question; to say why it is
// silent, but to the operator.

import type { Access } from './access.ts';
import type { ClientRows } from './clients.ts';
import type { Dice } from './dice.ts';
import { AT, firstOctet, MODE, modeOf, versionOf } from './header.ts';
import type { SentTimes } from './interleave.ts';
import type { RateGate } from './rate.ts';
import { judgeShape, VERDICT, type Verdict } from './shape.ts';
import type { Served } from './standing.ts';

/** One request; the same object is filled for each. Words, seconds and fraction are signed 32-bit. */
export class Request {
  view: DataView;
  at = 0;
  length = 0;
  port = 0;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;
  /** When it arrived, as on the wire. */
  receivedSec = 0;
  receivedFraction = 0;

  constructor(view: DataView) {
    this.view = view;
  }
}

/** What `stamp` has to do with an answer. */
export const KIND = { plain: 0, remembered: 1, interleaved: 2 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** RFC 5905 section 7.2, MAXPOLL; chrony's shortest interval is 2^-7 s. */
const POLL_MAX = 17;
const POLL_MIN = -7;

export interface AnswererParts {
  readonly clients: ClientRows;
  readonly sent: SentTimes;
  readonly served: Served;
  readonly dice: Dice;
}

export class Answerer {
  /** Of the last answer. */
  kind: Kind = KIND.plain;
  readonly #clients: ClientRows;
  readonly #sent: SentTimes;
  readonly #served: Served;
  readonly #dice: Dice;
  #access: Access;
  #gate: RateGate | undefined;
  #pollMin = POLL_MIN;

  constructor(access: Access, parts: AnswererParts) {
    this.#access = access;
    this.#clients = parts.clients;
    this.#sent = parts.sent;
    this.#served = parts.served;
    this.#dice = parts.dice;
  }

  /** `pollMin`: log2 of the interval that answers ask clients to keep at least. */
  configure(access: Access, gate: RateGate | undefined, pollMin: number): void {
    this.#access = access;
    this.#clients.forgetAccess();
    this.#gate = gate;
    this.#pollMin = Math.max(POLL_MIN, pollMin);
  }

  /** Before a batch: milliseconds on a clock that is never stepped. */
  setTime(nowMs: number): void {
    this.#clients.setTime(nowMs);
  }

  /** Writes the answer to `out` at `to`, unless the verdict is a reason for silence. */
  answer(request: Request, out: DataView, to: number): Verdict {
    const clients = this.#clients;
    const row = clients.find(request.w0, request.w1, request.w2, request.w3);
    clients.count(row);
    const verdict = this.#judge(request, row);
    if (verdict === VERDICT.answer) this.#write(request, out, to);
    else clients.drop(row, verdict);
    return verdict;
  }

  #judge(request: Request, row: number): Verdict {
    const allowed = this.#clients.allowed(row) ?? this.#askAccess(request, row);
    if (!allowed) return VERDICT.acl;
    const shape = judgeShape(request.view, request.at, request.length, request.port);
    if (shape !== VERDICT.answer) return shape;
    return this.#gate === undefined || this.#gate.passes(this.#clients, row) ? VERDICT.answer : VERDICT.rate;
  }

  #askAccess(request: Request, row: number): boolean {
    const { w0, w1, w2, w3 } = request;
    const allowed = this.#access.isAllowed({ w0: w0 >>> 0, w1: w1 >>> 0, w2: w2 >>> 0, w3: w3 >>> 0 });
    this.#clients.setAllowed(row, allowed);
    return allowed;
  }

  #write(request: Request, out: DataView, to: number): void {
    const served = this.#served;
    const { view, at } = request;
    const first = view.getUint8(at + AT.first);
    const mode = modeOf(first) === MODE.active ? MODE.passive : MODE.server;
    out.setUint8(to, firstOctet(served.leap, versionOf(first), mode));
    out.setUint8(to + AT.stratum, served.stratum);
    out.setInt8(to + AT.poll, this.#poll(view.getInt8(at + AT.poll)));
    out.setInt8(to + AT.precision, served.precision);
    out.setInt32(to + AT.rootDelay, served.rootDelay);
    out.setInt32(to + AT.rootDispersion, served.rootDispersion);
    out.setInt32(to + AT.referenceId, served.referenceId);
    out.setInt32(to + AT.reference, served.referenceSec);
    out.setInt32(to + AT.reference + 4, served.referenceFraction);
    this.#writeOrigin(request, out, to);
    this.#writeReceive(request, out, to);
  }

  #poll(asked: number): number {
    return Math.min(POLL_MAX, Math.max(this.#pollMin, asked));
  }

  /** The request's transmit time, bit for bit: it is the client's proof that the answer is for it. */
  #writeOrigin({ view, at }: Request, out: DataView, to: number): void {
    this.kind = KIND.plain;
    let from = at + AT.transmit;
    const originSec = view.getInt32(at + AT.origin);
    const originFraction = view.getInt32(at + AT.origin + 4);
    if ((originFraction & 1) === 1) {
      this.kind = KIND.remembered;
      if (this.#asksInterleaved(view, at) && this.#sent.find(originSec, originFraction)) {
        this.kind = KIND.interleaved;
        from = at + AT.receive;
        out.setInt32(to + AT.transmit, this.#sent.seconds);
        out.setInt32(to + AT.transmit + 4, this.#sent.fraction);
      }
    }
    out.setInt32(to + AT.origin, view.getInt32(from));
    out.setInt32(to + AT.origin + 4, view.getInt32(from + 4));
  }

  /** A request in interleaved mode tells its own receive and transmit times apart. */
  #asksInterleaved(view: DataView, at: number): boolean {
    return (
      view.getInt32(at + AT.receive) !== view.getInt32(at + AT.transmit) ||
      view.getInt32(at + AT.receive + 4) !== view.getInt32(at + AT.transmit + 4)
    );
  }

  #writeReceive(request: Request, out: DataView, to: number): void {
    const seconds = request.receivedSec;
    let fraction = this.#fuzz(request.receivedFraction) | 1;
    // An answer whose receive time is its origin could be taken for its own request.
    if (out.getInt32(to + AT.origin) === seconds && out.getInt32(to + AT.origin + 4) === fraction)
      fraction ^= 2;
    out.setInt32(to + AT.receive, seconds);
    out.setInt32(to + AT.receive + 4, fraction);
  }

  #fuzz(fraction: number): number {
    const mask = this.#served.fuzzMask;
    return (fraction & ~mask) | (this.#dice.word() & mask);
  }

  /**
   * The last step before an answer leaves: it leaves now, at this time as on the wire. False: the receive time
   * was of another setting of the clock, or of a request that nobody waits for any more; it is now.
   */
  stamp(out: DataView, to: number, kind: Kind, nowSec: number, nowFraction: number): boolean {
    let seconds = nowSec;
    let fraction = this.#fuzz(nowFraction) & ~1;
    const isSound = isNear(nowSec, out.getInt32(to + AT.receive));
    if (!isSound) {
      out.setInt32(to + AT.receive, seconds);
      out.setInt32(to + AT.receive + 4, fraction | 1);
    }
    const receiveSec = out.getInt32(to + AT.receive);
    const receiveFraction = out.getInt32(to + AT.receive + 4);
    if (isBefore(seconds, fraction, receiveSec, receiveFraction)) {
      // Only the random bits, or a step of the clock, can do that: then it took no time.
      fraction = (receiveFraction + 1) | 0;
      seconds = fraction === 0 ? (receiveSec + 1) | 0 : receiveSec;
    }
    if (out.getInt32(to + AT.origin) === seconds && out.getInt32(to + AT.origin + 4) === fraction)
      fraction ^= 2;
    if ((seconds | fraction) === 0) fraction = 2;
    if (kind !== KIND.plain) this.#sent.keep(receiveSec, receiveFraction, seconds, fraction);
    if (kind === KIND.interleaved) return isSound;
    out.setInt32(to + AT.transmit, seconds);
    out.setInt32(to + AT.transmit + 4, fraction);
    return isSound;
  }
}

/** Within one second, and the second that it may have turned. */
function isNear(aSec: number, bSec: number): boolean {
  const seconds = (aSec - bSec) | 0;
  return seconds >= -1 && seconds <= 1;
}

function isBefore(aSec: number, aFraction: number, bSec: number, bFraction: number): boolean {
  const seconds = (aSec - bSec) | 0;
  return seconds < 0 || (seconds === 0 && aFraction >>> 0 < bFraction >>> 0);
}
