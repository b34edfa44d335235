// The thread that finds owners. Never imported, only started (see who.ts).

import { type MessagePort, workerData } from 'node:worker_threads';
import { WhoLoop, type WhoStart } from './who-loop.ts';

const { start, port } = workerData as { start: WhoStart; port: MessagePort };
new WhoLoop(start, port).run();
