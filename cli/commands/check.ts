// `belfry check -c FILE`: reads a configuration as the server would, and says all that is wrong with it, or in a
// few lines what it asks for. Changes nothing and opens no port. Exits 0, or 78 if it cannot be used.

import type { Command } from 'commander';
import { EXIT, type Fault, printFault } from '../../base/fault.ts';
import { printRange } from '../../base/ip.ts';
import { loadServerConfig } from '../../config/load.ts';
import type { NtpConfig, Rule, ServerConfig, SocketAddress } from '../../config/server.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { type CliCommand, examples, type Run, SERVER_CONFIG } from '../command.ts';
import type { Io } from '../io.ts';

export interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
}

export async function runCheck(options: CheckOptions, io: Pick<Io, 'stdout' | 'stderr'>): Promise<number> {
  const { config, faults, notes, sources } = loadServerConfig(options.config, {
    checkSelector: compileSelector,
  });
  if (options.json) io.stdout(jsonReport(config !== undefined, faults, notes, sources));
  else if (config !== undefined) io.stdout(summary(config, sources) + remarks(notes));
  else io.stderr(complaint(faults));
  return config === undefined ? EXIT.config : EXIT.ok;
}

function complaint(faults: readonly Fault[]): string {
  const count = faults.length === 1 ? 'One fault' : `${faults.length} faults`;
  return `${faults.map(printFault).join('\n\n')}\n\n${count}: this configuration cannot be used.\n`;
}

function remarks(notes: readonly Fault[]): string {
  return notes.length === 0 ? '' : `\nWorth a look:\n\n${notes.map(printFault).join('\n\n')}\n`;
}

function jsonReport(
  ok: boolean,
  faults: readonly Fault[],
  notes: readonly Fault[],
  sources: readonly string[],
): string {
  const report = { ok, sources, faults: faults.map(jsonFault), notes: notes.map(jsonFault) };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function jsonFault({ code, text }: Fault) {
  const { what, where = null, mend = null, place = null } = text;
  return { code, what, where, mend, place };
}

/** Rules that are shown; of more, the number. */
const RULES_SHOWN_MAX = 40;

/** Where time is served, to whom, and as what. */
function timeLine(ntp: NtpConfig): string {
  const where = ntp.listen.map(printSocketAddress).join(', ');
  const who = ['this host', ...ntp.allow.map(printRange)].join(', ');
  const how =
    ntp.local === undefined ? 'as not synchronised (no "local")' : `at stratum ${ntp.local.stratum}`;
  return `${where}, ${how}, to ${who}`;
}

function summary(config: ServerConfig, sources: readonly string[]): string {
  const { syslog, files, control, http, ntp, rules } = config;
  const lines = [
    `${config.path} is good.`,
    ...sources.slice(1).map((file) => `  includes  ${file}`),
    `  receives  ${syslog.listen.map((listen) => listen.text).join(', ')}`,
    `  from      ${senders(config)}`,
    `  files in  ${files.root}`,
    ...(ntp === undefined ? [] : [`  time      ${timeLine(ntp)}`]),
    `  control   ${control.socket}`,
    ...(http === undefined ? [] : [`  http      ${printSocketAddress(http.listen)}`]),
    '',
    rules.length === 1 ? '1 rule:' : `${rules.length} rules, in this order:`,
    ...rules.slice(0, RULES_SHOWN_MAX).map((rule, at) => ruleLine(rule, at + 1, files.root)),
  ];
  if (rules.length > RULES_SHOWN_MAX) lines.push(`  … and ${rules.length - RULES_SHOWN_MAX} more`);
  return `${lines.join('\n')}\n`;
}

function senders(config: ServerConfig): string {
  const ranges = config.syslog.allow.map(printRange);
  // An IPv4 address is also an IPv6 one, so ::/0 holds both.
  return ranges.includes('::/0') ? 'any address' : ranges.join(', ');
}

function printSocketAddress({ host, family, port }: SocketAddress): string {
  return family === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function ruleLine(rule: Rule, number: number, filesRoot: string): string {
  const keys = rule.match === undefined ? 'every message' : Object.keys(rule.match).join(' and ');
  const end = rule.stop && !rule.discard && rule.file !== undefined ? ', stop' : '';
  return `  ${String(number).padStart(2)}. ${rule.name} (${keys}) → ${action(rule, filesRoot)}${end}`;
}

function action(rule: Rule, filesRoot: string): string {
  if (rule.discard) return 'discarded';
  if (rule.file === undefined) return 'stop';
  const { template } = rule.file;
  return template.startsWith(`${filesRoot}/`) ? template.slice(filesRoot.length + 1) : template;
}

export const checkCommand: CliCommand = {
  name: 'check',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('check')
      .summary('look over a configuration without running it')
      .description(
        'Reads a configuration as the server would and shows all its faults at once, each with file, line, column and ' +
          'how to mend it. Run it as the user that the service runs as: it also looks whether the log files can be ' +
          'written. Exits 0 if the configuration can be used, 78 if not.',
      )
      .option('-c, --config <file>', 'configuration to look over', SERVER_CONFIG)
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry check',
          'belfry check -c config/examples/local.json',
          'sudo -u belfry belfry check -c /etc/belfry/server.json',
          "belfry check -c server.json --json | jq -r '.faults[].where'",
        ),
      )
      .action((options: CheckOptions) => run(() => runCheck(options, io)));
  },
};
