// A destination as it is told: its queue, its connection, its losses, from what their owners count.

import { TROUBLE_TEXT } from '../delivery/spool/reasons.ts';
import type { DestinationCounts } from '../delivery/spool/reader.ts';
import type { SpoolCounts } from '../delivery/spool/spool.ts';
import type { Transport, TransportState } from '../delivery/transport/transport.ts';
import type { DestinationConfig } from '../config/agent.ts';
import type { Amount } from '../delivery/spool/reasons.ts';
import type { Progress } from './progress.ts';
import type { DeliveryState, DestinationStatus, QueueStatus } from './status.ts';

export interface DestinationView {
  readonly config: DestinationConfig;
  readonly spool: SpoolCounts;
  readonly transport: Pick<Transport, 'state' | 'counts'>;
  readonly progress: Progress;
  readonly liveLosses: ReadonlyMap<string, Readonly<Amount>>;
  readonly passedOver: number;
  readonly nowMs: number;
}

const NOWHERE: DeliveryState = {
  kind: 'stopped',
  target: null,
  address: null,
  since: null,
  why: null,
  mend: null,
  retryInS: null,
};

function deliveryState(state: TransportState, nowMs: number): DeliveryState {
  switch (state.kind) {
    case 'connected': {
      const since = new Date(state.sinceMs).toISOString();
      return { ...NOWHERE, kind: state.kind, target: state.target, address: state.address, since };
    }
    case 'connecting':
      return { ...NOWHERE, kind: state.kind, target: state.target };
    case 'waiting': {
      const retryInS = Math.max(0, Math.round((state.retryAtMs - nowMs) / 100) / 10);
      const { kind, target, why } = state;
      return { ...NOWHERE, kind, target, why, mend: state.mend ?? null, retryInS };
    }
    default:
      return NOWHERE;
  }
}

function queueStatus({ config, spool, nowMs }: DestinationView, counts: DestinationCounts): QueueStatus {
  const { records, bytes, oldestSec } = counts.waiting;
  return {
    directory: config.queue.directory,
    waiting: records,
    waitingBytes: bytes,
    underWay: counts.underWay,
    oldest: oldestSec === undefined ? null : new Date(oldestSec * 1000).toISOString(),
    oldestS: oldestSec === undefined ? null : Math.max(0, Math.round(nowMs / 1000 - oldestSec)),
    diskBytes: spool.diskBytes,
    maxDiskSpaceBytes: spool.maxDiskSpaceBytes,
    onFull: config.queue.onFull,
    segments: spool.segments,
    trouble: spool.trouble === undefined ? null : TROUBLE_TEXT[spool.trouble].what,
    foreignFiles: spool.foreignFiles,
    tornBytes: spool.tornBytes,
    abandonedRecords: spool.abandonedRecords,
  };
}

/** By the words of the spool's reasons; `live_…`: of inputs that cannot read again. */
function droppedOf(
  { liveLosses, transport }: DestinationView,
  counts: DestinationCounts,
): Record<string, number> {
  const dropped = Object.entries(counts.dropped).map(([why, { records }]) => [why, records] as const);
  const live = [...liveLosses].map(([why, { records }]) => [`live_${why}`, records] as const);
  const refused = [['refused', transport.counts().refusedRecords] as const];
  return Object.fromEntries([...dropped, ...live, ...refused].filter(([, records]) => records > 0));
}

export function destinationFacts(view: DestinationView): Omit<DestinationStatus, 'sentence'> {
  const { config, spool, transport, progress, nowMs } = view;
  const counts = spool.destinations[0] as DestinationCounts;
  // The last second's view of it, unless it is gone since.
  const draining = counts.waiting.records > counts.underWay ? progress.draining : undefined;
  return {
    name: config.name,
    to: config.to.map(({ text }) => text),
    state: deliveryState(transport.state(), nowMs),
    queue: queueStatus(view, counts),
    appended: spool.appended.records,
    appendedBytes: spool.appended.bytes,
    passedOver: view.passedOver,
    delivered: counts.delivered.records,
    deliveredBytes: counts.delivered.bytes,
    perSecond: Math.round(progress.perSecond * 10) / 10,
    draining:
      draining === undefined
        ? null
        : {
            total: draining.total,
            leftS: draining.leftMs === undefined ? null : Math.round(draining.leftMs / 100) / 10,
          },
    dropped: droppedOf(view, counts),
    transport: transport.counts(),
  };
}
