// Sockets that the service manager opened for us (sd_listen_fds(3)): descriptors from 3 on, their number in
// LISTEN_FDS, their names in LISTEN_FDNAMES, meant for the process LISTEN_PID. Their order changes between
// starts, so nothing is read from it: what a socket is for is told by its name and its own address. One that
// `syslog.listen` names speaks what is said there; of another the name says it (listeners.ts).

import { adoptSocket, type BoundSocket } from '../../kernel/socket.ts';
import type { PassedSocket } from './listeners.ts';

/** SD_LISTEN_FDS_START (systemd/sd-daemon.h). */
const FIRST_FD = 3;
const FDS_MAX = 256;

export interface PassedSockets {
  readonly syslog: readonly PassedSocket[];
  /** UDP sockets whose name says `ntp` or `time`. */
  readonly ntp: readonly BoundSocket[];
  /** Names of sockets that this program has no use for. */
  readonly unknown: readonly string[];
}

/** A UDP socket whose name says `ntp` or `time` is for the time server; every other one is for syslog. */
export function takePassedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): PassedSockets {
  const count = Number(env['LISTEN_FDS'] ?? 0);
  if (!Number.isInteger(count) || count < 1 || count > FDS_MAX || Number(env['LISTEN_PID']) !== pid) {
    return { syslog: [], ntp: [], unknown: [] };
  }
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const syslog: PassedSocket[] = [];
  const ntp: BoundSocket[] = [];
  const unknown: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const name = names[at] ?? '';
    const isNtp = /ntp|time/i.test(name);
    const socket = adoptSocket(FIRST_FD + at);
    if (socket && !isNtp) syslog.push({ ...socket, name });
    else if (socket?.kind === 'udp') ntp.push(socket);
    else unknown.push(name === '' ? `descriptor ${FIRST_FD + at}` : name);
  }
  return { syslog, ntp, unknown };
}
