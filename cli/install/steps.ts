// What an installation does, as values: each step says what it is for, is done once, and done again changes
// nothing. The same list is shown (`--dry-run`) and carried out, so that what is shown is what is done.
//
// Refuses: to overwrite what an operator may have changed (`keep`), and to go on behind a step that failed.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, Fault } from '../../base/fault.ts';

export type Step =
  /** A file of ours, replaced when it differs. */
  | { readonly kind: 'write'; readonly path: string; readonly text: string; readonly why: string }
  /** A file of the operator's: made if there is none, else left alone. Readable by the group, if that exists. */
  | {
      readonly kind: 'keep';
      readonly path: string;
      readonly text: string;
      readonly group: string;
      readonly why: string;
    }
  | { readonly kind: 'remove'; readonly path: string; readonly why: string }
  | {
      readonly kind: 'run';
      readonly argv: readonly string[];
      readonly why: string;
      /** Only when a step before it has changed something. */
      readonly ifChanged?: boolean;
      /** What may have gone wrong, for whoever reads that it did. */
      readonly mend?: string;
      /** The list goes on when it fails. */
      readonly mayFail?: boolean;
    };

export interface Done {
  readonly ok: boolean;
  readonly output: string;
}

/** How commands are run; a test has its own. */
export type Runner = (argv: readonly string[]) => Done;

export const runProgram: Runner = ([program = '', ...args]) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim() };
};

export interface World {
  /** '' for this host, else the folder that stands for it. */
  readonly root: string;
  readonly run: Runner;
  say(line: string): void;
}

const WORD_WIDTH = 9;

function line(word: string, what: string, why: string): string {
  return `  ${word.padEnd(WORD_WIDTH)} ${what}\n  ${''.padEnd(WORD_WIDTH)}   ${why}\n`;
}

function whatOf(step: Step): string {
  return step.kind === 'run' ? step.argv.join(' ') : step.path;
}

/** Undefined: there is none. */
function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a step would do now, in a word; `changed`: a step before it changes something. */
function outlook(
  step: Step,
  root: string,
  changed: boolean,
): 'write' | 'run' | 'remove' | 'unchanged' | 'kept' | 'skip' {
  switch (step.kind) {
    case 'write':
      return textAt(join(root, step.path)) === step.text ? 'unchanged' : 'write';
    case 'keep':
      return existsSync(join(root, step.path)) ? 'kept' : 'write';
    case 'remove':
      return existsSync(join(root, step.path)) ? 'remove' : 'skip';
    case 'run':
      return step.ifChanged === true && !changed ? 'skip' : 'run';
    default:
      return step;
  }
}

/** Says what would be done, and does nothing. */
export function showSteps(steps: readonly Step[], { root, say }: Pick<World, 'root' | 'say'>): void {
  let changed = false;
  for (const step of steps) {
    const word = outlook(step, root, changed);
    changed ||= word === 'write' || word === 'remove';
    if (word !== 'skip') say(line(word, whatOf(step), step.why));
  }
}

/** Carries them out, each told as it is done. Says whether anything changed. */
export function takeSteps(steps: readonly Step[], world: World): boolean {
  let changed = false;
  for (const step of steps) {
    const word = outlook(step, world.root, changed);
    if (word === 'skip') continue;
    world.say(line(word, whatOf(step), step.why));
    if (word === 'unchanged' || word === 'kept') continue;
    takeStep(step, world);
    changed ||= step.kind !== 'run';
  }
  return changed;
}

function takeStep(step: Step, { root, run, say }: World): void {
  if (step.kind === 'run') return runStep(step, run, say);
  const path = join(root, step.path);
  try {
    if (step.kind === 'remove') rmSync(path, { recursive: true });
    else if (step.kind === 'write') place(path, step.text, 0o644);
    else placeForGroup(path, step.text, groupId(root, step.group));
  } catch (error) {
    throw new Fault('INSTALL_FAILED', {
      what: `${codeOf(error) ?? String(error)}: the step was not done, and those behind it neither.`,
      where: path,
      mend: 'Run the same command again when it is mended: what is done already is not done twice.',
    });
  }
}

function runStep(step: Extract<Step, { kind: 'run' }>, run: Runner, say: World['say']): void {
  const { ok, output } = run(step.argv);
  if (ok) return;
  const told = output === '' ? 'It said nothing.' : output;
  if (step.mayFail === true) return say(`            It failed, which is no obstacle: ${told}\n`);
  throw new Fault('INSTALL_FAILED', {
    what: `A command failed. ${told}`,
    where: step.argv.join(' '),
    mend:
      step.mend ?? 'Run the same command again when it is mended: what is done already is not done twice.',
  });
}

/** Whole or not at all. */
function place(path: string, text: string, mode: number, gid?: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const part = `${path}.belfry-new`;
  writeFileSync(part, text, { mode });
  chmodSync(part, mode);
  if (gid !== undefined) chownSync(part, statSync(part).uid, gid);
  renameSync(part, path);
}

/** Without the group, as in a folder that only stands for a host, it is the owner's alone. */
function placeForGroup(path: string, text: string, gid: number | undefined): void {
  const mayGive = gid !== undefined && process.getuid?.() === 0;
  place(path, text, mayGive ? 0o640 : 0o600, mayGive ? gid : undefined);
}

function groupId(root: string, name: string): number | undefined {
  const row = textAt(join(root, '/etc/group'))
    ?.split('\n')
    .find((one) => one.startsWith(`${name}:`));
  return row === undefined ? undefined : Number(row.split(':')[2]);
}
