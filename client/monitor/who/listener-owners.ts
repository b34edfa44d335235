// Who holds the sockets that wait. A socket that several processes hold (a server that has forked, a service manager that
// keeps it open) belongs to the oldest of those, if all have one name; pid 1 counts only where nobody else holds it.
// What was found is kept for a second, so that a flood of connections to one service costs one look.
//
// Refuses: to choose among processes of different names.

import type { InetSocket } from '../../../kernel/inet-diag.ts';
import type { Owner } from '../../../traffic/events/owner.ts';
import type { Finder } from './finder.ts';
import type { Holders } from './holders.ts';
import { type Process, readProcess } from './processes.ts';

const KEPT_MS = 1000;
const KEPT_MAX = 1024;
/** A look through all processes for one that was not known. */
const SEARCH_MS = 5;

type ListenerFinder = Pick<Finder, 'byProcess' | 'byGroup' | 'listenerOf'>;

export class ListenerOwners {
  readonly #finder: ListenerFinder;
  readonly #holders: Pick<Holders, 'holds'>;
  readonly #kept = new Map<number, { readonly owner: Owner; readonly atMs: number }>();
  #held: ReadonlyMap<number, readonly number[]> = new Map();

  constructor(finder: ListenerFinder, holders: Pick<Holders, 'holds'>) {
    this.#finder = finder;
    this.#holders = holders;
  }

  /** What a sweep found: for each inode who holds it, oldest first. */
  know(held: ReadonlyMap<number, readonly number[]>): void {
    this.#held = held;
    this.#kept.clear();
  }

  /** Of the sockets that a connection would reach: of one, or of several that share the port. */
  ownerOf(sockets: readonly InetSocket[]): Owner | undefined {
    const owners = sockets.map((socket) => this.#ownerOfOne(socket));
    const [first, ...others] = owners;
    if (first === undefined || others.length === 0) return first;
    return sharedOwner(first, others);
  }

  #ownerOfOne(socket: InetSocket): Owner {
    const nowMs = performance.now();
    const kept = this.#kept.get(socket.inode);
    if (kept && nowMs - kept.atMs < KEPT_MS) return kept.owner;
    const owner = this.#look(socket, nowMs);
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(socket.inode, { owner, atMs: nowMs });
    return owner;
  }

  #look(socket: InetSocket, nowMs: number): Owner {
    const holders = (this.#held.get(socket.inode) ?? []).filter((pid) =>
      this.#holders.holds(pid, socket.inode),
    );
    const served = holders.length > 1 ? holders.filter((pid) => pid !== 1) : holders;
    if (served.length === 0) return this.#finder.listenerOf(socket, SEARCH_MS);
    const processes = served.map(readProcess).filter((one) => one !== undefined);
    const oldest = oldestOf(processes);
    if (oldest === undefined) return this.#finder.byGroup(socket) ?? { how: 'unknown:shared' };
    return (
      this.#finder.byProcess(oldest.pid, 'listener', socket, nowMs) ??
      this.#finder.byGroup(socket) ?? { how: 'unknown:closed' }
    );
  }
}

/** Undefined: they have different names, or there is none. */
function oldestOf(processes: readonly Process[]): Process | undefined {
  const [first] = processes;
  if (first === undefined || processes.some(({ name }) => name !== first.name)) return undefined;
  return processes.reduce((oldest, one) => (one.startTicks < oldest.startTicks ? one : oldest));
}

/** Several sockets share a port: what they have in common is said, and no more. */
export function sharedOwner(first: Owner, others: readonly Owner[]): Owner {
  const all = [first, ...others];
  const common = <T>(read: (owner: Owner) => T): T | undefined =>
    all.every((owner) => read(owner) === read(first)) ? read(first) : undefined;
  const process = common((owner) => owner.process);
  const unit = common((owner) => owner.unit);
  return {
    how: process === undefined ? 'unknown:shared' : first.how,
    process,
    pid: process === undefined ? undefined : common((owner) => owner.pid),
    uid: common((owner) => owner.uid),
    user: common((owner) => owner.user),
    unit,
    container: common((owner) => owner.container),
  };
}
