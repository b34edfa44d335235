// One of several threads that count under one lock, in steps that would lose counts without it. The last
// steps hold the lock as a torn line does. Never imported, only started (see line-locks.test.ts).

import { workerData } from 'node:worker_threads';
import { LineLocks, type LockTable } from '../../../daemon/files/line-locks.ts';

const { table, owner, count, rounds } = workerData as {
  table: LockTable;
  owner: number;
  count: SharedArrayBuffer;
  rounds: number;
};

const locks = new LineLocks(table, owner);
const numbers = new Int32Array(count);
const LOCK = 17;

for (let round = 0; round < rounds; round += 1) {
  if (!locks.take(LOCK)) throw new Error('nobody has a torn line here');
  const seen = numbers[0] ?? 0;
  for (let i = 0; i < 50; i += 1) numbers[1] = (numbers[1] ?? 0) + i;
  numbers[0] = seen + 1;
  locks.release(LOCK);
}
