// What a running agent says of itself: one value, from which `belfry status` and the line on a terminal are
// made. Counts are since the start of the process; what waits, waits on disk.

import type { InputStatus } from './inputs/input.ts';
import type { TrafficStatus } from './monitor/traffic-status.ts';
import type { TransportCounts } from '../delivery/transport/transport.ts';

export interface AgentInputStatus extends InputStatus {
  /** Whose records it reads: an input that can read again does so for each destination. Null: for all. */
  readonly destination: string | null;
  readonly isDone: boolean;
}

/** A transport's state, as JSON has it. */
export interface DeliveryState {
  readonly kind: 'connected' | 'connecting' | 'waiting' | 'stopped';
  readonly target: string | null;
  readonly address: string | null;
  /** Connected since then. */
  readonly since: string | null;
  readonly why: string | null;
  readonly mend: string | null;
  readonly retryInS: number | null;
}

export interface QueueStatus {
  readonly directory: string;
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly underWay: number;
  /** When the first that waits was taken in. */
  readonly oldest: string | null;
  readonly oldestS: number | null;
  readonly diskBytes: number;
  readonly maxDiskSpaceBytes: number;
  readonly onFull: 'block' | 'dropOldest' | 'dropNewest';
  readonly segments: number;
  /** Why nothing can be written at the moment, in words. */
  readonly trouble: string | null;
  readonly foreignFiles: number;
  readonly tornBytes: number;
  readonly abandonedRecords: number;
}

export interface DestinationStatus {
  readonly name: string;
  readonly to: readonly string[];
  /** The whole of it in one sentence. */
  readonly sentence: string;
  readonly state: DeliveryState;
  readonly queue: QueueStatus;
  readonly appended: number;
  readonly appendedBytes: number;
  /** Not wanted by its `select` and `program`. */
  readonly passedOver: number;
  readonly delivered: number;
  readonly deliveredBytes: number;
  readonly perSecond: number;
  readonly draining: { readonly total: number; readonly leftS: number | null } | null;
  /** Lost on the way, by reason; those that are 0 are not named. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly transport: TransportCounts;
}

export interface AgentStatus {
  readonly program: 'belfry agent';
  readonly version: string;
  readonly pid: number;
  readonly state: 'running' | 'stopping';
  readonly startedAt: string;
  readonly uptimeS: number;
  readonly config: {
    readonly path: string;
    readonly loadedAt: string;
    readonly failedReloads: number;
  };
  readonly host: string;
  readonly inputs: readonly AgentInputStatus[];
  readonly destinations: readonly DestinationStatus[];
  /** Watching connections; null: nobody does, or it does not run. */
  readonly traffic: TrafficStatus | null;
  readonly process: { readonly residentBytes: number; readonly cpuS: number };
}
