// The capture of the agent alone, as the agent has it by default but for a larger ring: what the bench measures. Prints a
// line when it captures; on SIGTERM it stops and prints what it counted.
//
//   node dist/bench/load/capture/watch.js INTERFACE [RING_MIB]

import { VERSION_2_FIELDS } from '../../../traffic/events/record.ts';
import { RATE_LIMITS } from '../../../traffic/events/rate.ts';
import { Capture } from '../../../client/monitor/capture.ts';

let heard = 0;
const capture = new Capture(
  {
    interfaces: [process.argv[2] ?? 'lo'],
    filter: undefined,
    promiscuous: false,
    snapBytes: 256,
    ringBytes: Number(process.argv[3] ?? 32) * 1024 * 1024,
    limits: {},
    turns: ['opened', 'update', 'closed', 'reset', 'refused', 'noAnswer', 'timeout', 'halfClosed'],
    rate: RATE_LIMITS,
    tellsHeldBack: false,
    records: { intervalUs: 60e6, account: '-', fields: VERSION_2_FIELDS },
  },
  {
    onEvents: (events) => {
      heard += events.length;
    },
    onRecords: () => undefined,
    onInterface: () => undefined,
    onLosses: () => undefined,
    onDied: (error) => {
      throw error;
    },
  },
);
await capture.start();
process.on('SIGTERM', () => {
  void capture.stop().then(() => {
    process.stdout.write(`${JSON.stringify({ ...capture.counts(), heardEvents: heard })}\n`);
    process.exit(0);
  });
});
process.stdout.write('captures\n');
