// Before the first connection: the way of a lookup is walked with a socket of our own, since code that has not run often
// takes ten times as long, and a connection may be over by then. Nothing is sent.

import { V4_MAPPED } from '../../../base/ip.ts';
import type { InetDiag } from '../../../kernel/inet-diag.ts';
import { closeSocket, openBound } from '../../../kernel/socket.ts';
import { PROTOCOL } from '../../../traffic/packet/packet.ts';
import type { Finder } from './finder.ts';
import type { Holders } from './holders.ts';

const LOOPBACK = { w0: 0, w1: 0, w2: V4_MAPPED, w3: 0x7f00_0001 };
const NO_PEER = { w0: 0, w1: 0, w2: V4_MAPPED, w3: 0 };
/** After some hundred calls V8 has compiled them. */
const LOOKUPS = 300;
const REHEARSAL_MS = 60;
/** An inode that nobody has, so that all processes are looked through. */
const NOBODY = 0xffff_ffff;
const SEARCHES = 3;

export function rehearseLookups(diag: InetDiag, finder: Finder, holders: Holders): void {
  const untilMs = performance.now() + REHEARSAL_MS;
  for (let i = 0; i < SEARCHES; i += 1)
    holders.find(NOBODY, { candidates: () => [], isThere: () => true, untilMs });
  const bound = openBound({ kind: 'udp', address: LOOPBACK, port: 0, reusePort: false, v6Only: false });
  if (!bound.ok) return;
  const { fd, port } = bound.socket;
  const ends = {
    ...{ protocol: PROTOCOL.udp, local: LOOPBACK, localPort: port },
    ...{ remote: NO_PEER, remotePort: 0, interfaceIndex: 0 },
  };
  for (let i = 0; i < LOOKUPS && performance.now() < untilMs; i += 1) {
    const found = diag.find(ends);
    if (found.kind === 'socket') finder.ownerOf(found.socket, ends, 'dear', 1);
  }
  closeSocket(fd);
}
