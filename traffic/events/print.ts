// An event or a record as the tail of an RFC 5424 message: structured data, a space, the sentence. Values are escaped as
// section 6.3.3 demands, so that whatever a name holds, the message can be taken apart again.
// Refuses: the header. Host, program and time are the sender's.

import type { FlowEvent, Params } from './event.ts';
import { FLOW_SD_ID } from './names.ts';

/** A value longer than this is cut; ours are numbers, addresses and names. */
const VALUE_LENGTH_MAX = 1024;

export function escapeValue(value: string): string {
  const plain = value.replace(/\p{Cc}/gu, '?').replace(/["\\\]]/g, '\\$&');
  if (plain.length <= VALUE_LENGTH_MAX) return plain;
  // Never between a backslash and what it escapes.
  return plain.slice(0, VALUE_LENGTH_MAX).replace(/(?<!\\)(?:\\\\)*\\$/, '');
}

export function printStructured(id: string, params: Params): string {
  return `[${id}${params.map(([name, value]) => ` ${name}="${escapeValue(value)}"`).join('')}]`;
}

/** `[flow@32473 id="…" event="reset" …] TCP 10.0.0.2:41234 -> 10.0.0.1:2525 reset by the server …` */
export function printEvent(event: FlowEvent): Buffer {
  return Buffer.from(`${printStructured(FLOW_SD_ID, event.params)} ${event.sentence}`);
}
