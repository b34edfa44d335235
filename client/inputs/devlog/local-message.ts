// A message of a local program, with what the kernel knows of its sender, as a draft. Decisions, as in
// docs/inputs.md: PROCID is what the program says; says it nothing, the kernel's pid; says it another pid, the
// kernel's stands in `[trusted@32473 pid= uid= gid=]`. Only root speaks as the kernel. A time in whole seconds
// that fits the reception is replaced by the reception's, which is finer; one that is off by quarters of an hour
// was made without the zone (a chroot without /etc/localtime), and is replaced as well.

import { FORMAT, isProgramInText, LogRecord } from '../../../syslog/record.ts';
import { parseLocal } from '../../../syslog/local.ts';
import { GRADE, type StructuredScan, scanStructured } from '../../../syslog/structured.ts';
import { type Instant, resolveTime, type ZoneOffset } from '../../../syslog/time.ts';
import { Draft } from '../draft.ts';

/** What the kernel knows. */
export interface LocalSender {
  /** 0: a process of another pid namespace. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The PRI of facility user: kern (0) from others than root becomes it (syslog(3) does the same). */
const USER = 1 << 3;
/** A message in whole seconds fits its reception: it was sent within that second or the one before. */
const FITS_SEC = 2;
const QUARTER_SEC = 900;
/** The zones of the world lie between -12 and +14 hours. */
const ZONES_SEC = 14 * 3600;
const NO_STRUCTURED = Buffer.alloc(0);

export class LocalMessage {
  readonly draft = new Draft();
  readonly #record = new LogRecord();
  readonly #instant: Instant = { sec: 0, nanos: 0 };
  readonly #scan: StructuredScan = { end: 0, grade: 0 };
  readonly #host: Uint8Array;
  readonly #zone: ZoneOffset;
  readonly #digits = Buffer.alloc(16);

  constructor(host: string, zone: ZoneOffset) {
    this.#host = Buffer.from(host);
    this.#zone = zone;
  }

  /** Fills the draft. False: there is no text in it at all. */
  read(bytes: Uint8Array, start: number, end: number, sender: LocalSender, at: Instant): boolean {
    const record = this.#record;
    parseLocal(record, bytes, start, end, this.#host);
    if (record.end === record.start) return false;
    const { draft } = this;
    draft.clear();
    draft.pri = record.pri >> 3 === 0 && sender.uid !== 0 ? record.pri | USER : record.pri;
    this.#setTime(at);
    if (record.hostStart >= 0) draft.host.set(bytes, record.hostStart, record.hostEnd);
    draft.program.set(bytes, record.programStart, record.programEnd);
    if (!isProgramInText(record)) draft.msgid.set(bytes, record.msgidStart, record.msgidEnd);
    draft.text.set(bytes, record.msgStart, record.msgEnd);
    this.#setProcess(sender);
    return true;
  }

  #setTime(at: Instant): void {
    const { draft } = this;
    const record = this.#record;
    const own = this.#instant;
    draft.isOurTime = true;
    const hasOwn = resolveTime(record, at.sec * 1000, this.#zone, own);
    const isCoarse = hasOwn && record.nanos === 0 && record.format !== FORMAT.rfc5424;
    const time = !hasOwn || (isCoarse && fits(at.sec - own.sec)) ? at : own;
    draft.sec = time.sec;
    draft.nanos = time.nanos;
  }

  #setProcess(sender: LocalSender): void {
    const { draft } = this;
    const { bytes, procidStart, procidEnd } = this.#record;
    const isKnown = sender.pid > 0;
    const claims = procidStart >= 0 && procidEnd > procidStart;
    if (claims) draft.procid.set(bytes, procidStart, procidEnd);
    else if (isKnown) draft.procid.set(this.#digits, 0, writeNumber(sender.pid, this.#digits));
    const isTrue = !claims || !isKnown || spellsNumber(bytes, procidStart, procidEnd, sender.pid);
    this.#setStructured(isTrue ? undefined : sender);
  }

  #setStructured(trusted: LocalSender | undefined): void {
    const { bytes, format, sdStart, sdEnd } = this.#record;
    // In a traditional message the elements stay in the text.
    const isOwn = format === FORMAT.rfc5424 && sdStart >= 0 && this.#isStrict(bytes, sdStart, sdEnd);
    const { structured } = this.draft;
    if (trusted === undefined) {
      if (isOwn) structured.set(bytes, sdStart, sdEnd);
      return;
    }
    const element = `[trusted@32473 pid="${trusted.pid}" uid="${trusted.uid}" gid="${trusted.gid}"]`;
    const own = isOwn ? withoutTrusted(bytes.subarray(sdStart, sdEnd)) : NO_STRUCTURED;
    structured.setAll(Buffer.concat([own, Buffer.from(element)]));
  }

  #isStrict(bytes: Uint8Array, start: number, end: number): boolean {
    const scan = this.#scan;
    return scanStructured(bytes, start, end, scan) && scan.grade === GRADE.strict && scan.end === end;
  }
}

/** A program may not vouch for itself, and an SD-ID stands once (RFC 5424 section 6.3.2). */
function withoutTrusted(elements: Uint8Array): Uint8Array {
  return Buffer.from(elements).includes('[trusted@32473') ? NO_STRUCTURED : elements;
}

/** Is a time in whole seconds, so many seconds before the reception, the reception's in another zone or none? */
function fits(behindSec: number): boolean {
  if (Math.abs(behindSec) > ZONES_SEC + FITS_SEC) return false;
  const quarters = Math.round((behindSec - FITS_SEC / 2) / QUARTER_SEC);
  const restSec = behindSec - quarters * QUARTER_SEC;
  return restSec >= -1 && restSec <= FITS_SEC;
}

function writeNumber(value: number, out: Uint8Array): number {
  const text = String(value);
  for (let i = 0; i < text.length; i += 1) out[i] = text.charCodeAt(i);
  return text.length;
}

function spellsNumber(bytes: Uint8Array, start: number, end: number, value: number): boolean {
  let read = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return false;
    read = read * 10 + digit;
  }
  return read === value;
}
