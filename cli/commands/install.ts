// `belfry install server|agent`: makes a service of this Belfry. Shows each step in words; done twice it changes
// nothing the second time; a configuration that is there is never overwritten.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { EXIT, printFault } from '../../base/fault.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import { type Consent, demandRoot, mayGoOn } from '../install/go-on.ts';
import { planInstall } from '../install/plan.ts';
import { runProgram, type Runner, showSteps, takeSteps } from '../install/steps.ts';
import { isPackaged, ownProgram, type Role, SERVICE } from '../install/units.ts';
import { demandVisible } from '../install/visible.ts';
import type { Io } from '../io.ts';

export interface InstallOptions extends Consent {
  readonly to?: string;
  readonly with?: string;
  readonly dryRun?: boolean;
  readonly prefix: string;
}

/** systemd is the first process here (sd_booted(3)). */
export function isSystemdRunning(): boolean {
  return existsSync('/run/systemd/system');
}

export async function runInstall(
  role: Role,
  options: InstallOptions,
  io: Io,
  run: Runner = runProgram,
): Promise<number> {
  const root = options.root === undefined ? '' : resolve(options.root).replace(/\/$/, '');
  const isLive = root === '' && isSystemdRunning();
  const { prefix, to, dryRun } = options;
  const program = ownProgram();
  const dropIns = (options.with ?? '').split(',').filter((name) => name !== '');
  const { steps, faults } = planInstall({ role, root, prefix, to, dropIns, program, isLive });
  const world = { root, run, say: io.stdout };
  if (dryRun === true) {
    io.stdout(`This is what belfry install ${role} would do:\n`);
    showSteps(steps, world);
    return EXIT.ok;
  }
  demandRoot(`belfry install ${role}`, options);
  if (root === '' && !isPackaged(role, root)) demandVisible(program);
  if (options.yes !== true) showSteps(steps, world);
  if (!(await mayGoOn(options, io))) {
    io.stdout('Nothing was changed.\n');
    return EXIT.nothing;
  }
  const changed = takeSteps(steps, world);
  if (faults.length > 0) {
    io.stderr(`\n${faults.map(printFault).join('\n\n')}\n`);
    io.stdout(
      `\nInstalled, but not started: the configuration cannot be used. Then: systemctl start ${SERVICE[role]}\n`,
    );
    return EXIT.config;
  }
  io.stdout(`\n${farewell(role, changed, isLive ? 'runs' : root === '' ? 'no systemd' : 'a folder')}`);
  return EXIT.ok;
}

function farewell(role: Role, changed: boolean, place: 'runs' | 'no systemd' | 'a folder'): string {
  const first = changed ? 'Done.' : 'Done; nothing had to be changed.';
  if (place === 'a folder') return `${first}\n`;
  if (place === 'no systemd') return `${first} systemd does not run here, so nothing was started.\n`;
  const lines =
    role === 'server'
      ? [
          'It runs. A first message, and where it arrives:',
          '  logger -n 127.0.0.1 -P 514 -d "this-is-a-test-log-message"',
          '  tail -F /var/log/belfry/127.0.0.1/*.log',
          'On each host: belfry install agent --to ADDRESS-OF-THIS-HOST',
        ]
      : [
          'It runs. A first message, and how it is delivered:',
          '  logger "this-is-a-test-log-message"',
          '  belfry status',
        ];
  return `${[first, ...lines].join('\n')}\n`;
}

export const installCommand: CliCommand = {
  name: 'install',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('install')
      .summary('make a service of the server or the agent')
      .description(
        'Makes a service of this Belfry under systemd: its units, its users, and a first configuration if there is none. ' +
          'Shows each step and asks before the first. Twice is the same as once; a configuration that is there is never overwritten.',
      )
      .addArgument(new Argument('<role>', 'which program').choices(['server', 'agent']))
      .option(
        '--to <host>',
        'agent: where the first configuration sends to, such as 172.31.100.94 or tls://logs:6514',
      )
      .option(
        '--with <drop-ins>',
        'rights that a feature needs: bind, groups (server); bind, capture, clock (agent)',
      )
      .option('--yes', 'ask nothing')
      .option('--dry-run', 'show what would be done, and do nothing')
      .option('--prefix <directory>', 'where the unit files go, below lib/', '/usr/local')
      .option('--root <directory>', 'install into a folder that stands for a host, and start nothing')
      .addHelpText(
        'after',
        examples(
          'sudo belfry install server',
          'sudo belfry install agent --to 172.31.100.94 --yes',
          'belfry install agent --to 172.31.100.94 --dry-run',
        ),
      )
      .action((role: Role, options: InstallOptions) => run(() => runInstall(role, options, io)));
  },
};
