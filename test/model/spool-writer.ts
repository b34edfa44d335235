// A process to be killed: appends numbered records to a spool and delivers some, and notes in standard output
// (a file, so that nothing noted is lost) what was taken ("T number") and what arrived ("D number").
//
//   node spool-writer.js DIRECTORY FIRST

import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { openLog } from '../../base/log.ts';
import { nodeDisk } from '../../delivery/spool/node-disk.ts';
import { openSpool } from '../../delivery/spool/spool.ts';

const BATCH = 20;

const [, , directory = '', first = '1'] = process.argv;
const spool = openSpool(
  directory,
  {
    destinations: ['a'],
    maxDiskSpaceBytes: 300_000,
    onFull: 'block',
    sync: 'none',
    recordBytesMax: 2000,
  },
  {
    disk: nodeDisk,
    now: Date.now,
    log: openLog('silent', 'text', () => undefined),
    salt: () => Math.floor(Math.random() * 2 ** 32),
  },
);
const reader = spool.reader('a');

function append(from: number): number {
  const texts = Array.from({ length: BATCH }, (_, i) => String(from + i).padEnd(60 + ((from + i) % 100)));
  const ends = texts.map((_, i) => texts.slice(0, i + 1).join('').length);
  const starts = ends.map((end, i) => end - (texts[i] as string).length);
  return spool.append({ bytes: Buffer.from(texts.join('')), starts, ends, count: BATCH }).taken;
}

function deliver(): void {
  const batch = reader.next(25);
  if (batch.count === 0) return;
  let notes = '';
  for (let i = 0; i < batch.count; i += 1) {
    const text = Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])).toString();
    notes += `D ${Number.parseInt(text, 10)}\n`;
  }
  writeSync(1, notes);
  reader.acknowledge(batch.sequences[batch.count - 1] as number);
}

for (let next = Number(first); ; await setImmediate()) {
  const taken = append(next);
  next += taken;
  writeSync(1, `T ${next - 1}\n`);
  if (taken < BATCH || Math.random() < 0.6) deliver();
}
