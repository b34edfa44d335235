// What a persistent transport and one connection know of each other. A connection is made when its socket
// stands, says when it can deliver, and ends once, for whatever reason; it takes records by itself.

import type { SpoolReader } from '../spool/reader.ts';
import type { Tally } from './tally.ts';
import type { TransportOptions, TransportTarget } from './transport.ts';
import type { Trouble } from './trouble.ts';
import type { TransportVoice } from './voice.ts';

export interface Connection {
  /** There may be more records. */
  wake(): void;
  /** Comes every TICK_MS. */
  tick(): void;
  /** Sends no more, waits for answers to what is under way, and ends in order; soon, or when it is dropped. */
  leave(): void;
  /** Ends at once. */
  drop(): void;
}

export const TICK_MS = 250;

/** Calls of a connection; none comes while it is made, or after its end. */
export interface Listener {
  /** From now on it can deliver. */
  ready(): void;
  /** Something has arrived over there. */
  proved(): void;
  /** Undefined: in order, nothing to complain of. What has arrived is acknowledged, the rest is not. */
  ended(trouble: Trouble | undefined): void;
}

export interface ConnectionParts {
  readonly options: TransportOptions;
  readonly reader: SpoolReader;
  readonly tally: Tally;
  readonly voice: TransportVoice;
  /** `10.0.0.1:2514`. */
  readonly peer: string;
  readonly listener: Listener;
}

export interface OpenWish {
  readonly target: TransportTarget;
  readonly addresses: readonly string[];
  readonly signal: AbortSignal;
  /** Once it is known to which address the connection is. */
  readonly partsFor: (peer: string) => ConnectionParts;
}

export type Opened =
  | { readonly ok: true; readonly connection: Connection }
  | { readonly ok: false; readonly trouble: Trouble };

/** Makes one connection, or says why not. */
export type Open = (wish: OpenWish) => Promise<Opened>;
