// In which order files of one log are read: the oldest first, so that lines arrive as they were written.
// Refuses: to know how a program names its old files, but for numbers and dates at the end; the time of the last
// change tells most.

import { type FollowedFile, logOf } from './followed-file.ts';

/**
 * Of files that appeared together, those of one log (`a.log.2`, `a.log.1`, `a.log`) are read the oldest first,
 * and behind those of it that were there before.
 */
export function inOrderOfRotation(files: FollowedFile[], older: readonly FollowedFile[]): void {
  if (files.length === 0) return;
  files.sort(byAge);
  const olderOf = new Map<string, FollowedFile[]>();
  for (const file of older) olderOf.set(logOf(file.path), [...(olderOf.get(logOf(file.path)) ?? []), file]);
  const last = new Map<string, FollowedFile>();
  for (const file of files) {
    const log = logOf(file.path);
    for (const before of olderOf.get(log) ?? []) file.waitFor(before);
    const before = last.get(log);
    if (before !== undefined) file.waitFor(before);
    last.set(log, file);
  }
}

/** A file system notes times by the kernel's tick: 1 to 10 ms. */
const TICK_NS = 10_000_000n;

/** What tells the age of a file. */
interface Aged {
  readonly path: string;
  readonly writtenNs: bigint;
}

/** The one that was written last is the newer; of two in one moment, the one with the lower number. */
export function byAge(a: Aged, b: Aged): number {
  const apartNs = a.writtenNs - b.writtenNs;
  if (apartNs > TICK_NS || apartNs < -TICK_NS) return apartNs < 0n ? -1 : 1;
  return rotationOf(b) - rotationOf(a);
}

function rotationOf({ path }: Aged): number {
  return Number(/[.-](\d{1,7})$/.exec(path)?.[1] ?? 0);
}
