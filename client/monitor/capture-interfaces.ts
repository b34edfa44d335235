// Which interfaces are captured, as they come, go, and come back: what the settings name is compared with what the
// kernel has, at start and whenever it says that something changed. Knows the names of interfaces by their index, and
// the addresses of this host.
//
// Refuses: to open anything. It says at what to aim; the loop does.

import { Fault } from '../../base/fault.ts';
import { printAddress } from '../../base/ip.ts';
import { listInterfaces, type NetworkInterface } from '../../kernel/interfaces.ts';
import type { InterfaceState } from './capture.port.ts';

/** All interfaces. */
export const ANY = 'any';

/** At what the ring is to be aimed. */
export interface Target {
  /** The one that it is bound to; 0: all. */
  readonly interfaceIndex: number;
  /** Of all, only these; undefined: each. */
  readonly only: readonly number[] | undefined;
  readonly isLoopback: boolean;
}

/** Throws a Fault if one of these interfaces is not there now. */
export function demandInterfaces(names: readonly string[]): void {
  const found = listInterfaces();
  if (!found.ok) return;
  const present = found.interfaces.map(({ name }) => name);
  const missing = names.filter((name) => name !== ANY && !present.includes(name));
  if (missing.length === 0) return;
  throw new Fault('CAPTURE_NO_INTERFACE', {
    what: `There is no network interface called ${missing.map((name) => `"${name}"`).join(' or ')}.`,
    mend: `There are: ${[...present, ANY].join(', ')}.`,
  });
}

export class InterfaceWatch {
  /** Index to name, of all that there were. */
  readonly names = new Map<number, string>();
  target: Target = { interfaceIndex: 0, only: [], isLoopback: false };
  readonly #wanted: readonly string[];
  readonly #tell: (state: InterfaceState) => void;
  readonly #states = new Map<string, InterfaceState>();
  #own: ReadonlySet<string> = new Set();
  #captured: readonly NetworkInterface[] = [];

  constructor(wanted: readonly string[], tell: (state: InterfaceState) => void) {
    this.#wanted = wanted;
    this.#tell = tell;
  }

  get captured(): readonly NetworkInterface[] {
    return this.#captured;
  }

  isOwn(address: string): boolean {
    return this.#own.has(address) || address.startsWith('127.');
  }

  nameOf(index: number): string {
    return this.names.get(index) ?? '';
  }

  /** Looks at what is there. Whether the ring must be aimed anew. */
  look(): boolean {
    const found = listInterfaces();
    if (!found.ok) return false;
    for (const { index, name } of found.interfaces) this.names.set(index, name);
    this.#own = new Set(found.interfaces.flatMap(({ addresses }) => addresses.map(printAddress)));
    const isAll = this.#wanted.includes(ANY);
    const here = found.interfaces.filter(({ name }) => isAll || this.#wanted.includes(name));
    this.#captured = here.filter(({ isUp }) => isUp);
    this.#compare(here, isAll);
    const before = JSON.stringify(this.target);
    this.target = isAll
      ? { interfaceIndex: 0, only: undefined, isLoopback: false }
      : aimOf(here, this.#wanted);
    return JSON.stringify(this.target) !== before;
  }

  #compare(here: readonly NetworkInterface[], isAll: boolean): void {
    const names = isAll ? here.map(({ name }) => name) : this.#wanted;
    for (const name of names) {
      const found = here.find((one) => one.name === name);
      // Of all interfaces, one that is down is nobody's trouble.
      if (isAll && !found?.isUp && !this.#states.has(name)) continue;
      this.#become(stateOf(name, found));
    }
    for (const { name, state } of [...this.#states.values()]) {
      if (names.includes(name)) continue;
      if (state !== 'absent') this.#become(stateOf(name, undefined));
      this.#states.delete(name);
    }
  }

  #become(state: InterfaceState): void {
    if (this.#states.get(state.name)?.state === state.state) return;
    this.#states.set(state.name, state);
    this.#tell(state);
  }
}

function stateOf(name: string, found: NetworkInterface | undefined): InterfaceState {
  if (!found) return { name, state: 'absent', trouble: `There is no interface ${name} now.` };
  if (found.isUp) return { name, state: 'captured', trouble: undefined };
  return { name, state: 'failed', trouble: `The interface ${name} is down.` };
}

/** One alone is bound to, so that the others' packets cost nothing; of several each packet is asked. */
function aimOf(here: readonly NetworkInterface[], wanted: readonly string[]): Target {
  const [one] = here;
  if (one && wanted.length === 1) {
    return { interfaceIndex: one.index, only: undefined, isLoopback: one.isLoopback };
  }
  return { interfaceIndex: 0, only: here.map(({ index }) => index), isLoopback: false };
}
