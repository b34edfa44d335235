// What a destination's queue and the way to the other side know of each other. A transport connects, takes
// records from the queue in order, sends them, and tells the queue what has arrived; when a connection breaks,
// the queue goes back to the first record of which it is not known that it arrived.

import type { SpoolReader } from '../spool/reader.ts';

/** One address of a destination. */
export interface TransportTarget {
  readonly scheme: 'udp' | 'tcp' | 'tls' | 'relp' | 'relps';
  /** A name, asked of DNS at each connection, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** As it was written. */
  readonly text: string;
}

export type TransportState =
  /** Connected, or able to send. */
  | { readonly kind: 'connected'; readonly target: string; readonly address: string; readonly sinceMs: number }
  | { readonly kind: 'connecting'; readonly target: string }
  /** Tries again at `retryAtMs`; `why` is a part of a sentence: "connection refused by 172.31.100.94:2514". */
  | {
      readonly kind: 'waiting';
      readonly target: string;
      readonly why: string;
      readonly mend: string | undefined;
      readonly retryAtMs: number;
    }
  | { readonly kind: 'stopped' };

export interface TransportCounts {
  /** Connections that came about; the first is one too. */
  readonly connections: number;
  /** Tries that failed, in a row; 0 while connected. */
  readonly failures: number;
  readonly sentRecords: number;
  readonly sentBytes: number;
  /** Records that were sent a second time because it was not known whether they had arrived. */
  readonly resentRecords: number;
  /** Records that the other side refused for good (RELP's negative answers). */
  readonly refusedRecords: number;
}

export interface Transport {
  start(): void;
  /** There may be more records. Cheap, called often. */
  wake(): void;
  state(): TransportState;
  counts(): TransportCounts;
  /** Sends no more, hears answers to what is under way until the deadline, and ends the connection politely. */
  stop(deadlineMs: number): Promise<void>;
}

/** What every transport is made from. */
export interface TransportParts {
  readonly reader: SpoolReader;
  /** In the order in which they are tried. */
  readonly targets: readonly TransportTarget[];
}
