// The spool alone: records of 150 bytes appended, read and acknowledged in batches of 256, with each `sync`, and
// how fast the same disk takes plain sequential writes of the same size. CPU counts all threads of the process.
//
//   node dist/bench/micro/spool/bench.js [--records N] [--dir FOLDER]
//
// Refuses: to decide anything. The disk and the machine are part of the figures.

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLog } from '../../../base/log.ts';
import type { RecordBatch } from '../../../delivery/spool/layout.ts';
import { nodeDisk } from '../../../delivery/spool/node-disk.ts';
import { openSpool, type Spool } from '../../../delivery/spool/spool.ts';
import type { SpoolSync } from '../../../delivery/spool/writing.ts';

const RECORD_BYTES = 150;
const BATCH = 256;
/** A record with its header, on disk. */
const STORED_BYTES = RECORD_BYTES + 16;

function makeBatch(): RecordBatch {
  const text = '<38>1 2026-11-20T22:52:01.003Z web1 sshd 1234 - - Accepted publickey for root';
  const bytes = Buffer.alloc(BATCH * RECORD_BYTES, text);
  const starts = Uint32Array.from({ length: BATCH }, (_, i) => i * RECORD_BYTES);
  return { bytes, starts, ends: starts.map((start) => start + RECORD_BYTES), count: BATCH };
}

/** Runs it, and says what each record cost. */
function measure(name: string, records: number, run: () => void): void {
  const cpu = process.cpuUsage();
  const from = performance.now();
  run();
  const ms = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = Math.round((records / ms) * 1000).toLocaleString('en');
  const mib = ((records * STORED_BYTES) / 1024 ** 2 / ms) * 1000;
  const us = ((user + system) / records).toFixed(3);
  console.log(
    `${name.padEnd(28)} ${perSecond.padStart(10)} records/s  ${us} µs CPU  ${mib.toFixed(0)} MiB/s`,
  );
}

function openIn(folder: string, sync: SpoolSync): Spool {
  const limits = {
    destinations: ['bench'],
    maxDiskSpaceBytes: 4 * 1024 ** 3,
    onFull: 'block',
    sync,
  } as const;
  return openSpool(join(folder, sync), limits, {
    disk: nodeDisk,
    now: Date.now,
    log: openLog('warn', 'text', (text) => process.stderr.write(text)),
    salt: () => Math.floor(Math.random() * 2 ** 32),
  });
}

function drain(spool: Spool, records: number): void {
  const reader = spool.reader('bench');
  for (let read = 0; read < records; ) {
    const batch = reader.next();
    read += batch.count;
    reader.acknowledge(batch.sequences[batch.count - 1] as number);
  }
}

/** The compiler has seen everything before anything is measured. */
function warmUp(folder: string): void {
  const spool = openIn(folder, 'none');
  const batch = makeBatch();
  for (let i = 0; i < 1000; i += 1) spool.append(batch);
  drain(spool, 1000 * BATCH);
  spool.stop(Date.now() + 5000);
}

function measureSpool(folder: string, sync: SpoolSync, records: number): void {
  const spool = openIn(folder, sync);
  const batch = makeBatch();
  const times = Math.ceil(records / BATCH);
  const count = times * BATCH;
  measure(`sync ${sync}: append`, count, () => {
    for (let i = 0; i < times; i += 1) spool.append(batch);
  });
  measure(`sync ${sync}: read and ack`, count, () => drain(spool, count));
  measure(`sync ${sync}: append, read, ack`, count, () => {
    for (let i = 0; i < times; i += 1) {
      spool.append(batch);
      drain(spool, BATCH);
    }
  });
  spool.stop(Date.now() + 5000);
}

/** The disk's own pace: the same bytes in pieces of 256 KiB, and one fdatasync at the end. */
function measureDisk(folder: string, records: number): void {
  const piece = Buffer.alloc(256 * 1024, 'x');
  const fd = openSync(join(folder, 'plain'), 'w');
  measure('the disk itself', records, () => {
    for (let left = records * STORED_BYTES; left > 0; left -= piece.length) writeSync(fd, piece);
    fdatasyncSync(fd);
  });
  closeSync(fd);
}

const { values } = parseArgs({ options: { records: { type: 'string' }, dir: { type: 'string' } } });
const records = Number(values.records ?? 2_000_000);
const folder = mkdtempSync(join(values.dir ?? tmpdir(), 'belfry-spool-bench-'));
try {
  warmUp(folder);
  measureDisk(folder, records);
  measureSpool(folder, 'none', records);
  measureSpool(folder, '1s', records);
  measureSpool(folder, 'each', Math.min(records, 100_000));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
