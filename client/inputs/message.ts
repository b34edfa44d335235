// Makes messages of all inputs: RFC 5424, one behind the other in the memory of a batch. Promises: the text
// travels byte for byte; a message is cut to `maxMessageBytes`, and counted; for a
// time of this host's clock the message says how good that clock is (RFC 5424 section 7.1), for others it
// keeps what the sender said. A message that is RFC 5424 already, to the letter, is taken as it is.
// Refuses: to frame, to parse, to know where a message came from.

import { assert } from '../../base/assert.ts';
import type { RecordBatch } from '../../delivery/spool/layout.ts';
import { spells } from '../../syslog/chars.ts';
import { copyPlain } from '../../syslog/escape.ts';
import {
  encodeStructured,
  HOST_BYTES_MAX,
  hasOwnTimestamp,
  MSGID_BYTES_MAX,
  PROCID_BYTES_MAX,
  PROGRAM_BYTES_MAX,
  writeHeaderField,
  writeVersionedPri,
} from '../../syslog/print-rfc5424.ts';
import { FRACTION, RFC3339_BYTES_MAX, StampPrinter } from '../../syslog/print-stamp.ts';
import { FORMAT, type LogRecord, TROUBLE } from '../../syslog/record.ts';
import { GRADE, readStructured, type StructuredScan, scanStructured } from '../../syslog/structured.ts';
import { type Instant, resolveTime, type ZoneOffset } from '../../syslog/time.ts';
import { Draft, type Field } from './draft.ts';
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

/** What is given to a sink at once: enough that its calls weigh little. */
const RECORDS_MAX = 1024;
const BATCH_BYTES = 256 * 1024;

/** RFC 5424 section 6 bounds the fields; the rest is PRI and what stands between. */
const HEADER_BYTES_MAX =
  16 + RFC3339_BYTES_MAX + HOST_BYTES_MAX + PROGRAM_BYTES_MAX + PROCID_BYTES_MAX + MSGID_BYTES_MAX;
/** `[timeQuality tzKnown="1" isSynced="1" syncAccuracy="16000000"]`, generously. */
const QUALITY_BYTES_MAX = 128;

const SPACE = 0x20;
const DASH = 0x2d;
const LESS_THAN = 0x3c;
const OPEN = 0x5b;
const TIME_QUALITY = 'timeQuality';

export class MessageBatch implements RecordBatch {
  readonly bytes: Buffer;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  count = 0;
  /** Messages that lost text, or their structured data, since they were over the limit; it only grows. */
  cut = 0;
  readonly #limit: number;
  /** What one message may take: a header that is over the limit on its own is still written. */
  readonly #room: number;
  readonly #host: Uint8Array;
  readonly #quality: TimeQuality;
  readonly #stamps: StampPrinter;
  readonly #draft = new Draft();
  readonly #instant: Instant = { sec: 0, nanos: 0 };

  constructor(settings: MessageSettings, recordsMax = RECORDS_MAX) {
    this.#limit = settings.maxMessageBytes;
    this.#room = Math.max(this.#limit, HEADER_BYTES_MAX + QUALITY_BYTES_MAX);
    // Of its own: a piece of Node's pool would pin all of it.
    this.bytes = Buffer.from(new ArrayBuffer(BATCH_BYTES + this.#room));
    this.starts = new Uint32Array(recordsMax);
    this.ends = new Uint32Array(recordsMax);
    this.#host = Buffer.from(settings.host);
    this.#quality = settings.quality;
    this.#stamps = new StampPrinter(settings.zone);
  }

  /** Is there room for one more, however long? */
  get hasRoom(): boolean {
    return this.count < this.starts.length && this.bytes.length - this.#end >= this.#room;
  }

  /** Needs `hasRoom`. */
  add(draft: Draft): void {
    assert(this.hasRoom, 'a message is added where there is room for it');
    if (this.count === 0) this.#quality.renew();
    const { bytes } = this;
    const start = this.#end;
    const { host, program, procid, msgid } = draft;
    let to = writeVersionedPri(draft.pri, bytes, start);
    to = this.#writeTime(draft, to);
    to =
      host.start < host.end
        ? writeHeaderField(host.bytes, host.start, host.end, HOST_BYTES_MAX, bytes, to)
        : writeHeaderField(this.#host, 0, this.#host.length, HOST_BYTES_MAX, bytes, to);
    to = writeHeaderField(program.bytes, program.start, program.end, PROGRAM_BYTES_MAX, bytes, to);
    to = writeHeaderField(procid.bytes, procid.start, procid.end, PROCID_BYTES_MAX, bytes, to);
    to = writeHeaderField(msgid.bytes, msgid.start, msgid.end, MSGID_BYTES_MAX, bytes, to);
    const { cut } = this;
    to = this.#writeStructured(draft, to, start + this.#limit);
    to = this.#writeText(draft.text, to, start + this.#limit);
    if (this.cut > cut) this.cut = cut + 1;
    this.#close(start, to);
  }

  /** As it was read by syslog/parse.ts. Needs `hasRoom`. */
  addParsed(record: LogRecord, received: Received): void {
    if (
      this.#isReady(record) &&
      !(received.isLocal && !namesQuality(record.bytes, record.sdStart, record.sdEnd))
    ) {
      this.addAsIs(record.bytes, record.start, record.end);
      return;
    }
    const draft = this.#draft;
    const { bytes } = record;
    draft.clear();
    draft.pri = record.pri;
    const hasTime = resolveTime(record, received.at.sec * 1000, received.zone, this.#instant);
    const time = hasTime ? this.#instant : received.at;
    draft.sec = time.sec;
    draft.nanos = time.nanos;
    draft.isOurTime = !hasTime || (received.isLocal && !record.timeDoubtful);
    if (record.hostStart >= 0) draft.host.set(bytes, record.hostStart, record.hostEnd);
    else draft.host.setAll(received.host);
    if (record.programStart >= 0) draft.program.set(bytes, record.programStart, record.programEnd);
    else draft.program.setAll(received.program);
    draft.procid.set(bytes, record.procidStart, record.procidEnd);
    draft.msgid.set(bytes, record.msgidStart, record.msgidEnd);
    setStructured(draft.structured, record);
    draft.text.set(bytes, record.msgStart, record.msgEnd);
    this.add(draft);
  }

  /** A message that is RFC 5424, byte for byte. Needs `hasRoom`, and no more bytes than `maxMessageBytes`. */
  addAsIs(bytes: Uint8Array, start: number, end: number): void {
    assert(this.hasRoom && end - start <= this.#limit, 'a message is added where there is room for it');
    this.#close(this.#end, copyPlain(bytes, start, end, this.bytes, this.#end));
  }

  /** The first so many have been taken; the rest moves to the front. */
  release(count: number): void {
    assert(count <= this.count, 'no more messages are taken than there are');
    if (count === this.count) {
      this.clear();
      return;
    }
    if (count === 0) return;
    const from = this.starts[count] as number;
    this.bytes.copyWithin(0, from, this.#end);
    for (let i = count; i < this.count; i += 1) {
      this.starts[i - count] = (this.starts[i] as number) - from;
      this.ends[i - count] = (this.ends[i] as number) - from;
    }
    this.count -= count;
  }

  clear(): void {
    this.count = 0;
  }

  get #end(): number {
    return this.count === 0 ? 0 : (this.ends[this.count - 1] as number);
  }

  #close(start: number, end: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.count += 1;
  }

  /** RFC 5424 to the letter, with a time and a host, and not over the limit. */
  #isReady(record: LogRecord): boolean {
    return (
      record.format === FORMAT.rfc5424 &&
      record.trouble === TROUBLE.none &&
      record.version === 1 &&
      record.bytes[record.start] === LESS_THAN &&
      record.hostStart >= 0 &&
      hasOwnTimestamp(record) &&
      record.end - record.start <= this.#limit
    );
  }

  #writeTime(draft: Draft, at: number): number {
    let to = at;
    if (Number.isNaN(draft.sec)) this.bytes[to++] = DASH;
    else to = this.#stamps.printRfc3339(draft.sec, draft.nanos, FRACTION.micros, this.bytes, to);
    this.bytes[to++] = SPACE;
    return to;
  }

  #writeStructured({ structured, isOurTime, sec }: Draft, at: number, limit: number): number {
    const { start, end } = structured;
    let to = at;
    if (isOurTime && this.#quality.covers(sec) && !namesQuality(structured.bytes, start, end)) {
      const quality = this.#quality.bytes;
      to = copyPlain(quality, 0, quality.length, this.bytes, to);
    }
    if (start < end) {
      if (to + end - start <= limit) return copyPlain(structured.bytes, start, end, this.bytes, to);
      this.cut += 1;
    }
    if (to === at) this.bytes[to++] = DASH;
    return to;
  }

  #writeText({ bytes, start, end }: Field, at: number, limit: number): number {
    if (start >= end || at >= limit) {
      if (start < end) this.cut += 1;
      return at;
    }
    this.bytes[at] = SPACE;
    const last = start + limit - at - 1;
    if (last >= end) return copyPlain(bytes, start, end, this.bytes, at + 1);
    this.cut += 1;
    return copyPlain(bytes, start, characterEnd(bytes, start, last), this.bytes, at + 1);
  }
}

/** The end of the last whole character before `last`: RFC 5424 section 6.1 asks not to cut within one. */
function characterEnd(bytes: Uint8Array, start: number, last: number): number {
  let end = last;
  while (end > start && last - end < 3 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return end > start && ((bytes[end] as number) & 0xc0) !== 0x80 ? end : last;
}

const scan: StructuredScan = { end: 0, grade: 0 };

/** As it stands if it keeps to the letter, else written anew. */
function setStructured(field: Field, { bytes, sdStart, sdEnd }: LogRecord): void {
  if (sdStart < 0 || sdStart >= sdEnd) return;
  const isStrict =
    scanStructured(bytes, sdStart, sdEnd, scan) && scan.grade === GRADE.strict && scan.end === sdEnd;
  if (isStrict) field.set(bytes, sdStart, sdEnd);
  else field.setAll(Buffer.from(encodeStructured(readStructured(bytes, sdStart, sdEnd))));
}

/** Does the sender say itself how good its clock is? */
function namesQuality(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at >= 0 && at < end; at += 1)
    if (bytes[at] === OPEN && spells(bytes, at + 1, end, TIME_QUALITY)) return true;
  return false;
}
