// Finds the files that `include` names: a path, or a directory and a pattern with `*` and `?` for the names in
// it. Names are taken in the order of their letters, hidden files are left out. A directory that does not exist
// is empty; a file named without a pattern must exist.

import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { FormatProblem } from './problem.ts';

/** More files than this are a mistake in the pattern. */
const FILES_MAX = 10_000;

export type Included = { readonly files: readonly string[] } | { readonly problem: FormatProblem };

/** Absolute paths, in the order in which they are read. Relative patterns lie beside the file that names them. */
export function findIncluded(mainFile: string, pattern: string): Included {
  const path = resolve(dirname(mainFile), pattern);
  if (!/[*?]/.test(pattern)) return onlyFile(path, mainFile);
  const cut = path.lastIndexOf('/') + 1;
  const names = listNames(path.slice(0, cut));
  if (typeof names === 'string') {
    const mend = 'Let the user that runs Belfry read the directory (r and x).';
    return {
      problem: { code: 'CONFIG_NOT_READABLE', what: `${dirname(path)} cannot be listed (${names}).`, mend },
    };
  }
  const wanted = globPattern(path.slice(cut));
  const files = names.filter((name) => wanted.test(name)).sort();
  if (files.length > FILES_MAX) {
    const what = `"${pattern}" stands for ${files.length} files; the limit is ${FILES_MAX}.`;
    return { problem: { code: 'CONFIG_BAD_VALUE', what, mend: 'Is it the right directory?' } };
  }
  const paths = files.map((name) => join(dirname(path), name));
  return paths.includes(mainFile) ? { problem: ownFile(mainFile) } : { files: paths };
}

function onlyFile(path: string, mainFile: string): Included {
  if (path === mainFile) return { problem: ownFile(mainFile) };
  const kind = kindOf(path);
  if (kind === 'directory') {
    const mend = `Write "${join(path, '*.json')}" for the files in it.`;
    return { problem: { code: 'CONFIG_BAD_VALUE', what: `${path} is a directory.`, mend } };
  }
  if (kind === 'file') return { files: [path] };
  const mend = `Make it, or remove the entry; a pattern such as "${join(dirname(path), '*.json')}" may find nothing.`;
  return { problem: { code: 'CONFIG_NOT_FOUND', what: `There is no file ${path}.`, mend } };
}

/** What cannot be looked at counts as a file: reading it will say why. */
function kindOf(path: string): 'absent' | 'directory' | 'file' {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return 'absent';
    return stats.isDirectory() ? 'directory' : 'file';
  } catch {
    return 'file';
  }
}

function ownFile(mainFile: string): FormatProblem {
  const mend = 'Put included files into a directory of their own, such as "conf.d/*.json".';
  return { code: 'CONFIG_CONFLICT', what: `${mainFile} includes itself.`, mend };
}

/** The names in a directory; why it cannot be listed, as an error code. */
function listNames(directory: string): readonly string[] | string {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return code === 'ENOENT' ? [] : code;
  }
}

function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${glob.startsWith('.') ? '' : '(?!\\.)'}${source}$`, 's');
}
