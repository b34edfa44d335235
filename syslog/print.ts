// A record as one line of a log file, in any of the formats that an operator can choose. Promises: exactly
// one LF, the last byte; never more than `worstCase` bytes; times in the server's own zone, those that name
// no zone as the sender's clock showed them. A message that was sent as it is to be printed is copied.
// Refuses: to allocate for ordinary messages; to check the room, which is the caller's.
//
//   traditional   Nov 20 12:34:15 host program[procid]: message
//   iso           2025-11-20T12:34:15.123456+01:00 host program[procid]: message
//   rfc5424       <165>1 2025-11-20T12:34:15.123456+01:00 host program procid msgid [id name="value"] message
//   json          {"pri":165,"facility":"local4","severity":"notice","timestamp":…}
//   raw           <165>… as it came

import { copyEscaped, copyPlain, ESCAPE_GROWTH } from './escape.ts';
import { facilityName, severityName } from './names.ts';
import { JSON_GROWTH, writeJsonString } from './print-json.ts';
import { writeJsonStructured } from './print-json-structured.ts';
import {
  HOST_BYTES_MAX,
  hasOwnTimestamp,
  MSGID_BYTES_MAX,
  PROCID_BYTES_MAX,
  PROGRAM_BYTES_MAX,
  writeHeaderField,
  writeStructured,
  writeVersionedPri,
} from './print-rfc5424.ts';
import { FRACTION, StampPrinter, writeBsdStamp } from './print-stamp.ts';
import { FORMAT, isProgramInText, type LogRecord, NO_ZONE, TIME } from './record.ts';
import { type Instant, resolveTime, type ZoneOffset } from './time.ts';

export const FILE_FORMATS = ['traditional', 'iso', 'rfc5424', 'json', 'raw'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** What a line needs to know of the sender. */
export interface PrintedPeer {
  /** The address as text: stands for an absent host. */
  readonly text: Uint8Array;
  /** Applies to times that name no zone. */
  readonly zone: ZoneOffset;
  /** That zone is the server's own: such times are printed as they came. */
  readonly printsAsSent: boolean;
}

/** Stamp, PRI, brackets, keys of the JSON form and its three times, `via`: generously. */
const FIXED_BYTES = 512;

const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** At least as many bytes as the line can have. */
export function worstCase(format: FileFormat, record: LogRecord, peer: PrintedPeer): number {
  if (format === 'raw') return ESCAPE_GROWTH * (record.end - record.start) + 1;
  const fields =
    record.hostEnd -
    record.hostStart +
    (record.programEnd - record.programStart) +
    (record.procidEnd - record.procidStart) +
    (record.msgidEnd - record.msgidStart) +
    (record.sdEnd - record.sdStart) +
    (record.msgEnd - record.msgStart);
  const growth = format === 'traditional' || format === 'iso' ? ESCAPE_GROWTH : JSON_GROWTH;
  return growth * fields + peer.text.length + FIXED_BYTES;
}

/** The longest line that a message of so many bytes can become. Fields may share bytes: hence twice. */
export function lineBytesMax(messageBytesMax: number): number {
  return JSON_GROWTH * 2 * messageBytesMax + 2 * FIXED_BYTES;
}

/** One for each reader: it keeps the texts of the last second and of the priorities seen. */
export class LinePrinter {
  /** The transport that the messages came by; the `via` of the JSON form. */
  via = '';

  private readonly stamps: StampPrinter;
  private readonly received: StampPrinter;
  private readonly instant: Instant = { sec: 0, nanos: 0 };
  private readonly jsonStarts: Buffer[] = [];

  constructor(serverZone: ZoneOffset, via: string) {
    this.stamps = new StampPrinter(serverZone);
    this.received = new StampPrinter(serverZone);
    this.via = via;
  }

  /**
   * Writes the record's line at `out[at]` and returns the offset after its LF. `clean`: the message is
   * printable ASCII alone. The record's bytes may lie in `out` itself.
   */
  print(
    format: FileFormat,
    record: LogRecord,
    peer: PrintedPeer,
    receivedMs: number,
    out: Uint8Array,
    at: number,
    clean: boolean,
  ): number {
    const to = this.printLine(format, record, peer, receivedMs, out, at, clean);
    out[to] = LF;
    return to + 1;
  }

  private printLine(
    format: FileFormat,
    record: LogRecord,
    peer: PrintedPeer,
    receivedMs: number,
    out: Uint8Array,
    at: number,
    clean: boolean,
  ): number {
    if (format === 'traditional') {
      if (clean && record.traditional && peer.printsAsSent)
        return copyPlain(record.bytes, record.headerStart, record.end, out, at);
      const to = this.printBsdStamp(record, peer, receivedMs, out, at);
      return printHostAndText(record, peer, out, to, clean);
    }
    if (format === 'raw') return copyText(record.bytes, record.start, record.end, out, at, clean);
    this.resolve(record, peer, receivedMs);
    if (format === 'json') return this.printJson(record, peer, receivedMs, out, at);
    if (format === 'rfc5424') return this.printRfc5424(record, peer, out, at, clean);
    const { sec, nanos } = this.instant;
    const to = this.stamps.printRfc3339(sec, nanos, FRACTION.micros, out, at);
    return printHostAndText(record, peer, out, to, clean);
  }

  private printBsdStamp(
    record: LogRecord,
    peer: PrintedPeer,
    receivedMs: number,
    out: Uint8Array,
    at: number,
  ): number {
    if (record.timeKind === TIME.calendar && record.zoneMin === NO_ZONE && peer.printsAsSent) {
      const { month, day, hour, minute, second } = record;
      writeBsdStamp(month, day, hour, minute, second, out, at);
      return at + 15;
    }
    this.resolve(record, peer, receivedMs);
    return this.stamps.printBsd(this.instant.sec, out, at);
  }

  /** The message's own time, else that of its reception. */
  private resolve(record: LogRecord, peer: PrintedPeer, receivedMs: number): void {
    if (resolveTime(record, receivedMs, peer.zone, this.instant)) return;
    const sec = Math.floor(receivedMs / 1000);
    this.instant.sec = sec;
    this.instant.nanos = Math.floor((receivedMs - sec * 1000) * 1e6);
  }

  private printRfc5424(
    record: LogRecord,
    peer: PrintedPeer,
    out: Uint8Array,
    at: number,
    clean: boolean,
  ): number {
    const { bytes } = record;
    let to = writeVersionedPri(record.pri, out, at);
    to = this.printTimestamp(record, out, to);
    out[to++] = SPACE;
    if (record.hostStart < record.hostEnd)
      to = writeHeaderField(bytes, record.hostStart, record.hostEnd, HOST_BYTES_MAX, out, to);
    else to = writeHeaderField(peer.text, 0, peer.text.length, HOST_BYTES_MAX, out, to);
    to = writeHeaderField(bytes, record.programStart, record.programEnd, PROGRAM_BYTES_MAX, out, to);
    to = writeHeaderField(bytes, record.procidStart, record.procidEnd, PROCID_BYTES_MAX, out, to);
    to = writeHeaderField(bytes, record.msgidStart, record.msgidEnd, MSGID_BYTES_MAX, out, to);
    to = writeStructured(record, out, to, clean);
    if (record.msgStart >= record.msgEnd) return to;
    out[to++] = SPACE;
    return copyText(bytes, record.msgStart, record.msgEnd, out, to, clean);
  }

  /** As it was sent where that is RFC 3339; `resolve` has been called for all others. */
  private printTimestamp(record: LogRecord, out: Uint8Array, at: number): number {
    if (hasOwnTimestamp(record)) return copyPlain(record.bytes, record.timeStart, record.timeEnd, out, at);
    const { sec, nanos } = this.instant;
    const micros = nanos - (nanos % 1000);
    return this.stamps.printRfc3339(sec, micros, FRACTION.needed, out, at);
  }

  private printJson(
    record: LogRecord,
    peer: PrintedPeer,
    receivedMs: number,
    out: Uint8Array,
    at: number,
  ): number {
    const { bytes } = record;
    let to = copyAll(this.jsonStart(record.pri), out, at);
    to = this.printJsonTime(record, out, to);
    to = writeJsonString(bytes, record.hostStart, record.hostEnd, out, copyAll(KEYS.host, out, to));
    to = writeJsonString(bytes, record.programStart, record.programEnd, out, copyAll(KEYS.program, out, to));
    to = writeJsonString(bytes, record.procidStart, record.procidEnd, out, copyAll(KEYS.procid, out, to));
    to = writeJsonString(bytes, record.msgidStart, record.msgidEnd, out, copyAll(KEYS.msgid, out, to));
    to = printJsonStructured(record, out, copyAll(KEYS.structuredData, out, to));
    to = writeJsonString(bytes, record.msgStart, record.msgEnd, out, copyAll(KEYS.message, out, to));
    to = this.printReceived(receivedMs, out, copyAll(KEYS.receivedAt, out, to));
    to = writeJsonString(peer.text, 0, peer.text.length, out, copyAll(KEYS.fromHostIp, out, to));
    return copyAll(this.jsonEnd(), out, to);
  }

  private printJsonTime(record: LogRecord, out: Uint8Array, at: number): number {
    if (record.timeKind === TIME.none) return copyAll(KEYS.null, out, at);
    out[at] = QUOTE;
    const { sec, nanos } = this.instant;
    const to = hasOwnTimestamp(record)
      ? copyPlain(record.bytes, record.timeStart, record.timeEnd, out, at + 1)
      : this.stamps.printRfc3339(sec, nanos, FRACTION.needed, out, at + 1);
    out[to] = QUOTE;
    return to + 1;
  }

  private printReceived(receivedMs: number, out: Uint8Array, at: number): number {
    const sec = Math.floor(receivedMs / 1000);
    out[at] = QUOTE;
    const nanos = Math.floor((receivedMs - sec * 1000) * 1e6);
    const to = this.received.printRfc3339(sec, nanos, FRACTION.micros, out, at + 1);
    out[to] = QUOTE;
    return to + 1;
  }

  private jsonStart(pri: number): Buffer {
    let start = this.jsonStarts[pri];
    if (start === undefined) {
      const [facility, severity] = [facilityName(pri), severityName(pri)];
      start = Buffer.from(`{"pri":${pri},"facility":"${facility}","severity":"${severity}","timestamp":`);
      this.jsonStarts[pri] = start;
    }
    return start;
  }

  private jsonEndOf = '';
  private jsonEndBytes: Buffer = Buffer.alloc(0);

  private jsonEnd(): Buffer {
    if (this.jsonEndBytes.length === 0 || this.jsonEndOf !== this.via) {
      this.jsonEndOf = this.via;
      this.jsonEndBytes = Buffer.from(`,"via":${this.via === '' ? 'null' : JSON.stringify(this.via)}}`);
    }
    return this.jsonEndBytes;
  }
}

const QUOTE = 0x22;

/** The pieces between the values, ready as bytes. */
const KEYS = {
  null: Buffer.from('null'),
  host: Buffer.from(',"host":'),
  program: Buffer.from(',"program":'),
  procid: Buffer.from(',"procid":'),
  msgid: Buffer.from(',"msgid":'),
  structuredData: Buffer.from(',"structuredData":'),
  message: Buffer.from(',"message":'),
  receivedAt: Buffer.from(',"receivedAt":'),
  fromHostIp: Buffer.from(',"fromHostIp":'),
} as const;

function copyAll(bytes: Uint8Array, out: Uint8Array, at: number): number {
  return copyPlain(bytes, 0, bytes.length, out, at);
}

function printJsonStructured(record: LogRecord, out: Uint8Array, at: number): number {
  if (record.sdStart < 0) return copyAll(KEYS.null, out, at);
  return writeJsonStructured(record.bytes, record.sdStart, record.sdEnd, out, at);
}

/** ` host program[procid]: message`, what the traditional and the iso format share. */
function printHostAndText(
  record: LogRecord,
  peer: PrintedPeer,
  out: Uint8Array,
  at: number,
  clean: boolean,
): number {
  const { bytes } = record;
  let to = at;
  out[to++] = SPACE;
  if (record.hostStart < record.hostEnd)
    to = copyText(bytes, record.hostStart, record.hostEnd, out, to, clean);
  else to = copyAll(peer.text, out, to);
  if (record.programStart < record.programEnd && !isProgramInText(record))
    to = printTag(record, out, to, clean);
  if (record.msgStart < record.msgEnd) {
    // A relay that read the message as RFC 3164 sends the space behind its tag as the first byte of MSG.
    const bringsSpace = record.format === FORMAT.rfc5424 && bytes[record.msgStart] === SPACE;
    if (!bringsSpace) out[to++] = SPACE;
    return copyText(bytes, record.msgStart, record.msgEnd, out, to, clean);
  }
  return record.sdStart < record.sdEnd ? printStructuredText(record, out, to, clean) : to;
}

function printTag(record: LogRecord, out: Uint8Array, at: number, clean: boolean): number {
  let to = at;
  out[to++] = SPACE;
  to = copyText(record.bytes, record.programStart, record.programEnd, out, to, clean);
  if (record.procidStart < record.procidEnd) {
    out[to++] = OPEN;
    to = copyText(record.bytes, record.procidStart, record.procidEnd, out, to, clean);
    out[to++] = CLOSE;
  }
  out[to] = COLON;
  return to + 1;
}

/** Firewalls say all they have to say in structured data: where there is no text, it is the text. */
function printStructuredText(record: LogRecord, out: Uint8Array, at: number, clean: boolean): number {
  let to = at;
  if (record.msgidStart < record.msgidEnd) {
    out[to++] = SPACE;
    to = copyText(record.bytes, record.msgidStart, record.msgidEnd, out, to, clean);
  }
  out[to++] = SPACE;
  return copyText(record.bytes, record.sdStart, record.sdEnd, out, to, clean);
}

function copyText(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  clean: boolean,
): number {
  return clean ? copyPlain(bytes, start, end, out, at) : copyEscaped(bytes, start, end, out, at);
}
