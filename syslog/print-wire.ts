// Messages for the wire, from the fields that a sender knows: RFC 5424, RFC 3164, and the form that local
// sockets expect (no host: the receiver knows it). The message text travels byte for byte; header fields hold
// what a receiver can take apart again. Refuses: to frame (an octet count or a line end is the transport's).

import {
  encodeStructured,
  HOST_BYTES_MAX,
  MSGID_BYTES_MAX,
  PROCID_BYTES_MAX,
  PROGRAM_BYTES_MAX,
  writeHeaderField,
  writeVersionedPri,
} from './print-rfc5424.ts';
import { FRACTION, RFC3339_BYTES_MAX, StampPrinter } from './print-stamp.ts';
import type { StructuredElement } from './structured.ts';
import type { Instant, ZoneOffset } from './time.ts';

/** RFC 3164 section 4.1.3 allows 32; rsyslog and util-linux take far longer tags. */
const TAG_BYTES_MAX = 200;

export interface WireFields {
  /** 0 to 191. */
  readonly pri: number;
  /** Absent: the receiver's time counts (RFC 5424), or now (RFC 3164 cannot say "no time"). */
  readonly time?: Instant;
  readonly host?: string;
  readonly program?: string;
  readonly procid?: string;
  readonly msgid?: string;
  readonly structured?: readonly StructuredElement[];
  readonly message: Uint8Array;
}

/** Makes messages of one sender, whose times are shown in `zone`. */
export class WireEncoder {
  private readonly stamps: StampPrinter;

  constructor(zone: ZoneOffset) {
    this.stamps = new StampPrinter(zone);
  }

  /** `<13>1 2025-11-20T12:34:15.123456+01:00 host program procid msgid [id name="value"] message` */
  encodeRfc5424(fields: WireFields): Buffer {
    const structured = Buffer.from(encodeStructured(fields.structured ?? []));
    const header = Buffer.alloc(
      16 + RFC3339_BYTES_MAX + HOST_BYTES_MAX + PROGRAM_BYTES_MAX + PROCID_BYTES_MAX + MSGID_BYTES_MAX,
    );
    let at = writeVersionedPri(fields.pri, header, 0);
    at = this.writeTimestamp(fields.time, header, at);
    at = writeField(fields.host, HOST_BYTES_MAX, header, at);
    at = writeField(fields.program, PROGRAM_BYTES_MAX, header, at);
    at = writeField(fields.procid, PROCID_BYTES_MAX, header, at);
    at = writeField(fields.msgid, MSGID_BYTES_MAX, header, at);
    const pieces = [header.subarray(0, at), structured];
    if (fields.message.length > 0) pieces.push(Buffer.from(' '), Buffer.from(fields.message));
    return Buffer.concat(pieces);
  }

  /** `<13>Nov 20 12:34:15 host program[procid]: message`; without `host` it is the form of /dev/log. */
  encodeRfc3164(fields: WireFields, now: Instant): Buffer {
    const stamp = Buffer.alloc(RFC3339_BYTES_MAX);
    const end = this.stamps.printBsd((fields.time ?? now).sec, stamp, 0);
    const host = fields.host === undefined ? '' : `${plainWord(fields.host)} `;
    const procid = fields.procid === undefined ? '' : `[${plainWord(fields.procid)}]`;
    const tag = Buffer.from(plainWord(fields.program ?? '')).subarray(0, TAG_BYTES_MAX);
    return Buffer.concat([
      Buffer.from(`<${fields.pri}>`),
      stamp.subarray(0, end),
      Buffer.from(` ${host}`),
      tag,
      Buffer.from(`${procid}: `),
      fields.message,
    ]);
  }

  private writeTimestamp(time: Instant | undefined, out: Uint8Array, at: number): number {
    let to = at;
    if (time === undefined) out[to++] = 0x2d;
    else to = this.stamps.printRfc3339(time.sec, time.nanos, FRACTION.micros, out, to);
    out[to++] = 0x20;
    return to;
  }
}

function writeField(text: string | undefined, bytesMax: number, out: Uint8Array, at: number): number {
  const bytes = Buffer.from(text ?? '');
  return writeHeaderField(bytes, 0, bytes.length, bytesMax, out, at);
}

/** No space and no control character: they would end the field. */
function plainWord(text: string): string {
  return text.replace(/[\s\p{Cc}]/gu, '_');
}
