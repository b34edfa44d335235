// Hosts that vendors wrap in something: BIG-IP's blade (`slot1/name`) and its iRules (`name,f5_irule=`), the
// second field of UniFi's `U7PG2,18e8295b9e66,v4.0.66.10832:`, NetApp's `[node:event:severity]:`.
// Each reader takes the host and goes on with the content, or leaves everything as it was.

import { CLASS, DIGIT, HOST, spells } from '../chars.ts';
import { readContent } from '../content.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { COLON_NEEDS_SPACE, findTag, isHostWord, type Tag } from '../words.ts';

const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSE = 0x5d;

const tag: Tag = { nameEnd: 0, pidStart: -1, pidEnd: -1, textStart: 0 };

/** The host should begin at `p`. False when it is wrapped in nothing that is known here. */
export function readHostByVendor(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const first = bytes[p]!;
  if (first === 0x5b) return readBracketed(record, bytes, p, end);
  if (first === 0x28 && bytes[p + 1] === 0x22) return readAccessPoint(record, bytes, p + 2, end);
  const q = hostRun(bytes, p, end);
  if (q === p || q >= end) return false;
  if (bytes[q] === 0x2f) return readBlade(record, bytes, p, q, end);
  if (bytes[q] !== COMMA) return false;
  if (spells(bytes, q + 1, end, 'f5_irule=')) {
    accept(record, bytes, p, q, q + 1, end);
    return true;
  }
  return readAccessPoint(record, bytes, p, end);
}

function accept(
  record: LogRecord,
  bytes: Uint8Array,
  host: number,
  hostEnd: number,
  content: number,
  end: number,
): void {
  record.format = FORMAT.vendor;
  record.hostStart = host;
  record.hostEnd = hostEnd;
  readContent(record, bytes, content, end);
}

/** `slot1/name `: the blade of a chassis; the name behind it is the host. */
function readBlade(record: LogRecord, bytes: Uint8Array, p: number, slash: number, end: number): boolean {
  if (!spells(bytes, p, end, 'slot') || slash - p < 5 || (CLASS[bytes[slash - 1]!]! & DIGIT) === 0)
    return false;
  let q = slash + 1;
  while (q < end && bytes[q]! > 32) q++;
  if (q >= end || !isHostWord(bytes, slash + 1, q)) return false;
  accept(record, bytes, slash + 1, q, q + 1, end);
  return true;
}

/** `U7PG2,18e8295b9e66,v4.0.66.10832: ` or `("U7LT,f09fc2000000,v3.9.3.7537") `: the second field is the host. */
function readAccessPoint(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const model = hostRun(bytes, p, end);
  const id = model + 1;
  if (model === p || id >= end || bytes[model] !== COMMA) return false;
  const idEnd = hostRun(bytes, id, end);
  if (idEnd === id || end - idEnd < 3 || bytes[idEnd] !== COMMA || bytes[idEnd + 1] !== 0x76) return false;
  if ((CLASS[bytes[idEnd + 2]!]! & DIGIT) === 0) return false;
  let q = hostRun(bytes, idEnd + 1, end);
  while (q < end && isClosing(bytes[q]!)) q++;
  accept(record, bytes, id, idEnd, q, end);
  return true;
}

/** What stands between an access point's version and its tag: `") `, `: `, `: : `. */
function isClosing(b: number): boolean {
  return b === 0x22 || b === 0x29 || b === 0x3a || b === 32;
}

function hostRun(bytes: Uint8Array, p: number, end: number): number {
  while (p < end && (CLASS[bytes[p]!]! & HOST) !== 0) p++;
  return p;
}

/**
 * `[node-01:callhome.client.down:notice]: text`: the node is the host, the event is the program and stays in
 * the text. `[host] prog: text` (Zscaler): the brackets hold the host alone.
 */
function readBracketed(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const host = p + 1;
  const hostEnd = hostRun(bytes, host, end);
  if (hostEnd === host || end - hostEnd < 3) return false;
  if (bytes[hostEnd] === CLOSE && bytes[hostEnd + 1] === 32) {
    if (!findTag(bytes, hostEnd + 2, end, tag, COLON_NEEDS_SPACE)) return false;
    accept(record, bytes, host, hostEnd, hostEnd + 2, end);
    return true;
  }
  const event = hostEnd + 1;
  const eventEnd = hostRun(bytes, event, end);
  if (bytes[hostEnd] !== COLON || eventEnd === event || eventEnd >= end || bytes[eventEnd] !== COLON)
    return false;
  const severityEnd = hostRun(bytes, eventEnd + 1, end);
  if (end - severityEnd < 2 || bytes[severityEnd] !== CLOSE || bytes[severityEnd + 1] !== COLON) return false;
  record.format = FORMAT.vendor;
  record.hostStart = host;
  record.hostEnd = hostEnd;
  record.programStart = event;
  record.programEnd = eventEnd;
  record.msgStart = p;
  return true;
}
