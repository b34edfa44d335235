// How far a destination is, on disk. Three slots in one file, written in place:
//
//   0                       4096                    8192                    12288
//   +--------------- ... ---+--------------- ... ---+--------------- ... ---+
//   | slot 0                | slot 1                | slot 2                |
//   +--------------- ... ---+--------------- ... ---+--------------- ... ---+
//
//   a slot  0        8            16             24        32     40            48      52
//           +--------+------------+--------------+---------+------+-------------+-------+
//           | magic  | generation | acknowledged | written | lost | lostThrough | check |
//           | 8 byte | f64        | f64          | f64     | f64  | f64         | u32   |
//           +--------+------------+--------------+---------+------+-------------+-------+
//
// The whole slot with the highest generation counts, so a save is seen whole or not at all. A save leaves alone
// the slot that was saved last, for a process that is killed meanwhile, and the one that was synced last, for a
// power cut that tears all that came after it.

// Refuses: to replace the file by a rename. That needs room on a disk that may be full, and without a cursor
// that moves a full spool could never empty (docs/decide/spool-cursor.md).

import { codeOf } from '../../base/fault.ts';
import { checksum } from './checksum.ts';
import { type Folder, readAll, type SpoolFile, writeAll } from './disk.ts';

const SLOT_BYTES = 52;
/** A slot has a page of its own, so that a torn write of one leaves the others. */
const SLOT_APART = 4096;
const SLOTS = [0, 1, 2];
export const CURSOR_BYTES = SLOTS.length * SLOT_APART;
const MAGIC = Buffer.from('BELFRYC1');
const SUFFIX = '.cursor';

const GENERATION_AT = 8;
const ACKNOWLEDGED_AT = 16;
const WRITTEN_AT = 24;
const LOST_AT = 32;
const LOST_THROUGH_AT = 40;
const CHECK_AT = 48;

/** How things stand with a destination. */
export interface Standing {
  /** All up to this sequence number is done. */
  readonly acknowledged: number;
  /** The last that was given out: what is not found of that is missing, and not merely unknown. */
  readonly written: number;
  /** Of those behind `acknowledged`: how many were counted as lost already, and the last of them. */
  readonly lost: number;
  readonly lostThrough: number;
}

const NOTHING: Standing = { acknowledged: 0, written: 0, lost: 0, lostThrough: 0 };

/** 'fresh': there was none. 'older': a slot is damaged, perhaps the newest; another counts. 'lost': none is whole. */
export type CursorState = 'good' | 'fresh' | 'older' | 'lost';

/** Everything but letters, digits, "_" and "-" as %XX, so that any name is the name of a file. */
export function cursorName(destination: string): string {
  const plain = Buffer.from(destination).toString('latin1');
  const safe = plain.replace(/[^A-Za-z0-9_-]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `${safe}${SUFFIX}`;
}

export function isCursorName(name: string): boolean {
  return name.endsWith(SUFFIX);
}

/** "fwd%20rule.cursor" → "fwd rule", for people. */
export function destinationOf(name: string): string {
  const plain = name.slice(0, -SUFFIX.length).replace(/%([0-9a-f]{2})/g, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return Buffer.from(plain, 'latin1').toString();
}

function isSame(a: Standing, b: Standing): boolean {
  return (
    a.acknowledged === b.acknowledged &&
    a.written === b.written &&
    a.lost === b.lost &&
    a.lostThrough === b.lostThrough
  );
}

export class Cursor {
  readonly name: string;
  readonly #folder: Folder;
  #file: SpoolFile | undefined;
  #generation = 0;
  /** Which slot was saved last, and which is known to survive a power cut. */
  #latest: number | undefined;
  #durable: number | undefined;
  readonly #slot = Buffer.from(new ArrayBuffer(SLOT_BYTES));
  readonly #view = new DataView(this.#slot.buffer);

  state: CursorState = 'fresh';
  /** As it is on disk. */
  saved = NOTHING;
  /** Why the last save failed. */
  error: unknown;
  #isSynced = true;
  #isNameNew = false;

  constructor(folder: Folder, name: string) {
    this.#folder = folder;
    this.name = name;
    this.#slot.set(MAGIC);
  }

  /** What is there; nothing is made before the first save. Throws when it is there and cannot be read. */
  load(): void {
    const all = Buffer.alloc(CURSOR_BYTES);
    try {
      const file = this.#folder.open(this.name, 'read');
      try {
        readAll(file, all, CURSOR_BYTES, 0);
      } finally {
        file.close();
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      return;
    }
    const slots = SLOTS.map((i) => all.subarray(i * SLOT_APART, i * SLOT_APART + SLOT_BYTES));
    const whole = slots.filter((slot, i) => this.#take(slot, i)).length;
    const unused = slots.filter((slot) => slot.every((byte) => byte === 0)).length;
    if (whole === 0) this.state = 'lost';
    else this.state = whole + unused === SLOTS.length ? 'good' : 'older';
  }

  #take(slot: Buffer, i: number): boolean {
    const isWhole =
      slot.subarray(0, MAGIC.length).equals(MAGIC) &&
      slot.readUInt32LE(CHECK_AT) === checksum(slot, 0, CHECK_AT, 0);
    if (!isWhole) return false;
    const generation = slot.readDoubleLE(GENERATION_AT);
    if (generation > this.#generation) {
      this.#generation = generation;
      this.#latest = i;
      this.saved = {
        acknowledged: slot.readDoubleLE(ACKNOWLEDGED_AT),
        written: slot.readDoubleLE(WRITTEN_AT),
        lost: slot.readDoubleLE(LOST_AT),
        lostThrough: slot.readDoubleLE(LOST_THROUGH_AT),
      };
    }
    return true;
  }

  /** False, with `error`, when the disk does not take it: then the cursor on disk stays where it was. */
  save(standing: Standing): boolean {
    if (this.state === 'good' && isSame(standing, this.saved)) return true;
    try {
      this.#file ??= this.#openFile();
      this.#write(this.#file, standing);
      this.error = undefined;
      return true;
    } catch (error) {
      this.error = error;
      return false;
    }
  }

  #write(file: SpoolFile, standing: Standing): void {
    const generation = this.#generation + 1;
    this.#view.setFloat64(GENERATION_AT, generation, true);
    this.#view.setFloat64(ACKNOWLEDGED_AT, standing.acknowledged, true);
    this.#view.setFloat64(WRITTEN_AT, standing.written, true);
    this.#view.setFloat64(LOST_AT, standing.lost, true);
    this.#view.setFloat64(LOST_THROUGH_AT, standing.lostThrough, true);
    this.#view.setUint32(CHECK_AT, checksum(this.#slot, 0, CHECK_AT, 0), true);
    const slot = SLOTS.find((i) => i !== this.#latest && i !== this.#durable) as number;
    const done = writeAll(file, this.#slot, SLOT_BYTES, slot * SLOT_APART);
    if (done.error !== undefined) throw done.error;
    this.#generation = generation;
    this.#latest = slot;
    this.saved = standing;
    this.state = 'good';
    this.#isSynced = false;
  }

  /** What could not be read may be readable again at the next start, and must not be believed then. */
  #clear(file: SpoolFile): void {
    const { error } = writeAll(file, Buffer.alloc(CURSOR_BYTES), CURSOR_BYTES, 0);
    if (error === undefined) return;
    file.close();
    throw error;
  }

  /** All slots get their room at once, so that a full disk cannot refuse a save later. */
  #openFile(): SpoolFile {
    try {
      const file = this.#folder.open(this.name, 'write');
      this.#keepLatest(file);
      if (this.state === 'lost') this.#clear(file);
      return file;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    const file = this.#folder.create(this.name);
    this.#isNameNew = true;
    const done = writeAll(file, Buffer.alloc(CURSOR_BYTES), CURSOR_BYTES, 0);
    if (done.error === undefined) return file;
    file.close();
    this.#folder.remove(this.name);
    throw done.error;
  }

  /** What an earlier run saved last may not have reached the disk. */
  #keepLatest(file: SpoolFile): void {
    try {
      file.sync();
      this.#durable = this.#latest;
    } catch {
      // The next sync says so.
    }
  }

  /** What was saved last survives a power cut. False, with `error`, when the disk does not say so. */
  sync(): boolean {
    if (this.#isSynced || this.#file === undefined) return this.error === undefined;
    try {
      if (this.#isNameNew) this.#folder.syncNames();
      this.#isNameNew = false;
      this.#file.sync();
      this.#isSynced = true;
      this.#durable = this.#latest;
      return true;
    } catch (error) {
      // What the disk refused once it may claim to have the next time: the next save writes anew.
      this.state = 'older';
      this.error = error;
      return false;
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
