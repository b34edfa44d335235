// Which process holds a socket: the one among whose descriptors its inode is. Looked for first where it most probably
// is: among the processes that had sockets a moment ago (at the descriptors next to the last), among those that have just
// begun, in the socket's control group; then everywhere, newest first. Every answer was seen in /proc just now.
//
// Refuses: to search longer than it is told; and memory without end: 64 known processes, 65,536 known inodes.

import { DescriptorLinks } from '../../../kernel/descriptor-links.ts';
import { listDescriptors, listProcesses, readLastPid, readLeader } from './processes.ts';

/** As many as were measured to serve connections of a millisecond (docs/who.md). */
const KNOWN_MAX = 64;
const FRESH_MAX = 64;
/** The last pids that were given: what a shell starts for one command, some times over. */
const NEWEST_MAX = 24;
/** A socket that is gone meanwhile is not looked for any longer than this. */
const CHECK_MS = 1;
/** linux/threads.h, PID_MAX_LIMIT. */
const PIDS = 4_194_304;
/** Known processes that are tried before those that have just begun. */
const HOT_MAX = 4;
const INODES_MAX = 65_536;
/** Descriptors next to the last one that are tried before the whole list is. */
const NEIGHBOURS = [0, 1, -1, 2, -2, 3, 4, -3];
/** Where the first sockets of a new process are: behind its standard streams. */
const FIRST_DESCRIPTORS = [3, 4, 5, 6, 7, 8];

export type Holding =
  /** `isKnown`: it had been found with such a socket before. */
  | { readonly kind: 'held'; readonly pid: number; readonly isKnown: boolean }
  /** All processes were looked through. */
  | { readonly kind: 'nobody' }
  /** Nobody among those that may be looked into. */
  | { readonly kind: 'hidden' }
  /** The socket was closed meanwhile. */
  | { readonly kind: 'gone' }
  /** The time was over before all had been looked through. */
  | { readonly kind: 'late' };

export interface Search {
  /** Processes that it might well be, in the order in which to try. */
  readonly candidates: () => readonly number[];
  /** Whether the socket has this inode still. */
  readonly isThere: () => boolean;
  readonly untilMs: number;
}

interface Known {
  readonly pid: number;
  descriptor: number;
}

interface Place {
  readonly pid: number;
  readonly descriptor: number;
}

export class Holders {
  readonly #links = new DescriptorLinks();
  /** Most recently used first. */
  readonly #known: Known[] = [];
  /** Processes that have just begun, newest last. */
  readonly #fresh = new Set<number>();
  /** Where an inode was seen when somebody else was looked for. */
  readonly #places = new Map<number, Place>();
  /** The pid that was given last, as far as it is known. */
  #newest = 0;
  /** Set while searching: somebody could not be looked into. */
  #isHidden = false;

  find(inode: number, search: Search): Holding {
    this.#isHidden = false;
    const hot = this.#findKnown(inode, 0, HOT_MAX);
    if (hot) return hot;
    const near = this.#findPlace(inode) ?? this.#findFresh(inode) ?? this.#findNewest(inode);
    if (near !== undefined) return this.#keep(near);
    const known = this.#findKnown(inode, HOT_MAX, KNOWN_MAX);
    return known ?? this.#findFar(inode, search);
  }

  /** Where each process costs a list of its descriptors: only for a socket that is there still. */
  #findFar(inode: number, search: Search): Holding {
    const pids = [
      () => search.candidates(),
      () => this.#known.map(({ pid }) => pid),
      () => newestFirst(listProcesses(), this.#newest),
    ];
    for (const list of pids) {
      if (!search.isThere()) return { kind: 'gone' };
      const found = this.#findAmong(inode, list(), search);
      if (typeof found === 'string') return { kind: found };
      if (found !== undefined) return this.#keep(found);
    }
    return { kind: this.#isHidden ? 'hidden' : 'nobody' };
  }

  /** Whether the process holds it now, at any descriptor. */
  holds(pid: number, inode: number): boolean {
    return this.#search(pid, inode) !== undefined;
  }

  /** Whether the process that was found last holds it still, at the same descriptor. */
  stillHolds(pid: number, inode: number): boolean {
    const [last] = this.#known;
    if (last?.pid !== pid) return false;
    this.#links.choose(pid);
    return this.#links.inode(last.descriptor) === inode;
  }

  /** Every process that holds one of these, oldest first; and all other sockets on the way are remembered. */
  *sweep(wanted: ReadonlySet<number>): Generator<void, ReadonlyMap<number, readonly number[]>> {
    const held = new Map<number, number[]>();
    for (const pid of listProcesses().sort((a, b) => a - b)) {
      for (const inode of this.#socketsOf(pid)) {
        if (!wanted.has(inode)) continue;
        const pids = held.get(inode) ?? [];
        if (pids.at(-1) !== pid) pids.push(pid);
        held.set(inode, pids);
      }
      yield;
    }
    return held;
  }

  #socketsOf(pid: number): readonly number[] {
    const descriptors = listDescriptors(pid);
    if (typeof descriptors === 'string') return [];
    this.#links.choose(pid);
    const inodes: number[] = [];
    for (const descriptor of descriptors) {
      const inode = this.#links.inode(descriptor);
      if (inode === 0) continue;
      this.#remember(inode, { pid, descriptor });
      inodes.push(inode);
    }
    return inodes;
  }

  /** A process began. */
  begun(pid: number): void {
    this.#fresh.delete(pid);
    this.#fresh.add(pid);
    if (this.#fresh.size > FRESH_MAX) this.#fresh.delete(this.#fresh.values().next().value as number);
  }

  #keep({ pid, descriptor }: Place): { kind: 'held'; pid: number; isKnown: false } {
    const at = this.#known.findIndex((one) => one.pid === pid);
    if (at >= 0) this.#known.splice(at, 1);
    this.#known.unshift({ pid, descriptor });
    if (this.#known.length > KNOWN_MAX) this.#known.pop();
    return { kind: 'held', pid, isKnown: false };
  }

  /** Those that are gone by now are forgotten on the way. */
  #findKnown(inode: number, from: number, end: number): Holding | undefined {
    const gone: number[] = [];
    let held: Holding | undefined;
    for (const known of this.#known.slice(from, end)) {
      this.#links.choose(known.pid);
      const descriptor = this.#findNear(known.descriptor, inode);
      if (descriptor === undefined) {
        if (!this.#links.exists()) gone.push(known.pid);
        continue;
      }
      held = { ...this.#keep({ pid: known.pid, descriptor }), isKnown: true };
      break;
    }
    for (const pid of gone) this.#forget(pid);
    return held;
  }

  #findNear(last: number, inode: number): number | undefined {
    for (const step of NEIGHBOURS) {
      const descriptor = last + step;
      if (descriptor >= 0 && this.#links.inode(descriptor) === inode) return descriptor;
    }
    return undefined;
  }

  #findPlace(inode: number): Place | undefined {
    const place = this.#places.get(inode);
    if (!place) return undefined;
    this.#places.delete(inode);
    this.#links.choose(place.pid);
    return this.#links.inode(place.descriptor) === inode ? place : undefined;
  }

  #findFresh(inode: number): Place | undefined {
    const newest = [...this.#fresh].reverse();
    for (const pid of newest) {
      this.#links.choose(pid);
      for (const descriptor of FIRST_DESCRIPTORS)
        if (this.#links.inode(descriptor) === inode) return { pid, descriptor };
    }
    return undefined;
  }

  /** Pids are given in order, so a process that began a moment ago has one of the last. */
  #findNewest(inode: number): Place | undefined {
    this.#newest = readLastPid() ?? this.#newest;
    for (let pid = this.#newest; pid > this.#newest - NEWEST_MAX && pid > 0; pid -= 1) {
      this.#links.choose(pid);
      if (!this.#links.exists()) continue;
      for (const descriptor of FIRST_DESCRIPTORS) {
        if (this.#links.inode(descriptor) !== inode) continue;
        // A thread has a number of its own, and the descriptors of its process.
        const leader = readLeader(pid);
        return leader === undefined ? undefined : { pid: leader, descriptor };
      }
    }
    return undefined;
  }

  #findAmong(inode: number, pids: readonly number[], search: Search): Place | 'gone' | 'late' | undefined {
    let checkAtMs = performance.now() + CHECK_MS;
    for (const pid of pids) {
      const nowMs = performance.now();
      if (nowMs > search.untilMs) return 'late';
      if (nowMs > checkAtMs) {
        if (!search.isThere()) return 'gone';
        checkAtMs = nowMs + CHECK_MS;
      }
      const held = this.#search(pid, inode);
      if (held) return held;
    }
    return undefined;
  }

  #search(pid: number, inode: number): Place | undefined {
    const descriptors = listDescriptors(pid);
    if (descriptors === 'hidden') this.#isHidden = true;
    if (descriptors === 'gone') this.#forget(pid);
    if (typeof descriptors === 'string') return undefined;
    this.#links.choose(pid);
    let found: Place | undefined;
    for (const descriptor of descriptors) {
      const seen = this.#links.inode(descriptor);
      if (seen === inode) found = { pid, descriptor };
      else if (seen > 0) this.#remember(seen, { pid, descriptor });
      if (found) return found;
    }
    return undefined;
  }

  #forget(pid: number): void {
    this.#fresh.delete(pid);
    const at = this.#known.findIndex((one) => one.pid === pid);
    if (at >= 0) this.#known.splice(at, 1);
  }

  #remember(inode: number, place: Place): void {
    if (this.#places.size >= INODES_MAX && !this.#places.has(inode))
      this.#places.delete(this.#places.keys().next().value as number);
    this.#places.set(inode, place);
  }
}

/** From the last one that was given downwards, and from the largest on: they begin again at the lowest. */
export function newestFirst(pids: readonly number[], last: number): number[] {
  const age = (pid: number) => (pid <= last ? last - pid : last - pid + PIDS);
  return [...pids].sort((a, b) => age(a) - age(b));
}
