// What crosses between the main thread and the thread that ends TLS: its start, orders to it, and its reports.
// Loaded by both sides. Counters do not cross: they lie in shared memory (tls-counts.ts, intake/counts.ts).

import type { Address } from '../../base/ip.ts';
import type { SyslogConfig } from '../../config/server.ts';
import type { CountTable } from '../intake/counts.ts';
import type { Credentials } from './credentials.ts';
import type { TlsCountTable, TlsTrouble } from './tls-counts.ts';

/** A listening TCP socket that the main thread opened; the thread serves it and closes it when told to. */
export interface TlsSocket {
  readonly fd: number;
  /** `tls://0.0.0.0:6514`, for the log. */
  readonly name: string;
  /** What is spoken within TLS. */
  readonly speaks: 'syslog' | 'relp';
  /** The listener's number, for its counters. */
  readonly listener: number;
}

export interface TlsStart {
  readonly config: SyslogConfig;
  readonly credentials: Credentials;
  readonly sockets: readonly TlsSocket[];
  /** As a lane's: what is refused before the handshake is counted by listener. */
  readonly counts: CountTable;
  readonly tlsCounts: TlsCountTable;
}

export type TlsOrder =
  /** Limits and certificates for new connections; sockets that are added, descriptors that go. */
  | {
      readonly kind: 'configure';
      readonly config: SyslogConfig;
      /** Undefined: no listener needs any; connections that stand go on. */
      readonly credentials: Credentials | undefined;
      readonly add: readonly TlsSocket[];
      readonly remove: readonly number[];
    }
  /** Take no more, hand on what was received, then say `drained`. Answers still go out. */
  | { readonly kind: 'drain'; readonly deadlineMs: number }
  /** Bring out what the lanes have answered, end all, then say `stopped`. */
  | { readonly kind: 'stop'; readonly deadlineMs: number };

/** A connection whose handshake is good: one end of a socket pair, for a lane. */
export interface Unwrapped {
  readonly fd: number;
  readonly listener: number;
  readonly address: Address;
  readonly certName: string | undefined;
  readonly speaks: 'syslog' | 'relp';
}

/** What there is to say of handshakes that failed, at most so often (trouble-voice.ts). */
export interface TlsTroubleSaid {
  readonly trouble: TlsTrouble;
  /** Address and port. */
  readonly peer: string;
  readonly listener: string;
  /** What happened, and how to mend it: whole sentences. */
  readonly what: string;
  readonly mend: string;
  /** The certificate that the peer showed, on one line. */
  readonly certificate: string | undefined;
  /** False: it was let in, without a certName. */
  readonly isRefused: boolean;
  /** Further ones of this kind that were not said, and how many addresses they came from. */
  readonly more: number;
  readonly morePeers: number;
}

export type TlsReport =
  | { readonly kind: 'started' }
  | { readonly kind: 'configured' }
  | { readonly kind: 'unwrapped'; readonly connection: Unwrapped }
  | { readonly kind: 'trouble'; readonly said: TlsTroubleSaid }
  /** Descriptors ran out. */
  | { readonly kind: 'exhausted'; readonly error: string }
  | { readonly kind: 'drained' }
  | { readonly kind: 'stopped' };
