// `belfry uninstall [server|agent]`: takes back what `belfry install` did. Keeps configurations, logs and queues,
// unless told to purge them.

import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { EXIT } from '../../base/fault.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import { type Consent, demandRoot, mayGoOn } from '../install/go-on.ts';
import { planRemoval } from '../install/plan.ts';
import { runProgram, type Runner, showSteps, takeSteps } from '../install/steps.ts';
import { isPackaged, type Role } from '../install/units.ts';
import type { Io } from '../io.ts';
import { isSystemdRunning } from './install.ts';

export interface UninstallOptions extends Consent {
  readonly purge?: boolean;
  readonly dryRun?: boolean;
  readonly prefix: string;
}

export async function runUninstall(
  role: Role | undefined,
  options: UninstallOptions,
  io: Io,
  run: Runner = runProgram,
): Promise<number> {
  const root = options.root === undefined ? '' : resolve(options.root).replace(/\/$/, '');
  const isLive = root === '' && isSystemdRunning();
  const roles: readonly Role[] = role === undefined ? ['server', 'agent'] : [role];
  const { prefix, purge = false, dryRun } = options;
  const steps = planRemoval({ roles, root, prefix, purge, isLive });
  const world = { root, run, say: io.stdout };
  for (const one of roles.filter((name) => isPackaged(name, root)))
    io.stdout(`The ${one} was installed as a package, which removes it: apt remove belfry\n`);
  if (dryRun === true) {
    io.stdout('This is what belfry uninstall would do:\n');
    showSteps(steps, world);
    return EXIT.ok;
  }
  demandRoot('belfry uninstall', options);
  if (options.yes !== true) showSteps(steps, world);
  if (!(await mayGoOn(options, io))) {
    io.stdout('Nothing was changed.\n');
    return EXIT.nothing;
  }
  takeSteps(steps, world);
  io.stdout(purge ? 'Done.\n' : 'Done. Configurations, logs and queues are kept; --purge removes them.\n');
  return EXIT.ok;
}

export const uninstallCommand: CliCommand = {
  name: 'uninstall',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('uninstall')
      .summary('take back what belfry install did')
      .description(
        'Stops and removes the services that belfry install made. Configurations, logs and queues are kept unless --purge is given.',
      )
      .addArgument(new Argument('[role]', 'which program (default: both)').choices(['server', 'agent']))
      .option('--purge', 'remove /etc/belfry, /var/log/belfry, /var/lib/belfry and the users as well')
      .option('--yes', 'ask nothing')
      .option('--dry-run', 'show what would be done, and do nothing')
      .option('--prefix <directory>', 'where the unit files are, below lib/', '/usr/local')
      .option('--root <directory>', 'a folder that stands for a host')
      .addHelpText(
        'after',
        examples('sudo belfry uninstall agent', 'sudo belfry uninstall --purge --dry-run'),
      )
      .action((role: Role | undefined, options: UninstallOptions) =>
        run(() => runUninstall(role, options, io)),
      );
  },
};
