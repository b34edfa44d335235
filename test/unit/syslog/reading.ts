// A message read into strings, for tests that say what they expect in words. Absent fields are left out.

import { parseMessage } from '../../../syslog/parse.ts';
import { FORMATS, isProgramInText, LogRecord, TIME, TROUBLES } from '../../../syslog/record.ts';
import { type Instant, resolveTime, UTC } from '../../../syslog/time.ts';

export interface Reading {
  readonly pri?: number;
  readonly format?: string;
  readonly trouble?: string;
  readonly traditional?: boolean;
  /** As an instant, read in March 2026 with UTC for what names no zone. */
  readonly time?: string;
  readonly host?: string;
  readonly program?: string;
  readonly isInText?: boolean;
  readonly procid?: string;
  readonly msgid?: string;
  readonly data?: string;
  readonly message?: string;
}

/** The clock of the tests that name no year. */
export const RECEIVED_MS = Date.UTC(2026, 2, 15, 10, 20, 30);

export function read(message: string | Uint8Array): Reading {
  const bytes = typeof message === 'string' ? Buffer.from(message) : Buffer.from(message);
  const record = new LogRecord();
  parseMessage(record, bytes, 0, bytes.length);
  const field = (name: string, start: number, end: number): Record<string, string> =>
    start < 0 ? {} : { [name]: bytes.subarray(start, end).toString() };
  return {
    pri: record.pri,
    format: FORMATS[record.format] as string,
    ...(record.trouble === 0 ? {} : { trouble: TROUBLES[record.trouble] as string }),
    ...(record.traditional ? { traditional: true } : {}),
    ...(record.timeKind === TIME.none ? {} : { time: instant(record) }),
    ...field('host', record.hostStart, record.hostEnd),
    ...field('program', record.programStart, record.programEnd),
    ...(isProgramInText(record) ? { isInText: true } : {}),
    ...field('procid', record.procidStart, record.procidEnd),
    ...field('msgid', record.msgidStart, record.msgidEnd),
    ...field('data', record.sdStart, record.sdEnd),
    message: bytes.subarray(record.msgStart, record.msgEnd).toString(),
  };
}

function instant(record: LogRecord): string {
  const out: Instant = { sec: 0, nanos: 0 };
  resolveTime(record, RECEIVED_MS, UTC, out);
  return new Date(out.sec * 1000 + Math.floor(out.nanos / 1e6)).toISOString();
}

/** Only the named fields of a reading, for comparison. */
export function pick(reading: Reading, like: Reading): Reading {
  return Object.fromEntries(Object.keys(like).map((name) => [name, reading[name as keyof Reading]]));
}
