// What an entry of the journal says as a log message: its fields (systemd.journal-fields(7)) to facility,
// severity, program, pid, host and time. Decisions, as in docs/inputs.md: what the program says of itself
// (SYSLOG_…) comes before what journald saw (_COMM, _PID); the time is when the program spoke, where that is known.
// Refuses: entries without MESSAGE, since there is nothing to say; the caller counts them.

import { Draft, type Field } from '../draft.ts';
import { ExportParser, type WantedField } from './export-format.ts';

/** Fields that are names or numbers: what is longer is no such thing, and is cut in the header anyway. */
const WORD_BYTES_MAX = 256;
/** A cursor has some 130 bytes. */
const CURSOR_BYTES_MAX = 1024;

/** Written with each entry, whatever fields are asked for. */
const ALWAYS = ['__CURSOR', '__REALTIME_TIMESTAMP', '_BOOT_ID'] as const;
const ASKED = [
  'PRIORITY',
  'SYSLOG_FACILITY',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_PID',
  '_COMM',
  '_PID',
  '_HOSTNAME',
  '_SOURCE_REALTIME_TIMESTAMP',
  '_TRANSPORT',
  'MESSAGE',
] as const;
type FieldName = (typeof ALWAYS)[number] | (typeof ASKED)[number];

const FIELDS: readonly FieldName[] = [...ALWAYS, ...ASKED];

/** For `journalctl --output-fields`. */
export const OUTPUT_FIELDS: string = ASKED.join(',');

const AT = Object.fromEntries(FIELDS.map((name, i) => [name, i])) as Readonly<Record<FieldName, number>>;

/** journald's own default for what a service prints (SyslogLevel= of systemd.exec(5)): info. */
const SEVERITY_DEFAULT = 6;
/** By _TRANSPORT, for entries without SYSLOG_FACILITY (RFC 5424 section 6.2.1: 0 kern, 1 user, 3 daemon, 13 audit). */
const FACILITY_OF: Readonly<Record<string, number>> = { kernel: 0, stdout: 3, audit: 13 };
const FACILITY_DEFAULT = 1;

export class EntryReader {
  readonly parser: ExportParser;
  readonly draft = new Draft();
  readonly #isOwnClock: boolean;

  /** `isOwnClock`: the journal is this host's. */
  constructor(messageBytesMax: number, isOwnClock: boolean) {
    this.parser = new ExportParser(FIELDS.map((name) => wanted(name, messageBytesMax)));
    this.#isOwnClock = isOwnClock;
  }

  /** The entry's cursor; empty when it has none, which journalctl never does. */
  get cursor(): string {
    return this.text('__CURSOR');
  }

  /** Microseconds since 1970 when journald took it; NaN when it does not say. */
  get realtimeUs(): number {
    return this.#number('__REALTIME_TIMESTAMP');
  }

  text(name: FieldName): string {
    const { starts, ends, values } = this.parser;
    const start = starts[AT[name]] as number;
    return start < 0 ? '' : values.toString('latin1', start, ends[AT[name]]);
  }

  /** Fills the draft. False: the entry has no text. */
  read(): boolean {
    const { draft } = this;
    draft.clear();
    if (!this.#take('MESSAGE', draft.text) || draft.text.start === draft.text.end) return false;
    draft.pri = this.#facility() * 8 + this.#severity();
    draft.isOurTime = this.#isOwnClock;
    this.#setTime();
    this.#take('_HOSTNAME', draft.host);
    if (!this.#take('SYSLOG_IDENTIFIER', draft.program)) this.#take('_COMM', draft.program);
    if (!this.#take('SYSLOG_PID', draft.procid)) this.#take('_PID', draft.procid);
    return true;
  }

  #take(name: FieldName, field: Field): boolean {
    const { starts, ends, values } = this.parser;
    const start = starts[AT[name]] as number;
    if (start < 0) return false;
    field.set(values, start, ends[AT[name]] as number);
    return true;
  }

  #setTime(): void {
    const own = this.#number('_SOURCE_REALTIME_TIMESTAMP');
    const us = own > 0 ? own : this.realtimeUs;
    // Without any, the message is sent without a time (draft.sec is NaN): that of its reception counts.
    this.draft.sec = Math.floor(us / 1e6);
    this.draft.nanos = Number.isNaN(us) ? 0 : (us % 1e6) * 1000;
  }

  #facility(): number {
    const said = this.#number('SYSLOG_FACILITY');
    if (said >= 0 && said <= 23) return said;
    return FACILITY_OF[this.text('_TRANSPORT')] ?? FACILITY_DEFAULT;
  }

  #severity(): number {
    const said = this.#number('PRIORITY');
    return said >= 0 && said <= 7 ? said : SEVERITY_DEFAULT;
  }

  /** Decimal digits alone, at most 16: NaN for anything else. */
  #number(name: FieldName): number {
    const { starts, ends, values } = this.parser;
    const start = starts[AT[name]] as number;
    const end = ends[AT[name]] as number;
    if (start < 0 || start === end || end - start > 16) return Number.NaN;
    let number = 0;
    for (let at = start; at < end; at += 1) {
      const digit = (values[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return Number.NaN;
      number = number * 10 + digit;
    }
    return number;
  }
}

function wanted(name: FieldName, messageBytesMax: number): WantedField {
  if (name === 'MESSAGE') return { name, bytesMax: messageBytesMax };
  return { name, bytesMax: name === '__CURSOR' ? CURSOR_BYTES_MAX : WORD_BYTES_MAX };
}
