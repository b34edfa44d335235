// A connection on a tls:// or relps:// listener whose handshake is not over: what is known of it so far.

import type { Socket } from 'node:net';
import type { ProxyHeader } from '../../syslog/proxy.ts';
import type { Peer } from '../intake/peers.ts';
import type { TlsSocket } from './tls.port.ts';

export interface Attempt {
  readonly raw: Socket;
  readonly socket: TlsSocket;
  /** By which the TLS library's sockets are told apart. */
  readonly key: string;
  /** The true sender, once a balancer has named it. */
  peer: Peer;
  port: number;
  /** Undefined: there is none, or it is over. */
  proxy: ProxyHeader | undefined;
  /** A balancer that speaks for itself and may not send: it is no trouble as long as it says nothing. */
  isMute: boolean;
  /** The name under which it is counted, for the limit of each source. */
  source: string | undefined;
  /** Something has come, besides a PROXY header. */
  hasSent: boolean;
  state: 'greeting' | 'handshake' | 'over';
  /** Our certificate was on its way. */
  hasSeenOurs: boolean;
  /** What the peer has shown, on one line. */
  certificate: string | undefined;
  timer: NodeJS.Timeout | undefined;
}

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;

/** Both ends of a connection name it, as long as it stands. */
export function keyOf(socket: Ends): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

export function newAttempt(raw: Socket, socket: TlsSocket, peer: Peer): Attempt {
  return {
    raw,
    socket,
    key: keyOf(raw),
    peer,
    port: raw.remotePort ?? 0,
    proxy: undefined,
    isMute: false,
    source: undefined,
    hasSent: false,
    state: 'greeting',
    hasSeenOurs: false,
    certificate: undefined,
    timer: undefined,
  };
}

/** `10.0.0.1:4711`, for people. */
export function printPeer({ peer: { name }, port }: Attempt): string {
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}
