// Opens the UDP sockets of the input `listen`, for the thread of datagrams to read. What the kernel refuses is
// a Fault; a receive buffer that it cuts is a value, for the log.

import { assert } from '../../../base/assert.ts';
import { parseAddress } from '../../../base/ip.ts';
import type { Listen } from '../../../config/server.ts';
import { growReceiveBuffer, openBound, type ReceiveBuffer } from '../../../kernel/socket.ts';
import { listenFault } from './tcp.ts';

export interface OpenUdp {
  readonly fd: number;
  readonly buffer: ReceiveBuffer;
}

export function openUdp(listen: Listen, isV6Only: boolean, receiveBufferBytes: number): OpenUdp {
  const address = parseAddress(listen.host);
  assert(address !== undefined, 'a listen address was checked when the configuration was loaded');
  const wish = { kind: 'udp', address, port: listen.port, reusePort: false, v6Only: isV6Only } as const;
  const bound = openBound(wish);
  if (!bound.ok) throw listenFault(listen, bound.error);
  const { fd } = bound.socket;
  return { fd, buffer: growReceiveBuffer(fd, receiveBufferBytes) };
}
