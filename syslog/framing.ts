// Where one message ends and the next begins on a byte stream: RFC 6587, octet counting (section 3.4.1) and
// line framing (section 3.4.2) told apart for each message. Promises: the same frames wherever the chunks
// were cut; no byte of a message lost but those beyond the limit, which are counted; nothing allocated for a
// frame; a connection is never given up. The rules and their reasons stand in docs/framing.md.
//
//   arena   | headroom: carry is copied here | chunk as it was read | spare byte, spare byte |
//                              ^ start - kept ^ start                ^ end
//
// Refuses: to own a socket, to look into a message beyond its first bytes, and to keep more than one message
// unless the reader itself stops midway.

import { assert } from '../base/assert.ts';

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
const LESS = 0x3c;
const GREATER = 0x3e;

/** A count above this is no count but text that looks like one: no sender makes messages of 16 MiB. */
export const COUNT_TRUSTED_MAX = 16 * 1024 * 1024;
/** Digits of COUNT_TRUSTED_MAX. */
const COUNT_DIGITS_MAX = 8;
/** More digits than this before a space are never looked at as a count, not even as an absurd one. */
const ABSURD_DIGITS_MAX = 19;
/** The most bytes needed to know a message start: 8 digits, SP, `<191>`. */
const START_BYTES_MAX = COUNT_DIGITS_MAX + 1 + 5;
/** Free bytes that the reader leaves before a chunk, beyond the longest message. */
export const HEADROOM_EXTRA = 32;
/** Beyond the limit by this much, a line is longer than the limit whatever comes next. */
const LINE_SLACK = START_BYTES_MAX + 1;
/** A carry buffer up to this size is kept while idle: 5,000 connections then hold 5 MiB at most. */
const CARRY_IDLE_BYTES = 1024;
const CARRY_FIRST_BYTES = 256;

const NOTHING: Buffer = Buffer.alloc(0);

/** One message on the stream; filled again for each. */
export class Frame {
  start = 0;
  end = 0;
  /** It came with an octet count. */
  counted = false;
  /** It was longer than the limit: its first bytes are here, the others are in `Framer.skippedBytes`. */
  cut = false;
  /** The connection ended before all counted bytes had arrived. */
  partial = false;
}

export interface FramingLimits {
  readonly messageBytesMax: number;
  /** Lines that do not start like a message belong to the message before them. */
  readonly multiLine?: boolean;
}

/**
 * Where the message of a datagram starts: behind an octet count, if a sender has put one before it (`logger
 * --octet-count` does, over UDP too) and it is the datagram's own length.
 */
export function datagramMessageStart(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  let count = 0;
  while (p < end && p - start < COUNT_DIGITS_MAX) {
    const digit = (bytes[p] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    count = count * 10 + digit;
    p++;
  }
  if (p === start || bytes[p] !== SP || bytes[p + 1] !== LESS) return start;
  return count === end - p - 1 ? p + 1 : start;
}

/** Answers of the looks ahead: undecided means that the bytes which decide have not arrived. */
const NO = 0;
const YES = 1;
const UNDECIDED = 2;

/** One per connection. `feed`, then `next` until it says false, then `keepRest`; after the last: `finish`. */
export class Framer {
  /** Bytes of over-long messages that were passed over. The reader adds them to its counts and sets 0. */
  skippedBytes = 0;

  private readonly bytesMax: number;
  private readonly countMax: number;
  private readonly multiLine: boolean;

  private bytes: Buffer = NOTHING;
  private at = 0;
  private end = 0;
  /** Start of the frame that `next` gave last, for `refuse`. */
  private frameAt = 0;
  private frameAdrift = false;
  private frameNulFramed = false;
  /** No delimiter lies between `at` and here. */
  private searchFrom = 0;
  /** The next NUL at or after `at`; `end` when there is none. */
  private nulAt = 0;
  private fedAt = 0;
  private spare0 = 0;
  private spare1 = 0;

  private carry: Buffer = NOTHING;
  private carryLength = 0;
  /** The first bytes of the carry that are known to hold no delimiter. */
  private carrySearched = 0;

  /** Bytes of an over-long counted frame still to be passed over. */
  private skipCount = 0;
  /** The rest of an over-long line is being passed over. */
  private skipLine = false;
  /** This sender ends its messages with NUL. */
  private nulFramed = false;
  /** Directly after a counted frame: if no count follows, the last count may have been wrong. */
  private adrift = false;
  private ended = false;

  private stopAt = 0;
  private stopNext = 0;

  constructor(limits: FramingLimits) {
    this.bytesMax = limits.messageBytesMax;
    this.countMax = Math.max(COUNT_TRUSTED_MAX, limits.messageBytesMax);
    this.multiLine = limits.multiLine ?? false;
  }

  /** Bytes that wait for the next `feed`: so many must be free before its `start`. */
  get kept(): number {
    return this.carryLength;
  }

  /**
   * Takes a chunk. The bytes before `start` receive what was kept; with an empty chunk (start === end) that
   * may be more than lies before `start`, and is then placed at the arena's beginning. Two bytes after `end`,
   * where the arena has them, are borrowed until `keepRest`.
   */
  feed(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start - this.carryLength;
    this.end = end;
    if (this.carryLength > 0) this.unpack(start);
    this.fedAt = this.at;
    this.searchFrom = this.at + this.carrySearched;
    this.spare0 = bytes[this.end] ?? 0;
    this.spare1 = bytes[this.end + 1] ?? 0;
    // Guards that stop the searches for LF and NUL at the end of the chunk instead of the end of the arena.
    bytes[this.end] = LF;
    bytes[this.end + 1] = 0;
    this.nulAt = this.findByte(0, this.searchFrom);
  }

  private unpack(start: number): void {
    if (this.at < 0) {
      assert(start === this.end && this.carryLength <= this.bytes.length, 'the arena holds all kept bytes');
      this.at = 0;
      this.end = this.carryLength;
    }
    this.carry.copy(this.bytes, this.at, 0, this.carryLength);
  }

  /** The next whole message, or false when there is none yet. */
  next(frame: Frame): boolean {
    for (;;) {
      if ((this.skipLine || this.skipCount > 0) && !this.skip()) return false;
      if (this.at >= this.end) return false;
      const first = this.bytes[this.at] as number;
      if (first === LF || first === 0) {
        this.at++;
        this.adrift = false;
        continue;
      }
      let found = NO;
      if (first >= ZERO && first <= NINE) found = this.readCounted(frame);
      if (found === NO) found = this.readLine(frame);
      if (found !== NO) return found === YES;
    }
  }

  /** Takes back the frame that `next` gave last: it comes again, first of all. */
  refuse(): void {
    this.at = this.frameAt;
    this.adrift = this.frameAdrift;
    this.nulFramed = this.frameNulFramed;
    this.skipCount = 0;
    this.skipLine = false;
    this.searchFrom = this.at;
    this.nulAt = this.findByte(0, this.at);
  }

  /** Ends the use of the fed bytes: what is not finished (or was refused) is copied away. Says how much. */
  keepRest(): number {
    this.bytes[this.end] = this.spare0;
    this.bytes[this.end + 1] = this.spare1;
    const rest = this.end - this.at;
    const have = this.at === this.fedAt ? this.carryLength : 0;
    this.carrySearched = Math.min(Math.max(this.searchFrom - this.at, 0), rest);
    if (rest > have || this.carry.length > CARRY_IDLE_BYTES) this.makeRoom(rest, have);
    if (rest > have) this.bytes.copy(this.carry, have, this.at + have, this.end);
    this.carryLength = rest;
    this.bytes = NOTHING;
    return rest;
  }

  /** No more bytes will come. `feed` what is kept (an empty chunk), then `next` gives the unfinished message. */
  finish(): void {
    this.ended = true;
  }

  private makeRoom(rest: number, have: number): void {
    const idle = rest <= CARRY_IDLE_BYTES && this.carry.length > CARRY_IDLE_BYTES;
    if (!idle && rest <= this.carry.length) return;
    let size = rest === 0 ? 0 : CARRY_FIRST_BYTES;
    while (size < rest) size *= 2;
    const carry = size === 0 ? NOTHING : Buffer.allocUnsafeSlow(size);
    this.carry.copy(carry, 0, 0, have);
    this.carry = carry;
  }

  // ---- octet counting

  /** MSG-LEN SP SYSLOG-MSG, where the message must start with a PRI; any other line may start with digits. */
  private readCounted(frame: Frame): number {
    const { bytes, at, end } = this;
    let p = at;
    let count = 0;
    while (p < end && p - at <= ABSURD_DIGITS_MAX) {
      const digit = (bytes[p] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
      p++;
    }
    if (p < end && bytes[p] !== SP) return NO;
    if (p - at > ABSURD_DIGITS_MAX) return NO;
    const priBytes = p < end ? this.priLength(p + 1) : -1;
    if (priBytes < 0) return this.ended ? NO : UNDECIDED;
    if (priBytes === 0) return NO;
    if (bytes[at] === ZERO || count > this.countMax) return this.dropAbsurdCount(count, p);
    if (count < priBytes) return NO;
    return this.takeCounted(frame, p + 1, count);
  }

  /** As rsyslog does: a count of 0 is passed over, one that cannot be true becomes the start of a line. */
  private dropAbsurdCount(count: number, space: number): number {
    if (count === 0) this.at = space + 1;
    else if (this.bytes[this.at] !== ZERO) this.bytes.copyWithin(this.at + 1, this.at++, space);
    return NO;
  }

  private takeCounted(frame: Frame, body: number, count: number): number {
    const want = Math.min(count, this.bytesMax);
    const got = Math.min(want, this.end - body);
    if (got < want && !this.ended) return UNDECIDED;
    this.frameAt = this.at;
    this.frameAdrift = this.adrift;
    this.frameNulFramed = this.nulFramed;
    this.at = body + got;
    this.adrift = this.bytes[this.at - 1] !== LF;
    this.skipCount = count > want ? count - want : 0;
    frame.start = body;
    frame.end = count > want ? this.at : this.withoutLineEnd(body, this.at);
    frame.counted = true;
    frame.cut = count > want;
    frame.partial = got < want;
    return YES;
  }

  /** Some senders count a line end of their own into the message. */
  private withoutLineEnd(start: number, end: number): number {
    if (this.bytes[end - 1] !== LF) return end;
    return end - 2 >= start && this.bytes[end - 2] === CR ? end - 2 : end - 1;
  }

  /** Length of `<0>` to `<999>` at p; 0 when there is none, -1 when too few bytes have arrived. */
  private priLength(p: number): number {
    const { bytes, end } = this;
    if (p >= end) return -1;
    if (bytes[p] !== LESS) return 0;
    for (let q = p + 1; q < p + 5; q++) {
      if (q >= end) return -1;
      const byte = bytes[q] as number;
      if (byte === GREATER) return q > p + 1 ? q - p + 1 : 0;
      if (byte < ZERO || byte > NINE) return 0;
    }
    return 0;
  }

  // ---- lines

  /** NO stands for an empty line, which is no message. */
  private readLine(frame: Frame): number {
    const { bytes, at } = this;
    this.frameNulFramed = this.nulFramed;
    if (!this.findLineEnd()) return this.readUnendedLine(frame);
    const stop = this.stopAt;
    let end = stop;
    if (bytes[stop] === LF && end > at && bytes[end - 1] === CR) end--;
    if (this.multiLine) end = this.withoutLineEnds(end);
    if (end > at) return this.takeLine(frame, end);
    this.at = this.stopNext;
    this.adrift = false;
    return NO;
  }

  private takeLine(frame: Frame, end: number): number {
    const at = this.at;
    const over = end - at > this.bytesMax;
    this.frameAt = at;
    this.frameAdrift = this.adrift;
    frame.start = at;
    frame.end = over ? at + this.bytesMax : end;
    frame.counted = false;
    frame.cut = over;
    frame.partial = false;
    if (over) {
      // The rest is passed over by `skip`, after the reader has accepted this frame: so it counts once.
      this.at = frame.end;
      this.searchFrom = this.stopAt;
      this.skipLine = true;
    } else {
      this.at = this.stopNext;
      this.adrift = false;
    }
    return YES;
  }

  /** No delimiter yet: a message only at the end of the connection, or when it is too long whatever comes. */
  private readUnendedLine(frame: Frame): number {
    if (!this.ended && this.end - this.at < this.bytesMax + LINE_SLACK) return UNDECIDED;
    this.stopAt = this.searchFrom;
    this.stopNext = this.end;
    const end = this.multiLine ? this.withoutLineEnds(this.end) : this.end;
    return this.takeLine(frame, end > this.at ? end : this.end);
  }

  private withoutLineEnds(from: number): number {
    let end = from;
    while (end > this.at) {
      const last = this.bytes[end - 1];
      if (last !== LF && !(last === CR && end < this.end && this.bytes[end] === LF)) break;
      end--;
    }
    return end;
  }

  /** Passes over the rest of a message that was too long. False: all bytes are used up. */
  private skip(): boolean {
    if (this.skipCount > 0) {
      const passed = Math.min(this.skipCount, this.end - this.at);
      this.skipCount -= passed;
      this.pass(this.at + passed);
      if (this.skipCount === 0) this.adrift = this.bytes[this.at - 1] !== LF;
      return this.skipCount === 0;
    }
    if (!this.findLineEnd()) {
      this.pass(this.ended ? this.end : Math.max(this.searchFrom, this.at));
      return false;
    }
    this.pass(this.stopAt);
    this.at = this.stopNext;
    this.adrift = false;
    this.skipLine = false;
    return true;
  }

  private pass(to: number): void {
    this.skippedBytes += to - this.at;
    this.at = to;
  }

  /** Finds where the line that `at` lies in stops. False: not in these bytes, `searchFrom` has moved on. */
  private findLineEnd(): boolean {
    const from = this.searchFrom > this.at ? this.searchFrom : this.at;
    if (this.adrift || this.multiLine) return this.findSlowly(from);
    if (this.nulAt < from) this.nulAt = this.findByte(0, from);
    const lf = this.findByte(LF, from);
    const stop = this.nulFramed && this.nulAt < lf ? this.nulAt : lf;
    if (this.nulAt < stop) return this.findSlowly(this.nulAt);
    this.stopAt = stop;
    this.stopNext = stop + 1;
    if (stop < this.end) return true;
    this.searchFrom = this.end;
    return false;
  }

  /**
   * The stops that need a look ahead: an LF in multi-line mode and a NUL end a line only where a message
   * follows (any NUL once the sender has shown that it frames so); adrift, the next count ends it too.
   */
  private findSlowly(from: number): boolean {
    for (let p = from; p < this.end; p++) {
      const found = this.stopsAt(p, this.bytes[p] as number);
      if (found === NO) continue;
      if (found === YES) return true;
      this.searchFrom = p;
      return false;
    }
    this.searchFrom = this.end;
    return false;
  }

  private stopsAt(p: number, byte: number): number {
    this.stopAt = p;
    this.stopNext = p + 1;
    if (byte === LF) return this.multiLine ? this.messageStartsAt(p + 1) : YES;
    if (byte === 0) {
      const found = this.nulFramed ? YES : this.messageStartsAt(p + 1);
      if (found === YES) this.nulFramed = true;
      return found;
    }
    if (!this.adrift) return NO;
    this.stopNext = p;
    return this.countStartsAt(p);
  }

  private messageStartsAt(p: number): number {
    const priBytes = this.priLength(p);
    if (priBytes < 0) return this.ended ? NO : UNDECIDED;
    return priBytes > 0 ? YES : this.countStartsAt(p);
  }

  /** `57 <34>` and the like. */
  private countStartsAt(p: number): number {
    const { bytes, end } = this;
    let q = p;
    let count = 0;
    while (q < end && q - p < COUNT_DIGITS_MAX) {
      const digit = (bytes[q] as number) - ZERO;
      if (digit < 0 || digit > 9 || (digit === 0 && q === p)) break;
      count = count * 10 + digit;
      q++;
    }
    if (q < end && (q === p || bytes[q] !== SP)) return NO;
    const priBytes = q < end ? this.priLength(q + 1) : -1;
    if (priBytes < 0) return this.ended ? NO : UNDECIDED;
    return priBytes > 0 && count >= priBytes && count <= this.countMax ? YES : NO;
  }

  /** The first such byte, or the end of the fed bytes. */
  private findByte(byte: number, from: number): number {
    const found = this.bytes.indexOf(byte, from);
    return found < 0 || found > this.end ? this.end : found;
  }
}
