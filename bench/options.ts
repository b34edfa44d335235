// The command line of npm run bench. Promises: a word that it does not know is an error that names those it knows.

import { tmpdir } from 'node:os';
import { Argument, Command, InvalidArgumentError } from 'commander';

const NAMES = [
  'start',
  'tcp_to_file',
  'tcp_to_100_files',
  'udp_to_file',
  'udp_to_file_steady',
  'udp_flood_to_file',
  'ntp',
  'capture',
  'agent_to_server',
  'agent_backlog',
  'spool_append',
];
const SERVERS = ['belfry', 'rsyslogd', 'rsyslogd tuned', 'kernel'];

const EXAMPLES = `
Examples:
  npm run bench                                   all loads
  npm run bench -- --quick                        fewer messages, one round
  npm run bench -- tcp_to_file udp_to_file        these loads alone
  npm run bench -- --json > result.json           every single run, for programs

What is measured, and how: docs/bench.md`;

const MESSAGES = 2_000_000;
const QUICK_MESSAGES = 300_000;
const ROUNDS = 3;
const IDLE_SECONDS = 10;
const QUICK_IDLE_SECONDS = 3;

export interface Options {
  readonly rounds: number;
  readonly messages: number;
  readonly idleSeconds: number;
  readonly quick: boolean;
  readonly json: boolean;
  readonly dir: string;
  readonly names: readonly string[];
  /** Servers to leave out. */
  readonly without: readonly string[];
}

type Values = Pick<Options, 'quick' | 'json' | 'dir' | 'without'> &
  Partial<Pick<Options, 'rounds' | 'messages'>>;

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number above 0 is needed.');
  return Number(text);
}

function readServer(text: string, before: readonly string[]): readonly string[] {
  if (SERVERS.includes(text)) return [...before, text];
  throw new InvalidArgumentError(`There are ${SERVERS.join(', ')}.`);
}

function makeCommand(): Command {
  return new Command('npm run bench --')
    .description(
      'Belfry against rsyslogd, chronyd, tcpdump and softflowd, in alternating runs on this machine.',
    )
    .addArgument(new Argument('[load...]', 'what to measure; everything if none is named').choices(NAMES))
    .option('--quick', 'fewer messages, one round', false)
    .option('--rounds <count>', `rounds (${ROUNDS}; with --quick 1)`, readCount)
    .option(
      '--messages <count>',
      `messages of a load (${MESSAGES}; with --quick ${QUICK_MESSAGES})`,
      readCount,
    )
    .option('--dir <folder>', 'where the messages and the log files stand', tmpdir())
    .option('--json', 'every single run, for programs', false)
    .option('--without <server>', `a server to leave out: ${SERVERS.join(', ')}`, readServer, [])
    .addHelpText('after', EXAMPLES);
}

/** Ends the process where it is asked for help, or for something that there is not. */
export function readOptions(words: readonly string[]): Options {
  const command = makeCommand().parse(words, { from: 'user' });
  const { rounds, messages, ...rest } = command.opts<Values>();
  const { quick } = rest;
  return {
    ...rest,
    rounds: rounds ?? (quick ? 1 : ROUNDS),
    messages: messages ?? (quick ? QUICK_MESSAGES : MESSAGES),
    idleSeconds: quick ? QUICK_IDLE_SECONDS : IDLE_SECONDS,
    names: command.args.length === 0 ? NAMES : command.args,
  };
}
