// Why a file cannot be written, as a closed set of words for people and for metric labels.

import { codeOf } from '../../base/fault.ts';

export const FILE_TROUBLES = [
  'disk_full',
  'permission',
  'read_only',
  'not_a_file',
  'too_many_open',
  'busy',
  'io_error',
] as const;
export type FileTrouble = (typeof FILE_TROUBLES)[number];

const BY_ERROR: Readonly<Record<string, FileTrouble>> = {
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
  EFBIG: 'disk_full',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'read_only',
  EISDIR: 'not_a_file',
  ENOTDIR: 'not_a_file',
  EEXIST: 'not_a_file',
  ENXIO: 'not_a_file',
  ENOENT: 'not_a_file',
  ELOOP: 'not_a_file',
  ENAMETOOLONG: 'not_a_file',
  EMFILE: 'too_many_open',
  ENFILE: 'too_many_open',
  EAGAIN: 'busy',
};

/** What each means and how to mend it, for the log and docs. */
export const FILE_TROUBLE_TEXT: Readonly<Record<FileTrouble, { what: string; mend: string }>> = {
  disk_full: { what: 'the disk or the quota is full', mend: 'Make room; writing goes on by itself.' },
  permission: {
    what: 'the permission is missing',
    mend: 'Give the user that Belfry runs as the right to write there.',
  },
  read_only: {
    what: 'the file system is read-only',
    mend: 'Mount it for writing; look for disk errors first.',
  },
  not_a_file: { what: 'something else stands in its place', mend: 'Move away what is there.' },
  too_many_open: {
    what: 'too many files are open',
    mend: 'Raise LimitNOFILE of the service, or lower files.maxOpen.',
  },
  busy: { what: 'its reader does not keep up', mend: 'Look at the program that reads it.' },
  io_error: { what: 'the device failed', mend: 'Look into the kernel log for the device.' },
};

export function troubleOf(error: unknown): FileTrouble {
  return BY_ERROR[codeOf(error) ?? ''] ?? 'io_error';
}
