// What the agent says of watching connections: one value, from which `belfry status` and its JSON are made. Counts are
// since the watching began; a reload that changes it begins anew.

import type { CaptureCounts } from './capture-counts.ts';
import type { InterfaceState } from './capture.port.ts';
import type { LineFileStatus } from './line-file.ts';
import type { WayState } from './who/who.port.ts';

export interface TrafficStatus {
  readonly since: string;
  readonly filter: string | null;
  readonly interfaces: readonly InterfaceState[];
  readonly counts: CaptureCounts;
  /** Made into messages, by the name of the event. */
  readonly events: Readonly<Record<string, number>>;
  /** Over the rate, by the name of the event: told as a number alone. */
  readonly heldBack: Readonly<Record<string, number>>;
  readonly records: number;
  /** More than `maxRecords` in one interval. */
  readonly recordsOver: number;
  /** Not made into messages, since they are about the agent's own delivery by UDP. */
  readonly ownDelivery: number;
  /** Told without an owner, since too many came at once. */
  readonly unasked: number;
  /** In which ways owners are found; null: nobody looks. */
  readonly owners: readonly WayState[] | null;
  readonly log: LineFileStatus | null;
}
