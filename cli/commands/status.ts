// `belfry status`: what runs, what it received, wrote, refused, lost; in sentences and a table, or as JSON.

import type { Command } from 'commander';
import { EXIT } from '../../base/fault.ts';
import { printCount as count, printCountOf as countOf, printSize, printSpan } from '../../base/units.ts';
import type { AgentStatus } from '../../client/status.ts';
import type { ListenerStatus, ServerStatus } from '../../daemon/status.ts';
import type { NtpStatus } from '../../daemon/time/status.ts';
import { printAgentStatus } from '../agent-status.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import { ask, type Whom } from '../control-client.ts';
import type { Io } from '../io.ts';
import { reasons, relpLines, tlsLines } from '../stream-lines.ts';
import { type Column, printTable } from '../table.ts';

const sum = (values: Readonly<Record<string, number>>) =>
  Object.values(values).reduce((total, value) => total + value, 0);

const LISTENER_COLUMNS: readonly Column<ListenerStatus>[] = [
  { title: 'listener', align: 'left', text: ({ name, open }) => (open ? name : `${name} (closed)`) },
  { title: 'messages', align: 'right', text: ({ messages }) => count(messages) },
  { title: 'bytes', align: 'right', text: ({ bytes }) => printSize(bytes) },
  {
    title: 'connections',
    align: 'right',
    text: ({ name, connections }) => (name.startsWith('udp') ? '' : count(connections)),
  },
  { title: 'oversized', align: 'right', text: ({ oversized }) => count(oversized) },
  { title: 'refused', align: 'right', text: ({ refused }) => count(sum(refused)) },
  {
    title: 'kernel drops',
    align: 'right',
    text: ({ name, kernelDrops }) => (name.startsWith('udp') ? count(kernelDrops) : ''),
  },
];

function lostLine(status: ServerStatus): string {
  const lost = reasons(status.messages.dropped);
  return lost === '' ? 'Nothing was lost.' : `Lost: ${lost}.`;
}

function ntpLines(ntp: NtpStatus): string[] {
  const where = ntp.listeners.map(({ name }) => name.slice('ntp://'.length)).join(', ');
  const how = ntp.synchronised
    ? `at stratum ${ntp.stratum} (${ntp.referenceId})`
    : 'as NOT SYNCHRONISED, so no client follows it';
  const silence = reasons(ntp.dropped);
  return [
    `Time is served on ${where}, ${how}: ${countOf(ntp.requests, 'request')}, ${countOf(ntp.answers, 'answer')}${silence === '' ? '' : `; silence for ${silence}`}.`,
  ];
}

export function printStatus(status: ServerStatus): string {
  const { messages, files, connections, senders, config } = status;
  const unparsed = reasons(messages.unparsed);
  const lines = [
    `Belfry ${status.version}, process ${status.pid}, has been ${status.state} for ${printSpan(status.uptimeS * 1000)}.`,
    `Configuration ${config.path}: ${countOf(config.rules, 'rule')}, read ${config.loadedAt}${config.failedReloads > 0 ? `; ${countOf(config.failedReloads, 'reload')} failed since` : ''}.`,
    '',
    printTable(LISTENER_COLUMNS, status.listeners),
    `Received ${countOf(messages.received, 'message')} (${printSize(messages.bytes)}), took ${countOf(files.lines, 'line')} for files, wrote ${printSize(files.bytes)}.`,
    lostLine(status),
    unparsed === '' ? 'Every message was understood.' : `Kept without being understood: ${unparsed}.`,
    ...(messages.discarded > 0 ? [`Thrown away by a rule: ${count(messages.discarded)}.`] : []),
    ...(messages.unrouted > 0
      ? [`No rule wanted ${count(messages.unrouted)} messages: a last rule without "match" would keep them.`]
      : []),
    `Open now: ${countOf(connections.open, 'connection')}, ${countOf(files.open, 'file')}. Known: ${countOf(senders.known, 'sender')}, ${count(senders.silent)} of them silent.`,
    ...(connections.held > 0
      ? [`Senders were made to wait ${count(connections.held)} times because a file could not be written.`]
      : []),
    ...files.troubled.map(
      ({ path, error, trouble, since }) =>
        `CANNOT WRITE ${path} since ${since}: ${trouble.replaceAll('_', ' ')} (${error}).`,
    ),
    ...(files.troubledCount > files.troubled.length
      ? [`… and ${count(files.troubledCount - files.troubled.length)} more files.`]
      : []),
    ...relpLines(status.relp),
    ...(status.tls === null ? [] : tlsLines(status.tls, Date.now())),
    ...(status.ntp === null ? [] : ntpLines(status.ntp)),
    `It uses ${printSize(status.process.residentBytes)} of memory and has used ${status.process.cpuS} s of CPU time.`,
  ];
  return `${lines.join('\n')}\n`;
}

function print(status: ServerStatus | AgentStatus): string {
  return status.program === 'belfry agent' ? printAgentStatus(status) : printStatus(status);
}

async function runStatus(options: Whom & { json?: boolean }, io: Io): Promise<number> {
  const status = await ask('status', options);
  io.stdout(options.json ? `${JSON.stringify(status, undefined, 2)}\n` : print(status));
  return EXIT.ok;
}

export const statusCommand: CliCommand = {
  name: 'status',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('status')
      .summary('what runs, what it received, wrote, refused, lost')
      .description(
        'Shows what the running server has received, written, refused and lost since its start, or what the running agent has read and delivered and what waits in its queues. Asks the server of this host, else its agent.',
      )
      .option('-c, --config <file>', 'ask the server or agent that runs with this configuration')
      .option('--socket <path>', 'ask at this control socket')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry status',
          'belfry status -c config/examples/local.json',
          'belfry status -c /etc/belfry/agent.json',
          "belfry status --json | jq '.messages.dropped'",
        ),
      )
      .action((options: Whom & { json?: boolean }) => run(() => runStatus(options, io)));
  },
};
