// Whether the file of a rule could be written by the user that runs this process: looks at the directory that
// it would be made in, or at the nearest one above that exists. Changes nothing on the disk.
//
// Cannot see ahead of the message: of a path with words only the directories before the first word are known.

import { accessSync, constants, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Accounts, Identity } from './accounts.ts';
import type { Problem } from './problem.ts';
import type { PlacedTemplate } from './template.ts';

export interface WriteProblem extends Problem {
  /** The file or directory that stands in the way: one fault for it is enough. */
  readonly obstacle: string;
}

/** What is known of the path before any message: a whole file, or the directory that others are made below. */
function fixedPart(target: PlacedTemplate): { readonly path: string; readonly isFile: boolean } {
  const [first, ...more] = target.parts;
  if (first?.kind !== 'text') return { path: target.root, isFile: false };
  if (more.length === 0) return { path: join(target.root, first.text), isFile: true };
  return {
    path: join(target.root, first.text.slice(0, Math.max(0, first.text.lastIndexOf('/')))),
    isFile: false,
  };
}

export function writeProblem(
  target: PlacedTemplate,
  rotates: boolean,
  accounts: Accounts,
  identity: Identity,
): WriteProblem | undefined {
  const { path, isFile } = fixedPart(target);
  const found = lookAt(path);
  const who = (stats: Stats) => describeRights(stats, accounts, identity);
  if ('reason' in found) return unreachable(found.path, found.reason, accounts, identity);
  if (isFile && found.path === path) {
    const problem = fileProblem(path, found.stats, who(found.stats));
    if (problem !== undefined || !rotates) return problem;
    return directoryProblem(dirname(path), statSync(dirname(path)), who(statSync(dirname(path))));
  }
  return directoryProblem(found.path, found.stats, who(found.stats));
}

/** Whether files could be made in a directory that Belfry makes itself when it is not there. */
export function directoryWriteProblem(
  path: string,
  accounts: Accounts,
  identity: Identity,
): WriteProblem | undefined {
  const found = lookAt(path);
  if ('reason' in found) return unreachable(found.path, found.reason, accounts, identity);
  return directoryProblem(found.path, found.stats, describeRights(found.stats, accounts, identity));
}

type Found =
  | { readonly path: string; readonly stats: Stats }
  | { readonly path: string; readonly reason: string };

/** The path itself, or the nearest thing above it that exists. */
function lookAt(path: string): Found {
  let at = path;
  for (;;) {
    try {
      return { path: at, stats: statSync(at) };
    } catch (error) {
      const reason = errorCode(error);
      if ((reason !== 'ENOENT' && reason !== 'ENOTDIR') || at === '/') return { path: at, reason };
      at = dirname(at);
    }
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

function fileProblem(path: string, stats: Stats, who: string): WriteProblem | undefined {
  if (stats.isDirectory()) {
    return {
      obstacle: path,
      what: `${path} is a directory, not a file.`,
      mend: 'Name a file in it, or remove the directory.',
    };
  }
  if (stats.isSocket() || stats.isBlockDevice()) {
    return { obstacle: path, what: `${path} is neither a file nor a pipe.`, mend: 'Name another file.' };
  }
  const reason = deniedBecause(path, constants.W_OK);
  return reason === undefined ? undefined : denied(path, 'file', reason, who);
}

function directoryProblem(path: string, stats: Stats, who: string): WriteProblem | undefined {
  if (!stats.isDirectory()) {
    const what = `${path} is a file, so nothing can be made below it.`;
    return { obstacle: path, what, mend: 'Name another directory, or remove the file.' };
  }
  const reason = deniedBecause(path, constants.W_OK | constants.X_OK);
  if (reason !== undefined) return denied(path, 'directory', reason, who);
  if (!KERNEL_FILE_SYSTEMS.has(statfsSync(path).type)) return undefined;
  const what = `${path} belongs to the kernel: no file can be made in it, not even by root.`;
  return { obstacle: path, what, mend: 'Name another directory, such as "/var/log/belfry".' };
}

/** proc and sysfs (linux/magic.h: PROC_SUPER_MAGIC, SYSFS_MAGIC). They grant root every right, and refuse it all the same. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x9fa0, 0x62656572]);

function deniedBecause(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}

function denied(path: string, kind: string, reason: string, who: string): WriteProblem {
  if (reason === 'EROFS') {
    const mend = 'Mount it writable, or name another directory; under systemd, ReadWritePaths= opens it.';
    return { obstacle: path, what: `The ${kind} ${path} lies on a read-only file system.`, mend };
  }
  const mend = `Give that user the right to write the ${kind} ${path}, name another one, or check as the user that the service runs as.`;
  return { obstacle: path, what: `The ${kind} ${path} cannot be written by ${who}.`, mend };
}

function describeRights(stats: Stats, accounts: Accounts, identity: Identity): string {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  return `user ${accounts.printUser(identity.uid)}: it belongs to ${accounts.printOwner(stats.uid, stats.gid)} with mode ${mode}`;
}

/** Not even looking is allowed: a directory above has no x for this user, or the path is a loop of links. */
function unreachable(path: string, reason: string, accounts: Accounts, identity: Identity): WriteProblem {
  if (reason !== 'EACCES') {
    return {
      obstacle: path,
      what: `${path} cannot be reached (${reason}).`,
      mend: 'See to the directories and links above it.',
    };
  }
  const what = `${path} cannot be reached by user ${accounts.printUser(identity.uid)}: a directory above it does not let that user through.`;
  return {
    obstacle: path,
    what,
    mend: `Give that user x on ${dirname(path)} and those above, or check as the user that the service runs as.`,
  };
}
