// Which failed handshakes are said, so that a person hears of each kind and a scanner cannot flood the log: at
// most one line a minute for a kind, and a peer that was named is not named again for the same kind within the
// hour. What was not said is counted, and the next line of its kind tells how many and from how many addresses.
//
// Memory: PEERS_MAX addresses for each kind; beyond it the hour begins anew for all of them.

import type { TlsTrouble } from './tls-counts.ts';

const SAY_EVERY_MS = 60_000;
const SAY_PEER_EVERY_MS = 3_600_000;
const PEERS_MAX = 1000;

export interface Verdict {
  /** Not said since the last line of this kind. */
  readonly more: number;
  readonly morePeers: number;
}

/** What is remembered of one kind. */
interface Kind {
  saidAtMs: number;
  more: number;
  readonly morePeers: Set<string>;
  /** When a peer was named. */
  readonly named: Map<string, number>;
}

export class TroubleVoice {
  readonly #kinds = new Map<TlsTrouble, Kind>();

  /** Undefined: it is counted, and not said. `peer` is the address without the port. */
  ask(trouble: TlsTrouble, peer: string, nowMs: number): Verdict | undefined {
    const kind = this.#kind(trouble);
    const namedAtMs = kind.named.get(peer) ?? -SAY_PEER_EVERY_MS;
    if (nowMs - kind.saidAtMs < SAY_EVERY_MS || nowMs - namedAtMs < SAY_PEER_EVERY_MS) {
      kind.more += 1;
      if (kind.morePeers.size < PEERS_MAX) kind.morePeers.add(peer);
      return undefined;
    }
    if (kind.named.size >= PEERS_MAX) kind.named.clear();
    kind.named.set(peer, nowMs);
    kind.saidAtMs = nowMs;
    const verdict = { more: kind.more, morePeers: kind.morePeers.size };
    kind.more = 0;
    kind.morePeers.clear();
    return verdict;
  }

  #kind(trouble: TlsTrouble): Kind {
    const known = this.#kinds.get(trouble);
    if (known) return known;
    const kind = { saidAtMs: -SAY_EVERY_MS, more: 0, morePeers: new Set<string>(), named: new Map() };
    this.#kinds.set(trouble, kind);
    return kind;
  }
}
