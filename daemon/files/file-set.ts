// All log files of one lane: finds the file of a path, takes lines for it, and decides when they are
// written. A limited number is open at once; the one whose lines are longest ago is closed for the next.
//
// Trouble (a full disk, a lost permission) stays with its file: the lines that it has already are kept and
// tried again, further ones are refused, and the caller decides whether the sender can be made to wait.

import type { FileTarget, Rotate } from '../../config/server.ts';
import { type LinePrinter, worstCase } from '../../syslog/print.ts';
import type { LogRecord } from '../../syslog/record.ts';
import type { Peer } from '../intake/peers.ts';
import { type BufferPool, LARGE, SMALL } from './buffers.ts';
import type { LineLocks } from './line-locks.ts';
import { LogFile } from './log-file.ts';

/** How long a file in trouble is left alone before it is tried again. */
const RETRY_MS = 250;
/** How often a file that is written is compared with what its path leads to. */
const DISPLACED_CHECK_MS = 1000;
/** Closing the least used of many needs a look at all of them; so several go at once. */
const EVICT_SHARE = 0.1;
/** A file that is not written for so long is closed; looked at now and then. */
const IDLE_CLOSE_MS = 60_000;
const REAP_EVERY_MS = 10_000;
/** Open files that a lane may have even when the others have taken all that are allowed. */
const OPEN_OWN_MIN = 8;
const LF = 10;

/** What the rest of the lane wants to know. */
export interface FileEvents {
  troubled(file: LogFile): void;
  recovered(file: LogFile): void;
  grown(file: LogFile, rotate: Rotate): void;
  wrote(bytes: number): void;
  evicted(count: number): void;
}

export interface FileSetParts {
  /** The lane's arena: the bytes of records and of pieces. */
  readonly bytes: Buffer;
  readonly pool: BufferPool;
  readonly locks: LineLocks;
  readonly printer: LinePrinter;
  readonly events: FileEvents;
  /** One 32-bit word that all lanes share: how many log files are open. */
  readonly openTotal: Int32Array;
}

export class FileSet {
  /** Files that cannot be written at present. */
  troubledCount = 0;
  openCount = 0;

  readonly #parts: FileSetParts;
  readonly #files = new Map<string, LogFile>();
  #listed: LogFile[] = [];
  #openMax: number;
  #nowMs = Date.now();
  #reapedAtMs = 0;
  #configuration = 0;

  constructor(parts: FileSetParts, openMax: number) {
    this.#parts = parts;
    this.#openMax = openMax;
  }

  get hasUnwritten(): boolean {
    return this.#listed.length > 0;
  }

  get knownCount(): number {
    return this.#files.size;
  }

  /** A new configuration: files are opened anew, and take their settings from its rules. */
  configure(openMax: number): void {
    this.#openMax = openMax;
    this.#configuration += 1;
    this.reopen();
    this.forgetIdle();
  }

  /** The file of a path; one and the same for all rules that lead to it. */
  file(path: string, target: FileTarget): LogFile {
    const known = this.#files.get(path);
    if (known) {
      // Two rules may lead to one path with other settings: the first to do so sets them, until a reload.
      if (known.settledIn !== this.#configuration) known.target = target;
      known.settledIn = this.#configuration;
      return known;
    }
    const made = new LogFile(path, target);
    made.settledIn = this.#configuration;
    this.#files.set(path, made);
    return made;
  }

  /** Forgets files that hold nothing; whoever kept a reference must have dropped it first. */
  forgetIdle(): void {
    for (const [path, file] of this.#files) {
      if (!file.isOpen && file.fill === 0 && file.trouble === undefined) this.#files.delete(path);
    }
  }

  /** Takes the record's line. False: the file is in trouble and has no room; nothing was taken. */
  append(file: LogFile, record: LogRecord, peer: Peer, receivedMs: number, clean: boolean): boolean {
    const { format } = file.target;
    // The commonest line by far is one that is copied as it came.
    const plain = clean && record.traditional && format === 'traditional' && peer.printsAsSent;
    const need = plain ? record.end - record.headerStart + 1 : worstCase(format, record, peer);
    if (file.fill >= LARGE && !this.#write(file)) return false;
    if (file.fill + need > file.bufferSize && !this.#makeRoom(file, need)) return false;
    const { bytes, printer } = this.#parts;
    const at = file.bufferAt + file.fill;
    if (plain) {
      bytes.copyWithin(at, record.headerStart, record.end);
      bytes[at + need - 1] = LF;
      file.fill += need;
    } else {
      file.fill = printer.print(format, record, peer, receivedMs, bytes, at, clean) - file.bufferAt;
    }
    if (!file.isListed) this.#list(file);
    if (file.fill >= LARGE) this.#write(file);
    return true;
  }

  /** Whether a line of this record could be taken now. */
  hasRoom(file: LogFile, record: LogRecord, peer: Peer): boolean {
    const need = worstCase(file.target.format, record, peer);
    // The room behind LARGE is for one long line, not for all that comes while the disk is full.
    if (file.fill >= LARGE && !this.#write(file)) return false;
    return file.fill + need <= file.bufferSize || this.#makeRoom(file, need);
  }

  /** The line is not written after all: room that was made for it alone goes back. */
  forgoRoom(files: readonly LogFile[]): void {
    for (const file of files) if (file.bufferAt >= 0 && file.fill === 0) this.#takePieceBack(file);
  }

  #list(file: LogFile): void {
    file.isListed = true;
    this.#listed.push(file);
  }

  /** Sees to it that `need` bytes fit behind what the file holds. */
  #makeRoom(file: LogFile, need: number): boolean {
    if (file.bufferAt < 0) return this.#givePiece(file, need);
    if (file.bufferSize === SMALL && file.trouble === undefined) {
      file.isBusy = true;
      if (this.#enlarge(file)) return true;
    }
    if (!this.#write(file)) return false;
    if (need <= file.bufferSize) return true;
    this.#takePieceBack(file);
    return this.#givePiece(file, need);
  }

  #givePiece(file: LogFile, need: number): boolean {
    const { pool } = this.#parts;
    if (!pool.isScarce(need) && this.#tryPiece(file, need)) return true;
    this.#writeAll();
    // What is short even now is held by files in trouble; the rest is for files that can be written.
    if (pool.isScarce(need) && !this.#couldWrite(file)) return false;
    return this.#tryPiece(file, need);
  }

  /** Whether the file would take a line, as far as can be seen without writing one. */
  #couldWrite(file: LogFile): boolean {
    if (file.trouble !== undefined) return true;
    if (this.#nowMs < file.refusedUntilMs) return false;
    if (this.#open(file) && file.hasRoom()) return true;
    // It holds nothing: whoever has its line is made to wait, which is not the file's own trouble yet.
    file.trouble = undefined;
    file.refusedUntilMs = this.#nowMs + RETRY_MS;
    return false;
  }

  #tryPiece(file: LogFile, need: number): boolean {
    const { pool } = this.#parts;
    let at = need > SMALL || (file.isBusy && !pool.isScarce(LARGE)) ? pool.takeLarge() : undefined;
    if (at === undefined && need <= SMALL) at = pool.takeSmall();
    if (at === undefined) return false;
    file.bufferAt = at;
    file.bufferSize = pool.sizeOf(at);
    return true;
  }

  /** Moves what a file holds from a small piece into a large one. */
  #enlarge(file: LogFile): boolean {
    const { pool, bytes } = this.#parts;
    const at = pool.isScarce(LARGE) ? undefined : pool.takeLarge();
    if (at === undefined) return false;
    bytes.copyWithin(at, file.bufferAt, file.bufferAt + file.fill);
    pool.give(file.bufferAt);
    file.bufferAt = at;
    file.bufferSize = pool.sizeOf(at);
    return true;
  }

  #takePieceBack(file: LogFile): void {
    this.#parts.pool.give(file.bufferAt);
    file.bufferAt = -1;
    file.bufferSize = 0;
  }

  /** Writes all lines that wait. */
  flush(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#listed.length > 0) this.#writeAll();
  }

  #writeAll(): void {
    const listed = this.#listed;
    this.#listed = [];
    for (const file of listed) {
      file.isListed = false;
      // A small piece that is filled again and again by the time it is written is the right size.
      if (file.fill < SMALL) file.isBusy = false;
      if (this.#write(file) && file.bufferAt >= 0) this.#takePieceBack(file);
      else if (file.fill > 0 && !file.isListed) this.#list(file);
    }
    // One fdatasync for all that was written since the last: lines that are written stand in the list.
    for (const file of listed) if (file.owesSync) this.#commit(file);
  }

  #commit(file: LogFile): void {
    if (!file.commit()) this.#inTrouble(file);
  }

  /** True: nothing of the file is left to write. */
  #write(file: LogFile): boolean {
    if (file.fill === 0) return true;
    if (file.trouble !== undefined && this.#isSoonAfter(file.retryAtMs - RETRY_MS, RETRY_MS)) return false;
    const before = file.size;
    const whole = this.#open(file) && file.write(this.#parts.bytes, this.#parts.locks);
    if (file.isOpen && file.size !== before) this.#parts.events.wrote(Math.max(0, file.size - before));
    file.usedAtMs = this.#nowMs;
    if (whole) this.#afterWrite(file);
    else this.#inTrouble(file);
    return whole;
  }

  /** A clock that was set back must not make anyone wait for the time to come round again. */
  #isSoonAfter(thenMs: number, spanMs: number): boolean {
    return this.#nowMs >= thenMs && this.#nowMs - thenMs < spanMs;
  }

  #afterWrite(file: LogFile): void {
    if (file.toldTrouble !== undefined) {
      this.troubledCount -= 1;
      file.toldTrouble = undefined;
      this.#parts.events.recovered(file);
    }
    const { rotate } = file.target;
    if (rotate && file.size >= rotate.sizeBytes && !file.isRotating) {
      file.isRotating = true;
      this.#parts.events.grown(file, rotate);
    }
  }

  #inTrouble(file: LogFile): void {
    file.retryAtMs = this.#nowMs + RETRY_MS;
    if (file.toldTrouble === undefined) this.troubledCount += 1;
    // A disk that was full may be read-only by now.
    const isNew = file.toldTrouble !== file.trouble;
    file.toldTrouble = file.trouble;
    if (isNew) this.#parts.events.troubled(file);
  }

  #open(file: LogFile): boolean {
    try {
      if (file.isOpen) {
        this.#leaveIfDisplaced(file);
        if (file.isOpen) return true;
      }
      if (this.#isFull()) this.#closeLeastUsed();
      file.open(this.#parts.locks);
      this.#countOpen(1);
      file.checkedAtMs = this.#nowMs;
      return true;
    } catch (error) {
      file.fails(error);
      return false;
    }
  }

  #isFull(): boolean {
    return this.openCount >= OPEN_OWN_MIN && Atomics.load(this.#parts.openTotal, 0) >= this.#openMax;
  }

  #countOpen(change: number): void {
    this.openCount += change;
    Atomics.add(this.#parts.openTotal, 0, change);
  }

  #leaveIfDisplaced(file: LogFile): void {
    if (this.#isSoonAfter(file.checkedAtMs, DISPLACED_CHECK_MS)) return;
    file.checkedAtMs = this.#nowMs;
    if (file.isDisplaced()) this.#close(file);
  }

  #close(file: LogFile): void {
    if (!file.isOpen) return;
    const { trouble } = file;
    file.close(this.#parts.locks);
    this.#countOpen(-1);
    // The last fdatasync has failed.
    if (file.trouble !== trouble) this.#inTrouble(file);
  }

  #closeLeastUsed(): void {
    const open = [...this.#files.values()].filter((file) => file.isOpen && file.done === 0);
    open.sort((a, b) => a.usedAtMs - b.usedAtMs);
    const count = Math.max(1, Math.floor(open.length * EVICT_SHARE));
    const least = open.slice(0, count);
    for (const file of least) this.#close(file);
    this.#parts.events.evicted(least.length);
  }

  /** Files that had nothing to write for long are closed: one that was deleted gives its room back. */
  closeIdle(nowMs: number): void {
    if (nowMs - this.#reapedAtMs < REAP_EVERY_MS) return;
    this.#reapedAtMs = nowMs;
    for (const file of this.#files.values()) {
      if (file.isOpen && file.fill === 0 && nowMs - file.usedAtMs >= IDLE_CLOSE_MS) this.#close(file);
    }
  }

  /** Closes one file, or all; each is opened anew for its next line. */
  reopen(path?: string): void {
    if (path === undefined) {
      for (const file of this.#files.values()) this.#close(file);
      return;
    }
    const file = this.#files.get(path);
    if (file) this.#close(file);
  }

  /** The paths of files that were written since they were last synced, and are to be within a second. */
  takeUnsynced(): string[] {
    const paths: string[] = [];
    for (const file of this.#files.values()) {
      if (!file.isUnsynced) continue;
      file.isUnsynced = false;
      paths.push(file.path);
    }
    return paths;
  }

  /** Bytes that could not be written; for the last word before the end. */
  unwrittenBytes(): number {
    return this.#listed.reduce((sum, file) => sum + file.fill - file.done, 0);
  }

  stop(nowMs: number): void {
    for (const file of this.#listed) file.retryAtMs = 0;
    this.flush(nowMs);
    this.reopen();
  }
}
