// The ways in which owners are found, and what of them works with the rights at hand: in sentences, for whoever asks why
// a connection has no name.

import { listDescriptors, listProcesses, readProcess, readProcessUser } from './processes.ts';
import type { WayState, WhoWay } from './who.port.ts';

const GIVES: Readonly<Record<WhoWay, string>> = {
  sockets: 'The kernel is asked whose socket a connection is (sock_diag).',
  syn: 'Each new TCP connection is looked up at its SYN, so that one of a few milliseconds has a name.',
  processes: 'The processes of all users can be looked into.',
  ends: 'The kernel tells when a socket is gone, with its byte counts.',
  starts: 'The kernel tells of new processes, so that one of a few milliseconds is found on a large host.',
};

const LACKS: Readonly<Record<WhoWay, (error: string) => string>> = {
  sockets: (error) =>
    `The kernel cannot be asked for sockets (${error}): no connection has an owner. A service needs AF_NETLINK in RestrictAddressFamilies=.`,
  syn: (error) =>
    `SYNs are not seen (${error}): connections that are over within a tenth of a second have no process. CAP_NET_RAW would give it.`,
  processes: () =>
    'Only processes of this user can be looked into: of others the user and the systemd unit are named. CAP_SYS_PTRACE would give names (belfry-agent.service.d/owners.conf), before Linux 5.14 with CAP_DAC_READ_SEARCH.',
  ends: (error) =>
    `The kernel does not tell when a socket is gone (${error}): its own byte counts are missing from events.`,
  starts: (error) =>
    `The kernel does not tell of new processes (${error}); it does from Linux 6.6 on, or with CAP_NET_ADMIN, and only in the first network namespace. On a host of thousands of processes, one that ends within milliseconds may have no name.`,
};

/** `error`: the kernel's name for the trouble; undefined: it works. */
export function wayState(way: WhoWay, error: string | undefined): WayState {
  const works = error === undefined;
  return { way, works, sentence: works ? GIVES[way] : LACKS[way](error) };
}

/** Of so many processes of others: one of them, pid 1 too, may be closed to everybody. */
const OTHERS_MAX = 16;

/** Whether processes of others may be looked into. Without any, there is nothing that may not. */
export function whyNotAllProcesses(): string | undefined {
  if (!readProcess(1)) return 'EPERM';
  let others = 0;
  for (const pid of listProcesses()) {
    if (others >= OTHERS_MAX) break;
    const uid = readProcessUser(pid);
    if (uid === undefined || uid === process.geteuid?.()) continue;
    if (typeof listDescriptors(pid) !== 'string') return undefined;
    others += 1;
  }
  return others > 0 ? 'EACCES' : undefined;
}
