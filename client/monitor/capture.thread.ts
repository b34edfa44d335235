// The thread that captures. Never imported, only started (see capture.ts).

import { type MessagePort, workerData } from 'node:worker_threads';
import type { CaptureStart } from './capture.port.ts';
import { CaptureLoop } from './capture-loop.ts';

const { start, port } = workerData as { start: CaptureStart; port: MessagePort };
new CaptureLoop(start, port).run();
