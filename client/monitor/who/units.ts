// Control groups in the operator's words: the systemd unit or the container that a path such as
// "/system.slice/nginx.service" means, and the path that the kernel's id of a group means. The id is the inode number of
// the group's directory (cgroups v2), so that one walk through /sys/fs/cgroup knows all; for what appears later there is
// another walk, at most one a second.
//
// Refuses: to guess. A path without a unit and a container gives neither.

import { readdirSync, readFileSync, statSync } from 'node:fs';

export interface Group {
  readonly unit?: string | undefined;
  readonly container?: string | undefined;
}

const WALK_EVERY_MS = 1000;
/** Groups that are kept; a host with three thousand containers has fewer. */
const GROUPS_MAX = 16_384;
/** A walk is no longer than this. */
const WALK_MS = 50;
/** Twelve digits are what `docker ps` shows. */
const CONTAINER_DIGITS = 12;
const CONTAINER = /(?:^|[-/:])([0-9a-f]{64})(?:\.scope)?(?=\/|$)/g;
const UNIT = /\.(?:service|scope|socket|mount|swap)$/;
/** Containers that have a name: systemd-nspawn, LXC. */
const NAMED = /^(?:machine-(.+)\.scope|lxc\.payload\.(.+)|systemd-nspawn@(.+)\.service)$/;

/** The kernel escapes nothing, systemd does: "\x2d" is "-" (systemd.unit(5)). */
function unescaped(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** What a path below the root of control groups says. */
export function readGroupPath(path: string): Group {
  const parts = path.split('/').filter((part) => part !== '');
  const id = [...path.matchAll(CONTAINER)].at(-1)?.[1]?.slice(0, CONTAINER_DIGITS);
  const named = parts.map((part) => NAMED.exec(part)).findLast((match) => match !== null);
  const name = named?.[1] ?? named?.[2] ?? named?.[3];
  const container = id ?? (name === undefined ? undefined : unescaped(name));
  const unit = parts.findLast((part) => UNIT.test(part));
  return { unit: unit === undefined ? undefined : unescaped(unit), container };
}

/**
 * The path of a process in /proc/PID/cgroup: that of cgroups v2, or where the process is in the root of that, the one
 * that systemd keeps beside it ("hybrid").
 */
export function readGroupFile(text: string): string {
  let beside = '/';
  let unified = '/';
  for (const line of text.split('\n')) {
    if (line.startsWith('0::')) unified = line.slice(3);
    else if (/^\d+:name=systemd:/.test(line))
      beside = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
  }
  return unified === '/' ? beside : unified;
}

/** Where cgroups v2 are mounted, as /proc/self/mountinfo says. */
export function findGroupRoot(mounts: string): string | undefined {
  for (const line of mounts.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    if (right.startsWith('cgroup2 ')) return left.split(' ')[4];
  }
  return undefined;
}

export class Groups {
  readonly #root: string | undefined;
  readonly #paths = new Map<number, string>();
  #walkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(root = rootOfThisHost()) {
    this.#root = root;
  }

  /** Undefined: no group has this id, or none of them can be seen. */
  pathOf(id: number, nowMs: number): string | undefined {
    const known = this.#paths.get(id);
    if (known !== undefined || id === 0 || nowMs - this.#walkedAtMs < WALK_EVERY_MS) return known;
    this.#walk(nowMs);
    return this.#paths.get(id);
  }

  /** The processes of a group, newest last; none where they cannot be read. */
  processesOf(id: number, nowMs: number): readonly number[] {
    const path = this.pathOf(id, nowMs);
    if (this.#root === undefined || path === undefined || path === '/') return [];
    try {
      const text = readFileSync(`${this.#root}${path}/cgroup.procs`, 'latin1');
      return text
        .split('\n')
        .map(Number)
        .filter((pid) => pid > 0);
    } catch {
      return [];
    }
  }

  #keep(id: number, path: string): void {
    if (this.#paths.size >= GROUPS_MAX) this.#paths.delete(this.#paths.keys().next().value as number);
    this.#paths.set(id, path);
  }

  #walk(nowMs: number): void {
    this.#walkedAtMs = nowMs;
    if (this.#root === undefined) return;
    const untilMs = performance.now() + WALK_MS;
    const waiting = ['/'];
    while (waiting.length > 0 && performance.now() < untilMs) {
      const path = waiting.shift() as string;
      this.#visit(path, waiting);
    }
  }

  #visit(path: string, waiting: string[]): void {
    const folder = `${this.#root}${path}`;
    try {
      this.#keep(statSync(folder).ino, path);
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) waiting.push(path === '/' ? `/${entry.name}` : `${path}/${entry.name}`);
    } catch {
      // It went while it was looked at.
    }
  }
}

function rootOfThisHost(): string | undefined {
  try {
    return findGroupRoot(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return undefined;
  }
}
