// One TCP connection, the messages of 100 hosts mixed, each host into a file of its own: what a central log
// server really does, behind a relay. The sender is held back by the receiver, so nothing may be lost.

import type { Load } from '../run.ts';

export const tcpTo100Files: Load = {
  name: 'tcp_to_100_files',
  work: { transport: 'tcp', into: 'files', receiveBuffer: 0 },
  rate: 0,
  senders: 1,
  goals: { cpuMax: 0.4, cpuOverKernelMax: 1.5, rateMin: 1.8, peakMiBMax: 200 },
};
