// What a RELP session has to say: frames, one behind the other, as bytes that the caller sends when it likes.
// Promises: bytes that were taken stay as they are until `sent` says that they are gone, so they may be given
// to a socket without a copy; what goes out in one batch is taken in one piece.
//
//   | sent | taken, with the socket | not yet taken | free |
//          ^ sentTo                 ^ takenTo       ^ end
//
// Refuses: to have a limit of its own. The sessions stop their work while too much waits here.

import { assert } from '../../base/assert.ts';

const LF = 0x0a;
const SP = 0x20;
const ZERO = 0x30;
const FIRST_BYTES = 512;
/** TXNR, SP, SP, DATALEN, SP, LF. */
const AROUND_BYTES = 9 + 1 + 1 + 9 + 1 + 1;

const NOTHING: Buffer = Buffer.alloc(0);

export const WORD = {
  open: Buffer.from('open'),
  close: Buffer.from('close'),
  syslog: Buffer.from('syslog'),
  rsp: Buffer.from('rsp'),
  serverclose: Buffer.from('serverclose'),
} as const;

export class RelpOutput {
  private readonly idleBytes: number;
  private bytes: Buffer = NOTHING;
  private sentTo = 0;
  private takenTo = 0;
  private end = 0;

  /** `idleBytes`: a buffer no larger than this is kept when everything has been sent. */
  constructor(idleBytes: number) {
    this.idleBytes = idleBytes;
  }

  /** Bytes that have not been sent yet, taken or not. */
  get unsentBytes(): number {
    return this.end - this.sentTo;
  }

  /** All that was not taken before, as one piece; empty when there is nothing. */
  take(): Buffer {
    const taken = this.bytes.subarray(this.takenTo, this.end);
    this.takenTo = this.end;
    return taken;
  }

  /** So many of the bytes that were taken are gone. */
  sent(count: number): void {
    assert(count >= 0 && this.sentTo + count <= this.takenTo, 'only what was taken can have been sent');
    this.sentTo += count;
    if (this.sentTo < this.end) return;
    this.sentTo = 0;
    this.takenTo = 0;
    this.end = 0;
    if (this.bytes.length > this.idleBytes) this.bytes = NOTHING;
  }

  /** `TXNR SP COMMAND SP DATALEN [SP DATA] LF`. */
  frame(txnr: number, command: Buffer, data: Buffer, start: number, end: number): void {
    const length = end - start;
    this.reserve(AROUND_BYTES + command.length + length);
    this.number(txnr);
    this.bytes[this.end++] = SP;
    this.end += command.copy(this.bytes, this.end);
    this.bytes[this.end++] = SP;
    this.number(length);
    if (length > 0) {
      this.bytes[this.end++] = SP;
      this.end += data.copy(this.bytes, this.end, start, end);
    }
    this.bytes[this.end++] = LF;
  }

  /** A frame that is always the same behind its number; `rest` starts with SP and ends with LF. */
  ready(txnr: number, rest: Buffer): void {
    this.reserve(AROUND_BYTES + rest.length);
    this.number(txnr);
    // Byte by byte: for a dozen of them that is faster than a call into the engine.
    for (let i = 0; i < rest.length; i++) this.bytes[this.end++] = rest[i] as number;
  }

  private number(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = value;
    for (let p = this.end + digits - 1; p >= this.end; p--) {
      this.bytes[p] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.end += digits;
  }

  /** A full buffer is left to whoever took its bytes; what has not been sent goes on in a new one. */
  private reserve(count: number): void {
    if (this.end + count <= this.bytes.length) return;
    const unsent = this.unsentBytes;
    let size = FIRST_BYTES;
    while (size < (unsent + count) * 2) size *= 2;
    const bytes = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(bytes, 0, this.sentTo, this.end);
    this.bytes = bytes;
    this.takenTo -= this.sentTo;
    this.sentTo = 0;
    this.end = unsent;
  }
}
