// Which hosts tell events, which addresses are theirs, and from when to when: so that "nothing was heard of it" can be
// told from "nobody was there to say so". Bounded: so many hosts and addresses; what does not fit is as if unknown.
// Refuses: to look names up. An address is a host's when the host's own events say so.

import type { ToldEvent } from '../events/read-sentence.ts';

const HOSTS_MAX = 10_000;
const ADDRESSES_MAX = 100_000;

export interface HostRecord {
  readonly name: string;
  events: number;
  /** Times of its first and last event in these files, by its own clock. */
  firstUs: number;
  lastUs: number;
}

export class HostBook {
  readonly #hosts = new Map<string, HostRecord>();
  readonly #owners = new Map<string, Set<string>>();

  add(host: string, event: ToldEvent): void {
    const record = this.#hosts.get(host);
    if (record) {
      record.events += 1;
      record.firstUs = Math.min(record.firstUs, event.timeUs);
      record.lastUs = Math.max(record.lastUs, event.timeUs);
    } else if (this.#hosts.size < HOSTS_MAX) {
      this.#hosts.set(host, { name: host, events: 1, firstUs: event.timeUs, lastUs: event.timeUs });
    }
    if (event.view === 'client' || event.view === 'both') this.#own(event.clientAddress, host);
    if (event.view === 'server' || event.view === 'both') this.#own(event.serverAddress, host);
  }

  #own(address: string, host: string): void {
    // Every host has it.
    if (address.startsWith('127.') || address === '::1') return;
    const owners = this.#owners.get(address);
    if (owners) owners.add(host);
    else if (this.#owners.size < ADDRESSES_MAX) this.#owners.set(address, new Set([host]));
  }

  get hosts(): readonly HostRecord[] {
    return [...this.#hosts.values()];
  }

  /** The one host that has the address; undefined: none is known, or several have it. */
  ownerOf(address: string): HostRecord | undefined {
    const owners = this.#owners.get(address);
    if (owners?.size !== 1) return undefined;
    const [name = ''] = owners;
    return this.#hosts.get(name);
  }

  owns(host: string, address: string): boolean {
    return this.#owners.get(address)?.has(host) ?? false;
  }
}
