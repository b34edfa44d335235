// What a log record is, as it travels from the wire to a file: offsets into the bytes that arrived, no
// strings. One LogRecord is made per reader and filled again for every message, so that the hot path
// allocates nothing. A field that is absent (or the NILVALUE) has start -1.
//
// Refuses: to own the bytes. Whoever fills a record must be done with it before the bytes change.

const NOTHING = new Uint8Array(0);

/** How the message was read. The order is part of docs/parsing.md. */
export const FORMATS = ['text', 'rfc3164', 'rfc5424', 'vendor'] as const;
export const FORMAT = { text: 0, rfc3164: 1, rfc5424: 2, vendor: 3 } as const;

/** Why a message could not be read as what it claims to be; `none` for most. Label values of a metric. */
export const TROUBLES = [
  'none',
  'empty',
  'no_header',
  'bad_pri',
  'bad_time',
  'bad_header',
  'bad_structured_data',
] as const;
export type Trouble = (typeof TROUBLES)[number];
export const TROUBLE = {
  none: 0,
  empty: 1,
  noHeader: 2,
  badPri: 3,
  badTime: 4,
  badHeader: 5,
  badStructuredData: 6,
} as const;

/** Where the time stands: nowhere, as a calendar date (perhaps without year or zone), or as an epoch. */
export const TIME = { none: 0, calendar: 1, epoch: 2 } as const;

/** `zoneMin` of a time that names no zone. */
export const NO_ZONE = -32768;

/** PRI of a message that carries none: user.notice (RFC 3164 section 4.3.3). */
export const DEFAULT_PRI = 13;

export class LogRecord {
  bytes: Uint8Array = NOTHING;
  /** The whole message without its framing; trailing LF, CR LF and NUL are outside. */
  start = 0;
  end = 0;
  /** Facility * 8 + severity, 0 to 191. */
  pri: number = DEFAULT_PRI;
  format: number = FORMAT.text;
  trouble: number = TROUBLE.none;
  /**
   * True when [headerStart, end) is, byte for byte, what the `traditional` file format prints:
   * `Mmm dd hh:mm:ss host tag: text` with a time that names no zone. It can then be copied as it is.
   */
  traditional = false;
  /** First byte after the PRI. */
  headerStart = 0;
  /** RFC 5424 VERSION, 0 when there is none. */
  version = 0;

  timeKind: number = TIME.none;
  timeStart = -1;
  timeEnd = -1;
  /** 0: the message names no year. */
  year = 0;
  /** 1 to 12. */
  month = 0;
  day = 0;
  hour = 0;
  minute = 0;
  /** 0 to 60: a leap second is kept as it was sent. */
  second = 0;
  /** 0 to 999,999,999; digits past the ninth are dropped. */
  nanos = 0;
  /** Minutes east of Greenwich, or NO_ZONE. */
  zoneMin: number = NO_ZONE;
  /** TIME.epoch only: whole seconds since 1970 (UTC); the fraction is in `nanos`. */
  epochSec = 0;
  /** The device itself says that its clock is not to be trusted (Cisco's `*` and `.`). */
  timeDoubtful = false;

  hostStart = -1;
  hostEnd = -1;
  /**
   * APP-NAME or TAG without the process id. It may lie inside the text (`CEF:0|…`, `notice tmsh[16322]: …`):
   * see isProgramInText.
   */
  programStart = -1;
  programEnd = -1;
  procidStart = -1;
  procidEnd = -1;
  msgidStart = -1;
  msgidEnd = -1;
  /**
   * All STRUCTURED-DATA elements with their brackets. In a traditional message they lie at the head of the
   * text and belong to it as well.
   */
  sdStart = -1;
  sdEnd = -1;
  /** The message text; empty when msgStart === msgEnd. */
  msgStart = 0;
  msgEnd = 0;
}

/**
 * Was the program only recognised in the text, not taken off it? A line of `host tag: text` must then leave
 * the tag away, or the program would stand there twice.
 */
export function isProgramInText(record: LogRecord): boolean {
  return record.programStart >= record.msgStart && record.programStart >= 0;
}

/** Back to "nothing known" over the given bytes: the whole of them is the text. */
export function resetRecord(record: LogRecord, bytes: Uint8Array, start: number, end: number): void {
  record.bytes = bytes;
  record.start = start;
  record.end = end;
  record.pri = DEFAULT_PRI;
  record.format = FORMAT.text;
  record.trouble = TROUBLE.none;
  record.traditional = false;
  record.headerStart = start;
  record.version = 0;
  record.timeKind = TIME.none;
  record.timeStart = -1;
  record.timeEnd = -1;
  record.year = 0;
  record.month = 0;
  record.day = 0;
  record.hour = 0;
  record.minute = 0;
  record.second = 0;
  record.nanos = 0;
  record.zoneMin = NO_ZONE;
  record.epochSec = 0;
  record.timeDoubtful = false;
  record.hostStart = -1;
  record.hostEnd = -1;
  record.programStart = -1;
  record.programEnd = -1;
  record.procidStart = -1;
  record.procidEnd = -1;
  record.msgidStart = -1;
  record.msgidEnd = -1;
  record.sdStart = -1;
  record.sdEnd = -1;
  record.msgStart = start;
  record.msgEnd = end;
}
