// The thread that ends TLS. Never imported, only started (see tls.ts): it loads its code, waits for the start that
// the main thread sends as the first message, and runs until it is told to stop.

import { type MessagePort, workerData } from 'node:worker_threads';
import { TlsLoop } from './tls-loop.ts';
import type { TlsStart } from './tls.port.ts';

const { port } = workerData as { port: MessagePort };
port.once('message', (start: TlsStart) => void new TlsLoop(start, port).run());
