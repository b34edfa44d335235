// A network of two for tests: a network namespace beside our own, joined to it by a pair of virtual Ethernet
// devices. A program started in it is a host that can be unplugged. Everything is gone when the process ends,
// however it ends; what an earlier run left behind, killed before it could tidy up, is removed first.
// Refuses: to touch a namespace or a device that no test made, and to change a route of the machine.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { Peer } from './peers.ts';

/** `belfry-PID-N`: whose it is can be seen, so that what is left over can be told from what is used. */
const NAME = /^belfry-(\d+)-(\d+)$/;

export interface Network {
  /** The address of this side, and of the other. IPv4, from the block for benchmarks (RFC 2544). */
  readonly here: string;
  readonly there: string;
  /** The program as it is started on the other side. */
  inside(program: Peer): Peer;
  /** The cable is pulled at the other side: nothing arrives, and nobody is told. */
  unplug(): void;
  plug(): void;
  remove(): void;
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function namespaces(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns') : [];
}

function removeNamespace(name: string): void {
  // The devices go with it, at this side as well.
  spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
}

function removeLeftovers(): void {
  for (const name of namespaces()) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNamespace(name);
  }
}

const made = new Set<string>();
process.on('exit', () => {
  for (const name of made) removeNamespace(name);
});

/** A block of four addresses that no device of this machine uses. */
function freeBlock(seed: number): string {
  const used = execFileSync('ip', ['-4', '-o', 'address'], { encoding: 'utf8' });
  for (let i = 0; i < 64; i++) {
    const number = (seed * 7 + i) % 16_384;
    const block = `198.18.${number >> 6}.${(number & 63) << 2}`;
    const here = block.replace(/\d+$/, (last) => String(Number(last) + 1));
    if (!used.includes(` ${here}/`)) return block;
  }
  throw new Error('no block of addresses is free');
}

function neighbour(block: string, number: number): string {
  return block.replace(/\d+$/, (last) => String(Number(last) + number));
}

let count = 0;

/** A network namespace with a working `lo`, and nothing else in it. */
export interface Namespace {
  readonly name: string;
  /** Counts from 0 in this process: part of the names of devices, which are the machine's. */
  readonly number: number;
  /** The program as it is started in it. */
  inside(program: Peer): Peer;
  /** ip(8) in it. */
  ip(...words: readonly string[]): void;
  /** With it go its devices, and the other ends of those. */
  remove(): void;
}

export function makeNamespace(): Namespace {
  removeLeftovers();
  const number = count++;
  const name = `belfry-${process.pid}-${number}`;
  ip('netns', 'add', name);
  made.add(name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
  return {
    name,
    number,
    inside: ({ path, args, env }) => ({
      path: 'nsenter',
      args: [`--net=/run/netns/${name}`, path, ...args],
      env,
    }),
    ip: (...words) => ip('-n', name, ...words),
    remove: () => {
      made.delete(name);
      removeNamespace(name);
    },
  };
}

export function makeNetwork(): Network {
  const space = makeNamespace();
  const { name, number } = space;
  // A device's name has at most 15 letters (IFNAMSIZ, linux/if.h).
  const [near, far] = [`bfa${process.pid}x${number}`, `bfb${process.pid}x${number}`];
  const block = freeBlock(process.pid + number * 17);
  const [here, there] = [neighbour(block, 1), neighbour(block, 2)];
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
  ip('address', 'add', `${here}/30`, 'dev', near);
  ip('link', 'set', near, 'up');
  space.ip('address', 'add', `${there}/30`, 'dev', far);
  space.ip('link', 'set', far, 'up');
  return {
    here,
    there,
    inside: space.inside,
    unplug: () => space.ip('link', 'set', far, 'down'),
    plug: () => space.ip('link', 'set', far, 'up'),
    remove: space.remove,
  };
}

/** For `skip`, or for doing without: false, or why there can be no network of two here. */
export function whyNoNetwork(): string | false {
  if (process.getuid?.() !== 0) return 'only root may make a network namespace';
  if (spawnSync('nsenter', ['--version'], { stdio: 'ignore' }).status !== 0) return 'nsenter is missing';
  try {
    makeNetwork().remove();
    return false;
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? (error as Error).message).trim();
    return `no network namespace can be made here: ${said}`;
  }
}
