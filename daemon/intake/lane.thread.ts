// The thread of a lane. Never imported, only started (see lane.ts).

import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { LaneLoop } from './lane-loop.ts';
import type { LaneStart } from './lane.port.ts';

const { start, port } = workerData as { start: LaneStart; port: MessagePort };
new LaneLoop(start, port).run();
