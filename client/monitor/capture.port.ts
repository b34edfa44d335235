// What crosses between the thread that captures and whoever it captures for: orders and reports. Loaded by both sides.
// Packets do not cross; what was counted lies in shared memory.
// Refuses: words. The thread tells facts, whoever hears them knows the owners and writes the message.

import type { FlowFacts } from '../../traffic/events/facts.ts';
import type { RateLimits } from '../../traffic/events/rate.ts';
import type { RecordField } from '../../traffic/events/record.ts';
import type { FlowLimits } from '../../traffic/flow/limits.ts';
import type { Turn } from '../../traffic/flow/turn.ts';

export interface CaptureSettings {
  /** Names of interfaces, or only "any": all of them, and those that come later. */
  readonly interfaces: readonly string[];
  /** In the language of docs/traffic.md, checked; undefined: every packet. */
  readonly filter: string | undefined;
  readonly promiscuous: boolean;
  /** Bytes kept of each packet. */
  readonly snapBytes: number;
  /** Memory of the ring of one interface. */
  readonly ringBytes: number;
  readonly limits: Partial<FlowLimits>;
  /** Which turns are told. */
  readonly turns: readonly Turn[];
  /** Undefined: all that happens is told. */
  readonly rate: RateLimits | undefined;
  /** Turns over the rate are told as well, marked `isHeldBack`: somebody keeps a log of them. */
  readonly tellsHeldBack: boolean;
  /** Undefined: no interval records. */
  readonly records:
    | { readonly intervalUs: number; readonly account: string; readonly fields: readonly RecordField[] }
    | undefined;
}

export interface SeenFacts extends FlowFacts {
  /** The interface that counts, by name; of the client's direction where both are counted. */
  readonly interfaceName: string;
  /** Which ends are addresses of this host. */
  readonly isClientOwn: boolean;
  readonly isServerOwn: boolean;
  /** Over the rate: for a log, not for a message. */
  readonly isHeldBack: boolean;
  /** RST and FIN: whether this host's own stack sent it, as the packet's direction says. Undefined: no such packet. */
  readonly isEndOwn: boolean | undefined;
}

/** A socket that waits for connections, or is bound without a peer. Addresses as in base/ip.ts; all 0: any. */
export interface Listener {
  readonly protocol: number;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly port: number;
}

/** How the rows of a snapshot are chosen. */
export type SnapshotOrder = 'packets' | 'bytes' | 'rate' | 'last' | 'start';

export type CaptureOrder =
  | { readonly kind: 'listeners'; readonly listeners: readonly Listener[] }
  /** Flows as they stand; those that matter most by `order`, at most `rowsMax`. */
  | { readonly kind: 'snapshot'; readonly order: SnapshotOrder; readonly rowsMax: number }
  /** From now on; flows that it does not want are forgotten. */
  | { readonly kind: 'filter'; readonly filter: string | undefined }
  | { readonly kind: 'stop' };

/** One flow as a person looks at it. */
export interface SnapshotRow extends SeenFacts {
  /** Over the last seconds, bits a second of each direction. */
  readonly bitsPerSecond: readonly [out: number, back: number];
  /** All TCP flags seen of each direction. */
  readonly flags: readonly [out: number, back: number];
  readonly isEnded: boolean;
  /** The turn that was told last. */
  readonly lastTurn: Turn | undefined;
}

export interface Snapshot {
  readonly timeUs: number;
  readonly rows: readonly SnapshotRow[];
  /** Of all flows, also those without a row. */
  readonly flows: number;
}

/** What an interface is doing. */
export interface InterfaceState {
  readonly name: string;
  readonly state: 'captured' | 'absent' | 'failed';
  /** Why not, in a sentence. */
  readonly trouble: string | undefined;
}

export interface CaptureStart {
  readonly settings: CaptureSettings;
  /** Of capture-counts.ts. */
  readonly counts: SharedArrayBuffer;
  /** Chance, so that no two runs share the id of a connection. */
  readonly runId: string;
}

export type CaptureReport =
  /** With the bell to ring when an order was sent (kernel/bell.ts). */
  | { readonly kind: 'started'; readonly bell: number }
  /** It can never work: no right, no such kernel, no memory. */
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'interface'; readonly interface: InterfaceState }
  | { readonly kind: 'events'; readonly events: readonly SeenFacts[] }
  /** Lines of traffic/events/record.ts, with the interval that they belong to. */
  | { readonly kind: 'records'; readonly lines: readonly string[]; readonly endUs: number }
  /** What the rate held back, and what the kernel dropped, since the last such report. */
  | {
      readonly kind: 'losses';
      readonly heldBack: Readonly<Partial<Record<Turn, number>>>;
      readonly dropped: number;
      readonly evicted: number;
      readonly timeUs: number;
    }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  /** With a last event for each connection that was open still, if `update` is told. */
  | { readonly kind: 'stopped' };
