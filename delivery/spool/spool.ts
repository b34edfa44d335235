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
import { CURSOR_BYTES, type Cursor } from './cursor.ts';
import type { Disk, Folder } from './disk.ts';
import { RECORD_HEADER, type RecordBatch, type Sizes } from './layout.ts';
import { type DestinationCounts, DestinationReader, type SpoolReader } from './reader.ts';
import { type Amount, add, type DropReason, type SpoolTrouble, TROUBLE_TEXT, troubleOf } from './reasons.ts';
import { type Found, lookAround, sayAbandoned, sayFound } from './recover.ts';
import { Shelf } from './shelf.ts';
import { Voice } from './voice.ts';
import { RETRY_MS, type SpoolSync, SpoolWriting } from './writing.ts';

export type OnFull = 'block' | 'dropOldest' | 'dropNewest';

export interface SpoolLimits {
  /** Each has its own cursor; at least one, no name twice. */
  readonly destinations: readonly string[];
  readonly maxDiskSpaceBytes: number;
  readonly onFull: OnFull;
  readonly sync: SpoolSync;
  /** Larger records are dropped and counted; as `syslog.maxMessageSize` bounds them on the other side. */
  readonly recordBytesMax?: number;
  /** Disk space is given back, and `dropOldest` drops, by whole segments. */
  readonly segmentBytes?: number;
}

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

const RECORD_BYTES_MAX = 1024 ** 2;
const SEGMENT_BYTES_MAX = 16 * 1024 ** 2;
/** So that `dropOldest` never drops more than this share at once. */
const SEGMENTS_AT_LEAST = 16;

/** A small spool gets small segments, but each record has room in one. */
function sizesOf(limits: SpoolLimits): Sizes {
  const { maxDiskSpaceBytes } = limits;
  const half = Math.floor(forSegments(limits) / 2);
  const recordBytesMax = Math.min(limits.recordBytesMax ?? RECORD_BYTES_MAX, half - RECORD_HEADER);
  assert(recordBytesMax > 0, 'maxDiskSpace has room for the cursors and two records');
  const share = Math.min(SEGMENT_BYTES_MAX, Math.floor(maxDiskSpaceBytes / SEGMENTS_AT_LEAST));
  const segmentBytes = Math.min(half, Math.max(limits.segmentBytes ?? share, recordBytesMax + RECORD_HEADER));
  return { recordBytesMax, segmentBytes };
}

function forSegments({ maxDiskSpaceBytes, destinations }: SpoolLimits): number {
  return maxDiskSpaceBytes - destinations.length * CURSOR_BYTES;
}

/** Throws a Fault where the directory cannot be used at all: not ours, in use, not there and not to be made. */
export function openSpool(directory: string, limits: SpoolLimits, deps: SpoolDeps): Spool {
  const { destinations } = limits;
  assert(destinations.length > 0, 'a spool has a destination');
  assert(new Set(destinations).size === destinations.length, 'each destination has its own name');
  const voice = new Voice(deps.log, deps.now, { spool: directory });
  const folder = deps.disk.enter(directory);
  try {
    const sizes = sizesOf(limits);
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
  /** `append` was refused, and for how many bytes. */
  #isRefusing = false;
  #wantedBytes = 0;
  /** Why the oldest segment could not be removed. */
  #cannotRemove: Exclude<SpoolTrouble, 'limit'> | undefined;
  #madeRoomAtMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  /** What the segments take on disk. */
  #diskBytes = 0;

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
    this.#saveCursors();
    this.#letGo(found.abandoned);
    this.#measure();
    this.#removePassed();
  }

  #openReader(name: string, cursor: Cursor, acknowledged: number): DestinationReader {
    return new DestinationReader(name, cursor, acknowledged, {
      shelf: this.#shelf,
      voice: this.#voice,
      now: this.#deps.now,
      sizes: this.#sizes,
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
      this.#sayCannot('remove', error);
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
        this.#sayCannot('remove', error);
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
      this.#saveWritten();
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
    const room = this.#makeRoom(RECORD_HEADER + bytes);
    if (room < RECORD_HEADER + bytes) return this.#whenFull(bytes);
    const count = this.#write(batch, from, room, nowMs);
    if (count > 0) return count;
    return this.#makesRoomOnDisk(nowMs) ? 0 : this.#whenTroubled(bytes);
  }

  #write(batch: RecordBatch, from: number, room: number, nowMs: number): number {
    const count = this.#writing.write(batch, from, room, nowMs);
    this.#measure();
    this.#appended.records += count;
    for (let i = from; i < from + count; i += 1) {
      this.#appended.bytes += (batch.ends[i] as number) - (batch.starts[i] as number);
    }
    return count;
  }

  #measure(): void {
    this.#diskBytes = this.#shelf.bytes;
  }

  get #room(): number {
    return forSegments(this.#limits) - this.#diskBytes;
  }

  /** The bytes that may be written; with `dropOldest` enough, if the disk lets go of what is old. */
  #makeRoom(bytes: number): number {
    if (this.#room < bytes) this.#removePassed();
    while (this.#room < bytes && this.#limits.onFull === 'dropOldest') {
      if (!this.#dropOldest()) break;
    }
    return this.#room;
  }

  #whenFull(bytes: number): number {
    if (this.#limits.onFull === 'block') return WAIT;
    return this.#drop(this.#cannotRemove ?? 'newest', bytes);
  }

  /** On a full disk, older records make room if they may be dropped: one segment for each failure, and no more. */
  #makesRoomOnDisk(nowMs: number): boolean {
    if (this.#limits.onFull !== 'dropOldest' || this.#writing.trouble !== 'disk_full') return false;
    const sinceMs = nowMs - this.#madeRoomAtMs;
    if ((sinceMs >= 0 && sinceMs < RETRY_MS) || this.#shelf.segments.length < 2) return false;
    this.#madeRoomAtMs = nowMs;
    if (!this.#dropOldest()) return false;
    this.#writing.retryNow();
    return true;
  }

  #whenTroubled(bytes: number): number {
    const trouble = this.#writing.trouble ?? 'io_error';
    this.#sayTrouble(trouble);
    if (this.#limits.onFull === 'block') return WAIT;
    return this.#drop(trouble === 'limit' ? 'newest' : trouble, bytes);
  }

  #drop(reason: DropReason, bytes: number): number {
    for (const { dropped } of this.#readers) add(dropped, reason, 1, bytes);
    this.#voice.warn(`drop ${reason}`, `A record of ${printSize(bytes)} was dropped: ${reason}.`);
    return 1;
  }

  #dropOldest(): boolean {
    const { oldest } = this.#shelf;
    if (oldest === undefined) return false;
    this.#writing.sealIf(oldest);
    const last = this.#shelf.lastOf(oldest);
    if (!this.#removeOldest()) return false;
    for (const reader of this.#readers) reader.giveUp(oldest, last);
    this.#saveCursors();
    this.#voice.warn('oldest', 'The spool is full: the oldest records make room for new ones.');
    return true;
  }

  #removeOldest(): boolean {
    const { oldest } = this.#shelf;
    assert(oldest !== undefined, 'what is removed is there');
    try {
      this.#shelf.removeOldest();
      this.#cannotRemove = undefined;
    } catch (error) {
      const trouble = troubleOf(error);
      this.#cannotRemove = trouble === 'limit' ? undefined : trouble;
      this.#sayCannot('remove', error);
      return false;
    }
    this.#writing.forget(oldest);
    this.#measure();
    return true;
  }

  #onProgress(): void {
    for (const reader of this.#readers) this.#save(reader);
    this.#removePassed();
    this.#tellRoom();
  }

  /** Those that every destination is past; the cursors first, or a power cut would make them look missing. */
  #removePassed(): void {
    const passed = Math.min(...this.#readers.map(({ acknowledged }) => acknowledged));
    const isPassed = () => {
      const { oldest } = this.#shelf;
      return oldest !== undefined && !this.#writing.isNewest(oldest) && this.#shelf.lastOf(oldest) <= passed;
    };
    if (!isPassed() || !this.#syncCursors()) return;
    while (isPassed() && this.#removeOldest());
  }

  #save(reader: DestinationReader): boolean {
    const { cursor } = reader;
    if (cursor.save(reader.standing)) return true;
    this.#sayCannot('move the cursor in', cursor.error);
    return false;
  }

  #saveCursors(): boolean {
    return this.#readers.map((reader) => this.#save(reader)).every((isSaved) => isSaved);
  }

  #syncCursors(): boolean {
    return this.#saveCursors() && this.#readers.every(({ cursor }) => cursor.sync());
  }

  /** One cursor that knows what was written is enough to miss it. */
  #saveWritten(): void {
    const [first] = this.#readers;
    if (first) this.#save(first);
  }

  #refuse(trouble: SpoolTrouble): void {
    this.#isRefusing = true;
    this.#sayTrouble(trouble);
  }

  #tellRoom(): void {
    if (!this.#isRefusing || this.#room < this.#wantedBytes) return;
    if (!this.#writing.isReady(this.#deps.now())) return;
    this.#isRefusing = false;
    this.#deps.wake?.('room');
  }

  #sayTrouble(trouble: SpoolTrouble): void {
    const { what, mend } = TROUBLE_TEXT[trouble];
    this.#voice.warn(trouble, `The spool cannot take records: ${what}. ${mend}`);
  }

  #sayCannot(verb: string, error: unknown): void {
    const { what, mend } = TROUBLE_TEXT[troubleOf(error)];
    this.#voice.warn(`cannot ${verb}`, `Cannot ${verb} the spool: ${what}. ${mend}`);
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
    this.#saveCursors();
    this.#removePassed();
    this.#tellRoom();
  }

  counts(): SpoolCounts {
    return {
      appended: { ...this.#appended },
      diskBytes: this.#diskBytes + this.#readers.length * CURSOR_BYTES,
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
    this.#saveCursors();
    if (nowMs < deadline && this.#syncCursors()) this.#removePassed();
    for (const reader of this.#readers) {
      reader.close();
      reader.cursor.close();
    }
    this.#writing.close();
    this.#folder.leave();
  }
}
