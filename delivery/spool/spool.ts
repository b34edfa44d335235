// A disk-backed queue: what inputs append, each destination reads and acknowledges. layout.ts has the rules and
// what stands on disk, reader.ts a destination's way through it.
//
// Promises: `append` says how many records it took; each of them reaches every destination or is counted as
// lost for it, with a reason. `safe` is the last record that survives what `sync` promises: an input moves its
// own checkpoint no further. Everything is synchronous, in the caller's thread.
//
// Refuses: timers of its own. Whoever owns the spool calls `tick` about once a second.

import { assert } from '../../base/assert.ts';
import type { Log } from '../../base/log.ts';
import { printSize } from '../../base/units.ts';
import type { Cursor } from './cursor.ts';
import type { Disk, Folder } from './disk.ts';
import { RECORD_HEADER, type RecordBatch, type Sizes } from './layout.ts';
import { type SpoolLimits, sizesOf } from './limits.ts';
import { type DestinationCounts, DestinationReader, type SpoolReader } from './reader.ts';
import { type Amount, type DropReason, type SpoolTrouble, TROUBLE_TEXT } from './reasons.ts';
import { type Found, lookAround, sayAbandoned, sayFound } from './recover.ts';
import { Room, sayCannot } from './room.ts';
import { Shelf } from './shelf.ts';
import { Voice } from './voice.ts';
import { SpoolWriting } from './writing.ts';

export interface SpoolDeps {
  readonly disk: Disk;
  /** Milliseconds since 1970; may jump. */
  readonly now: () => number;
  readonly log: Log;
  /** A random number from 0 to 2^32 − 1. */
  readonly salt: () => number;
  /** Records can be read, or there is room again after `append` was refused. Must not call back at once. */
  readonly wake?: (what: 'records' | 'room') => void;
}

export interface Appended {
  /** How many of the batch, from its start, were taken, dropped ones among them. The rest is for later. */
  readonly taken: number;
  /** Why there is a rest. */
  readonly full: SpoolTrouble | undefined;
}

export interface SpoolCounts {
  readonly appended: Amount;
  readonly diskBytes: number;
  readonly maxDiskSpaceBytes: number;
  readonly segments: number;
  /** The last record appended, and the last that is safe. */
  readonly last: number;
  readonly safe: number;
  /** Why nothing can be written at the moment. */
  readonly trouble: SpoolTrouble | undefined;
  /** Found when it was opened. */
  readonly foreignFiles: number;
  readonly tornBytes: number;
  /** Were still waiting for destinations that are no longer configured. */
  readonly abandonedRecords: number;
  readonly destinations: readonly DestinationCounts[];
}

export interface Spool {
  append(batch: RecordBatch): Appended;
  /** The last record that was appended. */
  written(): number;
  /** The last record that survives what `sync` promises to survive. */
  safe(): number;
  /** Of a configured destination; always the same one. */
  reader(destination: string): SpoolReader;
  /** Time has passed: syncs what is due, and tries again what failed. */
  tick(): void;
  counts(): SpoolCounts;
  /** Makes everything safe, unless `deadline` (in `now`'s time) has passed. May be called twice. */
  stop(deadline: number): void;
}

/** What `append` has to do with a record that cannot be written now and may not be dropped. */
const WAIT = -1;

/** Throws a Fault where the directory cannot be used at all: not ours, in use, not there and not to be made. */
export function openSpool(directory: string, limits: SpoolLimits, deps: SpoolDeps): Spool {
  const { destinations } = limits;
  assert(destinations.length > 0, 'a spool has a destination');
  assert(new Set(destinations).size === destinations.length, 'each destination has its own name');
  const voice = new Voice(deps.log, deps.now, { spool: directory });
  const folder = deps.disk.enter(directory);
  try {
    const sizes = sizesOf(limits, directory);
    const found = lookAround(folder, destinations, sizes, voice);
    sayFound(found, destinations, voice);
    return new DiskSpool(folder, found, limits, sizes, deps, voice);
  } catch (error) {
    folder.leave();
    throw error;
  }
}

class DiskSpool implements Spool {
  readonly #folder: Folder;
  readonly #shelf: Shelf;
  readonly #writing: SpoolWriting;
  readonly #readers: readonly DestinationReader[];
  readonly #limits: SpoolLimits;
  readonly #sizes: Sizes;
  readonly #deps: SpoolDeps;
  readonly #voice: Voice;
  readonly #found: Found;
  readonly #appended: Amount = { records: 0, bytes: 0 };
  #abandonedRecords = 0;
  readonly #room: Room;
  /** `append` was refused, and for how many bytes. */
  #isRefusing = false;
  #wantedBytes = 0;
  #isStopped = false;
  constructor(
    folder: Folder,
    found: Found,
    limits: SpoolLimits,
    sizes: Sizes,
    deps: SpoolDeps,
    voice: Voice,
  ) {
    this.#folder = folder;
    this.#found = found;
    this.#limits = limits;
    this.#sizes = sizes;
    this.#deps = deps;
    this.#voice = voice;
    this.#shelf = new Shelf(folder, found.segments, found.last + 1);
    this.#writing = new SpoolWriting(this.#shelf, { ...sizes, sync: limits.sync }, deps.salt, deps.now());
    this.#resume();
    // A destination without a cursor begins with the oldest record kept, before those that are gone let go of it.
    const beginning = (this.#shelf.oldest?.first ?? this.#shelf.next) - 1;
    this.#readers = found.cursors.map((cursor, i) => {
      const isKnown = cursor.state === 'good' || cursor.state === 'older';
      const acknowledged = isKnown ? cursor.saved.acknowledged : beginning;
      return this.#openReader(limits.destinations[i] as string, cursor, acknowledged);
    });
    this.#room = new Room(this.#shelf, this.#writing, this.#readers, limits, voice);
    this.#room.saveCursors();
    this.#letGo(found.abandoned);
    this.#room.removePassed();
  }

  #openReader(name: string, cursor: Cursor, acknowledged: number): DestinationReader {
    return new DestinationReader(name, cursor, acknowledged, {
      shelf: this.#shelf,
      voice: this.#voice,
      now: this.#deps.now,
      sizes: this.#found.readable,
      onProgress: () => this.#onProgress(),
      onGone: (segment) => this.#writing.sealIf(segment),
    });
  }

  /**
   * Goes on in the newest segment, if the next record follows the last whole one in it; what is behind that is
   * cut off. One without a record and in the wrong place goes.
   */
  #resume(): void {
    const { newest } = this.#shelf;
    if (newest === undefined) return;
    const isNext = this.#found.lastWhole + 1 === this.#shelf.next;
    if (isNext) this.#writing.resume(newest, this.#found.lastWhole);
    else if (newest.end === 0) this.#removeEmpty();
  }

  #removeEmpty(): void {
    try {
      this.#shelf.removeNewest();
    } catch (error) {
      sayCannot(this.#voice, 'remove', error);
    }
  }

  #letGo(abandoned: readonly Cursor[]): void {
    for (const cursor of abandoned) {
      const waiting = Math.max(0, this.#shelf.next - 1 - cursor.saved.acknowledged);
      this.#abandonedRecords += waiting;
      sayAbandoned(cursor, this.#shelf.next - 1, this.#voice);
      try {
        this.#folder.remove(cursor.name);
      } catch (error) {
        sayCannot(this.#voice, 'remove', error);
      }
    }
  }

  append(batch: RecordBatch): Appended {
    assert(!this.#isStopped, 'nothing is appended to a spool that has stopped');
    const before = this.#shelf.next;
    let taken = 0;
    let full: SpoolTrouble | undefined;
    while (taken < batch.count && full === undefined) {
      const count = this.#appendSome(batch, taken);
      if (count === WAIT) full = this.#writing.trouble ?? 'limit';
      else taken += count;
    }
    this.#writing.syncIfDue(this.#deps.now(), true);
    if (this.#shelf.next !== before) {
      this.#room.saveWritten();
      this.#deps.wake?.('records');
    }
    if (full !== undefined) this.#refuse(full);
    return { taken, full };
  }

  /** How many records were taken, dropped ones among them; or WAIT. */
  #appendSome(batch: RecordBatch, from: number): number {
    const bytes = (batch.ends[from] as number) - (batch.starts[from] as number);
    assert(bytes > 0, 'a record has bytes');
    if (bytes > this.#sizes.recordBytesMax) return this.#drop('too_large', bytes);
    const nowMs = this.#deps.now();
    this.#wantedBytes = RECORD_HEADER + bytes;
    if (!this.#writing.isReady(nowMs)) return this.#whenTroubled(bytes);
    const room = this.#room.makeFor(RECORD_HEADER + bytes);
    if (room < RECORD_HEADER + bytes) return this.#whenFull(bytes);
    const count = this.#write(batch, from, room, nowMs);
    if (count > 0) return count;
    return this.#room.makeOnDisk(nowMs) ? 0 : this.#whenTroubled(bytes);
  }

  #write(batch: RecordBatch, from: number, room: number, nowMs: number): number {
    const count = this.#writing.write(batch, from, room, nowMs);
    this.#room.measure();
    this.#appended.records += count;
    for (let i = from; i < from + count; i += 1) {
      this.#appended.bytes += (batch.ends[i] as number) - (batch.starts[i] as number);
    }
    return count;
  }

  #whenFull(bytes: number): number {
    if (this.#limits.onFull === 'block') return WAIT;
    return this.#drop(this.#room.cannotRemove ?? 'newest', bytes);
  }

  #whenTroubled(bytes: number): number {
    const trouble = this.#writing.trouble ?? 'io_error';
    this.#sayTrouble(trouble);
    if (this.#limits.onFull === 'block') return WAIT;
    return this.#drop(trouble === 'limit' ? 'newest' : trouble, bytes);
  }

  #drop(reason: DropReason, bytes: number): number {
    for (const reader of this.#readers) reader.countDropped(reason, bytes);
    this.#voice.warn(`drop ${reason}`, `A record of ${printSize(bytes)} was dropped: ${reason}.`);
    return 1;
  }

  #onProgress(): void {
    this.#room.saveCursors();
    this.#room.removePassed();
    this.#tellRoom();
  }

  #refuse(trouble: SpoolTrouble): void {
    this.#isRefusing = true;
    this.#sayTrouble(trouble);
  }

  #tellRoom(): void {
    if (!this.#isRefusing || this.#room.free < this.#wantedBytes) return;
    if (!this.#writing.isReady(this.#deps.now())) return;
    this.#isRefusing = false;
    this.#deps.wake?.('room');
  }

  #sayTrouble(trouble: SpoolTrouble): void {
    const { what, mend } = TROUBLE_TEXT[trouble];
    this.#voice.warn(trouble, `The spool cannot take records: ${what}. ${mend}`);
  }

  written(): number {
    return this.#writing.written;
  }

  safe(): number {
    return this.#writing.safe;
  }

  reader(destination: string): SpoolReader {
    const found = this.#readers.find((reader) => reader.destination === destination);
    assert(found !== undefined, `${destination} is a destination of the spool`);
    return found;
  }

  tick(): void {
    if (this.#isStopped) return;
    const nowMs = this.#deps.now();
    this.#writing.checkNewest();
    this.#writing.syncIfDue(nowMs, false);
    this.#room.saveCursors();
    this.#room.removePassed();
    this.#tellRoom();
  }

  counts(): SpoolCounts {
    return {
      appended: { ...this.#appended },
      diskBytes: this.#room.diskBytes,
      maxDiskSpaceBytes: this.#limits.maxDiskSpaceBytes,
      segments: this.#shelf.segments.length,
      last: this.#writing.written,
      safe: this.#writing.safe,
      trouble: this.#writing.trouble ?? (this.#isRefusing ? 'limit' : undefined),
      foreignFiles: this.#found.foreign.length,
      tornBytes: this.#found.tornBytes,
      abandonedRecords: this.#abandonedRecords,
      destinations: this.#readers.map((reader) => reader.counts()),
    };
  }

  stop(deadline: number): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const nowMs = this.#deps.now();
    if (nowMs < deadline && !this.#writing.sync(nowMs)) this.#sayTrouble(this.#writing.trouble ?? 'io_error');
    this.#writing.seal();
    this.#room.saveCursors();
    if (nowMs < deadline && this.#room.syncCursors()) this.#room.removePassed();
    for (const reader of this.#readers) {
      reader.close();
      reader.cursor.close();
    }
    this.#writing.close();
    this.#folder.leave();
  }
}
