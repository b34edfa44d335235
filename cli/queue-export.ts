// Messages out of a queue on disk, in order, as a stream of bytes: what waits, or all that is there. Memory is
// bounded: pieces are handed out as they fill, and the next is filled when the last was taken.

import { Fault } from '../base/fault.ts';
import type { Cursor } from '../delivery/spool/cursor.ts';
import { cursorName } from '../delivery/spool/cursor.ts';
import type { Folder } from '../delivery/spool/disk.ts';
import { emptyReport, listSpool, recordsOf } from '../delivery/spool/inspect.ts';
import type { SegmentScan } from '../delivery/spool/scan.ts';

export type Framing = 'lf' | 'octet-counted';

export interface ExportWish {
  /** What is delivered too. */
  readonly isAll: boolean;
  /** Undefined: what waits for any. */
  readonly destination: string | undefined;
  readonly framing: Framing;
}

export interface Exported {
  records: number;
  damagedBytes: number;
}

const PIECE_BYTES = 256 * 1024;
const LF = Buffer.from('\n');

/** `take` is false when nobody wants more. */
export async function exportRecords(
  folder: Folder,
  wish: ExportWish,
  take: (bytes: Uint8Array) => Promise<boolean>,
): Promise<Exported> {
  const { segments, cursors } = listSpool(folder);
  const acknowledged = acknowledgedOf(cursors, wish.destination);
  const behind = wish.isAll ? 0 : acknowledged;
  const done: Exported = { records: 0, damagedBytes: 0 };
  const piece = new Piece();
  for (const [at, segment] of segments.entries()) {
    const next = segments[at + 1]?.first;
    if (next !== undefined && next <= behind + 1) continue;
    const report = emptyReport(segment);
    for (const scan of recordsOf(folder, segment, report)) {
      if (scan.sequence <= behind) continue;
      piece.add(scan, wish.framing);
      done.records += 1;
      if (piece.size >= PIECE_BYTES && !(await take(piece.empty()))) return done;
    }
    done.damagedBytes += report.damagedBytes;
  }
  if (piece.size > 0) await take(piece.empty());
  return done;
}

/** What is damaged says nothing, so that everything is taken to wait. */
function acknowledgedOf(cursors: readonly Cursor[], destination: string | undefined): number {
  const wanted = cursors.filter(({ name }) => destination === undefined || name === cursorName(destination));
  if (destination !== undefined && wanted.length === 0) {
    throw new Fault('QUEUE_NOT_FOUND', {
      what: `Nothing in this queue belongs to a destination "${destination}".`,
      mend: '`belfry queue DIRECTORY` shows the destinations that it has.',
    });
  }
  return wanted.length === 0 ? 0 : Math.min(...wanted.map(({ saved }) => saved.acknowledged));
}

/** Copies, since the scan's memory is used again. */
class Piece {
  #parts: Buffer[] = [];
  size = 0;

  add({ memory, start, stop }: SegmentScan, framing: Framing): void {
    const record = Buffer.from(memory.bytes.subarray(start, stop));
    const parts = framing === 'lf' ? [record, LF] : [Buffer.from(`${record.length} `), record];
    for (const part of parts) {
      this.#parts.push(part);
      this.size += part.length;
    }
  }

  empty(): Buffer {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.size = 0;
    return bytes;
  }
}
