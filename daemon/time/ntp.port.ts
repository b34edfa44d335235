// What crosses between the main thread and that of the time server: its start, orders, reports. Loaded by both
// sides. Counters and the table of clients do not cross: they lie in shared memory.

import type { NtpConfig } from '../../config/server.ts';
import type { ClientTable } from '../../ntp/clients.ts';
import type { NtpCountTable } from './counts.ts';

/** A socket that the main thread opened; the thread prepares it, serves it, and closes it when told to. */
export interface NtpSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** Bound to all addresses of the host: answers must name the one that was asked. */
  readonly wildcard: boolean;
}

export interface NtpStart {
  readonly config: NtpConfig;
  readonly sockets: readonly NtpSocket[];
  readonly counts: NtpCountTable;
  readonly clients: ClientTable;
  /** One 32-bit word: not 0 when an order waits. The thread looks at it between batches while it is busy. */
  readonly bell: SharedArrayBuffer;
}

export type NtpOrder =
  | {
      readonly kind: 'configure';
      readonly config: NtpConfig;
      readonly add: readonly NtpSocket[];
      readonly remove: readonly number[];
    }
  | { readonly kind: 'stop' };

export type NtpReport =
  /** `wake`: what to ring with an order, for a thread that nobody asks anything (kernel/bell.ts). */
  | {
      readonly kind: 'started';
      readonly precision: number;
      readonly stamped: boolean;
      readonly wake: number;
    }
  | { readonly kind: 'configured' }
  /** The clock was set by somebody, by so many seconds. */
  | { readonly kind: 'stepped'; readonly bySec: number }
  | { readonly kind: 'stopped' };
