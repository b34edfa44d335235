// `belfry check -c FILE`: reads a configuration as `belfry serve` or `belfry agent` would, and says all that is wrong
// with it, or in a few lines what it asks for. Changes nothing and opens no port. Exits 0, or 78 if it cannot be used.

import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { FileGlobs } from '../../client/inputs/file/globs.ts';
import { estimateTraffic } from '../../client/monitor/estimate.ts';
import { hostConnections } from '../../client/monitor/host-connections.ts';
import type { AgentConfig } from '../../config/agent.ts';
import { EXIT, type Fault, printFault } from '../../base/fault.ts';
import { type LoadedAny, loadAnyConfig } from '../../config/load-any.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { checkFilter } from '../../traffic/filter/parse.ts';
import { AGENT_CONFIG, type CliCommand, examples, type Run, SERVER_CONFIG } from '../command.ts';
import { summarizeAgent, summarizeServer } from '../config-summary.ts';
import type { Io } from '../io.ts';

export interface CheckOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export async function runCheck(options: CheckOptions, io: Pick<Io, 'stdout' | 'stderr'>): Promise<number> {
  const found = loadAnyConfig(options.config ?? ownConfig(), {
    checkFilter,
    checkSelector: compileSelector,
    findFiles: (paths, exclude) => new FileGlobs(paths, exclude).scan(),
  });
  const { config, faults, notes } = found.loaded;
  if (options.json) io.stdout(jsonReport(found));
  else if (config !== undefined) io.stdout(summarize(found) + remarks(notes));
  else io.stderr(complaint(faults) + remarks(notes));
  return config === undefined ? EXIT.config : EXIT.ok;
}

/** That of the server, or of the agent on a host that has no other. */
function ownConfig(): string {
  return existsSync(AGENT_CONFIG) && !existsSync(SERVER_CONFIG) ? AGENT_CONFIG : SERVER_CONFIG;
}

function summarize({ kind, loaded }: LoadedAny): string {
  if (loaded.config === undefined) return '';
  if (kind === 'server') return summarizeServer(loaded.config, loaded.sources);
  return summarizeAgent(loaded.config) + estimateText(loaded.config);
}

/** What watching connections would bring on this host. */
function estimateText({ traffic }: AgentConfig): string {
  if (traffic === undefined) return '';
  const lines = estimateTraffic(traffic, hostConnections(readOrNothing)).sentences;
  return `\nOn this host the connections that it watches would bring:\n\n${lines.map((line) => `  - ${line}\n`).join('')}`;
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function complaint(faults: readonly Fault[]): string {
  const count = faults.length === 1 ? 'One fault' : `${faults.length} faults`;
  return `${faults.map(printFault).join('\n\n')}\n\n${count}: this configuration cannot be used.\n`;
}

function remarks(notes: readonly Fault[]): string {
  return notes.length === 0 ? '' : `\nWorth a look:\n\n${notes.map(printFault).join('\n\n')}\n`;
}

function jsonReport({ kind, loaded }: LoadedAny): string {
  const { config, faults, notes, sources } = loaded;
  const ok = config !== undefined;
  const traffic = config !== undefined && 'traffic' in config ? config.traffic : undefined;
  const report = {
    ...{ ok, kind, sources, faults: faults.map(jsonFault), notes: notes.map(jsonFault) },
    ...(traffic && { traffic: estimateTraffic(traffic, hostConnections(readOrNothing)) }),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function jsonFault({ code, text }: Fault) {
  const { what, where = null, mend = null, place = null } = text;
  return { code, what, where, mend, place };
}

export const checkCommand: CliCommand = {
  name: 'check',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('check')
      .summary('look over a configuration without running it')
      .description(
        'Reads the configuration of a server or an agent as the program would and shows all its faults at once, each with ' +
          'file, line, column and how to mend it. Run it as the user that the service runs as: it also looks whether ' +
          'files can be written and read, and at certificates. Exits 0 if the configuration can be used, 78 if not.',
      )
      .option(
        '-c, --config <file>',
        'configuration to look over (default: /etc/belfry/server.json, else agent.json beside it)',
      )
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry check',
          'belfry check -c config/examples/local.json',
          'sudo -u belfry belfry check -c /etc/belfry/server.json',
          'belfry check -c /etc/belfry/agent.json',
          "belfry check -c server.json --json | jq -r '.faults[].where'",
        ),
      )
      .action((options: CheckOptions) => run(() => runCheck(options, io)));
  },
};
