// The files of the repository as the tidy tests see them: everything below the root but what is made by a
// command (dist/, node_modules/, …). Refuses: to ask git, so that an unpacked archive is checked alike.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { UNREAD_FOLDERS } from './plan.ts';
import { readSource, type Source } from './source.ts';

/** dist/test/tidy → the repository. */
export const REPOSITORY = join(import.meta.dirname, '../../..');

/** Left behind by commands that a person runs; .gitignore names them too. */
const UNREAD_FILES = /\.(cpuprofile|tgz|log|pcap)$/;

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // In a work tree of git, .git is a file.
    if (UNREAD_FOLDERS.includes(relative(REPOSITORY, path))) return [];
    if (entry.isDirectory()) return walk(path);
    return entry.isFile() && !UNREAD_FILES.test(entry.name) ? [relative(REPOSITORY, path)] : [];
  });
}

export function listFiles(): string[] {
  return walk(REPOSITORY).sort();
}

export function readText(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8');
}

export function isSource(path: string): boolean {
  return /\.(ts|mjs|c)$/.test(path);
}

export function listSources(): Source[] {
  return listFiles()
    .filter(isSource)
    .map((path) => readSource(path, readText(path)));
}
