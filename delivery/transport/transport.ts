// What a destination's queue and the way to the other side know of each other. A transport connects, takes
// records from the queue in order, sends them, and tells the queue what has arrived; when a connection breaks,
// the queue goes back to the first record of which it is not known that it arrived.

import type { Log } from '../../base/log.ts';
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
  | {
      readonly kind: 'connected';
      readonly target: string;
      readonly address: string;
      readonly sinceMs: number;
    }
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
  /** Records of which only the beginning was sent, since a datagram does not hold more. */
  readonly cutRecords: number;
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

/** What a transport is told by the configuration; a DestinationConfig has all of it. */
export interface TransportOptions {
  /** For the log. */
  readonly name: string;
  /** In the order in which they are tried. All of one scheme. */
  readonly to: readonly TransportTarget[];
  /** For tcp; tls and udp have one form each. */
  readonly framing: 'octet-counted' | 'lf';
  /** RELP: messages that may wait for their answer. */
  readonly window: number;
  /** A connection that does not come about, or does not answer, for so long is given up. */
  readonly timeoutMs: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  readonly tls: TransportTls;
}

/** PEM files, read anew at each connection. */
export interface TransportTls {
  /** Undefined: what the system trusts. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The name that the certificate must have; undefined: the host of the target. */
  readonly serverName: string | undefined;
}

/** What every transport is made from. Time, chance and names are handed in by tests. */
export interface TransportParts {
  readonly reader: SpoolReader;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** At least 0 and less than 1. */
  readonly random?: () => number;
  /** All addresses of a name, in the order in which they are tried. */
  readonly resolve?: Resolve;
}

export type Resolve = (host: string) => Promise<readonly string[]>;
