// Who may connect: by address, by how many there are, and by how many there are of one source. A balancer that
// may speak for others (`syslog.proxyProtocol`) is let in whoever it is: its header says who is judged.

import { type Address, inAny } from '../../base/ip.ts';
import type { SyslogConfig } from '../../config/server.ts';
import type { Refusal } from './counts.ts';
import type { Peer } from './peers.ts';

/** What is held against the sender itself. */
export type SourceRefusal = Extract<Refusal, 'not_allowed' | 'too_many_from_source'>;

export class Admission {
  #config: SyslogConfig;
  #count = 0;
  /** Connections by source, where there are any: as many entries as connections at most. */
  readonly #bySource = new Map<string, number>();

  constructor(config: SyslogConfig) {
    this.#config = config;
  }

  /** New limits do not end what stands. */
  configure(config: SyslogConfig): void {
    this.#config = config;
  }

  isBalancer(address: Address): boolean {
    const { proxyProtocol } = this.#config;
    return proxyProtocol.length > 0 && inAny(proxyProtocol, address);
  }

  /** Why there is no place for one more connection, whoever it is. */
  get crowded(): Refusal | undefined {
    return this.#count >= this.#config.maxConnections ? 'too_many_connections' : undefined;
  }

  /** Why this sender is not taken. */
  refusal(peer: Peer): SourceRefusal | undefined {
    if (!peer.allowed) return 'not_allowed';
    const { maxConnectionsPerSource } = this.#config;
    if (maxConnectionsPerSource === 0) return undefined;
    const has = this.#bySource.get(peer.name) ?? 0;
    return has >= maxConnectionsPerSource ? 'too_many_from_source' : undefined;
  }

  opened(): void {
    this.#count += 1;
  }

  closed(source: string | undefined): void {
    this.#count -= 1;
    if (source === undefined) return;
    const left = (this.#bySource.get(source) ?? 0) - 1;
    if (left > 0) this.#bySource.set(source, left);
    else this.#bySource.delete(source);
  }

  /** Counts one more connection of the source, and gives the name that it is counted under. */
  enter(peer: Peer): string {
    this.#bySource.set(peer.name, (this.#bySource.get(peer.name) ?? 0) + 1);
    return peer.name;
  }
}
