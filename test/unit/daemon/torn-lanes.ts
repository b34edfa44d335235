// Two lanes of one process that write to one file, told what to do line by line on standard input; each order
// is answered with a line. The process runs under a limit for the length of a file (RLIMIT_FSIZE), which cuts
// a write as a full disk does. Never imported, only started (see torn-line.test.ts).
//
//   1 say TEXT · 2 say TEXT · 1 flush · 2 flush · 1 reopen · 2 reopen · 1 stop · 2 stop

import { createInterface } from 'node:readline';
import { makeLockTable } from '../../../daemon/files/line-locks.ts';
import { FileLane } from './lane-parts.ts';
import { target } from './samples.ts';

const [folder = '', name = ''] = process.argv.slice(2);
const lockTable = makeLockTable();
const lanes = [1, 2].map((owner) => new FileLane(100, { lockTable, owner }));
const files = lanes.map((lane) => lane.files.file(`${folder}/${name}`, target(name, folder)));
let nowMs = Date.now();

function obey(order: string): string {
  const [, number = '', verb = '', text = ''] = /^(\d) (\w+) ?(.*)$/.exec(order) ?? [];
  const lane = lanes[Number(number) - 1];
  const file = files[Number(number) - 1];
  if (!lane || !file) return 'no such lane';
  nowMs += 2000;
  if (verb === 'say') return lane.append(file, text) ? 'taken' : 'refused';
  if (verb === 'flush') lane.files.flush(nowMs);
  if (verb === 'reopen') lane.files.reopen();
  if (verb === 'stop') lane.files.stop(nowMs);
  return file.trouble ?? 'well';
}

for await (const order of createInterface({ input: process.stdin })) process.stdout.write(`${obey(order)}\n`);
