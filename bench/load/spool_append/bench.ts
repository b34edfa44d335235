// How fast a queue takes records in, held against the disk itself: the same number of bytes, appended to a spool
// with `sync: 1s` as the agent does it, and written in pieces of 256 KiB to a plain file; both are on the disk
// (fdatasync) when the clock stops. Alternating.
//
// Refuses: to call the page cache a disk. With less than some hundred MiB that is all there is to see.

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openLog } from '../../../base/log.ts';
import type { RecordBatch } from '../../../delivery/spool/layout.ts';
import { nodeDisk } from '../../../delivery/spool/node-disk.ts';
import { openSpool } from '../../../delivery/spool/spool.ts';

/** What an agent's record of a log line is: header, timeQuality, and some 90 bytes of text. */
const RECORD_BYTES = 190;
/** With its header (delivery/spool/layout.ts). */
const STORED_BYTES = RECORD_BYTES + 16;
/** What a file input hands over at once. */
const BATCH = 1024;
const PIECE_BYTES = 256 * 1024;
const RECORDS = 5_200_000;
const QUICK_RECORDS = 1_300_000;

export interface AppendResult {
  readonly name: 'spool' | 'the disk itself';
  readonly bytes: number;
  readonly MiBPerSecond: number;
  readonly cpuUsPerRecord: number;
}

export interface AppendRounds {
  readonly rounds: number;
  readonly quick: boolean;
  readonly folder: string;
  say(line: string): void;
}

function makeBatch(): RecordBatch {
  const text = '<134>1 2026-11-20T22:52:01.003124+00:00 web1 app - - [timeQuality tzKnown="1" isSynced="1"] ';
  const bytes = Buffer.alloc(BATCH * RECORD_BYTES, text.padEnd(RECORD_BYTES, 'the quick brown fox '));
  const starts = Uint32Array.from({ length: BATCH }, (_, i) => i * RECORD_BYTES);
  return { bytes, starts, ends: starts.map((start) => start + RECORD_BYTES), count: BATCH };
}

function measure(name: AppendResult['name'], records: number, run: () => void): AppendResult {
  const cpu = process.cpuUsage();
  const from = performance.now();
  run();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const bytes = records * STORED_BYTES;
  return {
    name,
    bytes,
    MiBPerSecond: bytes / 1024 ** 2 / seconds,
    cpuUsPerRecord: (user + system) / records,
  };
}

function appendAll(folder: string, records: number): AppendResult {
  const limits = { destinations: ['bench'], maxDiskSpaceBytes: 4 * 1024 ** 3, onFull: 'block', sync: '1s' };
  const spool = openSpool(join(folder, 'spool'), limits as Parameters<typeof openSpool>[1], {
    disk: nodeDisk,
    now: Date.now,
    log: openLog('warn', 'text', (text) => process.stderr.write(text)),
    salt: () => Math.floor(Math.random() * 2 ** 32),
  });
  const batch = makeBatch();
  let tickAtMs = Date.now();
  return measure('spool', records, () => {
    for (let left = records; left > 0; left -= BATCH) {
      spool.append(batch);
      if (Date.now() - tickAtMs < 1000) continue;
      tickAtMs = Date.now();
      spool.tick();
    }
    spool.stop(Date.now() + 60_000);
  });
}

function writeAll(folder: string, records: number): AppendResult {
  const piece = Buffer.alloc(PIECE_BYTES, 'x');
  return measure('the disk itself', records, () => {
    const fd = openSync(join(folder, 'plain'), 'w');
    for (let left = records * STORED_BYTES; left > 0; left -= piece.length) writeSync(fd, piece);
    fdatasyncSync(fd);
    closeSync(fd);
  });
}

function inFolder(below: string, run: (folder: string) => AppendResult): AppendResult {
  const folder = mkdtempSync(join(below, 'append-'));
  try {
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function runAppendRounds({ rounds, quick, folder, say }: AppendRounds): AppendResult[] {
  const records = Math.ceil((quick ? QUICK_RECORDS : RECORDS) / BATCH) * BATCH;
  // The compiler has seen everything before anything is measured.
  inFolder(folder, (path) => appendAll(path, 200 * BATCH));
  const results: AppendResult[] = [];
  for (let i = 0; i < rounds * 2; i += 1) {
    const turn = (i + Math.floor(i / 2)) % 2 === 0 ? writeAll : appendAll;
    const result = inFolder(folder, (path) => turn(path, records));
    results.push(result);
    const rate = `${result.MiBPerSecond.toFixed(0)} MiB/s, ${result.cpuUsPerRecord.toFixed(3)} µs a record`;
    say(`spool_append ${Math.floor(i / 2) + 1}/${rounds} ${result.name}: ${rate}`);
  }
  return results;
}
