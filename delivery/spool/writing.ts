// The growing end of the spool: records into the newest segment, a new one when it is full, and the promise
// of `sync` kept.
//
// Promises: `written` and `safe` name the last record that is in a file, and that is on the disk as far as
// `sync` asks for it. After a failure nothing is half there, and the failure has a name.

import { codeOf } from '../../base/fault.ts';
import type { Folder } from './disk.ts';
import { RECORD_HEADER, type RecordBatch, type RecordMemory, type Sizes, windowFor } from './layout.ts';
import { type SpoolTrouble, troubleOf } from './reasons.ts';
import { type Segment, SegmentWriter } from './segment.ts';
import type { Shelf } from './shelf.ts';

export type SpoolSync = 'none' | '1s' | 'each';

/** Between two tries after a failure: four times a second. */
export const RETRY_MS = 250;

const SYNC_EVERY_MS = 1000;

export interface WritingLimits extends Sizes {
  readonly sync: SpoolSync;
}

export class SpoolWriting {
  readonly #folder: Folder;
  readonly #shelf: Shelf;
  readonly #limits: WritingLimits;
  readonly #salt: () => number;
  readonly #memory: RecordMemory;
  #writer: SegmentWriter | undefined;
  /** Full, or given up, and not on the disk yet; oldest first. */
  #sealed: SegmentWriter[] = [];
  /** The newest one of an earlier run, and its last record. */
  #resumable: { readonly segment: Segment; readonly last: number } | undefined;
  /** Closed, and perhaps not on the disk: of an earlier run, or never synced because nobody asked. */
  #closed: Segment[];
  #hasNewNames = false;
  #safe: number;
  #syncedAtMs: number;
  /** Why the last write or sync failed, until one of the same kind succeeds: a sync says nothing of room. */
  trouble: SpoolTrouble | undefined;
  error: unknown;
  #failedAtMs = 0;
  #isWriteFailing = false;
  #isSyncFailing = false;

  constructor(shelf: Shelf, limits: WritingLimits, salt: () => number, nowMs: number) {
    this.#folder = shelf.folder;
    this.#shelf = shelf;
    this.#limits = limits;
    this.#salt = salt;
    this.#memory = windowFor(limits);
    this.#closed = [...shelf.segments];
    this.#hasNewNames = this.#closed.length > 0;
    this.#safe = (shelf.oldest?.first ?? shelf.next) - 1;
    this.#syncedAtMs = nowMs;
  }

  get written(): number {
    return this.#shelf.next - 1;
  }

  get safe(): number {
    return this.#limits.sync === 'none' ? this.written : this.#safe;
  }

  isNewest(segment: Segment): boolean {
    return this.#writer?.segment === segment;
  }

  /** The next record follows the last whole one of this segment: it goes there, if there is room. */
  resume(segment: Segment, last: number): void {
    if (segment.end < this.#limits.segmentBytes / 2) this.#resumable = { segment, last };
  }

  /** False: not at the moment. A file that cannot be written while others could be is left as it is. */
  #resumeNow(nowMs: number): boolean {
    if (this.#resumable === undefined) return true;
    const { segment, last } = this.#resumable;
    try {
      this.#writer = SegmentWriter.resume(this.#folder, segment, last);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === 'read_only' || trouble === 'too_many_open') {
        this.#failWrite(error, nowMs);
        return false;
      }
      // A new segment must not begin with the same number as this one, or one of them would never be read.
      this.#shelf.next = Math.max(this.#shelf.next, segment.first + 1);
    }
    this.#resumable = undefined;
    return true;
  }

  /** Whether it is worth trying: not right after a failure, and not behind records that cannot be made safe. */
  isReady(nowMs: number): boolean {
    if (this.trouble === undefined) return true;
    const sinceMs = nowMs - this.#failedAtMs;
    if (sinceMs >= 0 && sinceMs < RETRY_MS) return false;
    return !this.#isSyncFailing || this.sync(nowMs);
  }

  /** Something was done about the last failure. */
  retryNow(): void {
    this.#failedAtMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Writes records from the `from`-th on, as many as fit into one write, at most `bytesMax`. Gives how many
   * are in the file; fewer than fit, or none, means `trouble`.
   */
  write(batch: RecordBatch, from: number, bytesMax: number, nowMs: number): number {
    const first = RECORD_HEADER + (batch.ends[from] as number) - (batch.starts[from] as number);
    const writer = this.#writerFor(first, nowMs);
    if (writer === undefined) return 0;
    const segmentRoom = this.#limits.segmentBytes - writer.segment.end;
    const room = Math.min(bytesMax, segmentRoom, this.#memory.bytes.length);
    const sec = Math.max(0, Math.floor(nowMs / 1000));
    let fill = 0;
    let count = 0;
    for (let i = from; i < batch.count; i += 1) {
      const length = (batch.ends[i] as number) - (batch.starts[i] as number);
      if (length > this.#limits.recordBytesMax || fill + RECORD_HEADER + length > room) break;
      fill = this.#memory.put(fill, batch, i, this.#shelf.next + count, sec, writer.segment.salt);
      count += 1;
    }
    return this.#commit(writer, count, fill, nowMs);
  }

  #commit(writer: SegmentWriter, count: number, fill: number, nowMs: number): number {
    const { bytes, error } = writer.write(this.#memory, fill);
    const whole = bytes === fill ? { count, bytes } : this.#wholeRecords(bytes);
    writer.keep(whole.bytes, this.#shelf.next + whole.count - 1);
    this.#shelf.next += whole.count;
    if (error === undefined) {
      this.#isWriteFailing = false;
      this.#recover();
    } else this.#failWrite(error, nowMs);
    return whole.count;
  }

  #wholeRecords(bytes: number): { count: number; bytes: number } {
    let at = 0;
    let count = 0;
    while (at + RECORD_HEADER <= bytes) {
      const end = at + RECORD_HEADER + this.#memory.lengthAt(at);
      if (end > bytes) break;
      at = end;
      count += 1;
    }
    return { count, bytes: at };
  }

  #writerFor(size: number, nowMs: number): SegmentWriter | undefined {
    if (!this.#resumeNow(nowMs)) return undefined;
    const writer = this.#writer;
    if (writer && writer.segment.end + size <= this.#limits.segmentBytes) return writer;
    this.#seal();
    try {
      this.#writer = SegmentWriter.create(this.#folder, this.#shelf.next, this.#salt());
    } catch (error) {
      this.#failWrite(error, nowMs);
      return undefined;
    }
    this.#shelf.add(this.#writer.segment);
    this.#hasNewNames = true;
    return this.#writer;
  }

  /** Nothing more is written into the newest segment. */
  #seal(): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    if (writer.segment.end === 0) this.#shelf.forget(writer.segment);
    if (this.#limits.sync === 'none') {
      writer.close();
      this.#closed.push(writer.segment);
    } else this.#sealed.push(writer);
  }

  /** If it is the newest one, it takes no more: it will be removed, or is gone. */
  sealIf(segment: Segment): void {
    if (this.isNewest(segment)) this.#seal();
  }

  /** Records that go into a file without a name would be lost with it. */
  checkNewest(): void {
    if (this.#writer && !this.#writer.isThere()) this.#seal();
  }

  seal(): void {
    this.#seal();
  }

  /** A segment is gone: what was not synced of it need not be. */
  forget(segment: Segment): void {
    if (this.#resumable?.segment === segment) this.#resumable = undefined;
    this.#closed = this.#closed.filter((one) => one !== segment);
    for (const writer of this.#sealed.filter((one) => one.segment === segment)) writer.close();
    this.#sealed = this.#sealed.filter((one) => one.segment !== segment);
  }

  #failWrite(error: unknown, nowMs: number): void {
    this.#isWriteFailing = true;
    this.#fail(error, nowMs);
  }

  #fail(error: unknown, nowMs: number): void {
    this.trouble = troubleOf(error);
    this.error = error;
    this.#failedAtMs = nowMs;
  }

  #recover(): void {
    if (this.#isWriteFailing || this.#isSyncFailing) return;
    this.trouble = undefined;
    this.error = undefined;
  }

  /** Keeps the promise of `sync` after an append, and when time passes. */
  syncIfDue(nowMs: number, isAppend: boolean): void {
    const { sync } = this.#limits;
    if (sync === 'none' || this.#safe === this.written) return;
    const sinceMs = nowMs - this.#syncedAtMs;
    const isDue = sinceMs < 0 || sinceMs >= SYNC_EVERY_MS;
    if (isDue || (sync === 'each' && isAppend)) this.sync(nowMs);
  }

  /** All that is written is on the disk. False, with `trouble`, when the disk does not say so. */
  sync(nowMs: number): boolean {
    this.#syncedAtMs = nowMs;
    try {
      if (this.#hasNewNames) this.#folder.syncNames();
      this.#hasNewNames = false;
      this.#syncClosed();
      while (this.#sealed[0] !== undefined) {
        this.#sealed[0].sync();
        this.#safe = Math.max(this.#safe, this.#sealed[0].last);
        this.#sealed.shift()?.close();
      }
      this.#syncNewest();
      this.#safe = this.written;
      this.#isSyncFailing = false;
      this.#recover();
      return true;
    } catch (error) {
      this.#isSyncFailing = true;
      this.#fail(error, nowMs);
      return false;
    }
  }

  /** One that the disk does not take is written no further: it goes when it is delivered, and others are not behind it. */
  #syncNewest(): void {
    try {
      this.#writer?.sync();
    } catch (error) {
      this.#seal();
      throw error;
    }
  }

  #syncClosed(): void {
    for (let segment = this.#closed[0]; segment !== undefined; segment = this.#closed[0]) {
      this.#syncFile(segment);
      this.#closed.shift();
    }
  }

  #syncFile({ name }: Segment): void {
    try {
      const file = this.#folder.open(name, 'read');
      try {
        file.sync();
      } finally {
        file.close();
      }
    } catch (error) {
      // Gone, or not ours any more: its records are missing, which its readers will count.
      if (!['ENOENT', 'ELOOP'].includes(codeOf(error) ?? '')) throw error;
    }
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
    for (const writer of this.#sealed) writer.close();
    this.#sealed = [];
  }
}
