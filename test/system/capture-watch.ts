// A capture as a program of its own, so that it can stand in another network namespace, be stopped, and lack rights.
// Prints each thing that it hears as one line of JSON; on SIGUSR1 a snapshot; on SIGTERM it stops and prints its counts.
//
//   node capture-watch.js '{"interfaces":["lo"]}'

import { Capture } from '../../client/monitor/capture.ts';
import type { CaptureSettings } from '../../client/monitor/capture.port.ts';
import { demandInterfaces } from '../../client/monitor/capture-interfaces.ts';
import { Fault } from '../../base/fault.ts';
import { VERSION_2_FIELDS } from '../../traffic/events/record.ts';

const DEFAULTS: CaptureSettings = {
  interfaces: ['any'],
  filter: undefined,
  promiscuous: false,
  snapBytes: 256,
  ringBytes: 4 * 1024 * 1024,
  limits: {},
  turns: ['opened', 'update', 'closed', 'reset', 'refused', 'noAnswer', 'timeout', 'halfClosed'],
  rate: undefined,
  tellsHeldBack: false,
  // No interval ends within a test: the next one is over in 2033.
  records: { intervalUs: 1e15, account: 'test', fields: VERSION_2_FIELDS },
};

function say(kind: string, value: object): void {
  process.stdout.write(`${JSON.stringify({ kind, ...value })}\n`);
}

const { mustBeThere, ...wish } = JSON.parse(process.argv[2] ?? '{}') as Partial<CaptureSettings> & {
  mustBeThere?: boolean;
};
const settings = { ...DEFAULTS, ...wish };
const capture = new Capture(settings, {
  onEvents: (events) => {
    for (const event of events) say('event', event);
  },
  onRecords: (lines) => {
    for (const line of lines) say('record', { line });
  },
  onInterface: (state) => say('interface', state),
  onLosses: (losses) => say('losses', losses),
  onDied: (error) => {
    throw error;
  },
});
process.on('SIGUSR1', () => {
  void capture.snapshot('packets', 100).then((snapshot) => say('snapshot', snapshot));
});
process.on('SIGTERM', () => {
  void capture.stop().then(() => {
    say('counts', capture.counts());
    process.exit(0);
  });
});
try {
  if (mustBeThere) demandInterfaces(settings.interfaces);
  await capture.start();
  say('started', {});
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  say('fault', { code: error.code, what: error.text.what, mend: error.text.mend });
  process.exitCode = error.exit;
}
