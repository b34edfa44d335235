// A lock on an open file or directory, which the kernel lets go of when its last descriptor is closed, however
// the process ends. Never waits.

import { FLOCK } from './abi/file.ts';
import { flock, lastError } from './libc.ts';

export type Locked = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** "EAGAIN" when another holds it; two descriptors of one process are two holders. */
export function lockFile(fd: number): Locked {
  return flock(fd, FLOCK.LOCK_EX | FLOCK.LOCK_NB) === 0 ? { ok: true } : { ok: false, error: lastError() };
}
