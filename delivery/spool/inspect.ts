// What stands in a spool, for people: its segments, how far each destination is, and on demand every record with
// its checksum. Read-only, and also beside an agent that writes: then the numbers are those of a moment, and a
// record that is being written looks like a torn one.

import { codeOf } from '../../base/fault.ts';
import { Cursor, type CursorState, destinationOf, isCursorName } from './cursor.ts';
import type { Folder } from './disk.ts';
import { RECORD_BYTES_LIMIT, RECORD_HEADER, RecordMemory } from './layout.ts';
import { SegmentScan } from './scan.ts';
import { type Segment, segmentOf } from './segment.ts';

/** Read at once. */
const WINDOW_BYTES = RECORD_BYTES_LIMIT + RECORD_HEADER;

export interface SegmentReport {
  readonly name: string;
  /** The sequence number of its first record. */
  readonly first: number;
  readonly bytes: number;
  records: number;
  /** Bytes that belong to no whole record. Of the newest segment: perhaps one that is being written. */
  damagedBytes: number;
  /** Records that should stand here and do not. */
  missing: number;
  /** Why it could not be read to its end. */
  unreadable: string | undefined;
}

export interface CursorReport {
  readonly destination: string;
  readonly state: CursorState;
  readonly acknowledged: number;
  /** Numbers behind it that were given out, whether or not the records can be read. */
  readonly waiting: number;
}

export interface SpoolReport {
  readonly segments: readonly SegmentReport[];
  readonly cursors: readonly CursorReport[];
  /** Names of what is not a part of it. */
  readonly foreign: readonly string[];
  /** The last sequence number that is known. */
  readonly last: number;
  /** Every record was read and its checksum compared; else records are counted by their numbers. */
  readonly isVerified: boolean;
}

export interface Listing {
  readonly segments: readonly Segment[];
  readonly cursors: readonly Cursor[];
  readonly foreign: readonly string[];
}

export function listSpool(folder: Folder): Listing {
  const entries = folder.list();
  const ours = entries.filter(({ isOurs }) => isOurs);
  const segments = ours.flatMap(({ name, size }) => segmentOf(name, size) ?? []);
  const cursors = ours.flatMap(({ name }) => (isCursorName(name) ? (loadCursor(folder, name) ?? []) : []));
  const known = new Set([...segments, ...cursors].map(({ name }) => name));
  return {
    segments: segments.sort((a, b) => a.first - b.first),
    cursors,
    foreign: entries.map(({ name }) => name).filter((name) => !known.has(name)),
  };
}

function loadCursor(folder: Folder, name: string): Cursor | undefined {
  const cursor = new Cursor(folder, name);
  try {
    cursor.load();
  } catch {
    cursor.state = 'lost';
  }
  return cursor;
}

/** Each whole record of a segment in turn, in the scan's memory; what is not one is added to the report. */
export function* recordsOf(folder: Folder, segment: Segment, report: SegmentReport): Generator<SegmentScan> {
  let scan: SegmentScan | undefined;
  try {
    const file = folder.open(segment.name, 'read');
    scan = new SegmentScan(segment, file, new RecordMemory(WINDOW_BYTES), RECORD_BYTES_LIMIT);
    for (let step = scan.step(true); step !== 'end'; step = scan.step(true)) {
      if (step === 'unreadable') {
        report.unreadable = codeOf(scan.error) ?? String(scan.error);
        scan.skipsUnreadable = true;
      } else if (step === 'record') {
        report.records += 1;
        yield scan;
      }
    }
    report.missing = scan.expected - segment.first - report.records;
    report.damagedBytes = scan.damagedBytes;
  } catch (error) {
    report.unreadable = codeOf(error) ?? String(error);
  } finally {
    scan?.close();
  }
}

export function emptyReport({ name, first, size }: Segment): SegmentReport {
  return { name, first, bytes: size, records: 0, damagedBytes: 0, missing: 0, unreadable: undefined };
}

/** With `isVerified` each record is read; else only those of the newest segment, whose end nothing else tells. */
export function inspectSpool(folder: Folder, isVerified: boolean): SpoolReport {
  const { segments, cursors, foreign } = listSpool(folder);
  let last = Math.max(0, ...cursors.map(({ saved }) => Math.max(saved.acknowledged, saved.written)));
  const reports = segments.map((segment, at) => {
    const report = emptyReport(segment);
    const next = segments[at + 1]?.first;
    if (isVerified || next === undefined) {
      for (const scan of recordsOf(folder, segment, report)) last = Math.max(last, scan.sequence);
    } else report.records = next - segment.first;
    if (isVerified && next !== undefined) report.missing = Math.max(0, next - segment.first - report.records);
    return report;
  });
  return {
    segments: reports,
    cursors: cursors.map(({ name, state, saved }) => ({
      destination: destinationOf(name),
      state,
      acknowledged: saved.acknowledged,
      waiting: Math.max(0, last - saved.acknowledged),
    })),
    foreign,
    last,
    isVerified,
  };
}
