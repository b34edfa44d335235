// Whether anybody reads what a pipe, a socket or a terminal is given: a program with little to write would otherwise
// learn it late. Refuses: to wait, and to write.

import { POLL, POLLFD } from './abi/poll.ts';
import { poll } from './libc.ts';

const asked = new Uint8Array(POLLFD.size);
const view = new DataView(asked.buffer);

/** False: the other end is closed for good. A file always has a reader. */
export function hasReader(fd: number): boolean {
  view.setInt32(POLLFD.fd, fd, true);
  // POLLERR, POLLHUP and POLLNVAL are told without being asked for.
  view.setInt16(POLLFD.events, 0, true);
  view.setInt16(POLLFD.revents, 0, true);
  if (poll(asked, 1, 0) <= 0) return true;
  return (view.getInt16(POLLFD.revents, true) & (POLL.POLLERR | POLL.POLLHUP | POLL.POLLNVAL)) === 0;
}
