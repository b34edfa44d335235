// One TCP connection, line framing, all messages into one file. The figure that everybody quotes; the sender
// is held back by the receiver, so nothing may be lost.

import type { Load } from '../run.ts';

export const tcpToFile: Load = {
  name: 'tcp_to_file',
  work: { transport: 'tcp', into: 'file', receiveBuffer: 0 },
  rate: 0,
  senders: 1,
  goals: { cpuMax: 0.4, cpuOverKernelMax: 1.5, rateMin: 1.8, peakMiBMax: 200 },
};
