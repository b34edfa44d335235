// A command of `belfry`: it adds itself to the program and says what to run. One file in commands/ for each,
// and one line in commands/all.ts.

import type { Command } from 'commander';
import type { Io } from './io.ts';

/** Runs a command's work; its number is the exit code. */
export type Run = (work: () => Promise<number>) => Promise<void>;

export interface CliCommand {
  readonly name: string;
  define(program: Command, io: Io, run: Run): void;
}

/** The configs that a command reads when none is named. */
export const SERVER_CONFIG = '/etc/belfry/server.json';
export const AGENT_CONFIG = '/etc/belfry/agent.json';

/** Where examples stand below the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}
