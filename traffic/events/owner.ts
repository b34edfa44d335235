// Who stands behind an end of a connection on this host: a process, a unit, a container, or the reason why nobody can
// be named. Wrong is worse than unknown, so each says how it was found.
// Refuses: to look anybody up. That is the agent's; here is only what it may say.

/** How the owner was found, surest first; `unknown:…` says why there is none. */
export const PROC_HOWS = [
  /** The socket's inode was found among the descriptors of the process. */
  'exact',
  /** As exact, among those of a process that had owned such a socket shortly before. */
  'cache',
  /** The process that listens; the connection itself was not accepted yet, or is gone. */
  'listener',
  /** The process is gone, or cannot be seen; the control group of the socket names the unit. */
  'cgroup',
  /** Several processes of different names hold the socket, or its port; which of them it was cannot be told. */
  'unknown:shared',
  /** The socket was closed before anybody could look. */
  'unknown:closed',
  /** No socket of this host has these ends. */
  'unknown:no-socket',
  /** Neither end is this host's. */
  'unknown:forwarded',
  /** The kernel itself, or a raw socket: no process has a socket with these ends. */
  'unknown:kernel',
  /** The rights to look into other users' processes are missing. */
  'unknown:no-permission',
  /** More connections began than could be looked up. */
  'unknown:busy',
] as const;
export type ProcHow = (typeof PROC_HOWS)[number];

export interface Owner {
  readonly how: ProcHow;
  /** Name of the process, as in /proc/PID/comm. */
  readonly process?: string | undefined;
  readonly pid?: number | undefined;
  readonly uid?: number | undefined;
  /** Name of the user; absent where the uid has none. */
  readonly user?: string | undefined;
  /** The systemd unit, such as "nginx.service". */
  readonly unit?: string | undefined;
  /** The first twelve digits of a container's id. */
  readonly container?: string | undefined;
}

/** What the kernel knows of a TCP socket at its end, of one side (struct tcp_info); SYN and FIN count as a byte each. */
export interface SocketTotals {
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly segmentsOut: number;
  readonly segmentsIn: number;
  readonly retransmitted: number;
  /** Microseconds, smoothed. */
  readonly rttUs: number;
}

/** Absent: that end is not on this host, or nobody has been asked. */
export interface Owners {
  readonly client?: Owner | undefined;
  readonly server?: Owner | undefined;
  readonly clientTotals?: SocketTotals | undefined;
  readonly serverTotals?: SocketTotals | undefined;
}
