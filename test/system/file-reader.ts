// A process to be killed: reads files into a real queue, as the agent does for one destination. It notes how far
// the queue is in standard output, for a test that waits.
//
//   node file-reader.js DIRECTORY PATTERN

import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openLog } from '../../base/log.ts';
import { openCheckpoints } from '../../client/checkpoints.ts';
import { openFileInput } from '../../client/inputs/file/file-input.ts';
import { TimeQuality } from '../../client/inputs/time-quality.ts';
import { SpoolSink } from '../../client/sink.ts';
import { nodeDisk } from '../../delivery/spool/node-disk.ts';
import { openSpool } from '../../delivery/spool/spool.ts';
import { readKernelClock } from '../../kernel/clock.ts';
import { UTC } from '../../syslog/time.ts';

const [, , directory = '', pattern = ''] = process.argv;
const log = openLog('warn', 'text', (line) => process.stderr.write(line));
const limits = {
  destinations: ['a'],
  maxDiskSpaceBytes: 512 * 1024 ** 2,
  onFull: 'block',
  sync: '1s',
} as const;
const deps = { disk: nodeDisk, now: Date.now, log, salt: () => Math.floor(Math.random() * 2 ** 32) };
const spool = openSpool(join(directory, 'records'), limits, deps);
const sink = new SpoolSink(spool, undefined);
const place = { file: 'agent.json', line: 1, column: 1, key: 'inputs[0]' };
const input = openFileInput(
  {
    type: 'file',
    name: 'files',
    place,
    paths: [pattern],
    exclude: [],
    from: 'beginning',
    format: 'plain',
    program: 'test',
    facility: 1,
    severity: 5,
    multiline: undefined,
    timeZone: 'UTC',
  },
  {
    sink,
    checkpoint: openCheckpoints(join(directory, 'checkpoints'), '1s', { log, now: Date.now }).of('files'),
    messages: {
      host: 'web-1',
      maxMessageBytes: 65_536,
      zone: UTC,
      quality: new TimeQuality(readKernelClock, Date.now),
    },
    log,
  },
);
await input.start();
for (;;) {
  await setTimeout(20);
  spool.tick();
  input.resume();
  writeSync(1, `${spool.written()}\n`);
}
