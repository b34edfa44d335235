// `belfry clients`: every address that asked for the time, how often, and what it was refused and why.

import type { Command } from 'commander';
import { EXIT } from '../../base/fault.ts';
import { printCount as count, printSpan } from '../../base/units.ts';
import type { ClientStatus } from '../../daemon/time/status.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import { ask, type Whom } from '../control-client.ts';
import type { Io } from '../io.ts';
import { type Column, printTable } from '../table.ts';

/** "3 rate, 1 acl", or nothing. */
function reasons(client: ClientStatus): string {
  return Object.entries(client.dropped)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => `${count(value)} ${reason}`)
    .join(', ');
}

function interval({ intervalS }: ClientStatus): string {
  if (intervalS === null) return 'once';
  return intervalS < 10 ? `${intervalS.toPrecision(2)} s` : printSpan(intervalS * 1000);
}

function columns(nowMs: number): readonly Column<ClientStatus>[] {
  return [
    { title: 'address', align: 'left', text: ({ address }) => address },
    { title: 'requests', align: 'right', text: ({ requests }) => count(requests) },
    { title: 'answers', align: 'right', text: ({ answers }) => count(answers) },
    { title: 'asks every', align: 'right', text: interval },
    {
      title: 'last seen',
      align: 'left',
      text: ({ lastSeen }) => `${printSpan(Math.max(0, nowMs - Date.parse(lastSeen)))} ago`,
    },
    { title: 'silence for', align: 'left', text: reasons },
  ];
}

const REASONS_TEXT =
  '\nReasons for silence:\n' +
  '  acl        the address is not in ntp.allow, or is in ntp.deny\n' +
  '  rate       it asks more often than ntp.rateLimit grants\n' +
  '  short      fewer octets than an NTP packet has\n' +
  '  version    an NTP version other than 1 to 4\n' +
  '  mode       not a request: an answer, a broadcast, a control message of ntpd\n' +
  '  extension  malformed extension fields, or NTS, which this server does not have\n' +
  '  mac        signed with a key; this server has none\n';

export function printClients(clients: readonly ClientStatus[], nowMs: number): string {
  if (clients.length === 0) return 'Nobody has asked for the time yet.\n';
  return printTable(columns(nowMs), clients);
}

interface Options extends Whom {
  readonly json?: boolean;
  readonly refused?: boolean;
}

/** Exit 1 means that nothing was found, so that a script can ask `belfry clients --refused`. */
async function runClients(options: Options, io: Io): Promise<number> {
  const all = await ask('clients', options);
  const clients = options.refused ? all.filter(({ requests, answers }) => answers < requests) : all;
  io.stdout(options.json ? `${JSON.stringify(clients, undefined, 2)}\n` : printClients(clients, Date.now()));
  return clients.length > 0 ? EXIT.ok : EXIT.nothing;
}

export const clientsCommand: CliCommand = {
  name: 'clients',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('clients')
      .summary('each address that asks for the time: how often, what it was refused')
      .description(
        'Lists every address that has asked for the time, the one seen last first, with the requests that got silence and why. Exits 1 when there is none.',
      )
      .option('-c, --config <file>', 'ask the server that runs with this configuration')
      .option('--socket <path>', 'ask at this control socket')
      .option('--refused', 'only addresses that were refused something')
      .option('--json', 'print JSON')
      .addHelpText('after', REASONS_TEXT)
      .addHelpText(
        'after',
        examples(
          'belfry clients',
          'belfry clients --refused',
          "belfry clients --json | jq '.[] | select(.dropped.acl > 0) | .address'",
        ),
      )
      .action((options: Options) => run(() => runClients(options, io)));
  },
};
