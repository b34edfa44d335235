// RELP frames on a byte stream. Promises: the same frames wherever the chunks were cut; no allocation for a
// frame; memory for one unfinished frame and no more, whatever length the peer announces. What is no frame
// ends the reading: `trouble` says why, and all that follows is passed over.
//
//   1…9 digits | SP | 1…32 letters | SP | 1…9 digits | SP | data    | LF
//   TXNR              COMMAND             DATALEN     (both only if DATALEN > 0)
//
// Refuses: to own a socket, to know what a command means, to look for the next frame in a broken stream.

import { assert } from '../../base/assert.ts';

const LF = 0x0a;
const SP = 0x20;
const ZERO = 0x30;
const LETTER_A = 0x61;
/** This bit makes an ASCII letter small. */
const CASE_BIT = 0x20;
/** RELP specification 0.0.1: NUMBER = 1*9DIGIT, COMMAND = 1*32ALPHA. */
const DIGITS_MAX = 9;
const LETTERS_MAX = 32;
/** 9 + SP + 32 + SP + 9 + SP. */
const HEADER_BYTES_MAX = DIGITS_MAX + 1 + LETTERS_MAX + 1 + DIGITS_MAX + 1;
/** Data of other commands may always have so many bytes, however short a message must be: librelp's offers have 80. */
const COMMAND_DATA_BYTES = 1024;
/** A carry buffer up to this size is kept while idle: 5,000 connections then hold 5 MiB at most. */
const CARRY_IDLE_BYTES = 1024;
const CARRY_FIRST_BYTES = 256;

const NOTHING: Buffer = Buffer.alloc(0);

export const COMMAND = {
  unknown: 0,
  open: 1,
  close: 2,
  syslog: 3,
  rsp: 4,
  serverclose: 5,
  abort: 6,
} as const;

const WORDS: readonly (readonly [Buffer, number])[] = [
  [Buffer.from('syslog'), COMMAND.syslog],
  [Buffer.from('rsp'), COMMAND.rsp],
  [Buffer.from('open'), COMMAND.open],
  [Buffer.from('close'), COMMAND.close],
  [Buffer.from('serverclose'), COMMAND.serverclose],
  [Buffer.from('abort'), COMMAND.abort],
];

/** One frame on the stream; filled again for each. Offsets are into the bytes that were fed. */
export class RelpFrame {
  txnr = 0;
  /** One of COMMAND. */
  command: number = COMMAND.unknown;
  commandStart = 0;
  commandEnd = 0;
  start = 0;
  end = 0;
  /** DATALEN as the peer announced it. */
  dataBytes = 0;
  /** The data was longer than a message may be: its first bytes are here, the others are passed over. */
  cut = false;
}

export type RelpTrouble = 'none' | 'bad_header' | 'bad_trailer' | 'too_long';

export interface RelpLimits {
  /** Longer messages are cut, longer data of other commands (from 1024 bytes on) is trouble. */
  readonly messageBytesMax: number;
  /** A message that is announced as longer than this is trouble. */
  readonly dataBytesMax: number;
}

/** Free bytes that the caller leaves before a chunk: as many as an unfinished frame can have. */
export function relpHeadroom(messageBytesMax: number): number {
  return HEADER_BYTES_MAX + Math.max(messageBytesMax, COMMAND_DATA_BYTES);
}

/** Answers of the looks ahead: undecided means that the bytes which decide have not arrived. */
const NO = 0;
const YES = 1;
const UNDECIDED = 2;

/** One per connection. `feed`, then `next` until it says false, then `keepRest`. */
export class RelpReader {
  trouble: RelpTrouble = 'none';
  /** Bytes of over-long messages that were passed over. The caller adds them to its counts and sets 0. */
  skippedBytes = 0;

  private readonly messageBytesMax: number;
  private readonly dataBytesMax: number;
  private readonly commandBytesMax: number;

  private bytes: Buffer = NOTHING;
  private at = 0;
  private end = 0;
  /** Start of the frame that `next` gave last, for `refuse`. */
  private frameAt = 0;
  private fedAt = 0;
  /** Where the last look for digits or letters ended, and the number it found. */
  private stop = 0;
  private number = 0;

  private carry: Buffer = NOTHING;
  private carryLength = 0;

  /** Data of a cut message still to be passed over, and whether its LF is still to come. */
  private skipCount = 0;
  private owesTrailer = false;

  constructor(limits: RelpLimits) {
    this.messageBytesMax = limits.messageBytesMax;
    this.dataBytesMax = Math.max(limits.dataBytesMax, limits.messageBytesMax);
    this.commandBytesMax = Math.max(limits.messageBytesMax, COMMAND_DATA_BYTES);
  }

  /** Bytes that wait for the next `feed`: so many must be free before its `start`. */
  get kept(): number {
    return this.carryLength;
  }

  /**
   * Takes a chunk. The bytes before `start` receive what was kept; with an empty chunk (start === end) that
   * may be more than lies before `start`, and is then placed at the arena's beginning. More than that is kept
   * only if the caller stopped midway: then it feeds nothing new until it has gone on.
   */
  feed(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start - this.carryLength;
    this.end = end;
    if (this.at < 0) {
      assert(start === end && this.carryLength <= bytes.length, 'the arena holds all kept bytes');
      this.at = 0;
      this.end = this.carryLength;
    }
    this.carry.copy(bytes, this.at, 0, this.carryLength);
    this.fedAt = this.at;
  }

  /** The next whole frame, or false when there is none yet, or never will be (`trouble`). */
  next(frame: RelpFrame): boolean {
    if (this.trouble === 'none' && this.owesTrailer) this.skip();
    if (this.trouble !== 'none') this.at = this.end;
    if (this.at >= this.end) return false;
    const found = this.readHeader(frame);
    if (found === NO) return this.fail('bad_header');
    return found === YES && this.readData(frame);
  }

  /** Takes back the frame that `next` gave last: it comes again, first of all. */
  refuse(): void {
    this.at = this.frameAt;
    this.owesTrailer = false;
  }

  /** Ends the use of the fed bytes: what is not finished (or was refused) is copied away. Says how much. */
  keepRest(): number {
    const rest = this.end - this.at;
    const have = this.at === this.fedAt ? this.carryLength : 0;
    if (rest > have || this.carry.length > CARRY_IDLE_BYTES) this.makeRoom(rest, have);
    if (rest > have) this.bytes.copy(this.carry, have, this.at + have, this.end);
    this.carryLength = rest;
    this.bytes = NOTHING;
    return rest;
  }

  /** For whoever wants no more frames: what is here, and what waits, is passed over. */
  passOver(): void {
    this.at = this.end;
    this.carry = NOTHING;
    this.carryLength = 0;
  }

  private makeRoom(rest: number, have: number): void {
    const idle = rest <= CARRY_IDLE_BYTES && this.carry.length > CARRY_IDLE_BYTES;
    if (!idle && rest <= this.carry.length) return;
    let size = rest === 0 ? 0 : CARRY_FIRST_BYTES;
    while (size < rest) size *= 2;
    const carry = size === 0 ? NOTHING : Buffer.allocUnsafeSlow(size);
    this.carry.copy(carry, 0, 0, Math.min(have, rest));
    this.carry = carry;
  }

  private fail(trouble: RelpTrouble): boolean {
    this.trouble = trouble;
    this.at = this.end;
    return false;
  }

  // ---- the header

  private readHeader(frame: RelpFrame): number {
    const txnr = this.readNumber(this.at);
    if (txnr !== YES) return txnr;
    frame.txnr = this.number;
    if (this.bytes[this.stop] !== SP) return NO;
    const command = this.readCommand(frame, this.stop + 1);
    if (command !== YES) return command;
    const length = this.readNumber(this.stop + 1);
    if (length !== YES) return length;
    frame.dataBytes = this.number;
    return this.readDataStart(frame, this.stop);
  }

  /** DATALEN is read, `p` is the byte behind it. A space before the LF of an empty frame is let pass. */
  private readDataStart(frame: RelpFrame, p: number): number {
    const byte = this.bytes[p];
    frame.start = p + 1;
    if (frame.dataBytes > 0) return byte === SP ? YES : NO;
    if (byte === LF) frame.start = p;
    else if (byte !== SP) return NO;
    else if (p + 1 >= this.end) return UNDECIDED;
    return this.bytes[frame.start] === LF ? YES : NO;
  }

  /** One to nine digits, and one byte more, which ends them. */
  private readNumber(from: number): number {
    const { bytes, end } = this;
    let p = from;
    let value = 0;
    for (; p < end; p++) {
      const digit = (bytes[p] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      if (p - from === DIGITS_MAX) return NO;
      value = value * 10 + digit;
    }
    if (p >= end) return UNDECIDED;
    this.stop = p;
    this.number = value;
    return p > from ? YES : NO;
  }

  private readCommand(frame: RelpFrame, from: number): number {
    const { bytes, end } = this;
    let p = from;
    for (; p < end; p++) {
      const letter = ((bytes[p] as number) | CASE_BIT) - LETTER_A;
      if (letter < 0 || letter > 25) break;
      if (p - from === LETTERS_MAX) return NO;
    }
    if (p >= end) return UNDECIDED;
    if (p === from || bytes[p] !== SP) return NO;
    this.stop = p;
    frame.commandStart = from;
    frame.commandEnd = p;
    frame.command = this.commandOf(from, p);
    return YES;
  }

  private commandOf(start: number, end: number): number {
    for (const [word, command] of WORDS) {
      if (word.length !== end - start) continue;
      let same = 0;
      while (same < word.length && word[same] === this.bytes[start + same]) same++;
      if (same === word.length) return command;
    }
    return COMMAND.unknown;
  }

  // ---- the data

  /** Above this a frame's DATALEN is `too_long`. */
  dataMax(frame: RelpFrame): number {
    return frame.command === COMMAND.syslog ? this.dataBytesMax : this.commandBytesMax;
  }

  private readData(frame: RelpFrame): boolean {
    const { start, dataBytes } = frame;
    if (dataBytes > this.dataMax(frame)) return this.fail('too_long');
    frame.cut = frame.command === COMMAND.syslog && dataBytes > this.messageBytesMax;
    const taken = frame.cut ? this.messageBytesMax : dataBytes;
    // The LF behind the data must be here too, unless the data is cut.
    if (this.end - start < taken + (frame.cut ? 0 : 1)) return false;
    frame.end = start + taken;
    if (!frame.cut && this.bytes[frame.end] !== LF) return this.fail('bad_trailer');
    this.frameAt = this.at;
    this.at = frame.cut ? frame.end : frame.end + 1;
    this.skipCount = dataBytes - taken;
    this.owesTrailer = frame.cut;
    return true;
  }

  /** Passes over the rest of a message that was cut, and the LF behind it. */
  private skip(): void {
    const passed = Math.min(this.skipCount, this.end - this.at);
    this.skipCount -= passed;
    this.skippedBytes += passed;
    this.at += passed;
    if (this.at >= this.end) return;
    this.owesTrailer = false;
    if (this.bytes[this.at] === LF) this.at++;
    else this.fail('bad_trailer');
  }
}
