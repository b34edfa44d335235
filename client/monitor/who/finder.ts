// Whose a socket is, in words: the process that holds it, with its name, user and unit; where the process cannot be named,
// the unit by the control group of the socket; else the reason why nobody can.
//
// Promises: never a wrong name. A process was seen to hold the inode, its name was read after that, and then it held it
// still, or at least had begun before it was looked for.

import { uptime } from 'node:os';
import type { Ends, InetDiag, InetSocket } from '../../../kernel/inet-diag.ts';
import type { Owner, ProcHow } from '../../../traffic/events/owner.ts';
import type { Allowance } from './budget.ts';
import type { WhoCounters } from './counts.ts';
import type { Holders, Holding, Search } from './holders.ts';
import { type Process, readProcess, readProcessGroup } from './processes.ts';
import { type Group, type Groups, readGroupPath } from './units.ts';
import type { Users } from './users.ts';

/** USER_HZ, the ticks of proc(5): 100 on every Linux of 64 bits. */
const TICKS_PER_SECOND = 100;
/** A start is rounded down to a tick, and the uptime may be too. */
const START_SLACK_TICKS = 2;
/** The unit of a process is read again after so long. */
const GROUP_KEPT_MS = 10_000;
const GROUPS_KEPT_MAX = 1024;
/** Of a large group its newest processes are tried before all others of the host. */
const CANDIDATES_MAX = 256;
/** Where processes are before systemd puts them into units, and what it does for others. */
const NO_UNIT = 'init.scope';

export interface FinderParts {
  readonly diag: Pick<InetDiag, 'find'>;
  readonly holders: Pick<Holders, 'find' | 'holds' | 'stillHolds'>;
  readonly users: Pick<Users, 'name'>;
  readonly groups: Pick<Groups, 'pathOf' | 'processesOf'>;
  readonly counters: WhoCounters;
  /** Whether processes of other users are there to be seen. */
  readonly seesAll: boolean;
}

interface KeptGroup {
  readonly startTicks: number;
  readonly path: string;
  readonly atMs: number;
}

export class Finder {
  readonly #parts: FinderParts;
  readonly #kept = new Map<number, KeptGroup>();

  constructor(parts: FinderParts) {
    this.#parts = parts;
  }

  /** `searchMs`: how long processes may be looked through. */
  ownerOf(socket: InetSocket, ends: Ends, allowance: Allowance, searchMs: number): Owner {
    if (socket.inode === 0) return this.byGroup(socket) ?? { how: 'unknown:closed' };
    if (allowance !== 'dear') return this.byGroup(socket) ?? { how: 'unknown:busy', ...this.#user(socket) };
    const { holders, counters } = this.#parts;
    counters.add('lookups');
    const beganMs = performance.now();
    const holding = holders.find(socket.inode, this.#search(socket, ends, beganMs + searchMs));
    if (holding.kind === 'held') {
      const owner = this.byProcess(holding.pid, holding.isKnown ? 'cache' : 'exact', socket, beganMs);
      if (owner) counters.add(holding.isKnown ? 'foundKnown' : 'foundScan');
      if (owner) return owner;
    }
    counters.add('foundNobody');
    return this.byGroup(socket) ?? { how: this.#reason(holding, socket, ends), ...this.#user(socket) };
  }

  /** The processes of the socket's group, newest first. */
  #candidates(socket: InetSocket): readonly number[] {
    const pids = this.#parts.groups.processesOf(socket.cgroupId, performance.now());
    return pids.slice(-CANDIDATES_MAX).reverse();
  }

  #search(socket: InetSocket, ends: Ends, untilMs: number): Search {
    return {
      candidates: () => this.#candidates(socket),
      isThere: () => this.#isThere(socket, ends),
      untilMs,
    };
  }

  #isThere({ cookie }: InetSocket, ends: Ends): boolean {
    const now = this.#parts.diag.find(ends);
    return now.kind === 'socket' && now.socket.cookie === cookie && now.socket.inode !== 0;
  }

  #reason(holding: Holding, socket: InetSocket, ends: Ends): ProcHow {
    if (holding.kind === 'late') return 'unknown:busy';
    // A process that was found and is gone, or a socket that was closed while all were looked through.
    if (holding.kind === 'held' || !this.#isThere(socket, ends)) return 'unknown:closed';
    return this.#unseen(holding);
  }

  /** Undefined: the process is gone, or is another one now. */
  byProcess(pid: number, how: ProcHow, socket: InetSocket, beganMs: number): Owner | undefined {
    const process = readProcess(pid);
    if (!process || !this.#isSame(process, socket.inode, beganMs)) return undefined;
    return {
      how,
      process: process.name,
      pid,
      ...this.#user(socket),
      ...this.#groupOf(process, socket.cgroupId),
    };
  }

  #isSame(process: Process, inode: number, beganMs: number): boolean {
    const { holders } = this.#parts;
    if (holders.stillHolds(process.pid, inode) || holders.holds(process.pid, inode)) return true;
    const passedSeconds = (performance.now() - beganMs) / 1000;
    return process.startTicks <= (uptime() - passedSeconds) * TICKS_PER_SECOND + START_SLACK_TICKS;
  }

  #groupOf(process: Process, cgroupId: number): Group {
    const nowMs = performance.now();
    const kept = this.#kept.get(process.pid);
    if (kept && kept.startTicks === process.startTicks && nowMs - kept.atMs < GROUP_KEPT_MS)
      return readGroupPath(kept.path);
    const path = readProcessGroup(process.pid);
    if (path === undefined) return this.byGroup({ cgroupId, inode: 0, uid: 0 }) ?? {};
    if (this.#kept.size >= GROUPS_KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value as number);
    this.#kept.delete(process.pid);
    this.#kept.set(process.pid, { startTicks: process.startTicks, path, atMs: nowMs });
    return readGroupPath(path);
  }

  /** Of a socket that waits, for whom no sweep has come yet. */
  listenerOf(socket: InetSocket, searchMs: number): Owner {
    const beganMs = performance.now();
    const untilMs = beganMs + searchMs;
    const search = { candidates: () => this.#candidates(socket), isThere: () => true, untilMs };
    const holding = this.#parts.holders.find(socket.inode, search);
    const owner =
      holding.kind === 'held' ? this.byProcess(holding.pid, 'listener', socket, beganMs) : undefined;
    if (owner) return owner;
    const how = holding.kind === 'late' ? 'unknown:busy' : this.#unseen(holding);
    return this.byGroup(socket) ?? { how, ...this.#user(socket) };
  }

  #unseen(holding: Holding): ProcHow {
    return holding.kind === 'hidden' || !this.#parts.seesAll ? 'unknown:no-permission' : 'unknown:kernel';
  }

  /** By the control group alone. The kernel knows no user of a socket that no process has. */
  byGroup(socket: Pick<InetSocket, 'cgroupId' | 'inode' | 'uid'>): Owner | undefined {
    const path = this.#parts.groups.pathOf(socket.cgroupId, performance.now());
    if (path === undefined) return undefined;
    const { unit, container } = readGroupPath(path);
    if ((unit === undefined || unit === NO_UNIT) && container === undefined) return undefined;
    return { how: 'cgroup', ...(socket.inode === 0 ? {} : this.#user(socket)), unit, container };
  }

  #user({ uid }: { readonly uid: number }): { uid: number; user: string | undefined } {
    return { uid, user: this.#parts.users.name(uid, performance.now()) };
  }
}
