// One log file of one lane: its descriptor, and the lines that are on their way to it.
//
// What a file's piece of the arena holds:
//
//   bufferAt            bufferAt + done              bufferAt + fill
//   | head of a torn line | rest of it, whole lines … |
//     on disk already       to be written
//
// `done` is zero except after a write that ended within a line (a disk that filled up). The head is kept, and
// taken back from the file when it is closed in between, so that the line stands whole in whatever is opened
// next, and nowhere in pieces.
//
// Promises: a line is written once, whole, in the order of arrival, or it stays here. Who waits for a line is told
// when it is written, or, with `sync: "ack"`, when an fdatasync behind it was good.

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../../base/fault.ts';
import type { FileTarget } from '../../config/server.ts';
import { type LineLocks, LineLocks as Locks } from './line-locks.ts';
import { FILE_TROUBLES, type FileTrouble, troubleOf } from './trouble.ts';
import { type Waiter, Waiters } from './waiters.ts';

const LF = 10;
const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;
/** O_NONBLOCK: a FIFO without a reader is an error, not a lane that hangs. */
const OPEN_FLAGS = O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK;

export class LogFile {
  readonly path: string;
  target: FileTarget;
  /** The configuration, counted by the set, that `target` is of. */
  settledIn = 0;
  readonly lock: number;

  /** The end of what the path leads to is known to be the end of a line. */
  #endsWhole = false;
  /** Where the head of a torn line ended when it was written. */
  #tornAt = 0;
  #isTorn = false;
  fd = -1;
  /** Bytes in the file as far as this lane knows; exact when it was opened. */
  size = 0;
  bufferAt = -1;
  bufferSize = 0;
  fill = 0;
  done = 0;
  /** It once filled a small piece: give it a large one from the start. */
  isBusy = false;
  /** Stands in the lane's list of files with unwritten lines. */
  isListed = false;
  isUnsynced = false;
  /** `sync: "ack"`: lines were written since the last fdatasync. */
  owesSync = false;
  isRotating = false;
  trouble: FileTrouble | undefined;
  troubleError = '';
  /** As the rest of the lane knows it. */
  toldTrouble: FileTrouble | undefined;
  retryAtMs = 0;
  /** Until then it gets no piece, since pieces are short and it could not be written. */
  refusedUntilMs = 0;
  checkedAtMs = 0;
  /** Bytes that were ever written, as whole lines: with `fill` behind them, the mark of the last line. */
  #written = 0;
  /** Marks up to here are safe, but for those up to `#lostTo`, of which nobody knows. */
  #safeTo = 0;
  #lostTo = 0;
  #waiters: Waiters | undefined;
  /** When its lines were last written; the oldest is closed first. */
  usedAtMs = 0;

  constructor(path: string, target: FileTarget) {
    this.path = path;
    this.target = target;
    this.lock = Locks.indexOf(path);
  }

  get isOpen(): boolean {
    return this.fd >= 0;
  }

  /** `who` is told when the line that was appended last is safe; at once, if it is. */
  tellWhenSafe(number: number, who: Waiter): void {
    const mark = this.#written + this.fill;
    if (mark <= this.#lostTo) who.lost(number);
    else if (mark <= this.#safeTo) who.written(number);
    else {
      this.#waiters ??= new Waiters();
      this.#waiters.add(mark, number, who);
    }
  }

  /** Lines that somebody waits for. */
  get waitingCount(): number {
    return this.#waiters?.count ?? 0;
  }

  #nowSafe(): void {
    this.#safeTo = this.#written;
    this.#waiters?.written(this.#safeTo);
  }

  /** Makes safe what was written with `sync: "ack"`. False: nobody can say that it is; the file is in trouble. */
  commit(): boolean {
    if (!this.owesSync) return true;
    try {
      this.sync();
    } catch (error) {
      // The kernel tells of a failed write-back once, and the next fdatasync may be good without it.
      this.owesSync = false;
      this.#lostTo = this.#written;
      this.#waiters?.lost(this.#lostTo);
      this.fails(error);
      return false;
    }
    this.#nowSafe();
    return true;
  }

  /** Makes directories and the file, or opens what is there. Throws what the system says. */
  open(locks: LineLocks): void {
    try {
      this.#openOnce();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.#makeDirectories();
      this.#openOnce();
    }
    if (this.#endsWhole) return;
    try {
      this.#endTornLine(locks);
      this.#endsWhole = true;
    } catch (error) {
      this.close(locks);
      throw error;
    }
  }

  /** A process that was killed may have left a torn line at the end; a line of ours must not continue it. */
  #endTornLine(locks: LineLocks): void {
    if (this.size === 0 || !locks.take(this.lock)) return;
    try {
      // Anew: another lane may have been in the midst of a write when it was opened.
      this.size = fstatSync(this.fd).size;
      if (this.#endsWithinLine()) this.size += writeSync(this.fd, '\n');
    } finally {
      locks.release(this.lock);
    }
  }

  #endsWithinLine(): boolean {
    try {
      const fd = openSync(this.path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
      const last = Buffer.alloc(1);
      const read = readSync(fd, last, 0, 1, this.size - 1);
      closeSync(fd);
      return read === 1 && last[0] !== LF;
    } catch {
      // Not readable to us: then it cannot be known, and nothing is lost by not knowing.
      return false;
    }
  }

  #openOnce(): void {
    const { mode } = this.target;
    try {
      this.fd = openSync(this.path, OPEN_FLAGS | O_CREAT | O_EXCL, mode);
      this.size = 0;
      this.#dressNew();
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      this.fd = openSync(this.path, OPEN_FLAGS);
      this.size = fstatSync(this.fd).size;
    }
  }

  /** Directories that we make get the mode and the owner that were asked for; those that stood keep theirs. */
  #makeDirectories(): void {
    const { directoryMode, uid, gid } = this.target;
    const last = dirname(this.path);
    const first = mkdirSync(last, { recursive: true, mode: directoryMode });
    if (first === undefined) return;
    for (let made = last; made.length >= first.length; made = dirname(made)) {
      chmodSync(made, directoryMode);
      if (uid !== undefined || gid !== undefined) chownSync(made, uid ?? -1, gid ?? -1);
    }
  }

  /** A file that we made gets the mode that was asked for, whatever the umask is, and its owner. */
  #dressNew(): void {
    const { mode, uid, gid } = this.target;
    try {
      fchmodSync(this.fd, mode);
      if (uid !== undefined || gid !== undefined) fchownSync(this.fd, uid ?? -1, gid ?? -1);
    } catch (error) {
      closeSync(this.fd);
      this.fd = -1;
      throw error;
    }
  }

  /** Its file system has blocks to give. A quota may still say no. */
  hasRoom(): boolean {
    try {
      return statfsSync(this.path).bavail > 0;
    } catch {
      return false;
    }
  }

  /** True when the path no longer leads to what is open: deleted, or replaced by another file. */
  isDisplaced(): boolean {
    const open = fstatSync(this.fd);
    if (open.nlink === 0) return true;
    const there = statSync(this.path, { throwIfNoEntry: false });
    return there !== undefined && (there.ino !== open.ino || there.dev !== open.dev);
  }

  /**
   * Writes as much as the system takes, under the file's lock. True: nothing is left. A line that was cut
   * keeps the lock, so that no other lane writes behind it.
   */
  write(bytes: Buffer, locks: LineLocks): boolean {
    if (!locks.take(this.lock)) {
      this.#fail(FILE_TROUBLES[locks.troubleOf(this.lock)] ?? 'busy', 'another lane waits in mid-line');
      return false;
    }
    const before = this.fill;
    const hadTrouble = this.trouble !== undefined;
    try {
      while (this.done < this.fill) {
        const count = writeSync(this.fd, bytes, this.bufferAt + this.done, this.fill - this.done);
        this.done += count;
        this.size += count;
      }
      this.fill = 0;
      this.done = 0;
      this.isUnsynced = this.target.sync === '1s';
      this.trouble = undefined;
    } catch (error) {
      this.fails(error);
    }
    this.#dropWritten(bytes);
    this.#tellTorn(locks);
    locks.release(this.lock);
    this.#settle(before - this.fill, hadTrouble);
    return this.fill === 0 && this.trouble === undefined;
  }

  /** So many bytes were written. One fdatasync serves all that is written until the set calls for it. */
  #settle(count: number, hadTrouble: boolean): void {
    this.#written += count;
    if (count === 0) return;
    if (this.target.sync !== 'ack' && !this.owesSync) this.#nowSafe();
    else this.owesSync = true;
    // A disk that failed is called well again when it has been asked.
    if (hadTrouble) this.commit();
  }

  fails(error: unknown): void {
    this.#fail(troubleOf(error), codeOf(error) ?? String(error));
  }

  #fail(trouble: FileTrouble, error: string): void {
    this.trouble = trouble;
    this.troubleError = error;
  }

  /** After a short write: whole lines that are on disk go, the head of a torn one stays. */
  #dropWritten(bytes: Buffer): void {
    if (this.done === 0) return;
    const lineStart = bytes.lastIndexOf(LF, this.bufferAt + this.done - 1) + 1;
    const written = Math.max(0, lineStart - this.bufferAt);
    bytes.copyWithin(this.bufferAt, this.bufferAt + written, this.bufferAt + this.fill);
    this.fill -= written;
    this.done -= written;
    if (this.done > 0) this.#tornAt = fstatSync(this.fd).size;
  }

  /** Nobody has written behind the head of a torn line, since we hold the lock; if a stranger has, it stays. */
  #takeBackHead(): void {
    try {
      const { size } = fstatSync(this.fd);
      if (size === this.#tornAt) ftruncateSync(this.fd, size - this.done);
      else this.#endsWhole = false;
    } catch {
      // A file that can only grow (chattr +a): the next open ends the torn line.
      this.#endsWhole = false;
    }
  }

  /** Closes; a torn line will be written whole to whatever is opened next. */
  close(locks: LineLocks): void {
    if (this.fd < 0) return;
    if (this.done > 0) this.#takeBackHead();
    this.#syncAndClose();
    this.fd = -1;
    this.isRotating = false;
    this.done = 0;
    if (!this.#isTorn) return;
    this.#tellTorn(locks);
    locks.release(this.lock);
  }

  /** What fails here is tried again by its path, on the main thread, which says so if that fails too. */
  #syncAndClose(): void {
    this.commit();
    try {
      if (this.isUnsynced) this.sync();
    } catch {
      this.isUnsynced = true;
    }
    try {
      closeSync(this.fd);
    } catch {
      // Linux closes it all the same; on network file systems the error is one of earlier writes.
      this.isUnsynced = true;
    }
  }

  #tellTorn(locks: LineLocks): void {
    const isTorn = this.done > 0;
    if (isTorn !== this.#isTorn)
      locks.countTorn(this.lock, isTorn ? 1 : -1, FILE_TROUBLES.indexOf(this.trouble ?? 'busy'));
    this.#isTorn = isTorn;
  }

  sync(): void {
    this.isUnsynced = false;
    try {
      fdatasyncSync(this.fd);
    } catch (error) {
      // A FIFO or a terminal has no disk behind it.
      if (codeOf(error) !== 'EINVAL') throw error;
    }
    this.owesSync = false;
  }
}
