// Cuts bytes into lines and makes messages of them, for files and standard input. Promises: lines are the same
// however the bytes are cut into pieces; nothing is kept between two calls but one flag, so that a place in a
// file is all that a restart needs; a line that is too long is cut, the rest of it passed over, and counted.
// Line ends are LF or CR LF. Empty lines are no messages; NULs before a line are a hole in a file, not text.
// Refuses: to wait. Whoever reads knows when no more will come.

import type { LineSettings } from '../../../config/agent.ts';
import { readBsdLine } from '../../../syslog/bsd-lines.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { FORMAT, LogRecord, TROUBLE } from '../../../syslog/record.ts';
import { type Instant, zoneFor } from '../../../syslog/time.ts';
import { Draft } from '../draft.ts';
import type { MessageBatch, Received } from '../message.ts';

const LF = 0x0a;
const CR = 0x0d;

/** With a long host name, a program and the account of the clock. */
const HEADER_BYTES_USUAL = 400;

/** What is kept of a source between two calls. */
export interface LineState {
  /** Within a line that was too long: all up to its end is passed over. */
  isPassing: boolean;
}

/**
 * What is known of bytes behind those that are there: nothing; that none came for a while (a message of several
 * lines is then complete, an unfinished line is not); that none will come.
 */
export type Following = 'unknown' | 'quiet' | 'end';

export class LineReader {
  /** Lines that were not in the format that was set, and were taken as plain. */
  notUnderstood = 0;
  /** When the lines were read: the time of those that name none. */
  readonly at: Instant = { sec: 0, nanos: 0 };
  readonly #settings: LineSettings;
  readonly #batch: MessageBatch;
  readonly #limit: number;
  /** Of several lines: so that they are not cut when their header stands before them. */
  readonly #textMax: number;
  readonly #start: RegExp | undefined;
  readonly #pri: number;
  readonly #draft = new Draft();
  readonly #record = new LogRecord();
  readonly #received: { -readonly [Key in keyof Received]: Received[Key] };

  constructor(settings: LineSettings, batch: MessageBatch, maxMessageBytes: number) {
    this.#settings = settings;
    this.#batch = batch;
    this.#limit = maxMessageBytes;
    this.#textMax = Math.max(maxMessageBytes / 2, maxMessageBytes - HEADER_BYTES_USUAL);
    const { multiline, facility, severity } = settings;
    this.#start = multiline && new RegExp(multiline.source, multiline.flags.replace(/[gy]/g, ''));
    this.#pri = facility * 8 + severity;
    const zone = zoneFor(settings.timeZone);
    this.#received = { at: this.at, zone, host: undefined, program: undefined, isLocal: false };
  }

  /** So many bytes must be readable at once, that a message and the line behind it are seen together. */
  static windowBytes(maxMessageBytes: number): number {
    return 2 * maxMessageBytes + 2;
  }

  /** The program of lines that name none, for the calls that follow. */
  setProgram(name: Uint8Array): void {
    this.#received.program = name;
    this.#draft.program.setAll(name);
  }

  /**
   * Makes messages of the lines in bytes[from … to), while the batch has room, and gives the place behind the
   * last that was taken. What is behind it is to be offered again, with what follows it.
   */
  read(state: LineState, bytes: Buffer, from: number, to: number, following: Following): number {
    const piece = bytes.length === to ? bytes : bytes.subarray(0, to);
    let at = from;
    while (at < to && this.#batch.hasRoom) {
      if (state.isPassing) {
        const end = piece.indexOf(LF, at);
        if (end < 0) return this.#finishPassing(state, to, following);
        state.isPassing = false;
        at = end + 1;
        continue;
      }
      at = skipHole(piece, at, to);
      const next =
        this.#start === undefined
          ? this.#readLine(state, piece, at, to, following)
          : this.#readLines(this.#start, state, piece, at, to, following);
      if (next < 0) return at;
      at = next;
    }
    return at;
  }

  #finishPassing(state: LineState, to: number, following: Following): number {
    if (following === 'end') state.isPassing = false;
    return to;
  }

  /** Position behind the line, or -1 when it is not complete. */
  #readLine(state: LineState, bytes: Buffer, at: number, to: number, following: Following): number {
    const end = bytes.indexOf(LF, at);
    if (end >= 0) {
      this.#emit(bytes, at, end);
      return end + 1;
    }
    return this.#readUnfinished(state, bytes, at, to, following);
  }

  #readUnfinished(state: LineState, bytes: Buffer, at: number, to: number, following: Following): number {
    const isTooLong = to - at > this.#limit;
    if (!isTooLong && (following !== 'end' || at === to)) return -1;
    state.isPassing = isTooLong && following !== 'end';
    this.#emit(bytes, at, to);
    return to;
  }

  /** As #readLine, for messages of several lines: up to the line that begins the next. */
  #readLines(
    start: RegExp,
    state: LineState,
    bytes: Buffer,
    at: number,
    to: number,
    following: Following,
  ): number {
    let lineStart = at;
    for (;;) {
      const end = bytes.indexOf(LF, lineStart);
      const lineEnd = end < 0 ? to : end;
      if (lineStart > at) {
        const isOver = lineEnd - at > this.#textMax;
        const isWhole = end >= 0 || following === 'end';
        const isNext = isWhole && begins(start, bytes, lineStart, lineEnd);
        if (isOver || isNext) break;
      }
      if (end < 0) {
        if (lineStart === at) return this.#readUnfinished(state, bytes, at, to, following);
        if (following === 'unknown') return -1;
        if (following === 'end') lineStart = to;
        break;
      }
      lineStart = end + 1;
    }
    this.#emit(bytes, at, lineStart);
    return lineStart;
  }

  #emit(bytes: Buffer, start: number, lineEnd: number): void {
    let end = lineEnd;
    while (end > start && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end -= 1;
    if (end === start) return;
    const { format } = this.#settings;
    if (format === 'bsd' && this.#readBsd(bytes, start, end)) return;
    if (format === 'rfc5424' && this.#readRfc5424(bytes, start, end)) return;
    if (format !== 'plain') this.notUnderstood += 1;
    const draft = this.#draft;
    draft.pri = this.#pri;
    draft.sec = this.at.sec;
    draft.nanos = this.at.nanos;
    draft.isOurTime = true;
    draft.text.set(bytes, start, end);
    this.#batch.add(draft);
  }

  #readBsd(bytes: Buffer, start: number, end: number): boolean {
    if (!readBsdLine(this.#record, bytes, start, end, this.#pri)) return false;
    this.#batch.addParsed(this.#record, this.#received);
    return true;
  }

  #readRfc5424(bytes: Buffer, start: number, end: number): boolean {
    const record = this.#record;
    parseMessage(record, bytes, start, end);
    if (record.format !== FORMAT.rfc5424 || record.trouble !== TROUBLE.none) return false;
    this.#batch.addParsed(record, this.#received);
    return true;
  }
}

/** A pattern is asked about so much of a line: it tells a beginning by its beginning. */
const BEGINNING_BYTES = 1024;

function begins(start: RegExp, bytes: Buffer, at: number, lineEnd: number): boolean {
  const end = lineEnd > at && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  return start.test(bytes.toString('utf8', at, Math.min(end, at + BEGINNING_BYTES)));
}

/** A file that was cut to nothing while its writer kept its place begins with NULs. */
function skipHole(bytes: Buffer, at: number, to: number): number {
  let start = at;
  while (start < to && bytes[start] === 0) start += 1;
  return start;
}
