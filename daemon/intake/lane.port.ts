// What crosses between the main thread and a lane: the lane's start (its first message), orders to it, and its reports. Loaded by
// both sides. Counters do not cross: they lie in shared memory (counts.ts, senders.ts).

import type { Address } from '../../base/ip.ts';
import type { Rotate, ServerConfig } from '../../config/server.ts';
import type { LockTable } from '../files/line-locks.ts';
import type { FileTrouble } from '../files/trouble.ts';
import type { CountTable } from './counts.ts';
import type { SenderNamed, SenderTable } from './senders.ts';

/** A socket that the main thread opened; the lane reads it and closes it when told to. */
export interface LaneSocket {
  readonly fd: number;
  readonly kind: 'udp' | 'tcp';
  /** What is spoken on its connections; 'syslog' on UDP. */
  readonly speaks: 'syslog' | 'relp';
  /** The listener's number, for its counters. */
  readonly listener: number;
  /** UDP: what the kernel granted as receive buffer, in bytes. */
  readonly receiveBufferBytes: number;
}

export interface LaneStart {
  /** Counted from 1. */
  readonly number: number;
  /** What its messages come by. */
  readonly via: 'udp' | 'tcp';
  readonly config: ServerConfig;
  readonly sockets: readonly LaneSocket[];
  readonly counts: CountTable;
  readonly senders: SenderTable;
  readonly locks: LockTable;
  /** One 32-bit word: log files open in all lanes. */
  readonly openTotal: SharedArrayBuffer;
}

export type LaneOrder =
  /** A new configuration, with the sockets that are added and the descriptors that go. */
  | {
      readonly kind: 'configure';
      readonly config: ServerConfig;
      readonly add: readonly LaneSocket[];
      readonly remove: readonly number[];
    }
  /** A connection that somebody else accepted and unwraps: one end of a socket pair, already non-blocking. */
  | {
      readonly kind: 'adopt';
      readonly fd: number;
      readonly listener: number;
      /** Of the true sender. */
      readonly address: Address;
      /** Of the sender's certificate, if it showed one. */
      readonly certName: string | undefined;
      readonly speaks: 'syslog' | 'relp';
    }
  /** Open all files anew, or one of them. */
  | { readonly kind: 'reopen'; readonly path?: string }
  /** Take no more; write what was received; then say `stopped`. */
  | { readonly kind: 'stop'; readonly deadlineMs: number };

export type LaneReport =
  /** With the bell to ring when an order was sent (kernel/bell.ts). */
  | { readonly kind: 'started'; readonly bell: number }
  | { readonly kind: 'configured' }
  | { readonly kind: 'reopened'; readonly path?: string }
  | { readonly kind: 'sender'; readonly named: SenderNamed }
  | {
      readonly kind: 'troubled';
      readonly path: string;
      readonly trouble: FileTrouble;
      readonly error: string;
    }
  | { readonly kind: 'recovered'; readonly path: string }
  | { readonly kind: 'grown'; readonly path: string; readonly rotate: Rotate }
  | { readonly kind: 'unsynced'; readonly paths: readonly string[] }
  | { readonly kind: 'accepting'; readonly paused: boolean; readonly error: string }
  | { readonly kind: 'stopped'; readonly unwrittenBytes: number };
