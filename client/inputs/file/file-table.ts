// The files that an input follows: found by its patterns, known again by what they are, kept until they are read
// to their end. Promises: a file is followed once, whatever its names; one that was renamed keeps its place, also
// over a restart and to a name that no pattern matches; a new one under the same number or name begins at its
// beginning; what had the name before is read first.
// Refuses: to forget in silence. A file whose rest cannot be found any more is said.

import { readdirSync, statSync, type BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from '../../../base/fault.ts';
import type { StartPlace } from '../../../config/agent.ts';
import type { Voice } from '../../../delivery/spool/voice.ts';
import { FileMemory } from './file-memory.ts';
import { FollowedFile } from './followed-file.ts';
import { FileGlobs, type Found, type Obstacle } from './globs.ts';
import { byAge, inOrderOfRotation } from './rotation.ts';
import { keyOf, type SavedFile, type SavedPosition } from './position.ts';

/** Each is an open file. */
const FILES_MAX = 4096;
/** Names that do not stand still are looked at so often at most. */
const LOOKS_MAX = 5;

export interface FileTableParts {
  readonly paths: readonly string[];
  readonly exclude: readonly string[];
  readonly from: StartPlace;
  /** Undefined: this is the first start. */
  readonly saved: SavedPosition | undefined;
  readonly voice: Voice;
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** For looking at the end of files. */
  readonly scratch: Buffer;
}

export class FileTable {
  readonly #parts: FileTableParts;
  readonly #globs: FileGlobs;
  readonly #memory: FileMemory;
  readonly #byKey = new Map<string, FollowedFile>();
  #byPath = new Map<string, FollowedFile>();
  /** Files that are not read, by path: what they are, so that they are not opened at each scan. */
  readonly #refused = new Map<string, { readonly key: string; readonly why: string }>();
  #obstacles: Found['obstacles'] = new Map();
  #directories = new Set<string>();
  #isFirstScan = true;
  /** A name led elsewhere when its file was opened: somebody rotates at this moment. */
  #isMoving = false;
  #mayLookAgain = false;

  constructor(parts: FileTableParts) {
    this.#parts = parts;
    this.#globs = new FileGlobs(parts.paths, parts.exclude);
    this.#memory = new FileMemory(parts.saved?.files ?? [], parts.wall);
  }

  get files(): Iterable<FollowedFile> {
    return this.#byKey.values();
  }

  get count(): number {
    return this.#byKey.size;
  }

  /** Where names can appear that matter, and where files really lie. */
  get directories(): ReadonlySet<string> {
    return this.#directories;
  }

  /**
   * Looks at what is there, and gives what is new or has moved, in the order in which it is to be read. A file that
   * moves away before it is opened is looked for anew, and no younger one is taken before it.
   */
  scan(): FollowedFile[] {
    const taken = new Set<FollowedFile>();
    for (let looks = 1; looks === 1 || this.#isMoving; looks += 1) {
      this.#isMoving = false;
      this.#mayLookAgain = looks < LOOKS_MAX;
      this.#take(this.#look(), taken);
    }
    this.#isFirstScan = false;
    return [...taken];
  }

  /** Nothing is taken behind a file that has moved away, as long as it may be looked for again. */
  #take(found: Found, taken: Set<FollowedFile>): void {
    const { obstacles } = found;
    const unknown = this.#seeKnown(found, this.#parts.now(), taken);
    const again = this.#adoptSaved(unknown, obstacles);
    if (this.#isFirstScan && !this.#isMoving) again.push(...this.#rescue(found));
    inOrderOfRotation(again, [...taken]);
    const older = [...this.#byKey.values()];
    const adopted = this.#adoptNew(unknown, obstacles);
    inOrderOfRotation(adopted, older);
    this.#byPath = new Map([...this.#byKey.values()].map((file) => [file.path, file]));
    this.#obstacles = obstacles;
    this.#directories = found.directories;
    for (const file of this.#byKey.values()) this.#directories.add(file.directory);
    this.#forgetRefusals(found);
    for (const file of [...again, ...adopted]) taken.add(file);
  }

  /** What is there. While names move, a file may be missed under its old name and its new one: hence twice. */
  #look(): Found {
    let found = this.#globs.scan();
    for (let i = 0; i < LOOKS_MAX && this.#hasMoved(found); i += 1) {
      const again = this.#globs.scan();
      const isStill =
        again.files.size === found.files.size &&
        [...again.files].every(([path, stats]) => {
          const before = found.files.get(path);
          return before !== undefined && keyOf(before) === keyOf(stats);
        });
      found = again;
      if (isStill) break;
    }
    return found;
  }

  /** Is anything else under a name than at the last scan? */
  #hasMoved({ files }: Found): boolean {
    for (const [path, stats] of files) if (this.#byPath.get(path)?.key !== keyOf(stats)) return true;
    return false;
  }

  /**
   * Files that are followed keep their place under any name; gives those that are not, oldest first. One that has grown
   * unseen is to be read: the kernel says nothing of who writes to a network file system, or by another name.
   */
  #seeKnown(found: Found, nowMs: number, taken: Set<FollowedFile>): [string, BigIntStats][] {
    const unknown: [string, BigIntStats][] = [];
    const seen = new Set<string>();
    for (const [path, stats] of found.files) {
      const key = keyOf(stats);
      const file = this.#byKey.get(key);
      if (file === undefined) {
        if (this.#refused.get(path)?.key !== key) unknown.push([path, stats]);
        continue;
      }
      const own = found.files.get(file.path);
      if (own === undefined || keyOf(own) !== key) file.rename(path);
      if (Number(stats.size) !== file.size) taken.add(file);
      file.goneMs = undefined;
      seen.add(key);
    }
    for (const file of this.#byKey.values()) {
      if (!seen.has(file.key)) file.goneMs ??= nowMs;
    }
    return unknown.sort(([a, x], [b, y]) =>
      byAge({ path: a, writtenNs: x.mtimeNs }, { path: b, writtenNs: y.mtimeNs }),
    );
  }

  #adoptSaved(unknown: readonly [string, BigIntStats][], obstacles: Found['obstacles']): FollowedFile[] {
    const adopted: FollowedFile[] = [];
    for (const [path, stats] of unknown) {
      if (this.#isMoving) break;
      if (this.#byKey.has(keyOf(stats)) || !this.#memory.knows(stats)) continue;
      const file = this.#open(path, stats, obstacles);
      if (file === undefined) continue;
      const isTaken = attempt(file, obstacles, () => {
        const known = this.#memory.take(file, path);
        if (known === undefined) return false;
        this.#continue(file, known.saved, stats);
        if (known.place !== undefined) file.safe = known.place;
        this.#byPath.set(known.saved.path, file);
        return true;
      });
      if (!isTaken) continue;
      this.#byKey.set(file.key, file);
      adopted.push(file);
    }
    return adopted;
  }

  #adoptNew(unknown: readonly [string, BigIntStats][], obstacles: Found['obstacles']): FollowedFile[] {
    const adopted: FollowedFile[] = [];
    for (const [path, stats] of unknown) {
      if (this.#isMoving) break;
      if (this.#byKey.has(keyOf(stats))) continue;
      const file = this.#open(path, stats, obstacles);
      if (file === undefined) continue;
      const hasBegun = attempt(file, obstacles, () => {
        this.#begin(file, path);
        return true;
      });
      if (!hasBegun) continue;
      this.#follow(file, path);
      adopted.push(file);
    }
    return adopted;
  }

  #continue(file: FollowedFile, saved: SavedFile, { size }: { readonly size: bigint }): void {
    const isCut = size < saved.offset;
    if (isCut) {
      this.#parts.voice.warn(
        'cut while away',
        `${file.path} is shorter than what was read of it before (${size} of ${saved.offset} bytes): it is read from its beginning.`,
      );
    }
    file.startAt(isCut ? 0 : saved.offset, !isCut && saved.isPassing === true);
  }

  /** What had not been read to its end, and is found under no pattern: it was renamed while nobody looked. */
  #rescue({ obstacles }: Found): FollowedFile[] {
    const rescued: FollowedFile[] = [];
    for (const saved of this.#memory.past) {
      // One that is there and cannot be opened now is tried again by the next scan.
      const isThere = obstacles.get(saved.path)?.kind === 'unreadable';
      if (saved.goneMs !== undefined || isThere || this.#isUnwanted(saved)) continue;
      const file = this.#findByNumber(saved);
      if (file === undefined) continue;
      file.rename(saved.path);
      file.goneMs = this.#parts.now();
      this.#byKey.set(file.key, file);
      this.#byPath.set(saved.path, file);
      rescued.push(file);
    }
    return rescued;
  }

  /** It is where it was, and the operator does not mean it any more. Its place is remembered. */
  #isUnwanted({ path, ino }: SavedFile): boolean {
    if (this.#globs.means(path)) return false;
    try {
      return String(statSync(path, { bigint: true }).ino) === ino;
    } catch {
      return false;
    }
  }

  #findByNumber(saved: SavedFile): FollowedFile | undefined {
    const directory = dirname(saved.path);
    try {
      for (const name of readdirSync(directory)) {
        const path = join(directory, name);
        const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
        if (stats === undefined || String(stats.ino) !== saved.ino || !stats.isFile()) continue;
        const file = FollowedFile.open(path, keyOf(stats), this.#parts.now());
        if (file === undefined) continue;
        if (this.#byKey.has(file.key) || this.#memory.take(file, saved.path) === undefined) {
          file.close();
          continue;
        }
        this.#continue(file, saved, stats);
        return file;
      }
    } catch {
      // Said below: why it cannot be found makes no difference to what is lost.
    }
    this.#sayLost(saved);
    return undefined;
  }

  #sayLost(saved: SavedFile): void {
    this.#memory.drop(saved);
    this.#memory.remember({ ...saved, goneMs: this.#parts.wall() });
    this.#parts.voice.warn(
      'lost',
      `${saved.path} as it was read last (to byte ${saved.offset}) cannot be found any more: what was written behind that is lost, if there was more. Rotation that compresses or removes at once takes away what has not been read; "delaycompress" of logrotate keeps it.`,
    );
  }

  #open(path: string, stats: BigIntStats, obstacles: Found['obstacles']): FollowedFile | undefined {
    if (this.#byKey.size >= FILES_MAX) {
      obstacles.set(path, { kind: 'too_many', code: String(FILES_MAX) });
      return undefined;
    }
    try {
      const file = FollowedFile.open(path, keyOf(stats), this.#parts.now());
      if (file === undefined) this.#isMoving = this.#mayLookAgain;
      return file;
    } catch (error) {
      const code = codeOf(error) ?? String(error);
      if (code === 'ENOENT') this.#isMoving = this.#mayLookAgain;
      else obstacles.set(path, { kind: 'unreadable', code });
      return undefined;
    }
  }

  /** A file that was not known: from its beginning, unless the operator wants less of what was there before. */
  #begin(file: FollowedFile, path: string): void {
    const { saved, from, scratch } = this.#parts;
    const wasThere =
      this.#isFirstScan && (saved === undefined || !new FileGlobs(saved.paths, []).means(path));
    file.startAt(wasThere && from === 'end' ? file.endOfLines(scratch) : 0, false);
  }

  #follow(file: FollowedFile, path: string): void {
    const before = this.#byPath.get(path);
    if (before !== undefined) file.waitFor(before);
    this.#byKey.set(file.key, file);
  }

  /** It is not followed any more, and will be found again if it can be read. */
  letGo(file: FollowedFile): void {
    file.close();
    this.#byKey.delete(file.key);
    this.#memory.remember(file.save());
  }

  /** It has no name that matters, and was read to its end. */
  finish(file: FollowedFile): void {
    this.#memory.close(file);
    file.close();
    this.#byKey.delete(file.key);
  }

  /** It is none that could be read as lines. */
  refuse(file: FollowedFile, why: string): void {
    this.#refused.set(file.path, { key: file.key, why });
    file.close();
    this.#byKey.delete(file.key);
  }

  save(): SavedPosition {
    const files = [...this.#byKey.values()].map((file) => file.save());
    return { paths: this.#parts.paths, files: [...files, ...this.#memory.save()] };
  }

  /** What is in the way of reading, by path. */
  obstacles(): { readonly path: string; readonly kind: Obstacle | 'compressed'; readonly code: string }[] {
    const refused = [...this.#refused].map(([path, { why }]) => ({
      path,
      kind: 'compressed' as const,
      code: why,
    }));
    return [...[...this.#obstacles].map(([path, { kind, code }]) => ({ path, kind, code })), ...refused];
  }

  closeAll(): void {
    for (const file of this.#byKey.values()) file.close();
  }

  #forgetRefusals({ files }: Found): void {
    for (const path of this.#refused.keys()) if (!files.has(path)) this.#refused.delete(path);
  }
}

/** False, and the file closed, when it is not wanted after all or the system refuses to read it. */
function attempt(file: FollowedFile, obstacles: Found['obstacles'], take: () => boolean): boolean {
  try {
    if (take()) return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    obstacles.set(file.path, { kind: 'unreadable', code });
  }
  file.close();
  return false;
}
