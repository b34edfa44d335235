// The thread of a lane. Never imported, only started (see lane.ts): it loads its code, waits for the start that
// the main thread sends as the first message, and runs until it is told to stop. Nothing instead of a start: it
// is not needed, and ends.

import { type MessagePort, workerData } from 'node:worker_threads';
import { LaneLoop } from './lane-loop.ts';
import type { LaneStart } from './lane.port.ts';

const { port } = workerData as { port: MessagePort };
port.once('message', (start: LaneStart | undefined) => {
  if (start === undefined) port.close();
  else new LaneLoop(start, port).run();
});
