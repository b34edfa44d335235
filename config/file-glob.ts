// Whether a pattern of files could reach into a directory: `*`, `?` and `[a-z]` within a name, `**` for any number of
// directories. A name that begins with a dot is matched by a pattern that begins with one alone. Patterns and
// directories are absolute; nothing is looked up on the disk. The search itself is that of the file input.

import { globPattern } from '../base/glob.ts';

/** Names between the slashes of an absolute path. */
function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

function matchesName(pattern: string, name: string): boolean {
  if (!/[*?[]/.test(pattern)) return pattern === name;
  return pattern.startsWith('.') === name.startsWith('.') && globPattern(pattern, false).test(name);
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

/** Whether everything below the directory is matched, as by `/var/lib/belfry/**`, but for hidden names. */
export function coversBelow(pattern: string, directory: string): boolean {
  const patterns = namesOf(pattern);
  const names = namesOf(directory);
  const last = patterns.pop();
  if (last !== '**' || patterns.length > names.length) return false;
  const isPlain = names.slice(patterns.length).every((name) => !name.startsWith('.'));
  return isPlain && patterns.every((one, at) => one !== '**' && matchesName(one, names[at] ?? ''));
}
