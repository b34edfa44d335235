// `belfry monitor`: the connections of this host as they are, on a live screen, or their events as lines for a program.
// No agent is needed; the right to capture is. Leaving it leaves nothing behind but the log, if one was asked for.

import type { Command } from 'commander';
import { Fault } from '../../base/fault.ts';
import { parseSpan } from '../../base/units.ts';
import { demandInterfaces } from '../../client/monitor/capture-interfaces.ts';
import { parseFilter } from '../../traffic/filter/parse.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import type { Io } from '../io.ts';
import { runMonitor, type MonitorPlan } from '../monitor/run.ts';

interface Options {
  readonly interface?: readonly string[];
  readonly log?: string;
  readonly json?: boolean;
  readonly lines?: boolean;
  readonly minutes?: string;
  readonly duration?: string;
  readonly count?: string;
  readonly records?: string;
  readonly owners: boolean;
  readonly promiscuous?: boolean;
}

const DAY_MS = 86_400_000;
/** setTimeout takes no more (2^31 - 1 ms). */
const DURATION_MS_MAX = 24 * DAY_MS;

function usage(what: string, where: string, mend: string): Fault {
  return new Fault('CLI_USAGE', { what, where, mend });
}

function readFilter(words: readonly string[]): string | undefined {
  const text = words.join(' ').trim();
  const parsed = parseFilter(text);
  if (parsed?.error) {
    const { at, what, mend } = parsed.error;
    throw usage(what, `the filter, character ${at + 1}: ${text}`, mend);
  }
  return parsed === undefined ? undefined : text;
}

function readInterfaces(names: readonly string[] | undefined): readonly string[] {
  if (names === undefined || names.length === 0) return ['any'];
  // As iptraf-ng calls all of them.
  const wanted = [...new Set(names.map((name) => (name === 'all' ? 'any' : name)))];
  return wanted.includes('any') ? ['any'] : wanted;
}

function readDuration({ minutes, duration }: Options): number | undefined {
  if (minutes !== undefined && duration !== undefined)
    throw usage('Both -t and --duration say how long.', '-t, --duration', 'Give one of them.');
  if (minutes !== undefined) {
    const number = Number(minutes);
    if (number > 0 && number * 60_000 <= DURATION_MS_MAX) return number * 60_000;
    throw usage(
      `"${minutes}" is no number of minutes.`,
      '-t',
      'Write a number such as 5, or --duration 90s.',
    );
  }
  return duration === undefined ? undefined : readSpan(duration, '--duration', DURATION_MS_MAX);
}

function readSpan(text: string, option: string, msMax: number): number {
  const ms = parseSpan(text);
  if (ms !== undefined && ms > 0 && ms <= msMax) return ms;
  throw usage(
    `"${text}" is no span of time.`,
    option,
    'Write a number with its unit, such as "90s" or "10m".',
  );
}

function readCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw usage(`"${text}" is no number of events.`, '-c', 'Write a whole number from 1 on.');
}

function outputOf(options: Options, io: Io): MonitorPlan['output'] {
  if (options.json && options.lines)
    throw usage('Events are printed in one way.', '--json, --lines', 'Give one of them.');
  if (options.json) return 'json';
  if (options.lines) return 'lines';
  const canDraw = io.stdinIsTerminal && io.stdoutIsTerminal && io.env['TERM'] !== 'dumb';
  return canDraw ? 'screen' : 'lines';
}

function planOf(words: readonly string[], options: Options, io: Io): MonitorPlan {
  const output = outputOf(options, io);
  const recordsMs =
    options.records === undefined ? undefined : readSpan(options.records, '--records', DAY_MS);
  if (recordsMs !== undefined && output === 'screen')
    throw usage('The screen has no interval records.', '--records', 'Add --json or --lines.');
  return {
    output,
    interfaces: readInterfaces(options.interface),
    filter: readFilter(words),
    log: options.log,
    durationMs: readDuration(options),
    count: readCount(options.count),
    recordsMs,
    owners: options.owners,
    promiscuous: options.promiscuous === true,
  };
}

const more = (name: string, names: readonly string[] = []): readonly string[] => [...names, name];

export const monitorCommand: CliCommand = {
  name: 'monitor',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('monitor')
      .summary("watch this host's connections live: who talks to whom, how much, who hangs up")
      .description(
        "Shows this host's connections as they are: packets, bytes, flags, rate, round trip and process of each, and below them what happens: opened, closed, reset, refused, no answer. On a terminal it is a live screen (? shows its keys, q leaves it); in a pipe each event is a line as in the log. The filter is in tcpdump's language. It needs root, or the capability CAP_NET_RAW; no agent has to run. To watch for good, without a terminal, give the agent a section `traffic`.",
      )
      .argument('[filter...]', 'only what passes it, such as: tcp port 2525 and host 10.0.0.1')
      .option('-i, --interface <name>', 'watch this interface, also several times; else all of them', more)
      .option('-L, --log <file>', 'write a line for each event to this file, beside the screen')
      .option('--json', 'print one JSON object an event instead of the screen')
      .option('--lines', 'print one line an event instead of the screen')
      .option(
        '--records <span>',
        'beside the events print a record of each flow so often (VPC flow log, version 2)',
      )
      .option('-t, --minutes <minutes>', 'stop after so many minutes')
      .option('--duration <span>', 'stop after this time, such as 90s')
      .option('-c, --count <number>', 'stop after so many events')
      .option('--no-owners', 'do not look for the process of each connection')
      .option('--promiscuous', 'take packets for other hosts too, where the network brings them')
      .addHelpText(
        'after',
        examples(
          'belfry monitor',
          'belfry monitor -i eth0 -L /home/cloud_user/traffic_log.txt port 2525',
          'belfry monitor --json | jq \'select(.event == "reset") | .sentence\'',
          'belfry monitor -i lo -c 1 --duration 30s tcp port 2525 || echo nothing happened',
        ),
      )
      .action((words: string[], options: Options) =>
        run(() => {
          const plan = planOf(words, options, io);
          // Somebody waits at a terminal: a name that is not there is a slip. The agent would wait for it.
          demandInterfaces(plan.interfaces);
          return runMonitor(plan, io);
        }),
      );
  },
};
