// `belfry queue DIRECTORY`: what stands in the queue of a destination, whether it is whole, and its messages. It
// only reads, and works beside a running agent: then the numbers move.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { EXIT, Fault } from '../../base/fault.ts';
import { printCount, printCountOf, printSize } from '../../base/units.ts';
import type { Folder } from '../../delivery/spool/disk.ts';
import {
  type CursorReport,
  inspectSpool,
  type SegmentReport,
  type SpoolReport,
} from '../../delivery/spool/inspect.ts';
import { lookInto } from '../../delivery/spool/look.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import type { Io } from '../io.ts';
import { type Framing, exportRecords } from '../queue-export.ts';
import { type Column, printTable } from '../table.ts';

interface Options {
  readonly verify?: boolean;
  readonly export?: boolean;
  readonly all?: boolean;
  readonly destination?: string;
  readonly octetCount?: boolean;
  readonly json?: boolean;
}

/** The agent keeps its records below the directory that the configuration names. */
const RECORDS = 'records';

function openQueue(directory: string): Folder {
  const below = join(directory, RECORDS);
  return lookInto(existsSync(below) ? below : directory);
}

const SEGMENT_COLUMNS: readonly Column<SegmentReport>[] = [
  { title: 'segment', align: 'left', text: ({ name }) => name },
  { title: 'from', align: 'right', text: ({ first }) => printCount(first) },
  { title: 'records', align: 'right', text: ({ records }) => printCount(records) },
  { title: 'size', align: 'right', text: ({ bytes }) => printSize(bytes) },
  { title: 'found', align: 'left', text: foundWords },
];

function foundWords({ damagedBytes, missing, unreadable }: SegmentReport): string {
  return [
    ...(unreadable === undefined ? [] : [`UNREADABLE: ${unreadable}`]),
    ...(damagedBytes > 0 ? [`${printSize(damagedBytes)} are no whole record`] : []),
    ...(missing > 0 ? [`${printCountOf(missing, 'record')} missing`] : []),
  ].join(', ');
}

function cursorLine({ destination, state, acknowledged, waiting }: CursorReport): string {
  if (state === 'lost') return `${destination}: its cursor is damaged; everything that is kept will be sent.`;
  const older = state === 'older' ? ', by the older of its cursors: the newest is damaged' : '';
  const waits = waiting === 0 ? 'nothing waiting' : `${printCountOf(waiting, 'message')} waiting`;
  return `${destination}: ${waits}; delivered up to number ${printCount(acknowledged)}${older}.`;
}

const sum = (report: SpoolReport, value: (segment: SegmentReport) => number) =>
  report.segments.reduce((total, segment) => total + value(segment), 0);

function verdict(report: SpoolReport): string {
  if (!report.isVerified) return 'Counted by their numbers; --verify reads each record.';
  return isWhole(report) ? 'Every record is whole.' : 'NOT EVERY RECORD IS WHOLE: see the table.';
}

/** What the newest segment ends with may be a record that is being written. */
function isWhole({ segments }: SpoolReport): boolean {
  return segments.every(
    ({ damagedBytes, missing, unreadable }, at) =>
      unreadable === undefined && missing === 0 && (damagedBytes === 0 || at === segments.length - 1),
  );
}

export function printQueue(report: SpoolReport): string {
  const records = printCountOf(
    sum(report, (segment) => segment.records),
    'record',
  );
  const size = printSize(sum(report, ({ bytes }) => bytes));
  const lines = [
    ...(report.segments.length > 0 ? [printTable(SEGMENT_COLUMNS, report.segments)] : []),
    `${records} in ${printCountOf(report.segments.length, 'segment')} (${size}), the last is number ${printCount(report.last)}. ${verdict(report)}`,
    ...report.cursors.map(cursorLine),
    ...(report.cursors.length === 0 ? ['No destination has read from it yet.'] : []),
    ...(report.foreign.length > 0 ? [`Not a part of it: ${report.foreign.join(', ')}.`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

async function runQueue(directory: string, options: Options, io: Io): Promise<number> {
  const folder = openQueue(directory);
  if (options.export) {
    const framing: Framing = options.octetCount ? 'octet-counted' : 'lf';
    const wish = { isAll: options.all ?? false, destination: options.destination, framing };
    const { records, damagedBytes } = await exportRecords(folder, wish, (bytes) => io.stdoutBytes(bytes));
    if (damagedBytes > 0) {
      io.stderr(`${printSize(damagedBytes)} are no whole record and were left out; see --verify.\n`);
    }
    return records > 0 ? EXIT.ok : EXIT.nothing;
  }
  const report = inspectSpool(folder, options.verify ?? false);
  if (report.segments.length === 0 && report.cursors.length === 0) {
    throw new Fault('QUEUE_NOT_FOUND', {
      what: 'There is no queue here: neither records nor how far a destination is.',
      where: directory,
      mend: 'Name "queue.directory" of a destination; `belfry status` of the agent shows it.',
    });
  }
  io.stdout(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : printQueue(report));
  return options.verify && !isWhole(report) ? EXIT.nothing : EXIT.ok;
}

export const queueCommand: CliCommand = {
  name: 'queue',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('queue')
      .summary('what stands in the queue of an agent, whether it is whole, its messages')
      .description(
        'Shows the segments of a queue on disk and how far each destination is. Reads only, and works beside a running agent: then the numbers move. Exits 1 when --verify finds damage, or --export finds nothing.',
      )
      .argument('<directory>', '"queue.directory" of a destination')
      .option('--verify', 'read every record and compare its checksum')
      .option('--export', 'print the messages that wait, each as RFC 5424, one a line')
      .option('--all', 'with --export: delivered ones too, as far as they are still there')
      .option('--destination <name>', 'with --export: what waits for this one')
      .option('--octet-count', 'with --export: with octet counts instead of line ends (RFC 6587)')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry queue /var/lib/belfry/queue/fwdRule1',
          'belfry queue --verify /var/lib/belfry/queue/fwdRule1',
          'belfry queue --export /var/lib/belfry/queue/fwdRule1 | grep sshd',
          'belfry queue --export --octet-count DIRECTORY | nc loghost 514',
        ),
      )
      .action((directory: string, options: Options) => run(() => runQueue(directory, options, io)));
  },
};
