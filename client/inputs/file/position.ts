// What a file input keeps between two runs: for each file what it is known by, and how far it was read. A file
// is the same if number and first bytes are; a rename does not matter, and neither does a device that got
// another number at a boot, as long as the path is the same.
// Refuses: a position that another has written or damaged; it is never half believed.

import { type BigIntStats, fstatSync, type Stats } from 'node:fs';
import { beginsWith } from './head.ts';

export interface SavedFile {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  /** When it was made, in ms since 1970, where the file system tells that. */
  readonly birth?: number;
  /** Number and hash of its first bytes. */
  readonly head: number;
  readonly hash: string;
  /** All before it is safe. */
  readonly offset: number;
  /** The offset stands within a line that was too long: all up to its end is passed over. */
  readonly isPassing?: true;
  /** Read to its end, and no path led to it any more: when, in ms since 1970. */
  readonly goneMs?: number;
}

export interface SavedPosition {
  /** What `path` said: files that another pattern brings in later were there before the first start. */
  readonly paths: readonly string[];
  readonly files: readonly SavedFile[];
}

export function parsePosition(value: unknown): SavedPosition | undefined {
  if (!isObject(value)) return undefined;
  const { paths, files } = value;
  if (!Array.isArray(paths) || !Array.isArray(files)) return undefined;
  if (!paths.every((path) => typeof path === 'string') || !files.every(isSavedFile)) return undefined;
  return { paths, files };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isSavedFile(value: unknown): value is SavedFile {
  if (!isObject(value)) return false;
  const { path, dev, ino, birth, head, hash, offset, isPassing, goneMs } = value;
  return (
    [path, dev, ino, hash].every((one) => typeof one === 'string') &&
    [head, offset].every((one) => Number.isSafeInteger(one) && (one as number) >= 0) &&
    (birth === undefined || typeof birth === 'number') &&
    (isPassing === undefined || isPassing === true) &&
    (goneMs === undefined || typeof goneMs === 'number')
  );
}

/** For the table of followed files: the same for two names of one file. */
export function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/**
 * When the file was made. Where a file system does not know, the system gives zero or the time of the last change:
 * undefined then, and for a file that has not changed since it was made.
 */
export function birthOf({ birthtimeMs, ctimeMs }: Stats): number | undefined {
  return birthtimeMs > 0 && birthtimeMs !== ctimeMs ? birthtimeMs : undefined;
}

/** Is the open file the one that was saved? */
export function isSame(saved: SavedFile, path: string, stats: BigIntStats, fd: number): boolean {
  if (saved.ino !== String(stats.ino)) return false;
  if (saved.dev !== String(stats.dev) && saved.path !== path) return false;
  // Who had one is on a file system that knows.
  if (saved.birth !== undefined && fstatSync(fd).birthtimeMs !== saved.birth) return false;
  return beginsWith(fd, saved.head, saved.hash);
}
