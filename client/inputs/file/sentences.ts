// How far a file input is, and what is in the way of reading, in words, with how to mend it.

import { unreachable } from '../../../base/assert.ts';
import { printCount } from '../../../base/units.ts';
import type { FollowedFile } from './followed-file.ts';
import type { Obstacle } from './globs.ts';

export function obstacleSentence(path: string, kind: Obstacle | 'compressed', code: string): string {
  switch (kind) {
    case 'unreadable':
      return code === 'EACCES' || code === 'EPERM'
        ? `${path} may not be read by this user: add it to the group that may (often "adm"), or give it CAP_DAC_READ_SEARCH. It is tried again.`
        : `${path} cannot be read (${code}). It is tried again.`;
    case 'pipe':
      return `${path} is a pipe, a socket, a device or a directory, and is not read: only files are. Leave it out with "exclude".`;
    case 'compressed':
      return `${path} is compressed (${code}), and is not read. Leave such files out with "exclude".`;
    case 'too_many':
      return `${path} is not read: there are more names or files than ${code}. Make the patterns of "path" narrower.`;
    case 'too_deep':
      return `${path} is not searched: it lies more than ${code} directories deep.`;
    default:
      return unreachable(kind);
  }
}

/** `behind`: those of the files that are not read to their end. */
export function printPosition(files: readonly FollowedFile[], behind: readonly FollowedFile[]): string {
  const place = ({ path, offset, size }: FollowedFile) =>
    `${path} at ${printCount(offset)} of ${printCount(size)} bytes`;
  const [only] = files;
  if (only === undefined) return 'no file yet';
  if (files.length === 1) return place(only);
  const [first] = behind;
  const all = `${printCount(files.length)} files`;
  return first === undefined
    ? `${all}, all read to their end`
    : `${all}, ${behind.length} behind: ${place(first)}`;
}
