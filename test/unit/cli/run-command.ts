// Runs one command of `belfry` in this process, with a world of the test's own around it.

import { Readable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { Fault, printFault } from '../../../base/fault.ts';
import type { CliCommand } from '../../../cli/command.ts';
import type { Io } from '../../../cli/io.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runCommand(command: CliCommand, args: readonly string[], stdin = ''): Promise<Ran> {
  let [stdout, stderr, code] = ['', '', 0];
  const io: Io = {
    stdout: (text) => {
      stdout += text;
    },
    stdoutBytes: (bytes) => {
      stdout += Buffer.from(bytes).toString('latin1');
      return Promise.resolve(true);
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin, 'latin1')]),
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 100,
    env: {},
    pid: process.pid,
    version: '0.0.0',
  };
  const program = new Command('belfry').exitOverride();
  program.configureOutput({ writeOut: io.stdout, writeErr: io.stderr });
  command.define(program, io, async (work) => {
    code = await work();
  });
  try {
    await program.parseAsync(['node', 'belfry', command.name, ...args]);
  } catch (error) {
    if (error instanceof Fault)
      return { code: error.exit, stdout, stderr: `${stderr}${printFault(error)}\n` };
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode;
  }
  return { code, stdout, stderr };
}
