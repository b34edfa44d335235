// What Node knows of a TCP socket below its streams. The members are not in Node's documentation, but have been
// there since version 10; the unit tests hold them, so a version without them is found before it is used.

import type { Socket } from 'node:net';
import { acknowledgeNow } from '../../kernel/quick-ack.ts';
import { unacknowledgedBytes, unsentBytes } from '../../kernel/outq.ts';

interface Handle {
  readonly fd: number;
  /** All that was written, waiting or not. */
  readonly bytesWritten: number;
  /** Of that, what the kernel has not taken. */
  readonly writeQueueSize: number;
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as unknown as { readonly _handle?: Handle | null })._handle ?? undefined;
}

export interface WireMeter {
  /** Bytes handed to the connection so far. */
  readonly written: number;
  /** Bytes that the peer's kernel has. */
  readonly taken: number;
  /** Bytes that are on their way: sent, and not acknowledged. */
  readonly underWay: number;
}

/** Undefined once the socket is closed. `socket` is the one below TLS, where there is TLS. */
export function measure(socket: Socket): WireMeter | undefined {
  const handle = handleOf(socket);
  if (handle === undefined) return undefined;
  const unacknowledged = unacknowledgedBytes(handle.fd);
  const unsent = unsentBytes(handle.fd);
  if (unacknowledged === undefined || unsent === undefined) return undefined;
  const inKernel = handle.bytesWritten - handle.writeQueueSize;
  return {
    written: handle.bytesWritten,
    taken: inKernel - unacknowledged,
    underWay: unacknowledged - unsent,
  };
}

/** The peer may send its next answers. */
export function acknowledgeReceived(socket: Socket): void {
  acknowledgeNow(handleOf(socket)?.fd ?? -1);
}
