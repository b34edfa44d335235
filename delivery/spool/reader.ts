// One destination's way through the spool: batches in order, from its cursor on.
//
// Promises: a record is handed out once, until `rewind`; then again from the first that is not acknowledged.
// A record that can no longer be handed out is counted as lost, once. What cannot be read at the moment is
// waited for; what stays unreadable for READ_RETRY_MS is stepped over, page by page, so that a disk that is
// away for a while costs little and a bad spot does not hold up the rest.
//
// Refuses: to keep records in memory. A batch is valid until the next call of `next`.

import { assert } from '../../base/assert.ts';
import { codeOf } from '../../base/fault.ts';
import { Batch, BATCH_RECORDS_MAX, type ReadBatch } from './batch.ts';
import type { Cursor, Standing } from './cursor.ts';
import { Losses } from './losses.ts';
import { RECORD_HEADER, RecordMemory, type Sizes, windowFor } from './layout.ts';
import { type Amount, add, type DropReason, type Drops, troubleOf } from './reasons.ts';
import { SegmentScan } from './scan.ts';
import type { Segment } from './segment.ts';
import type { Shelf } from './shelf.ts';
import type { Voice } from './voice.ts';

/** How long a place that cannot be read is tried before it is stepped over. */
const READ_RETRY_MS = 30_000;

export interface Waiting extends Amount {
  /** When the first record that is not acknowledged was appended, in seconds since 1970. */
  readonly oldestSec: number | undefined;
}

export interface DestinationCounts {
  readonly name: string;
  /** The last record of which this and all before are done. */
  readonly acknowledged: number;
  readonly delivered: Amount;
  /** Not acknowledged yet, handed out or not; bytes exact to a batch. */
  readonly waiting: Waiting;
  /** Of them, handed out. */
  readonly underWay: number;
  readonly dropped: Drops;
}

export interface SpoolReader {
  readonly destination: string;
  /** The next records, at most `recordsMax`; an empty batch when there is none, or none that can be read now. */
  next(recordsMax?: number): ReadBatch;
  /**
   * All up to this sequence number has arrived. Costs a small write: call it once for many. Only for what was
   * handed out since the last `rewind`: what a connection says that is given up already must be dropped.
   */
  acknowledge(sequence: number): void;
  /** The connection is lost: what is not acknowledged will be handed out again. */
  rewind(): void;
  counts(): DestinationCounts;
}

/** A place in the spool: in this segment, at this offset, the record of this sequence number begins. */
interface Place {
  readonly segment: Segment;
  readonly offset: number;
  readonly expected: number;
}

interface Handed {
  readonly last: number;
  readonly bytes: number;
  readonly appendedSec: number;
  readonly behind: Place;
}

export interface ReaderParts {
  readonly shelf: Shelf;
  readonly voice: Voice;
  readonly now: () => number;
  readonly sizes: Sizes;
  /** A destination is past something: a segment may go. */
  readonly onProgress: () => void;
  /** Somebody else has removed a segment. */
  readonly onGone: (segment: Segment) => void;
}

export class DestinationReader implements SpoolReader {
  readonly destination: string;
  readonly cursor: Cursor;
  readonly #parts: ReaderParts;
  readonly #shelf: Shelf;
  readonly #memory: RecordMemory;
  readonly #batch: Batch;

  #acknowledged: number;
  /** The sequence number of the next record to hand out. */
  #position: number;
  readonly #delivered: Amount = { records: 0, bytes: 0 };
  /** What was handed out and is not acknowledged. */
  #handed: Handed[] = [];
  readonly #losses: Losses;
  /** Records that were under way when they were removed to make room. */
  #removedThrough = 0;
  /** Where the first record stands that is not acknowledged, if that is known. */
  #place: Place | undefined;
  #scan: SegmentScan | undefined;
  #scanned: Segment | undefined;
  #damagedBytes = 0;
  #troubledSinceMs: number | undefined;
  #isClosed = false;
  #oldest: { after: number; sec: number } | undefined;

  constructor(destination: string, cursor: Cursor, acknowledged: number, parts: ReaderParts) {
    this.destination = destination;
    this.cursor = cursor;
    this.#acknowledged = acknowledged;
    this.#position = acknowledged + 1;
    const known = { lost: cursor.saved.lost, through: cursor.saved.lostThrough };
    this.#losses = new Losses(destination, known, parts.voice);
    this.#parts = parts;
    this.#shelf = parts.shelf;
    this.#memory = windowFor(parts.sizes);
    this.#batch = new Batch(this.#memory.bytes);
    this.#locate();
  }

  /** A record that the spool did not take is lost for each destination. */
  countDropped(reason: DropReason, bytes: number): void {
    add(this.#losses.dropped, reason, 1, bytes);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  next(recordsMax = BATCH_RECORDS_MAX): ReadBatch {
    assert(!this.#isClosed, 'nothing is read from a spool that has stopped');
    const batch = this.#batch;
    batch.clear();
    this.#fill(batch, Math.min(recordsMax, BATCH_RECORDS_MAX));
    const { count } = batch;
    const isLoss = this.#losses.hasNew;
    this.#losses.hasNew = false;
    if (count > 0) {
      const last = batch.sequences[count - 1] as number;
      const behind = this.#here();
      const appendedSec = batch.appendedSec[0] as number;
      this.#handed.push({ last, bytes: batch.sum, appendedSec, behind });
    }
    if ((count === 0 && this.#settle()) || isLoss) this.#progress();
    return batch;
  }

  #here(): Place {
    assert(this.#scanned !== undefined && this.#scan !== undefined, 'a record was found in a segment');
    return { segment: this.#scanned, offset: this.#scan.expectedAt, expected: this.#scan.expected };
  }

  #fill(batch: Batch, recordsMax: number): void {
    if (this.#scanned && !this.#shelf.segments.includes(this.#scanned)) this.#closeScan();
    while (batch.count < recordsMax) {
      const scan = this.#scan ?? this.#openScan();
      if (scan === undefined) return;
      const step = scan.step(batch.count === 0);
      if (step === 'record') this.#take(scan, batch);
      else if (step === 'unreadable') return this.#waitOrStepOver(scan.error);
      else if (step === 'refill' || batch.count > 0 || !this.#leave(scan)) return;
    }
  }

  #take(scan: SegmentScan, batch: Batch): void {
    this.#troubledSinceMs = undefined;
    scan.skipsUnreadable = false;
    if (scan.sequence < this.#position) {
      this.#damagedBytes = scan.damagedBytes;
      return;
    }
    if (scan.sequence > this.#position) this.#stepOver(scan, scan.sequence - 1);
    batch.put(scan);
    this.#position = scan.sequence + 1;
  }

  /** At the end of a segment: what it did not give is lost. True: there is a next one. */
  #leave(scan: SegmentScan): boolean {
    const segment = this.#scanned as Segment;
    this.#stepOver(scan, this.#shelf.lastOf(segment));
    if (segment === this.#shelf.newest) return false;
    this.#closeScan();
    return true;
  }

  #stepOver(scan: SegmentScan, last: number): void {
    const bytes = scan.damagedBytes - this.#damagedBytes;
    this.#damagedBytes = scan.damagedBytes;
    this.#lose(last, bytes > 0 ? 'damaged' : 'missing', bytes);
  }

  /** All from the position to `last` will never come. */
  #lose(last: number, reason: DropReason, bytes: number): void {
    if (last < this.#position) return;
    const first = this.#position;
    this.#position = last + 1;
    this.#losses.add(first, last, reason, bytes);
  }

  /** What the cursor has to keep, so that a later run goes on from here. */
  get standing(): Standing {
    const acknowledged = this.#acknowledged;
    return { acknowledged, written: this.#shelf.next - 1, ...this.#losses.standing(acknowledged) };
  }

  #openScan(): SegmentScan | undefined {
    for (;;) {
      const segment = this.#shelf.find(this.#position);
      this.#lose((segment?.first ?? this.#shelf.next) - 1, 'missing', 0);
      if (segment === undefined) return undefined;
      try {
        return this.#enter(segment);
      } catch (error) {
        if (!['ENOENT', 'ELOOP'].includes(codeOf(error) ?? '')) {
          this.#giveUpIfHopeless(segment, error);
          return undefined;
        }
        this.#parts.onGone(segment);
        this.#lose(this.#shelf.lastOf(segment), 'missing', 0);
      }
    }
  }

  /** One segment alone: the next one may be readable, and has its own time to become so. */
  #giveUpIfHopeless(segment: Segment, error: unknown): void {
    if (!this.#isHopeless(error)) return;
    this.#troubledSinceMs = undefined;
    this.#lose(this.#shelf.lastOf(segment), 'damaged', segment.end);
  }

  #enter(segment: Segment): SegmentScan {
    const file = this.#shelf.folder.open(segment.name, 'read');
    const place = this.#place?.segment === segment ? this.#place : undefined;
    const { recordBytesMax } = this.#parts.sizes;
    this.#damagedBytes = 0;
    this.#scanned = segment;
    this.#scan = new SegmentScan(segment, file, this.#memory, recordBytesMax, place?.offset, place?.expected);
    return this.#scan;
  }

  #waitOrStepOver(error: unknown): void {
    if (this.#isHopeless(error) && this.#scan) {
      this.#scan.skipsUnreadable = true;
      this.#troubledSinceMs = undefined;
    }
  }

  /** Says it, and whether it has been tried for long enough. Some troubles are no fault of the file, and somebody's to mend. */
  #isHopeless(error: unknown): boolean {
    const nowMs = this.#parts.now();
    this.#troubledSinceMs ??= nowMs;
    const where = this.#scanned?.name ?? 'the directory';
    this.#parts.voice.warn(
      'unreadable',
      `Cannot read ${where} for ${this.destination} (${codeOf(error) ?? String(error)}); trying again.`,
    );
    const triedMs = nowMs - this.#troubledSinceMs;
    // A clock that was set back begins anew.
    if (triedMs < 0) this.#troubledSinceMs = nowMs;
    const isMendable = ['too_many_open', 'permission'].includes(troubleOf(error));
    return triedMs >= READ_RETRY_MS && !isMendable;
  }

  #closeScan(): void {
    this.#scan?.close();
    this.#scan = undefined;
    this.#scanned = undefined;
  }

  acknowledge(sequence: number): void {
    assert(sequence < this.#position, 'only what was handed out is acknowledged');
    if (sequence <= this.#acknowledged) return;
    const lost = this.#losses.within(this.#acknowledged + 1, sequence);
    this.#delivered.records += sequence - this.#acknowledged - lost;
    this.#acknowledged = sequence;
    while (this.#handed[0] !== undefined && this.#handed[0].last <= sequence) {
      const { behind, bytes } = this.#handed.shift() as Handed;
      this.#delivered.bytes += bytes;
      this.#place = behind;
    }
    this.#settle();
    this.#progress();
  }

  /** With nothing under way, what was lost is done as well. True: that moved the cursor. */
  #settle(): boolean {
    if (this.#handed.length > 0 || this.#position - 1 <= this.#acknowledged) return false;
    this.#acknowledged = this.#position - 1;
    this.#place = this.#scan && this.#here();
    return true;
  }

  #progress(): void {
    this.#losses.forget(this.#acknowledged);
    this.#parts.onProgress();
  }

  rewind(): void {
    const gone = this.#handed.filter(({ last }) => last <= this.#removedThrough);
    this.#handed = [];
    this.#closeScan();
    this.#position = this.#acknowledged + 1;
    const bytes = gone.reduce((sum, one) => sum + one.bytes, 0);
    this.#lose(this.#removedThrough, 'oldest', bytes);
    if (this.#settle()) this.#progress();
  }

  /** The segment, up to `last`, was removed to make room. What is under way may still arrive. */
  giveUp(segment: Segment, last: number): void {
    if (last <= this.#acknowledged) return;
    this.#lose(segment.first - 1, 'missing', 0);
    const offset = this.#offsetIn(segment);
    const records = last - this.#position + 1;
    this.#lose(last, 'oldest', Math.max(0, segment.end - offset - records * RECORD_HEADER));
    if (this.#scanned === segment) this.#closeScan();
    this.#removedThrough = last;
    if (this.#settle()) this.#progress();
  }

  #offsetIn(segment: Segment): number {
    if (this.#scanned === segment && this.#scan) return this.#scan.offset;
    return this.#place?.segment === segment ? this.#place.offset : 0;
  }

  /** Where the cursor stands in its segment: as far as that can be known without searching. */
  #locate(): void {
    const segment = this.#shelf.find(this.#position);
    if (segment === undefined || segment.first >= this.#position) return;
    try {
      const scan = this.#enter(segment);
      while (scan.sequence < this.#acknowledged && scan.step(true) === 'record');
      if (scan.sequence === this.#acknowledged) this.#place = this.#here();
    } catch {
      // The first batch will meet the same trouble, and say so.
    }
    this.#closeScan();
  }

  counts(): DestinationCounts {
    const { next } = this.#shelf;
    const lost = this.#losses.within(this.#acknowledged + 1, next - 1);
    const records = next - 1 - this.#acknowledged - lost;
    const underWay = this.#handed.length === 0 ? 0 : this.#underWay();
    return {
      name: this.destination,
      acknowledged: this.#acknowledged,
      delivered: { ...this.#delivered },
      waiting: { records, bytes: this.#waitingBytes(records), oldestSec: this.#oldestSec(records) },
      underWay,
      dropped: structuredClone(this.#losses.dropped),
    };
  }

  #underWay(): number {
    const last = this.#handed.at(-1)?.last ?? this.#acknowledged;
    return last - this.#acknowledged - this.#losses.within(this.#acknowledged + 1, last);
  }

  #waitingBytes(records: number): number {
    if (records === 0) return 0;
    let bytes = 0;
    for (const segment of this.#shelf.from(this.#acknowledged + 1)) {
      bytes += segment.end - (this.#place?.segment === segment ? this.#place.offset : 0);
    }
    return Math.max(0, bytes - records * RECORD_HEADER);
  }

  #oldestSec(records: number): number | undefined {
    if (records === 0) return undefined;
    if (this.#handed[0] !== undefined) return this.#handed[0].appendedSec;
    if (this.#oldest?.after !== this.#acknowledged) this.#oldest = this.#peek();
    return this.#oldest?.sec;
  }

  /** Looks at the next record without handing it out. */
  #peek(): { after: number; sec: number } | undefined {
    const segment = this.#shelf.find(this.#position);
    if (segment === undefined) return undefined;
    const place = this.#place?.segment === segment ? this.#place : undefined;
    try {
      const file = this.#shelf.folder.open(segment.name, 'read');
      const { recordBytesMax } = this.#parts.sizes;
      const memory = new RecordMemory(RECORD_HEADER + recordBytesMax);
      const scan = new SegmentScan(segment, file, memory, recordBytesMax, place?.offset, place?.expected);
      try {
        while (scan.step(true) === 'record') {
          if (scan.sequence >= this.#position) return { after: this.#acknowledged, sec: scan.appendedSec };
        }
      } finally {
        scan.close();
      }
    } catch {
      // Unknown for as long as it cannot be read.
    }
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#closeScan();
  }
}
