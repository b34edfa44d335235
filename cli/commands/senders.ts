// `belfry senders`: every sending host, when it was last heard, how much it sends, how well it is understood
// and how far its clock is off.

import type { Command } from 'commander';
import { EXIT } from '../../base/fault.ts';
import { printCount as count, printSize, printSpan } from '../../base/units.ts';
import type { SenderStatus } from '../../daemon/sender-view.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import { ask, type Whom } from '../control-client.ts';
import type { Io } from '../io.ts';
import { type Column, printTable } from '../table.ts';

/** Below this the difference is the way of the message and the rounding of its stamp to seconds. */
const SKEW_SHOWN_MS = 2000;

function skew({ skewMs }: SenderStatus): string {
  if (skewMs === null) return 'no time';
  if (Math.abs(skewMs) < SKEW_SHOWN_MS) return 'none';
  return `${printSpan(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

function share({ messages, unparsed }: SenderStatus): string {
  if (unparsed === 0) return '0 %';
  const percent = (unparsed * 100) / Math.max(1, messages);
  return `${percent < 0.1 ? '<0.1' : percent.toFixed(1)} %`;
}

function columns(nowMs: number): readonly Column<SenderStatus>[] {
  return [
    { title: 'host', align: 'left', text: ({ host }) => host },
    { title: 'from', align: 'left', text: ({ fromHostIp }) => fromHostIp },
    {
      title: 'last heard',
      align: 'left',
      text: ({ lastSeen, silentSince }) => {
        const ago = `${printSpan(Math.max(0, nowMs - Date.parse(lastSeen)))} ago`;
        return silentSince === null ? ago : `${ago}, SILENT`;
      },
    },
    { title: 'messages', align: 'right', text: ({ messages }) => count(messages) },
    { title: 'rate/s', align: 'right', text: ({ rate }) => rate.toFixed(1) },
    { title: 'bytes', align: 'right', text: ({ bytes }) => printSize(bytes) },
    { title: 'not understood', align: 'right', text: share },
    { title: 'clock off by', align: 'right', text: skew },
  ];
}

export function printSenders(senders: readonly SenderStatus[], nowMs: number): string {
  if (senders.length === 0) return 'No host has sent anything yet.\n';
  return printTable(columns(nowMs), senders);
}

interface Options extends Whom {
  readonly json?: boolean;
  readonly silent?: boolean;
}

/** Exit 1 means that nothing was found, so that a script can ask `belfry senders --silent`. */
async function runSenders(options: Options, io: Io): Promise<number> {
  const all = await ask('senders', options);
  const senders = options.silent ? all.filter(({ silentSince }) => silentSince !== null) : all;
  io.stdout(options.json ? `${JSON.stringify(senders, undefined, 2)}\n` : printSenders(senders, Date.now()));
  return senders.length > 0 ? EXIT.ok : EXIT.nothing;
}

export const sendersCommand: CliCommand = {
  name: 'senders',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('senders')
      .summary('each sending host: last heard, rate, clock, silence')
      .description(
        'Lists every host that has sent something, the one heard last first. Exits 1 when there is none.',
      )
      .option('-c, --config <file>', 'ask the server that runs with this configuration')
      .option('--socket <path>', 'ask at this control socket')
      .option('--silent', 'only hosts that have been silent for longer than senders.silentAfter')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry senders',
          'belfry senders --silent',
          "belfry senders --json | jq '.[] | select(.skewMs > 5000) | .host'",
        ),
      )
      .action((options: Options) => run(() => runSenders(options, io)));
  },
};
