// Hosts that vendors wrap in something: BIG-IP's blade (`slot1/name`) and its iRules (`name,f5_irule=`), the
// MAC address in UniFi's `U7PG2,18e8295b9e66,v4.0.66.10832:`, NetApp's `[node:event:severity]:`.
// Each reader takes the host and goes on with the content, or leaves everything as it was.

import { CLASS, DIGIT, HEX, HOST, spells } from '../chars.ts';
import { readContent } from '../content.ts';
import { FORMAT, type LogRecord } from '../record.ts';
import { isHostWord } from '../words.ts';

const COMMA = 0x2c;

/** The host should begin at `p`. False when it is wrapped in nothing that is known here. */
export function readHostByVendor(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  const first = bytes[p]!;
  if (first === 0x5b) return readBracketedNode(record, bytes, p, end);
  if (first === 0x28 && bytes[p + 1] === 0x22) return readAccessPoint(record, bytes, p + 2, end);
  let q = p;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
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

/** `U7PG2,18e8295b9e66,v4.0.66.10832: ` or `("U7LT,f09fc2000000,v3.9.3.7537") `: the MAC address is the host. */
function readAccessPoint(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  let q = p;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
  const mac = q + 1;
  if (q === p || end - mac < 15 || bytes[q] !== COMMA || bytes[mac + 12] !== COMMA) return false;
  for (q = mac; q < mac + 12; q++) if ((CLASS[bytes[q]!]! & HEX) === 0) return false;
  if (bytes[mac + 13] !== 0x76) return false;
  q = mac + 13;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
  while (q < end && (bytes[q] === 0x22 || bytes[q] === 0x29 || bytes[q] === 0x3a || bytes[q] === 32)) q++;
  accept(record, bytes, mac, mac + 12, q, end);
  return true;
}

/** `[node-01:callhome.client.down:notice]: text`: the node is the host, the event is the program. */
function readBracketedNode(record: LogRecord, bytes: Uint8Array, p: number, end: number): boolean {
  let q = p + 1;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
  const host = q;
  if (host === p + 1 || q >= end || bytes[q] !== 0x3a) return false;
  const event = ++q;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
  const eventEnd = q;
  if (eventEnd === event || q >= end || bytes[q] !== 0x3a) return false;
  q++;
  while (q < end && (CLASS[bytes[q]!]! & HOST) !== 0) q++;
  if (end - q < 2 || bytes[q] !== 0x5d || bytes[q + 1] !== 0x3a) return false;
  record.format = FORMAT.vendor;
  record.hostStart = p + 1;
  record.hostEnd = host;
  record.programStart = event;
  record.programEnd = eventEnd;
  record.msgStart = p;
  return true;
}
