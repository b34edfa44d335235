// What crosses between the main loop and the thread that receives datagrams: orders and reports. Loaded by both
// sides. Datagrams and counts do not cross: they lie in shared memory (datagram-queue.ts).

import type { Range } from '../../../base/ip.ts';

/** A socket that the main thread opened; the thread reads it, and closes it when told to. */
export interface WatchedSocket {
  readonly fd: number;
  /** 'local': a unix socket with credentials. `who` is then pid, uid, gid; else the address in four words. */
  readonly kind: 'local' | 'udp';
  /** UDP: who may send. */
  readonly allow: readonly Range[];
  /** Where its datagrams go; several sockets may share one. */
  readonly ring: SharedArrayBuffer;
  /** By which the main loop knows whom to wake. */
  readonly queue: number;
}

export interface DatagramStart {
  readonly maxMessageBytes: number;
}

export type DatagramOrder =
  | { readonly kind: 'watch'; readonly socket: WatchedSocket }
  /** Take what it still has, and close it. */
  | { readonly kind: 'forget'; readonly fd: number }
  | { readonly kind: 'stop' };

export type DatagramReport =
  /** With the bell to ring when an order was sent (kernel/bell.ts). */
  | { readonly kind: 'started'; readonly bell: number }
  | { readonly kind: 'arrived'; readonly queue: number }
  | { readonly kind: 'forgotten'; readonly fd: number }
  | { readonly kind: 'stopped' };
