// <sys/eventfd.h>: a counter behind a descriptor. Adding to it makes the descriptor readable.

export const EVENTFD = { EFD_NONBLOCK: 0o4000, EFD_CLOEXEC: 0o2000000 } as const;
