// Why a record did not reach a destination, and why the spool cannot write, as closed sets of words: for
// people, for counters and for metric labels. A drop that was chosen is another reason than one that happened.

import { codeOf } from '../../base/fault.ts';

/** Why nothing can be written at the moment. */
export const SPOOL_TROUBLES = [
  'limit',
  'disk_full',
  'read_only',
  'permission',
  'too_many_open',
  'gone',
  'io_error',
] as const;
export type SpoolTrouble = (typeof SPOOL_TROUBLES)[number];

const BY_ERROR: Readonly<Record<string, SpoolTrouble>> = {
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
  EFBIG: 'disk_full',
  EROFS: 'read_only',
  EACCES: 'permission',
  EPERM: 'permission',
  EMFILE: 'too_many_open',
  ENFILE: 'too_many_open',
  ENOENT: 'gone',
  ENOTDIR: 'gone',
};

export function troubleOf(error: unknown): SpoolTrouble {
  return BY_ERROR[codeOf(error) ?? ''] ?? 'io_error';
}

export const TROUBLE_TEXT: Readonly<Record<SpoolTrouble, { what: string; mend: string }>> = {
  limit: {
    what: 'it holds as much as maxDiskSpace allows',
    mend: 'It empties by itself when the destination takes what waits; raise maxDiskSpace to keep more.',
  },
  disk_full: { what: 'the disk or the quota is full', mend: 'Make room; writing goes on by itself.' },
  read_only: {
    what: 'the file system is read-only',
    mend: 'Mount it for writing; look for disk errors first.',
  },
  permission: {
    what: 'the permission is missing',
    mend: 'Give the user that Belfry runs as the right to write there.',
  },
  too_many_open: { what: 'too many files are open', mend: 'Raise LimitNOFILE of the service.' },
  gone: {
    what: 'its directory, or a file in it, is gone',
    mend: 'Look who removed it; start Belfry again to make a new one.',
  },
  io_error: { what: 'the device failed', mend: 'Look into the kernel log for the device.' },
};

export const DROP_REASONS = {
  oldest: { chosen: true, means: 'Removed unsent to make room, as "onFull": "dropOldest" asks.' },
  newest: { chosen: true, means: 'Not taken, since the spool was full and "onFull" is "dropNewest".' },
  too_large: { chosen: true, means: 'Larger than the spool takes.' },
  disk_full: { chosen: false, means: 'Not taken: the disk was full, and "onFull" allows to drop.' },
  read_only: {
    chosen: false,
    means: 'Not taken: the file system was read-only, and "onFull" allows to drop.',
  },
  permission: { chosen: false, means: 'Not taken: the permission was missing, and "onFull" allows to drop.' },
  too_many_open: {
    chosen: false,
    means: 'Not taken: too many files were open, and "onFull" allows to drop.',
  },
  gone: { chosen: false, means: 'Not taken: the directory was removed, and "onFull" allows to drop.' },
  io_error: { chosen: false, means: 'Not taken: the device failed, and "onFull" allows to drop.' },
  damaged: { chosen: false, means: 'Its bytes on disk are no longer those that were written.' },
  missing: {
    chosen: false,
    means: 'Written, but no longer in any file: removed by another, or lost by the disk.',
  },
} as const satisfies Record<string, { chosen: boolean; means: string }>;
export type DropReason = keyof typeof DROP_REASONS;

export interface Amount {
  records: number;
  bytes: number;
}

export type Drops = Record<DropReason, Amount>;

export function noDrops(): Drops {
  const reasons = Object.keys(DROP_REASONS) as DropReason[];
  return Object.fromEntries(reasons.map((reason) => [reason, { records: 0, bytes: 0 }])) as Drops;
}

export function add(drops: Drops, reason: DropReason, records: number, bytes: number): void {
  drops[reason].records += records;
  drops[reason].bytes += bytes;
}
