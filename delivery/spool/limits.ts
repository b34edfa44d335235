// What an operator may ask of a spool, and the sizes that follow from it.

import { Fault } from '../../base/fault.ts';
import { printSize } from '../../base/units.ts';
import { CURSOR_BYTES } from './cursor.ts';
import { RECORD_BYTES_LIMIT, RECORD_HEADER, type Sizes } from './layout.ts';
import type { SpoolSync } from './writing.ts';

export type OnFull = 'block' | 'dropOldest' | 'dropNewest';

export interface SpoolLimits {
  /** Each has its own cursor; at least one, no name twice. */
  readonly destinations: readonly string[];
  readonly maxDiskSpaceBytes: number;
  readonly onFull: OnFull;
  readonly sync: SpoolSync;
  /** Larger records are dropped and counted; as `syslog.maxMessageSize` bounds them on the other side. */
  readonly recordBytesMax?: number;
  /** Disk space is given back, and `dropOldest` drops, by whole segments. */
  readonly segmentBytes?: number;
}

/** Read through at the start, if it is the newest: some 30 ms. */
const SEGMENT_BYTES_USUAL = 16 * 1024 ** 2;
/** So that `dropOldest` never drops more than this share at once. */
const SEGMENTS_AT_LEAST = 16;
/** So that lists of them stay short, however large the spool is. */
const SEGMENTS_AT_MOST = 1024;

/** What the cursors leave. */
export function segmentSpaceOf({ maxDiskSpaceBytes, destinations }: SpoolLimits): number {
  return maxDiskSpaceBytes - destinations.length * CURSOR_BYTES;
}

/** A small spool gets small segments, but each record has room in one, and two segments have room in the spool. */
export function sizesOf(limits: SpoolLimits, directory: string): Sizes {
  const half = Math.floor(segmentSpaceOf(limits) / 2);
  const recordBytesMax = Math.min(
    limits.recordBytesMax ?? RECORD_BYTES_LIMIT,
    RECORD_BYTES_LIMIT,
    half - RECORD_HEADER,
  );
  if (recordBytesMax < 1) throw tooSmall(limits, directory);
  const { maxDiskSpaceBytes } = limits;
  const share = Math.max(
    Math.min(SEGMENT_BYTES_USUAL, Math.floor(maxDiskSpaceBytes / SEGMENTS_AT_LEAST)),
    Math.ceil(maxDiskSpaceBytes / SEGMENTS_AT_MOST),
  );
  const segmentBytes = Math.min(half, Math.max(limits.segmentBytes ?? share, recordBytesMax + RECORD_HEADER));
  return { recordBytesMax, segmentBytes };
}

function tooSmall({ maxDiskSpaceBytes, destinations }: SpoolLimits, directory: string): Fault {
  const cursors = printSize(destinations.length * CURSOR_BYTES);
  return new Fault('SPOOL_FAILED', {
    what: `maxDiskSpace (${printSize(maxDiskSpaceBytes)}) has no room for records: the cursors alone take ${cursors}.`,
    where: directory,
    mend: 'Give it as much as the longest outage brings; 1 GiB holds some millions of records.',
  });
}
