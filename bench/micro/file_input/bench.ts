// The file input alone: lines of about 110 bytes from a file into a queue that takes everything, in each format,
// and what following 100 files in which nothing happens costs. CPU counts all threads of the process.
//
//   node dist/bench/micro/file_input/bench.js [--megabytes N] [--idle SECONDS] [--dir FOLDER]
//
// Refuses: to decide anything. The disk's cache and the machine are part of the figures.

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLog } from '../../../base/log.ts';
import { openCheckpoints } from '../../../client/checkpoints.ts';
import { openFileInput } from '../../../client/inputs/file/file-input.ts';
import type { Input, InputSink } from '../../../client/inputs/input.ts';
import { TimeQuality } from '../../../client/inputs/time-quality.ts';
import type { FileInput } from '../../../config/agent.ts';
import { readKernelClock } from '../../../kernel/clock.ts';
import { zoneFor } from '../../../syslog/time.ts';

const TEXT = '"GET /index.html?x=0123456789 HTTP/1.1" 200 612 "-" "curl/7.88"';
const LINES: Readonly<Record<FileInput['format'], string>> = {
  plain: `172.31.96.5 - - [21/Nov/2026:03:00:00 +0000] ${TEXT}\n`,
  bsd: `Nov 21 03:00:00 db-1 nginx[4242]: ${TEXT}\n`,
  rfc5424: `<13>1 2026-11-21T03:00:00Z db-1 nginx 4242 - - ${TEXT}\n`,
};
const LINES_AT_ONCE = 10_000;

class Everything implements InputSink {
  taken = 0;

  put({ count }: { readonly count: number }): number {
    this.taken += count;
    return count;
  }

  safe(): number {
    return this.taken;
  }
}

function open(folder: string, sink: InputSink, settings: Partial<FileInput>): Input {
  const log = openLog('warn', 'text', (text) => process.stderr.write(text));
  const place = { file: 'agent.json', line: 1, column: 1, key: 'inputs[0]' };
  const config: FileInput = {
    type: 'file',
    name: 'bench',
    place,
    paths: [join(folder, '*.log')],
    exclude: [],
    from: 'beginning',
    format: 'plain',
    program: undefined,
    facility: 1,
    severity: 5,
    multiline: undefined,
    timeZone: 'local',
    ...settings,
  };
  return openFileInput(config, {
    sink,
    checkpoint: openCheckpoints(join(folder, 'checkpoints'), 'none', { log, now: Date.now }).of('bench'),
    messages: {
      host: 'web-1',
      maxMessageBytes: 64 * 1024,
      zone: zoneFor('local'),
      quality: new TimeQuality(readKernelClock, Date.now),
    },
    log,
  });
}

async function measure(
  name: string,
  folder: string,
  bytes: number,
  settings: Partial<FileInput>,
): Promise<void> {
  mkdirSync(folder);
  const line = LINES[settings.format ?? 'plain'];
  const rounds = Math.ceil(bytes / line.length / LINES_AT_ONCE);
  for (let i = 0; i < rounds; i += 1) appendFileSync(join(folder, 'a.log'), line.repeat(LINES_AT_ONCE));
  const count = rounds * LINES_AT_ONCE;
  const sink = new Everything();
  const input = open(folder, sink, settings);
  const cpu = process.cpuUsage();
  const from = performance.now();
  await input.start();
  while (sink.taken < count) await setTimeout(5);
  const ms = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  await input.stop();
  rmSync(folder, { recursive: true });
  const perSecond = Math.round((count / ms) * 1000).toLocaleString('en');
  const us = ((user + system) / count).toFixed(3);
  console.log(`${name.padEnd(24)} ${perSecond.padStart(10)} lines/s  ${us} µs CPU a line`);
}

async function measureIdle(folder: string, seconds: number): Promise<void> {
  mkdirSync(folder);
  for (let i = 0; i < 100; i += 1) writeFileSync(join(folder, `${i}.log`), 'line\n');
  const input = open(folder, new Everything(), {});
  await input.start();
  // Until the directory is left to the kernel to watch.
  await setTimeout(5000);
  const cpu = process.cpuUsage();
  await setTimeout(seconds * 1000);
  const { user, system } = process.cpuUsage(cpu);
  await input.stop();
  const share = ((user + system) / seconds / 1e4).toFixed(3);
  console.log(`100 files, nothing happens: ${share} % CPU in ${seconds} s`);
}

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '200' },
    idle: { type: 'string', default: '30' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const folder = mkdtempSync(join(values.dir, 'belfry-bench-'));
const bytes = Number(values.megabytes) * 1e6;
try {
  await measure('warm-up', join(folder, 'warm'), bytes / 10, {});
  await measure('plain', join(folder, 'plain'), bytes, {});
  const multiline = { source: '^\\d', flags: '' };
  await measure('plain, multiline', join(folder, 'multiline'), bytes, { multiline });
  await measure('bsd', join(folder, 'bsd'), bytes, { format: 'bsd' });
  await measure('rfc5424', join(folder, 'rfc5424'), bytes, { format: 'rfc5424' });
  await measureIdle(join(folder, 'idle'), Number(values.idle));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
