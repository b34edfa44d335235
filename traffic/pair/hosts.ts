// Which hosts tell events, which addresses are theirs, and from when to when: so that "nothing was heard of it" can be
// told from "nobody was there to say so". Bounded: so many hosts and addresses; what does not fit is as if unknown.
// Refuses: to look names up. An address is a host's when the host's own events say so.

import type { ToldEvent } from '../events/read-sentence.ts';
import type { Gap, Watch } from '../events/watch.ts';

const HOSTS_MAX = 10_000;
const ADDRESSES_MAX = 100_000;
const WATCHES_MAX = 1000;
const GAPS_MAX = 10_000;

export interface HostRecord {
  readonly name: string;
  events: number;
  /** Times of its first and last event in these files, by its own clock. */
  firstUs: number;
  lastUs: number;
  /** When it began and ended to watch, as far as it is told; bounded. */
  readonly watches: Watch[];
  /** Spans of which it cannot have told everything; bounded. */
  readonly gaps: Gap[];
}

export class HostBook {
  readonly #hosts = new Map<string, HostRecord>();
  readonly #owners = new Map<string, Set<string>>();

  add(host: string, event: ToldEvent): void {
    const record = this.#see(host, event.timeUs);
    if (record) record.events += 1;
    if (event.view === 'client' || event.view === 'both') this.#own(event.clientAddress, host);
    if (event.view === 'server' || event.view === 'both') this.#own(event.serverAddress, host);
  }

  addWatch(host: string, watch: Watch): void {
    const record = this.#see(host, watch.timeUs);
    if (record && record.watches.length < WATCHES_MAX) record.watches.push(watch);
    for (const address of watch.addresses) this.#own(address, host);
  }

  addGap(host: string, gap: Gap): void {
    const record = this.#see(host, gap.toUs);
    if (record && record.gaps.length < GAPS_MAX) record.gaps.push(gap);
  }

  /** What the host may have missed between two times; undefined: nothing, as far as it says. */
  gapOf(host: string, fromUs: number, toUs: number): Gap | undefined {
    const gaps = this.#hosts.get(host)?.gaps.filter((gap) => gap.fromUs <= toUs && gap.toUs >= fromUs) ?? [];
    if (gaps.length === 0) return undefined;
    const sum = (value: (gap: Gap) => number) => gaps.reduce((total, gap) => total + value(gap), 0);
    return {
      fromUs,
      toUs,
      dropped: sum(({ dropped }) => dropped),
      evicted: sum(({ evicted }) => evicted),
      heldBack: sum(({ heldBack }) => heldBack),
    };
  }

  #see(name: string, timeUs: number): HostRecord | undefined {
    const known = this.#hosts.get(name);
    if (known) {
      known.firstUs = Math.min(known.firstUs, timeUs);
      known.lastUs = Math.max(known.lastUs, timeUs);
      return known;
    }
    if (this.#hosts.size >= HOSTS_MAX) return undefined;
    const record = { name, events: 0, firstUs: timeUs, lastUs: timeUs, watches: [], gaps: [] };
    this.#hosts.set(name, record);
    return record;
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

  /** Whether it had said that it watches, and not that it ended, by then; undefined: it said neither. */
  isWatching({ watches }: HostRecord, atUs: number): boolean | undefined {
    const last = watches
      .filter(({ timeUs }) => timeUs <= atUs)
      .sort((a, b) => a.timeUs - b.timeUs || Number(a.isOn) - Number(b.isOn))
      .at(-1);
    return last?.isOn;
  }
}
