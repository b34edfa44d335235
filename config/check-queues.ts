// Queues of agent.json that get into each other's way, or into the way of an input: two in one directory, one within
// another, a pattern of files that would read the queue itself. Runs beside other faults, so it trusts no type.

import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { printPlace } from '../base/fault.ts';
import { pathBeside, queueDirectory } from './agent-names.ts';
import type { Conflict, Part } from './agent-part.ts';
import { type Document, placeInDocument } from './document.ts';
import { coversBelow, mayMatchBelow } from './file-glob.ts';
import { get, textList } from './rules.ts';

/** The directory of a destination's queue, if it can be told. */
function directoryOf(document: Document, { value, name }: Part): string | undefined {
  const directory = get(get(value, 'queue'), 'directory');
  if (directory !== undefined && typeof directory !== 'string') return undefined;
  return queueDirectory(document, directory, name);
}

/** Two queues in one directory, or one within the other. Two of one name have their fault already. */
export function checkQueues(document: Document, destinations: readonly Part[], conflict: Conflict): void {
  const seen: { readonly part: Part; readonly directory: string }[] = [];
  for (const part of destinations) {
    const directory = directoryOf(document, part);
    if (directory === undefined) continue;
    const other = seen.find((one) => one.part.name !== part.name && meets(one.directory, directory));
    if (other !== undefined) {
      const what =
        other.directory === directory
          ? `The destinations "${other.part.name}" and "${part.name}" have one queue directory: ${directory}.`
          : `One queue lies within another: ${directory} ("${part.name}") and ${other.directory} ("${other.part.name}").`;
      const mend = `Give each a directory of its own (${printPlace(placeInDocument(document, other.part.path, 'value'))}).`;
      conflict([...part.path, 'queue', 'directory'], what, mend);
    }
    seen.push({ part, directory });
  }
}

/** A pattern that reads the queue feeds each message back into it, for ever. */
export function checkOwnFiles(
  document: Document,
  inputs: readonly Part[],
  destinations: readonly Part[],
  conflict: Conflict,
): void {
  const directories = destinations.flatMap((part) => {
    const directory = directoryOf(document, part);
    return directory === undefined ? [] : [directory, realDirectory(directory)];
  });
  for (const { path, value } of inputs) {
    if (get(value, 'type') !== 'file') continue;
    const own = get(value, 'path');
    const excluded = textList(get(value, 'exclude')).map((text) => pathBeside(document, text));
    for (const [at, text] of [own].flat().entries()) {
      if (typeof text !== 'string') continue;
      const pattern = pathBeside(document, text);
      const met = directories.find(
        (directory) =>
          FOLDERS.some((folder) => mayMatchBelow(pattern, join(directory, folder))) &&
          !excluded.some((one) => coversBelow(one, directory)),
      );
      if (met === undefined) continue;
      const what = `"${text}" can match files of Belfry's own queue below ${met}: each message would be read again, for ever.`;
      const mend = `Narrow the pattern, or add "exclude": "${met}/**".`;
      conflict([...path, 'path', ...(Array.isArray(own) ? [at] : [])], what, mend);
    }
  }
}

/** Where the files of a destination lie below its queue.directory. */
const FOLDERS = ['records', 'checkpoints'];

/** Without the symbolic links of what exists of it. */
function realDirectory(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    const above = dirname(directory);
    return above === directory ? directory : join(realDirectory(above), basename(directory));
  }
}

function meets(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b === '/' ? '' : b}/`) || b.startsWith(`${a === '/' ? '' : a}/`);
}
