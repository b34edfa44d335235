// The thread that receives datagrams. Never imported, only started (see datagrams.ts): it waits for its start,
// and runs until it is told to stop.

import { type MessagePort, workerData } from 'node:worker_threads';
import { DatagramLoop } from './datagram-loop.ts';
import type { DatagramStart } from './datagrams.port.ts';

const { port, start } = workerData as { port: MessagePort; start: DatagramStart };
new DatagramLoop(start, port).run();
