// A spool in a folder of its own, or on a fake disk, with a clock that the test moves and a log that it reads.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Fault } from '../../../base/fault.ts';
import type { Facts, Log } from '../../../base/log.ts';
import type { Disk } from '../../../delivery/spool/disk.ts';
import type { RecordBatch } from '../../../delivery/spool/layout.ts';
import type { SpoolLimits } from '../../../delivery/spool/limits.ts';
import { nodeDisk } from '../../../delivery/spool/node-disk.ts';
import type { ReadBatch } from '../../../delivery/spool/batch.ts';
import type { SpoolReader } from '../../../delivery/spool/reader.ts';
import { openSpool, type Spool } from '../../../delivery/spool/spool.ts';

/** What was said, as sentences. */
export class SpoolLog implements Log {
  readonly said: string[] = [];
  readonly facts: Facts[] = [];

  #keep(sentence: string, facts: Facts = {}): void {
    this.said.push(sentence);
    this.facts.push(facts);
  }

  debug(): void {}
  info(sentence: string, facts?: Facts): void {
    this.#keep(sentence, facts);
  }
  warn(sentence: string, facts?: Facts): void {
    this.#keep(sentence, facts);
  }
  error(sentence: string, facts?: Facts): void {
    this.#keep(sentence, facts);
  }
  fault(fault: Fault): void {
    this.#keep(fault.message);
  }
  setLevel(): void {}

  /** How often something like this was said. */
  count(pattern: RegExp): number {
    return this.said.filter((sentence) => pattern.test(sentence)).length;
  }
}

export const CLOCK_START_MS = 1_700_000_000_000;

export class World {
  readonly log = new SpoolLog();
  readonly woken: string[] = [];
  nowMs = CLOCK_START_MS;
  directory: string;
  disk: Disk = nodeDisk;
  #salt = 0x1000;

  constructor(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'belfry-spool-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    this.directory = join(folder, 'queue');
  }

  open(limits: Partial<SpoolLimits> = {}): Spool {
    const all: SpoolLimits = {
      destinations: ['fwdRule1'],
      maxDiskSpaceBytes: 1024 ** 2,
      onFull: 'block',
      sync: 'none',
      recordBytesMax: 1000,
      segmentBytes: 4096,
      ...limits,
    };
    return openSpool(this.directory, all, {
      disk: this.disk,
      now: () => this.nowMs,
      log: this.log,
      salt: () => (this.#salt += 1),
      wake: (what) => this.woken.push(what),
    });
  }
}

export function batchOf(texts: readonly string[]): RecordBatch {
  const bytes = Buffer.from(texts.join(''));
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  for (const text of texts) {
    starts.push(at);
    at += Buffer.byteLength(text);
    ends.push(at);
  }
  return { bytes, starts, ends, count: texts.length };
}

export function textsOf(batch: ReadBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => {
    return Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString();
  });
}

/** "line 1", "line 2", … */
export function lines(from: number, to: number, size = 0): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`.padEnd(size, '.'));
}

/** At least so many, not acknowledged. */
export function readOn(reader: SpoolReader, count: number): void {
  for (let read = 0; read < count; ) {
    const batch = reader.next();
    if (batch.count === 0) throw new Error(`only ${read} of ${count} records came`);
    read += batch.count;
  }
}

/** All that can be had, acknowledged as it comes. */
export function takeAll(spool: Spool, destination = 'fwdRule1'): string[] {
  const reader = spool.reader(destination);
  const texts: string[] = [];
  for (let batch = reader.next(); batch.count > 0; batch = reader.next()) {
    texts.push(...textsOf(batch));
    reader.acknowledge(batch.sequences[batch.count - 1] as number);
  }
  return texts;
}

/** Lost for a destination, of one reason or of all. */
export function droppedOf(spool: Spool, reason?: string, destination = 'fwdRule1'): number {
  const { dropped } = spool.reader(destination).counts();
  const all = Object.entries(dropped).filter(([name]) => reason === undefined || name === reason);
  return all.reduce((sum, [, { records }]) => sum + records, 0);
}
