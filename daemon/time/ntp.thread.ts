// The thread of the time server. Never imported, only started (see ntp.ts).

import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { NtpLoop } from './ntp-loop.ts';
import type { NtpStart } from './ntp.port.ts';
import { rehearse } from './rehearsal.ts';

const { start, port } = workerData as { start: NtpStart; port: MessagePort };
const loop = new NtpLoop(start, port);
rehearse(loop);
loop.run();
