// `belfry agent`: forwards this host's logs, until it is told to stop.

import type { Command } from 'commander';
import { AGENT_CONFIG, type CliCommand, examples, type Run } from '../command.ts';
import type { Io } from '../io.ts';

async function start(path: string, io: Io): Promise<number> {
  const { runAgent } = await import('../agent.ts');
  return await runAgent(path, io);
}

export const agentCommand: CliCommand = {
  name: 'agent',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('agent')
      .summary('forward the logs of this host, through a queue on disk')
      .description(
        'Reads the logs of this host, keeps them in a queue on disk, and delivers them for as long as it takes. Runs until SIGTERM; SIGHUP reads the configuration again. On a terminal it shows each destination in a line.',
      )
      .option('-c, --config <file>', 'configuration of the agent', AGENT_CONFIG)
      .addHelpText(
        'after',
        examples(
          'belfry agent',
          'belfry agent -c config/examples/agent-local.json',
          'belfry status -c config/examples/agent-local.json',
          'kill -HUP 4711        (belfry status tells the process)',
        ),
      )
      .action((options: { config: string }) => run(() => start(options.config, io)));
  },
};
