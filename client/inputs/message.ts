// Makes messages of all inputs: RFC 5424, one behind the other in the memory of a batch. Promises: the text
// travels byte for byte; a message is never longer than `maxMessageBytes` (its text is cut, and counted); for a
// time of this host's clock the message says how good that clock is (RFC 5424 section 7.1), for others it
// keeps what the sender said. A message that is RFC 5424 already, and whole, is taken as it is.
// Refuses: to frame, to parse, to know where a message came from.

import { assert } from '../../base/assert.ts';
import type { RecordBatch } from '../../delivery/spool/layout.ts';
import type { LogRecord } from '../../syslog/record.ts';
import type { Instant, ZoneOffset } from '../../syslog/time.ts';
import type { Draft } from './draft.ts';
import type { TimeQuality } from './time-quality.ts';

export interface MessageSettings {
  /** HOSTNAME of this host: for drafts without one. */
  readonly host: string;
  readonly maxMessageBytes: number;
  /** Times are shown in it. */
  readonly zone: ZoneOffset;
  /** One for the whole agent. */
  readonly quality: TimeQuality;
}

/** What a parsed message gets where it says nothing itself. */
export interface Received {
  /** When it came in, by our clock. */
  readonly at: Instant;
  /** The zone of times that name none. */
  readonly zone: ZoneOffset;
  /** Of the sender; undefined: this host. */
  readonly host: Uint8Array | undefined;
  readonly program: Uint8Array | undefined;
  /** A local program: its clock is ours, so that its time is vouched for. */
  readonly isLocal: boolean;
}

export declare class MessageBatch implements RecordBatch {
  readonly bytes: Buffer;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  count: number;
  /** Messages whose text was cut, or whose structured data was left away, since they were over the limit. */
  cut: number;
  constructor(settings: MessageSettings, recordsMax?: number);
  /** Is there room for one more, however long? */
  readonly hasRoom: boolean;
  /** Needs `hasRoom`. */
  add(draft: Draft): void;
  /** As it was read by syslog/parse.ts. Needs `hasRoom`. */
  addParsed(record: LogRecord, received: Received): void;
  /** A message that is RFC 5424, byte for byte. Needs `hasRoom`, and no more bytes than `maxMessageBytes`. */
  addAsIs(bytes: Uint8Array, start: number, end: number): void;
  /** The first so many have been taken; the rest moves to the front. */
  release(count: number): void;
  clear(): void;
}
