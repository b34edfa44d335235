// What is remembered of files that are not followed at the moment: as they were saved by the last run, or closed by
// this one. Promises: a file that comes back within a day goes on where it was; nothing is kept for longer.
// Refuses: to remember what was removed for good: its inode will be another file's.

import type { BigIntStats } from 'node:fs';
import type { FilePlace, FollowedFile } from './followed-file.ts';
import { isSame, keyOf, type SavedFile } from './position.ts';

/** What has gone may come back (a directory that is mounted late); after so long it is another. */
const REMEMBER_MS = 24 * 3_600_000;

interface Closed {
  readonly file: FollowedFile;
  /** How far it was read, safe or not. */
  readonly offset: number;
  readonly goneMs: number;
}

export class FileMemory {
  readonly #wall: () => number;
  /** By inode number. */
  readonly #past = new Map<string, SavedFile[]>();
  /** Closed, and perhaps not safe yet. */
  #closed: Closed[] = [];

  /** `wall` is milliseconds since 1970. */
  constructor(saved: readonly SavedFile[], wall: () => number) {
    this.#wall = wall;
    for (const one of saved) this.remember(one);
  }

  get past(): SavedFile[] {
    return [...this.#past.values()].flat();
  }

  remember(saved: SavedFile): void {
    this.#past.set(saved.ino, [...(this.#past.get(saved.ino) ?? []), saved]);
  }

  /** It was read to its end and is closed; what it gave on may not be safe yet. */
  close(file: FollowedFile): void {
    if (file.hasName()) this.#closed.push({ file, offset: file.offset, goneMs: this.#wall() });
  }

  /** Was something with this number followed once? */
  knows(stats: BigIntStats): boolean {
    return this.#past.has(String(stats.ino)) || this.#closed.some(({ file }) => file.key === keyOf(stats));
  }

  /** What is known of the file that was opened at `path`; it is not remembered any more. */
  take(file: FollowedFile, path: string): { saved: SavedFile; place?: FilePlace } | undefined {
    const saved = this.#past.get(file.ino)?.find((one) => {
      return file.isThe((stats, fd) => isSame(one, path, stats, fd));
    });
    if (saved !== undefined) {
      this.drop(saved);
      return { saved };
    }
    const closed = this.#closed.find((one) => {
      return one.file.key === file.key && file.isThe((stats, fd) => isSame(one.file.save(), path, stats, fd));
    });
    this.#closed = this.#closed.filter((one) => one.file.key !== file.key);
    // It goes on behind what it gave on; what of that is not safe yet stays so.
    return closed && { saved: { ...closed.file.save(), offset: closed.offset }, place: closed.file.safe };
  }

  drop(saved: SavedFile): void {
    const others = (this.#past.get(saved.ino) ?? []).filter((one) => one !== saved);
    if (others.length === 0) this.#past.delete(saved.ino);
    else this.#past.set(saved.ino, others);
  }

  save(): SavedFile[] {
    const now = this.#wall();
    const isYoung = (goneMs: number) => Math.abs(now - goneMs) < REMEMBER_MS;
    this.#closed = this.#closed.filter(({ goneMs }) => isYoung(goneMs));
    for (const saved of this.past) if (saved.goneMs !== undefined && !isYoung(saved.goneMs)) this.drop(saved);
    const closed = this.#closed.map(({ file, offset, goneMs }) => {
      const saved = file.save();
      // Until all of it is safe, it would have to be looked for.
      return saved.offset === offset ? { ...saved, goneMs } : saved;
    });
    return [...closed, ...this.past];
  }
}
