// <poll.h> on Linux.

/** struct pollfd { int fd; short events; short revents; } */
export const POLLFD = { size: 8, fd: 0, events: 4, revents: 6 } as const;

export const POLL = { POLLERR: 8, POLLHUP: 16, POLLNVAL: 32 } as const;
