// What follows the header of a packet (RFC 5905 section 7.5, RFC 7822): in version 4 extension fields and
// then perhaps a MAC, in older versions a MAC alone. Lengths decide, and every length comes from outside.
//
//   field   type(2) length(2) body…     length counts the whole field: 16 or more, a multiple of 4
//   MAC     key id(4) digest(16 or 20)  in version 4: exactly 20 or 24 octets that are left over
//
// What is left over decides: more than 24 octets begin with a field, 20 or 24 are a MAC. So a last field without
// a MAC behind it has 28 octets or more, since a shorter one would be read as a MAC.
// Refuses: to guess. What can be read in two ways is malformed.

import { HEADER_SIZE } from './header.ts';

const FIELD_MIN = 16;
/** What is left over and no longer than this cannot be a field of its own. */
const MAC_MAX = 24;
const MAC_MIN = 20;

/** Fields of Network Time Security (RFC 8915 section 5.3 to 5.6). */
const NTS_TYPES: ReadonlySet<number> = new Set([0x0104, 0x0204, 0x0304, 0x0404]);

/** Longest packet that is read: header, 1024 octets of fields, key id and 64 of digest (as chronyd 4.3 does). */
export const PACKET_MAX = 1140;

export const TAIL = { none: 0, fields: 1, mac: 2, cryptoNak: 3, nts: 4, malformed: 5 } as const;
export type Tail = (typeof TAIL)[keyof typeof TAIL];

/** What stands behind the header of the packet at [at, at + length). Reads nothing outside of it. */
export function readTail(view: DataView, at: number, length: number, version: number): Tail {
  if (length === HEADER_SIZE) return TAIL.none;
  if (length < HEADER_SIZE || length > PACKET_MAX || (length & 3) !== 0) return TAIL.malformed;
  return version < 4 ? TAIL.mac : readFields(view, at + HEADER_SIZE, at + length);
}

function readFields(view: DataView, from: number, end: number): Tail {
  let at = from;
  let isNts = false;
  while (end - at > MAC_MAX) {
    const size = view.getUint16(at + 2);
    if (size < FIELD_MIN || (size & 3) !== 0 || size > end - at) return TAIL.malformed;
    if (NTS_TYPES.has(view.getUint16(at))) isNts = true;
    at += size;
  }
  const rest = end - at;
  if (rest === 0) return isNts ? TAIL.nts : TAIL.fields;
  if (rest >= MAC_MIN) return TAIL.mac;
  return rest === 4 && from === at && view.getInt32(at) === 0 ? TAIL.cryptoNak : TAIL.malformed;
}

export interface Field {
  readonly at: number;
  readonly type: number;
  readonly length: number;
}

/** The extension fields of a version 4 packet that is not malformed; for people. */
export function listFields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  for (let at = HEADER_SIZE; bytes.length - at > MAC_MAX; ) {
    const length = view.getUint16(at + 2);
    if (length < FIELD_MIN || length > bytes.length - at) return fields;
    fields.push({ at, type: view.getUint16(at), length });
    at += length;
  }
  return fields;
}
