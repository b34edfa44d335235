// <sys/file.h> on Linux: the operations of flock(2).

export const FLOCK = { LOCK_EX: 2, LOCK_NB: 4 } as const;
