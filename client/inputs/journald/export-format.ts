// The journal's export format, as `journalctl -o export` writes it: entries are blocks of fields, ended by an
// empty line. A field is `NAME=text` LF, or, for values with control characters,
//
//   NAME LF | length: 64 bits, little-endian | value | LF
//
// Promises: the same entries wherever the chunks are cut; memory that does not grow, whatever comes: of each
// wanted field so many bytes are kept, of others none. What is no such format is skipped to the next empty
// line, and counted. Refuses: to know what the fields mean.

import { assert } from '../../../base/assert.ts';
import { copyPlain } from '../../../syslog/escape.ts';

const LF = 0x0a;
const EQUALS = 0x3d;
/** journald refuses longer names (FIELD_NAME_LENGTH of journal-importer is 64). */
const NAME_BYTES_MAX = 64;
/** No value is larger than journald takes (DATA_SIZE_MAX of journal-importer.h: 768 MiB): a greater length is none. */
const VALUE_BYTES_MAX = 768 * 1024 ** 2;
const LENGTH_BYTES = 8;

/** What the reader stands in. */
const IN = { name: 0, text: 1, length: 2, data: 3, dataEnd: 4, garbage: 5 } as const;

export interface WantedField {
  readonly name: string;
  /** What is over this is left away. */
  readonly bytesMax: number;
}

export class ExportParser {
  /** The values of the entry that `next` gave, all in here. */
  readonly values: Buffer;
  /** By the order of the wanted fields; start -1: the entry has no such field. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Blocks that were not in the format. */
  garbage = 0;

  readonly #names: readonly Buffer[];
  /** By the hash of the name, which is that of no other wanted one. */
  readonly #index: ReadonlyMap<number, number>;
  readonly #limits: Int32Array;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #in: number = IN.name;
  /** A name, or a length, that a chunk's end has cut. */
  readonly #carry = Buffer.alloc(NAME_BYTES_MAX + 1);
  #carried = 0;
  /** The wanted field that is being read; -1: another. */
  #field = -1;
  /** Where its value goes on, and how far it may. */
  #to = 0;
  #limit = 0;
  #used = 0;
  #dataLeft = 0;
  #hasFields = false;
  /** Garbage: the line at hand is empty so far. */
  #isLineEmpty = true;

  constructor(wanted: readonly WantedField[]) {
    this.#names = wanted.map(({ name }) => Buffer.from(name));
    this.#index = new Map(this.#names.map((name, i) => [hashOf(name, 0, name.length), i]));
    assert(this.#index.size === wanted.length, 'the names of the wanted fields have hashes of their own');
    this.#limits = Int32Array.from(wanted, ({ bytesMax }) => bytesMax);
    this.values = Buffer.alloc(wanted.reduce((sum, { bytesMax }) => sum + bytesMax, 0));
    this.starts = new Int32Array(wanted.length).fill(-1);
    this.ends = new Int32Array(wanted.length).fill(-1);
  }

  /** Bytes to be read next. The chunk before has been read to its end. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Forgets an unfinished entry: the stream has ended, another begins. */
  reset(): void {
    this.feed(Buffer.alloc(0));
    this.#in = IN.name;
    this.#carried = 0;
    this.#begin();
  }

  #begin(): void {
    this.starts.fill(-1);
    this.ends.fill(-1);
    this.#used = 0;
    this.#hasFields = false;
  }

  /** Reads on to the end of an entry. False: the chunk is used up. */
  next(): boolean {
    if (this.#isGiven) this.#begin();
    this.#isGiven = false;
    while (this.#at < this.#chunk.length) {
      if (this.#in !== IN.name) this.#readOn();
      else if (this.#chunk[this.#at] !== LF || this.#carried > 0) this.#readName();
      else {
        this.#at += 1;
        if (!this.#hasFields) continue;
        this.#isGiven = true;
        return true;
      }
    }
    return false;
  }

  #isGiven = false;

  #readOn(): void {
    switch (this.#in) {
      case IN.text:
        this.#readText();
        return;
      case IN.length:
        this.#readLength();
        return;
      case IN.data:
        this.#readData();
        return;
      case IN.dataEnd:
        if (this.#chunk[this.#at] === LF) this.#endField(this.#at + 1);
        else this.#skipBlock();
        return;
      default:
        this.#readGarbage();
    }
  }

  // ---- names

  /** Up to `=` (a text follows) or the end of the line (a length follows). */
  #readName(): void {
    const chunk = this.#chunk;
    const start = this.#at;
    const last = Math.min(chunk.length, start + NAME_BYTES_MAX + 1 - this.#carried);
    let p = start;
    while (p < last && IS_NAME[chunk[p] as number] === 1) p += 1;
    if (p === chunk.length) {
      this.#carryOn(p);
      return;
    }
    const end = chunk[p] as number;
    if (p === last || p - start + this.#carried === 0 || (end !== EQUALS && end !== LF)) {
      this.#skipBlock();
      return;
    }
    const field = this.#carried === 0 ? this.#find(chunk, start, p) : this.#findCarried(p);
    this.#at = p + 1;
    this.#beginField(field);
    this.#in = end === EQUALS ? IN.text : IN.length;
  }

  #carryOn(end: number): void {
    if (this.#carried + end - this.#at > NAME_BYTES_MAX) {
      this.#skipBlock();
      return;
    }
    this.#carried += this.#chunk.copy(this.#carry, this.#carried, this.#at, end);
    this.#at = end;
  }

  #findCarried(end: number): number {
    const length = this.#carried + this.#chunk.copy(this.#carry, this.#carried, this.#at, end);
    this.#carried = 0;
    return this.#find(this.#carry, 0, length);
  }

  /** The number of the wanted field of this name, or -1. */
  #find(bytes: Buffer, start: number, end: number): number {
    const field = this.#index.get(hashOf(bytes, start, end)) ?? -1;
    const name = this.#names[field];
    if (name === undefined || name.length !== end - start) return -1;
    for (let i = 0; i < name.length; i += 1) if (name[i] !== bytes[start + i]) return -1;
    return field;
  }

  #beginField(field: number): void {
    this.#hasFields = true;
    // A field may stand twice: the first counts.
    this.#field = field >= 0 && this.starts[field] === -1 ? field : -1;
    if (this.#field < 0) return;
    this.starts[field] = this.#used;
    this.#to = this.#used;
    this.#limit = this.#used + (this.#limits[field] as number);
  }

  #endField(at: number): void {
    this.#at = at;
    this.#in = IN.name;
    if (this.#field < 0) return;
    this.ends[this.#field] = this.#to;
    this.#used = this.#to;
  }

  // ---- values

  #keep(end: number): void {
    if (this.#field < 0) return;
    const last = Math.min(end, this.#at + this.#limit - this.#to);
    this.#to = copyPlain(this.#chunk, this.#at, last, this.values, this.#to);
  }

  #readText(): void {
    const found = this.#chunk.indexOf(LF, this.#at);
    const end = found < 0 ? this.#chunk.length : found;
    this.#keep(end);
    if (found < 0) this.#at = end;
    else this.#endField(end + 1);
  }

  #readLength(): void {
    const end = Math.min(this.#chunk.length, this.#at + LENGTH_BYTES - this.#carried);
    this.#carried += this.#chunk.copy(this.#carry, this.#carried, this.#at, end);
    this.#at = end;
    if (this.#carried < LENGTH_BYTES) return;
    this.#carried = 0;
    const length = this.#carry.readUInt32LE(0) + this.#carry.readUInt32LE(4) * 2 ** 32;
    if (length > VALUE_BYTES_MAX) {
      this.#skipBlock();
      return;
    }
    this.#dataLeft = length;
    this.#in = length > 0 ? IN.data : IN.dataEnd;
  }

  #readData(): void {
    const end = Math.min(this.#chunk.length, this.#at + this.#dataLeft);
    this.#keep(end);
    this.#dataLeft -= end - this.#at;
    this.#at = end;
    if (this.#dataLeft === 0) this.#in = IN.dataEnd;
  }

  // ---- what is not in the format

  #skipBlock(): void {
    this.garbage += 1;
    this.#begin();
    this.#field = -1;
    // The rest of the line is not empty, whatever comes; but an empty one may be what we stand at.
    this.#isLineEmpty = this.#carried === 0 && this.#in === IN.name;
    this.#carried = 0;
    this.#in = IN.garbage;
  }

  #readGarbage(): void {
    while (this.#at < this.#chunk.length) {
      const found = this.#chunk.indexOf(LF, this.#at);
      const end = found < 0 ? this.#chunk.length : found;
      if (end > this.#at) this.#isLineEmpty = false;
      this.#at = Math.min(end + 1, this.#chunk.length);
      if (found < 0) return;
      if (this.#isLineEmpty) {
        this.#in = IN.name;
        return;
      }
      this.#isLineEmpty = true;
    }
  }
}

/** Letters, digits and `_` (journal-fields: names of fields). Trusted ones begin with `_`. */
const IS_NAME = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Z0-9_]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** 30 bits, which need no allocation. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) & 0x3fff_ffff;
  return hash;
}
