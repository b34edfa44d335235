// Who is at the other end, by address and, where one was shown, by certificate: whether they may send, the zone
// of their clocks, and their address as text. Looked up once for each and remembered, up to a limit; no name is
// ever resolved.

import { type Address, inAny, inRange, isV4, printAddress } from '../../base/ip.ts';
import type { SyslogConfig } from '../../config/server.ts';
import { type ZoneOffset, zoneFor } from '../../syslog/time.ts';

export interface Peer {
  /** Never the same for two addresses, or two certificates behind one, in the life of a lane. */
  readonly id: number;
  readonly address: Address;
  /** Of the certificate that was shown. */
  readonly certName: string | undefined;
  /** The address as text: for people, and as the bytes that stand for an absent host. */
  readonly name: string;
  readonly text: Uint8Array;
  readonly allowed: boolean;
  /** Applies to times that name no zone. */
  readonly zone: ZoneOffset;
  /** Their zone is the server's: such times are written to files as they came. */
  readonly printsAsSent: boolean;
}

/** The zone of the machine, in the configuration's language. */
export const SERVER_ZONE = 'local';

const PEERS_MAX = 65_536;

export class Peers {
  /** How often the table was full and begun anew. */
  forgotten = 0;

  #config: SyslogConfig;
  readonly #v4 = new Map<number, Peer>();
  readonly #v6 = new Map<string, Peer>();
  /** By address and the name of the certificate. */
  readonly #named = new Map<string, Peer>();
  #nextId = 1;
  #last: Peer | undefined;

  constructor(config: SyslogConfig) {
    this.#config = config;
  }

  /** A new configuration: everyone is looked at again. */
  configure(config: SyslogConfig): void {
    this.#config = config;
    this.#forget();
  }

  #forget(): void {
    this.#v4.clear();
    this.#v6.clear();
    this.#named.clear();
    this.#last = undefined;
  }

  /** The peer with these address words (base/ip.ts), by what it showed. */
  find(w0: number, w1: number, w2: number, w3: number, certName?: string): Peer {
    const last = this.#last;
    if (last !== undefined && last.address.w3 === w3 && last.address.w2 === w2) {
      if (last.address.w1 === w1 && last.address.w0 === w0 && last.certName === certName) return last;
    }
    const address = { w0, w1, w2, w3 };
    const peer = this.#known(address, certName) ?? this.#meet(address, certName);
    this.#last = peer;
    return peer;
  }

  #known(address: Address, certName: string | undefined): Peer | undefined {
    if (certName !== undefined) return this.#named.get(namedKey(address, certName));
    return isV4(address) ? this.#v4.get(address.w3) : this.#v6.get(v6Key(address));
  }

  #meet(address: Address, certName: string | undefined): Peer {
    if (this.#v4.size + this.#v6.size + this.#named.size >= PEERS_MAX) {
      this.#forget();
      this.forgotten += 1;
    }
    const peer = makePeer(this.#nextId, address, this.#config, certName);
    this.#nextId += 1;
    if (certName !== undefined) this.#named.set(namedKey(address, certName), peer);
    else if (isV4(address)) this.#v4.set(address.w3, peer);
    else this.#v6.set(v6Key(address), peer);
    return peer;
  }
}

function v6Key(address: Address): string {
  return `${address.w0},${address.w1},${address.w2},${address.w3}`;
}

function namedKey(address: Address, certName: string): string {
  return `${v6Key(address)} ${certName}`;
}

export function makePeer(id: number, address: Address, config: SyslogConfig, certName?: string): Peer {
  const name = printAddress(address);
  const own = config.timeZone.ranges.find(({ range }) => inRange(range, address));
  const zoneName = own?.zone ?? config.timeZone.default;
  return {
    id,
    address,
    certName,
    name,
    text: Buffer.from(name, 'latin1'),
    allowed: inAny(config.allow, address),
    zone: zoneFor(zoneName),
    printsAsSent: zoneName === SERVER_ZONE,
  };
}
