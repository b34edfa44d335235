#!/usr/bin/env -S node --max-semi-space-size=2
// The `belfry` command. The only place that knows the process: its arguments, environment and exit code.
// A server makes hardly any garbage: with little room for it in each thread it is smaller when idle and as fast
// (measured over a million messages), and it starts faster than with more room or with less.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT, Fault, printFault } from '../base/fault.ts';
import { COMMANDS } from './commands/all.ts';
import type { CliCommand } from './command.ts';
import type { Io } from './io.ts';

const PAGE_COLUMNS = 100;

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** A reader that goes away (`belfry senders | head`) ends the writing, not the program. */
function outlet(stream: NodeJS.WriteStream): (text: string) => void {
  let isOpen = true;
  stream.on('error', () => {
    isOpen = false;
  });
  return (text) => {
    if (isOpen) stream.write(text);
  };
}

function takeBytes(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<boolean> {
  return new Promise((done) => {
    stream.write(bytes, (error) => done(error === undefined || error === null));
  });
}

const io: Io = {
  stdout: outlet(process.stdout),
  stdoutBytes: (bytes) => takeBytes(process.stdout, bytes),
  stderr: outlet(process.stderr),
  stdin: process.stdin,
  stdinIsTerminal: process.stdin.isTTY === true,
  stdoutIsTerminal: process.stdout.isTTY === true,
  stderrIsTerminal: process.stderr.isTTY === true,
  columns: process.stdout.columns ?? PAGE_COLUMNS,
  env: process.env,
  pid: process.pid,
  version: version(),
};

/** Ends once everything is written: a pipe may take a moment. */
function end(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

function explainEnd(error: unknown): number {
  if (error instanceof Fault) {
    io.stderr(`${printFault(error)}\n`);
    return error.exit;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr(`This is a bug of Belfry's, not of yours. Please report it with these lines:\n${text}\n`);
  return EXIT.software;
}

/** The command that the first word names, or all of them, for help and for a word that is none. */
async function commandsFor(word: string | undefined): Promise<readonly CliCommand[]> {
  const wanted = word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  const loads = wanted ? [wanted] : Object.values(COMMANDS);
  return await Promise.all(loads.map((load) => load()));
}

async function makeProgram(): Promise<Command> {
  const program = new Command('belfry')
    .description("The one small tower of a site: every host's logs, time and traffic on one timeline.")
    .version(io.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .configureHelp({ helpWidth: Math.min(io.columns, PAGE_COLUMNS) })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', '\nEach command takes --help, with examples.\n');
  const run = async (work: () => Promise<number>) => end(await work());
  for (const command of await commandsFor(process.argv[2])) command.define(program, io, run);
  return program;
}

process.on('uncaughtException', (error) => end(explainEnd(error)));

try {
  const program = await makeProgram();
  await program.parseAsync(process.argv);
} catch (error) {
  if (!(error instanceof CommanderError)) end(explainEnd(error));
  else end(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
}
