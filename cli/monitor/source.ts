// Where the live view and the lines of `belfry monitor` get what they show: what they need of client/monitor, and nothing
// else, so that a test can be the network.
// Refuses: to start or stop it; the command does.

import type { InterfaceState, Snapshot, SnapshotOrder } from '../../client/monitor/capture.port.ts';
import type { Monitor } from '../../client/monitor/monitor.ts';
import type { WhoQuestion } from '../../client/monitor/who/who.port.ts';
import type { Owners } from '../../traffic/events/owner.ts';

/** Since the start. */
export interface SourceCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly flows: number;
  readonly evicted: number;
  /** Events that were not told, since this program was too busy to hear them. */
  readonly unheard: number;
}

export interface Source {
  counts(): SourceCounts;
  interfaces(): readonly InterfaceState[];
  snapshot(order: SnapshotOrder, rowsMax: number): Promise<Snapshot>;
  setFilter(filter: string | undefined): void;
  ownersOf(question: WhoQuestion): Promise<Owners>;
  /** What cannot be said of owners, in a sentence; undefined: nothing is missing. */
  ownersTrouble(): string | undefined;
}

export function sourceOf(monitor: Monitor): Source {
  return {
    counts: () => {
      const { packets, ipBytes, dropped, flows, evicted, unheard } = monitor.counts();
      return { packets, bytes: ipBytes, dropped, flows, evicted, unheard };
    },
    interfaces: () => monitor.interfaces(),
    snapshot: (order, rowsMax) => monitor.snapshot(order, rowsMax),
    setFilter: (filter) => monitor.setFilter(filter),
    ownersOf: (question) => monitor.ownersOf(question),
    ownersTrouble: () => {
      // Without `starts` only processes of milliseconds may go unnamed: not worth a warning each time.
      const missing = monitor.who()?.ways.filter(({ way, works }) => !works && way !== 'starts') ?? [];
      return missing.length === 0 ? undefined : missing.map(({ sentence }) => sentence).join(' ');
    },
  };
}
