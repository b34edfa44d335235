// `belfry ntp HOST[:PORT]`: asks any NTP server, and says how far this host's clock is from it. It never sets
// the clock.

import { lookup } from 'node:dns/promises';
import type { Command } from 'commander';
import { EXIT, Fault } from '../../base/fault.ts';
import { isV4, parseAddress, printAddress } from '../../base/ip.ts';
import { parseSpan } from '../../base/units.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import type { Io } from '../io.ts';
import { askServer, type NtpReport, type Target } from '../ntp/ask.ts';
import { printReport } from '../ntp/print.ts';

const NTP_PORT = 123;
/** A server that limits its answers lets a burst of eight pass, as a rule. */
const INTERVAL_MS = 500;
const COUNT_MAX = 1000;

interface Options {
  readonly count: string;
  readonly timeout: string;
  readonly json?: boolean;
}

function usage(what: string, where: string, mend: string): Fault {
  return new Fault('CLI_USAGE', { what, where, mend });
}

/** "host", "host:123", "[::1]:123", "::1". */
function split(text: string): { host: string; port: number } {
  if (parseAddress(text) !== undefined) return { host: text, port: NTP_PORT };
  const [, v6, name, portText] = /^(?:\[([^\]]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = v6 ?? name;
  const port = portText === undefined ? NTP_PORT : Number(portText);
  if (host === undefined || port < 1 || port > 65535)
    throw usage(
      'That is no server.',
      text,
      'Write a name or an address, and a port if it is not 123: "[::1]:11123".',
    );
  return { host, port };
}

async function findTarget(text: string): Promise<Target> {
  const { host, port } = split(text);
  const literal = parseAddress(host);
  if (literal) return { name: text, address: literal, port };
  try {
    const address = parseAddress((await lookup(host)).address);
    if (address) return { name: text, address, port };
  } catch {
    // The fault below says it.
  }
  throw new Fault('NTP_NO_ANSWER', {
    what: `The name "${host}" leads to no address.`,
    where: text,
    mend: 'Look at its spelling and at the DNS of this host, or give an address.',
  });
}

function readCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= COUNT_MAX) return count;
  throw usage(`"${text}" is no number of questions.`, '-n', `Write a whole number from 1 to ${COUNT_MAX}.`);
}

function readTimeout(text: string): number {
  const ms = parseSpan(text);
  if (ms !== undefined && ms > 0) return ms;
  throw usage(`"${text}" is no span of time.`, '--timeout', 'Write a number with its unit, such as "2s".');
}

function printJson(target: Target, report: NtpReport): string {
  const { name, port } = target;
  return `${JSON.stringify({ server: name, address: printAddress(target.address), port, ...report }, undefined, 2)}\n`;
}

function noAnswer(target: Target, report: NtpReport): Fault {
  const address = printAddress(target.address);
  const where = `${isV4(target.address) ? address : `[${address}]`}:${target.port}`;
  return new Fault('NTP_NO_ANSWER', {
    what: `${target.name} gives no answer: ${report.why ?? 'nothing came back'}.`,
    where,
    mend: 'Does it serve time on that port, may this host ask it (its allow list, its rate limit), and does a firewall let UDP through?',
  });
}

async function runNtp(server: string, options: Options, io: Io): Promise<number> {
  const count = readCount(options.count);
  const timeoutMs = readTimeout(options.timeout);
  const target = await findTarget(server);
  const report = await askServer(target, { count, timeoutMs, intervalMs: INTERVAL_MS });
  if (options.json) io.stdout(printJson(target, report));
  else if (report.packet === undefined) throw noAnswer(target, report);
  else io.stdout(printReport(server, report));
  return report.offsetNs === undefined ? EXIT.nothing : EXIT.ok;
}

export const ntpCommand: CliCommand = {
  name: 'ntp',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('ntp')
      .summary("ask a time server how far this host's clock is off")
      .description(
        'Asks an NTP server and says how far the clock of this host is from its time, and how far the server itself may be off. The clock is not changed. Exits 1 when there is no answer, or no time in it.',
      )
      .argument('<server>', 'name or address, with :port if it is not 123')
      .option('-n, --count <number>', 'ask so many times; the answer that was held up least counts', '1')
      .option('--timeout <span>', 'wait so long for each answer', '2s')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry ntp 127.0.0.1:11123',
          'belfry ntp -n 8 ntp1.example.org',
          'belfry ntp [fd00::7]:123',
          "belfry ntp --json 192.0.2.1 | jq '.offsetNs / 1000'",
        ),
      )
      .action((server: string, options: Options) => run(() => runNtp(server, options, io)));
  },
};
