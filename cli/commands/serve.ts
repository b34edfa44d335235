// `belfry serve`: the central server, until it is told to stop.

import type { Command } from 'commander';
import { bootLaneThread, dismissLaneThread } from '../../daemon/intake/lane.ts';
import { type CliCommand, examples, type Run, SERVER_CONFIG } from '../command.ts';
import type { Io } from '../io.ts';

/** The lanes that nearly every configuration needs: one for TCP, one for UDP. */
const LANES_AHEAD = 2;

/** Threads load their code while this one loads its own and reads the configuration: half the time to start. */
async function start(path: string, io: Io): Promise<number> {
  const threads = Array.from({ length: LANES_AHEAD }, bootLaneThread);
  const { runServe } = await import('../serve.ts');
  const code = await runServe(path, io, threads);
  // Those that a fault left without work.
  await Promise.all(threads.splice(0).map(dismissLaneThread));
  return code;
}

export const serveCommand: CliCommand = {
  name: 'serve',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('serve')
      .summary('run the central server: syslog in, files out')
      .description(
        'Runs the central server until SIGTERM. SIGHUP reads the configuration again and opens all files anew.',
      )
      .option('-c, --config <file>', 'configuration of the server', SERVER_CONFIG)
      .addHelpText(
        'after',
        examples(
          'belfry serve',
          'belfry serve -c config/examples/local.json',
          'kill -HUP 4711        (belfry status tells the process)',
        ),
      )
      .action((options: { config: string }) => run(() => start(options.config, io)));
  },
};
