// A message on its way to RFC 5424: its fields as places in bytes that somebody else owns, as with LogRecord.
// One draft is made per reader and filled again for each message, so that nothing is allocated for it.
// Refuses: to own bytes. They must stay as they are until the draft has been added to a batch.

import { DEFAULT_PRI } from '../../syslog/record.ts';

const NOTHING = new Uint8Array(0);

/** A field: bytes[start … end). Absent when start is -1. */
export class Field {
  bytes: Uint8Array = NOTHING;
  start = -1;
  end = -1;

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Bytes that were made once and stay: a name from the configuration. Undefined: absent. */
  setAll(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.clear();
    else this.set(bytes, 0, bytes.length);
  }

  clear(): void {
    this.bytes = NOTHING;
    this.start = -1;
    this.end = -1;
  }
}

export class Draft {
  /** Facility * 8 + severity, 0 to 191. */
  pri: number = DEFAULT_PRI;
  /** Seconds since 1970 (UTC) and the fraction. NaN: no time is known, and `-` is written. */
  sec = Number.NaN;
  nanos = 0;
  /**
   * Was the time taken from the clock of this host (by us, the journal, or a program on a local socket)? Then
   * the message says how good that clock is (timeQuality). For a time that came from elsewhere we do not vouch.
   */
  isOurTime = false;
  /** Header fields: what they may not hold is written as `#ooo`, what is over their limit is cut. */
  readonly host = new Field();
  readonly program = new Field();
  readonly procid = new Field();
  readonly msgid = new Field();
  /** Elements with their brackets, to the letter of RFC 5424. */
  readonly structured = new Field();
  /** Byte for byte, line breaks included. */
  readonly text = new Field();

  clear(): void {
    this.pri = DEFAULT_PRI;
    this.sec = Number.NaN;
    this.nanos = 0;
    this.isOurTime = false;
    this.host.clear();
    this.program.clear();
    this.procid.clear();
    this.msgid.clear();
    this.structured.clear();
    this.text.clear();
  }
}
