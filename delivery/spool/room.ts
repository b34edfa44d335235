// How much of the disk the spool may use, and what makes room: segments that every destination is past, and
// with `dropOldest` the oldest one. A cursor is on disk before a segment goes, so that what was delivered never
// looks missing.

import { assert } from '../../base/assert.ts';
import { CURSOR_BYTES } from './cursor.ts';
import { segmentSpaceOf, type SpoolLimits } from './limits.ts';
import type { DestinationReader } from './reader.ts';
import { type SpoolTrouble, TROUBLE_TEXT, troubleOf } from './reasons.ts';
import type { Shelf } from './shelf.ts';
import type { Voice } from './voice.ts';
import { RETRY_MS, type SpoolWriting } from './writing.ts';

export class Room {
  readonly #shelf: Shelf;
  readonly #writing: SpoolWriting;
  readonly #readers: readonly DestinationReader[];
  readonly #limits: SpoolLimits;
  readonly #voice: Voice;
  readonly #space: number;
  /** What the segments take on disk. */
  #used = 0;
  /** Why the oldest segment could not be removed. */
  cannotRemove: Exclude<SpoolTrouble, 'limit'> | undefined;
  #madeRoomAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    shelf: Shelf,
    writing: SpoolWriting,
    readers: readonly DestinationReader[],
    limits: SpoolLimits,
    voice: Voice,
  ) {
    this.#shelf = shelf;
    this.#writing = writing;
    this.#readers = readers;
    this.#limits = limits;
    this.#voice = voice;
    this.#space = segmentSpaceOf(limits);
    this.measure();
  }

  /** Looks at the segments again, after they have changed. */
  measure(): void {
    this.#used = this.#shelf.bytes;
  }

  get free(): number {
    return this.#space - this.#used;
  }

  get diskBytes(): number {
    return this.#used + this.#readers.length * CURSOR_BYTES;
  }

  /** The bytes that may be written; with `dropOldest` enough, if the disk lets go of what is old. */
  makeFor(bytes: number): number {
    if (this.free < bytes) this.removePassed();
    while (this.free < bytes && this.#limits.onFull === 'dropOldest') {
      if (!this.#dropOldest()) break;
    }
    return this.free;
  }

  /** On a full disk, older records make room if they may be dropped: one segment for each failure, and no more. */
  makeOnDisk(nowMs: number): boolean {
    if (this.#limits.onFull !== 'dropOldest' || this.#writing.trouble !== 'disk_full') return false;
    const sinceMs = nowMs - this.#madeRoomAtMs;
    if ((sinceMs >= 0 && sinceMs < RETRY_MS) || this.#shelf.segments.length < 2) return false;
    this.#madeRoomAtMs = nowMs;
    if (!this.#dropOldest()) return false;
    this.#writing.retryNow();
    return true;
  }

  #dropOldest(): boolean {
    const { oldest } = this.#shelf;
    if (oldest === undefined) return false;
    this.#writing.sealIf(oldest);
    const last = this.#shelf.lastOf(oldest);
    if (!this.#removeOldest()) return false;
    this.#makeRemovalLast();
    for (const reader of this.#readers) reader.giveUp(oldest, last);
    if (this.#limits.sync === 'none') this.saveCursors();
    else this.syncCursors();
    this.#voice.warn('oldest', 'The spool is full: the oldest records make room for new ones.');
    return true;
  }

  /** A segment that a power cut brought back after its records were counted as lost would confuse the counts. */
  #makeRemovalLast(): void {
    if (this.#limits.sync === 'none') return;
    try {
      this.#shelf.folder.syncNames();
    } catch (error) {
      sayCannot(this.#voice, 'sync the directory of', error);
    }
  }

  #removeOldest(): boolean {
    const { oldest } = this.#shelf;
    assert(oldest !== undefined, 'what is removed is there');
    try {
      this.#shelf.removeOldest();
      this.cannotRemove = undefined;
    } catch (error) {
      const trouble = troubleOf(error);
      this.cannotRemove = trouble === 'limit' ? undefined : trouble;
      sayCannot(this.#voice, 'remove', error);
      return false;
    }
    this.#writing.forget(oldest);
    this.measure();
    return true;
  }

  /** Those that every destination is past; the cursors first, or a power cut would make them look missing. */
  removePassed(): void {
    const passed = Math.min(...this.#readers.map(({ acknowledged }) => acknowledged));
    const isPassed = () => {
      const { oldest } = this.#shelf;
      return oldest !== undefined && !this.#writing.isNewest(oldest) && this.#shelf.lastOf(oldest) <= passed;
    };
    if (!isPassed() || !this.syncCursors()) return;
    while (isPassed() && this.#removeOldest());
  }

  #save(reader: DestinationReader): boolean {
    const { cursor } = reader;
    if (cursor.save(reader.standing)) return true;
    sayCannot(this.#voice, 'move the cursor in', cursor.error);
    return false;
  }

  saveCursors(): boolean {
    return this.#readers.map((reader) => this.#save(reader)).every((isSaved) => isSaved);
  }

  syncCursors(): boolean {
    if (!this.saveCursors()) return false;
    const failed = this.#readers.find(({ cursor }) => !cursor.sync());
    if (failed) sayCannot(this.#voice, 'sync the cursor in', failed.cursor.error);
    return failed === undefined;
  }

  /** One cursor that knows what was written is enough to miss it. */
  saveWritten(): void {
    const [first] = this.#readers;
    if (first) this.#save(first);
  }
}

export function sayCannot(voice: Voice, verb: string, error: unknown): void {
  const { what, mend } = TROUBLE_TEXT[troubleOf(error)];
  voice.warn(`cannot ${verb}`, `Cannot ${verb} the spool: ${what}. ${mend}`);
}
