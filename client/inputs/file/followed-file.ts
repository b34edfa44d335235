// One file that is read as it grows. It stays open, so that it is read to its end under any name and under none.
// Promises: `look` tells whether it is still the file that it was; what is read moves `offset`, what is safe moves
// `safe`, and only that is saved.
// Refuses: to open what is no plain file, and to wait for one that is (a pipe that was put in its place).

import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { LineState } from '../lines/line-reader.ts';
import { type Head, NO_HEAD, renewHead } from './head.ts';
import { birthOf, keyOf, type SavedFile } from './position.ts';

const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;

/** Where a file stands: all before it has been given on. */
export interface FilePlace {
  readonly head: Head;
  readonly offset: number;
  readonly isPassing: boolean;
}

/** What `look` found: nothing new, more, or another content under the same number. */
export type Looked = 'same' | 'grown' | 'new_content';

export class FollowedFile {
  readonly key: string;
  path: string;
  /** Where it really lies, symbolic links followed. */
  directory: string;
  /** APP-NAME of its lines: its name without the ending. */
  program: Uint8Array;
  offset = 0;
  readonly state: LineState = { isPassing: false };
  /** As it was seen last. */
  size = 0;
  /** What is safe with the queue. */
  safe: FilePlace = { head: NO_HEAD, offset: 0, isPassing: false };
  /** When it grew last, and since when no path leads to it, by the monotonic clock. */
  grownMs: number;
  goneMs: number | undefined;
  /** What had this file's path before, and older ones of its log: are read to their end first. */
  readonly before = new Set<FollowedFile>();
  /** At the last visit there was no whole line left. */
  isReadOut = false;
  /** Where its size was when nothing more came for a while. */
  quietSize = -1;
  readonly #fd: number;
  readonly #stats: BigIntStats;
  #birth: number | undefined;
  /** Of the last look: when its content was changed last. */
  #changedMs: number | undefined;
  #head: Head = NO_HEAD;
  #isOpen = true;

  private constructor(path: string, fd: number, stats: BigIntStats, nowMs: number) {
    this.key = keyOf(stats);
    this.path = path;
    this.directory = directoryOf(path);
    this.program = programOf(path);
    this.grownMs = nowMs;
    this.#fd = fd;
    this.#stats = stats;
  }

  /** Undefined when there is something else now than what was found. Throws the system's error. */
  static open(path: string, key: string, nowMs: number): FollowedFile | undefined {
    const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    try {
      const stats = fstatSync(fd, { bigint: true });
      if (stats.isFile() && keyOf(stats) === key) return new FollowedFile(path, fd, stats, nowMs);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    return undefined;
  }

  /** For comparing with what was saved. */
  isThe(isSame: (stats: BigIntStats, fd: number) => boolean): boolean {
    return isSame(this.#stats, this.#fd);
  }

  get ino(): string {
    return String(this.#stats.ino);
  }

  /** Begins at a place that was saved, or that the operator chose. */
  startAt(offset: number, isPassing: boolean): void {
    this.#head = renewHead(this.#fd, NO_HEAD) ?? NO_HEAD;
    this.offset = offset;
    this.state.isPassing = isPassing;
    this.safe = this.place();
  }

  rename(path: string): void {
    this.path = path;
    this.directory = directoryOf(path);
    this.program = programOf(path);
  }

  get head(): Head {
    return this.#head;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  place(): FilePlace {
    return { head: this.#head, offset: this.offset, isPassing: this.state.isPassing };
  }

  /** Throws the system's error. */
  look(nowMs: number): Looked {
    const stats = fstatSync(this.#fd);
    const { size } = stats;
    this.#changedMs = stats.mtimeMs;
    this.#birth ??= birthOf(stats);
    const isShorter = size < this.size;
    if (size !== this.size) this.grownMs = nowMs;
    const head = isShorter ? undefined : renewHead(this.#fd, this.#head);
    if (head === undefined) return 'new_content';
    this.#head = head;
    this.size = size;
    return size > this.offset ? 'grown' : 'same';
  }

  /** When it was written last, as it was opened: in ns since 1970. */
  get writtenNs(): bigint {
    return this.#stats.mtimeNs;
  }

  /** `other`, which was followed before this one or stands before it in the order of rotation, is read first. */
  waitFor(other: FollowedFile): void {
    if (other !== this && other.isOpen) this.before.add(other);
  }

  /** Cheap: has it another size than at the last look, or other content of the same size? */
  isChanged(): boolean {
    const { size, mtimeMs } = fstatSync(this.#fd);
    return size !== this.size || mtimeMs !== this.#changedMs;
  }

  /** False: it has no name any more, anywhere. */
  hasName(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  /** The file was cut, or written anew: it begins again. Gives how much of it had not been read. */
  restart(): number {
    const unread = Math.max(0, this.size - this.offset);
    this.offset = 0;
    this.state.isPassing = false;
    this.size = fstatSync(this.#fd).size;
    this.#head = renewHead(this.#fd, NO_HEAD) ?? NO_HEAD;
    this.quietSize = -1;
    return unread;
  }

  read(into: Buffer): number {
    return readSync(this.#fd, into, 0, into.length, this.offset);
  }

  /** The place behind the last line end before `size`, or 0: for a start at the end. */
  endOfLines(into: Buffer): number {
    const { size } = fstatSync(this.#fd);
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - into.length);
      const count = readSync(this.#fd, into, 0, end - start, start);
      const found = into.subarray(0, count).lastIndexOf(0x0a);
      if (found >= 0) return start + found + 1;
      end = start;
    }
    return 0;
  }

  save(): SavedFile {
    const { head, offset, isPassing } = this.safe;
    const birth = this.#birth;
    return {
      path: this.path,
      dev: String(this.#stats.dev),
      ino: String(this.#stats.ino),
      ...(birth !== undefined && { birth }),
      head: head.bytes.length,
      hash: head.hash,
      offset,
      ...(isPassing && { isPassing }),
    };
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}

function directoryOf(path: string): string {
  try {
    return dirname(realpathSync(path));
  } catch {
    return dirname(path);
  }
}

/** "/var/log/app.log" → "/var/log/app.log", as "/var/log/app.log.2" and "/var/log/app.log-20261121". */
export function logOf(path: string): string {
  return path.replace(/(?<=[^/])(?:[.-]\d+)+$/, '');
}

/** "/var/log/my.app.log.1" → "my.app", "/var/log/.hidden" → ".hidden". */
export function programOf(path: string): Uint8Array {
  const name = basename(logOf(path));
  const dot = name.lastIndexOf('.');
  return Buffer.from(dot <= 0 ? name : name.slice(0, dot));
}
