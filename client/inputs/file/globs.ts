// Which files an operator means: paths with `*`, `?`, `[…]` within a name and `**` for any number of directories.
// Promises: an answer also where directories cannot be read, with what was in the way; an end, however large the
// tree is. A name that begins with a dot is matched by a pattern that begins with one.
// Refuses: to follow symbolic links for `**`, which may lead in circles; to open anything.

import { type BigIntStats, type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../../base/fault.ts';
import { type Glob, globPattern } from '../../../base/glob.ts';

/** Names looked at in one scan: some 0.2 s. */
const NAMES_MAX = 100_000;
/** Directories below each other; paths end at 4,096 bytes. */
const DEPTH_MAX = 64;

/** What a scan found in the way of reading. 'pipe': also a socket or a device. */
export type Obstacle = 'unreadable' | 'pipe' | 'too_many' | 'too_deep';

export interface Found {
  /** Plain files, also behind a symbolic link, by path. */
  readonly files: Map<string, BigIntStats>;
  /** Where a new file could appear. */
  readonly directories: Set<string>;
  readonly obstacles: Map<string, { readonly kind: Obstacle; readonly code: string }>;
}

type Segment = { readonly kind: 'any' } | { readonly kind: 'name'; readonly name: string } | Pattern;
interface Pattern {
  readonly kind: 'glob';
  readonly glob: Glob;
  readonly isHidden: boolean;
}

function segmentOf(text: string): Segment {
  if (text === '**') return { kind: 'any' };
  if (!/[*?[]/.test(text)) return { kind: 'name', name: text };
  return { kind: 'glob', glob: globPattern(text, false), isHidden: text.startsWith('.') };
}

function segmentsOf(path: string): Segment[] {
  const segments = path
    .split('/')
    .filter((part, i, all) => part !== '' && !(part === '**' && all[i - 1] === '**'))
    .map(segmentOf);
  // A path that ends in `**` means the files below.
  return segments.at(-1)?.kind === 'any' ? [...segments, segmentOf('*')] : segments;
}

function fits(segment: Segment, name: string): boolean {
  if (segment.kind === 'any') return !name.startsWith('.');
  if (segment.kind === 'name') return segment.name === name;
  return segment.isHidden === name.startsWith('.') && segment.glob.test(name);
}

/** Does the whole path match? For exclusions. */
function matches(segments: readonly Segment[], names: readonly string[], i = 0, j = 0): boolean {
  const segment = segments[i];
  if (segment === undefined) return j === names.length;
  if (segment.kind === 'any') {
    if (matches(segments, names, i + 1, j)) return true;
    return j < names.length && fits(segment, names[j] as string) && matches(segments, names, i, j + 1);
  }
  return j < names.length && fits(segment, names[j] as string) && matches(segments, names, i + 1, j + 1);
}

export class FileGlobs {
  readonly #paths: readonly Segment[][];
  readonly #excluded: readonly Segment[][];
  #namesLeft = 0;

  constructor(paths: readonly string[], exclude: readonly string[]) {
    this.#paths = paths.map(segmentsOf);
    this.#excluded = exclude.map(segmentsOf);
  }

  scan(): Found {
    const found: Found = { files: new Map(), directories: new Set(), obstacles: new Map() };
    this.#namesLeft = NAMES_MAX;
    for (const segments of this.#paths) this.#walk('/', segments, 0, 0, found);
    return found;
  }

  /** Is a path one of those that are meant, whether or not there is a file? */
  means(path: string): boolean {
    const names = path.split('/').filter((part) => part !== '');
    return this.#paths.some((segments) => matches(segments, names)) && !this.#isExcluded(path);
  }

  #isExcluded(path: string): boolean {
    if (this.#excluded.length === 0) return false;
    const names = path.split('/').filter((part) => part !== '');
    return this.#excluded.some((segments) => matches(segments, names));
  }

  #walk(directory: string, segments: readonly Segment[], i: number, depth: number, found: Found): void {
    const segment = segments[i];
    if (segment === undefined) return;
    if (depth > DEPTH_MAX) {
      found.obstacles.set(directory, { kind: 'too_deep', code: String(DEPTH_MAX) });
      return;
    }
    const isLast = i === segments.length - 1;
    if (isLast || segment.kind !== 'name') found.directories.add(directory);
    if (segment.kind === 'name') {
      const path = join(directory, segment.name);
      if (isLast) this.#take(path, true, found);
      else this.#walk(path, segments, i + 1, depth + 1, found);
      return;
    }
    if (segment.kind === 'any') this.#walk(directory, segments, i + 1, depth, found);
    for (const entry of this.#list(directory, found)) {
      const path = join(directory, entry.name);
      if (!fits(segment, entry.name)) continue;
      if (segment.kind === 'any') {
        if (entry.isDirectory()) this.#walk(path, segments, i, depth + 1, found);
      } else if (isLast) this.#take(path, false, found);
      else if (!entry.isFile()) this.#walk(path, segments, i + 1, depth + 1, found);
    }
  }

  #list(directory: string, found: Found): Dirent[] {
    let entries: Dirent[];
    try {
      entries = readdirSync(directory, { withFileTypes: true });
    } catch (error) {
      const code = codeOf(error) ?? String(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        found.obstacles.set(directory, { kind: 'unreadable', code });
      return [];
    }
    this.#namesLeft -= entries.length;
    if (this.#namesLeft >= 0) return entries;
    found.obstacles.set(directory, { kind: 'too_many', code: String(NAMES_MAX) });
    return [];
  }

  /** `isNamed`: the operator wrote this very path. */
  #take(path: string, isNamed: boolean, found: Found): void {
    if (found.files.has(path) || this.#isExcluded(path)) return;
    try {
      const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) return;
      if (stats.isFile()) found.files.set(path, stats);
      else if (!stats.isDirectory() || isNamed)
        found.obstacles.set(path, { kind: 'pipe', code: 'not a file' });
    } catch (error) {
      const code = codeOf(error) ?? String(error);
      if (code !== 'ENOTDIR') found.obstacles.set(path, { kind: 'unreadable', code });
    }
  }
}
