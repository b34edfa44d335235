// Patterns of paths, name by name: `*`, `?` and `[a-z]` within a name, `**` for any number of directories, none
// included. A name that begins with a dot is matched by a pattern that begins with one alone.
//
// Promises bounded work: a pattern is compared, never expanded, and a search on the disk looks at so many entries
// and no more.

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { globPattern } from '../base/glob.ts';

/** Names between the slashes of an absolute path. */
function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

function isWild(name: string): boolean {
  return /[*?[]/.test(name);
}

function matchesName(pattern: string, name: string): boolean {
  if (!isWild(pattern)) return pattern === name;
  return (!name.startsWith('.') || pattern.startsWith('.')) && globPattern(pattern, false).test(name);
}

/** Whether a path, absolute as the pattern is, is matched. */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesNames(namesOf(pattern), namesOf(path));
}

function matchesNames(patterns: readonly string[], names: readonly string[]): boolean {
  const [pattern, ...others] = patterns;
  if (pattern === undefined) return names.length === 0;
  if (pattern !== '**') {
    const [name, ...rest] = names;
    return name !== undefined && matchesName(pattern, name) && matchesNames(others, rest);
  }
  // `**` at the end stands for every file below.
  if (others.length === 0) return names.length > 0 && names.every((name) => !name.startsWith('.'));
  for (let at = 0; at <= names.length; at += 1) {
    if (matchesNames(others, names.slice(at))) return true;
    if (names[at]?.startsWith('.')) return false;
  }
  return false;
}

/** Whether something below the directory could be matched. Rather says yes: what lies there is not known. */
export function mayMatchBelow(pattern: string, directory: string): boolean {
  return mayReach(namesOf(pattern), namesOf(directory));
}

function mayReach(patterns: readonly string[], names: readonly string[]): boolean {
  const [pattern, ...others] = patterns;
  const [name, ...rest] = names;
  if (pattern === undefined) return false;
  if (name === undefined || pattern === '**') return true;
  return matchesName(pattern, name) && mayReach(others, rest);
}

/** Whether everything below the directory is matched, as by `/var/lib/belfry/**`. */
export function coversBelow(pattern: string, directory: string): boolean {
  const patterns = namesOf(pattern);
  const names = namesOf(directory);
  const last = patterns.pop();
  if (last !== '**' || patterns.length > names.length) return false;
  return patterns.every((one, at) => one !== '**' && matchesName(one, names[at] ?? ''));
}

/** Entries of directories that one search looks at. */
const ENTRIES_MAX = 20_000;

/** Files that the pattern matches now, up to `filesMax`; undefined when the search was given up. */
export function findFiles(pattern: string, filesMax: number): readonly string[] | undefined {
  const search: Search = { found: [], filesMax, left: ENTRIES_MAX };
  walk('', namesOf(pattern), search);
  return search.left <= 0 && search.found.length < filesMax ? undefined : search.found;
}

interface Search {
  readonly found: string[];
  readonly filesMax: number;
  left: number;
}

function walk(directory: string, patterns: readonly string[], search: Search): void {
  const [pattern, ...others] = patterns;
  if (pattern === undefined || search.left <= 0 || search.found.length >= search.filesMax) return;
  if (!isWild(pattern)) {
    step(`${directory}/${pattern}`, others, search);
    return;
  }
  if (pattern === '**' && others.length > 0) walk(directory, others, search);
  for (const entry of entriesOf(directory)) {
    search.left -= 1;
    const path = `${directory}/${entry.name}`;
    if (pattern !== '**') {
      if (matchesName(pattern, entry.name)) step(path, others, search);
    } else if (!entry.name.startsWith('.')) {
      if (entry.isDirectory()) walk(path, patterns, search);
      else if (others.length === 0) step(path, others, search);
    }
  }
}

function step(path: string, others: readonly string[], search: Search): void {
  if (others.length > 0) walk(path, others, search);
  else if (isFile(path) && search.found.length < search.filesMax && !search.found.includes(path))
    search.found.push(path);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

/** What cannot be listed is empty: this search only tells what is there. */
function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory === '' ? '/' : directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
