// The one way to a transport: the scheme of the targets decides how a connection is made.

import type { Open, OpenWish, Opened } from './connection.ts';
import { assert } from '../../base/assert.ts';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { dial } from './dial.ts';
import { secure } from './tls.ts';
import { PersistentTransport } from './persistent.ts';
import { RelpConnection } from './relp.ts';
import { RelpMemory } from './relp-memory.ts';
import { StreamConnection } from './stream.ts';
import { openUdp } from './udp.ts';
import type { Transport, TransportOptions, TransportParts } from './transport.ts';

/** Does nothing until `start`. */
export function openTransport(options: TransportOptions, parts: TransportParts): Transport {
  return new PersistentTransport(options, parts, openerFor(options));
}

function openerFor(options: TransportOptions): Open {
  const scheme = options.to[0]?.scheme;
  assert(scheme !== undefined, 'a destination has an address');
  assert(
    options.to.every((target) => target.scheme === scheme),
    'all addresses of a destination are of one scheme',
  );
  switch (scheme) {
    case 'udp':
      return openUdp();
    case 'tcp':
      return openTcp(options);
    case 'tls':
      return openTls(options);
    case 'relps':
      return openRelps(options);
    case 'relp':
      return openRelp(options);
  }
}

function openTcp({ timeoutMs, framing }: TransportOptions): Open {
  return async ({ target, addresses, signal, partsFor }) => {
    const dialed = await dial({ addresses, port: target.port, timeoutMs, signal });
    if (!dialed.ok) return dialed;
    const { socket, peer } = dialed;
    return { ok: true, connection: new StreamConnection(socket, socket, framing, partsFor(peer)) };
  };
}

type Secure = { readonly ok: true; readonly wire: Socket; readonly socket: TLSSocket; readonly peer: string };
type Insecure = Extract<Opened, { ok: false }>;

async function dialSecure(
  options: TransportOptions,
  { target, addresses, signal }: OpenWish,
  waitsForServer: boolean,
): Promise<Secure | Insecure> {
  const { timeoutMs, tls } = options;
  const dialed = await dial({ addresses, port: target.port, timeoutMs, signal });
  if (!dialed.ok) return dialed;
  const { socket: wire, peer } = dialed;
  const secured = await secure({ wire, peer, host: target.host, tls, timeoutMs, signal, waitsForServer });
  return secured.ok ? { ok: true, wire, socket: secured.socket, peer } : secured;
}

function openTls(options: TransportOptions): Open {
  return async (wish) => {
    const opened = await dialSecure(options, wish, true);
    if (!opened.ok) return opened;
    const { socket, wire, peer } = opened;
    // RFC 5425 section 4.3: on TLS messages are always counted.
    return { ok: true, connection: new StreamConnection(socket, wire, 'octet-counted', wish.partsFor(peer)) };
  };
}

function openRelps(options: TransportOptions): Open {
  const memory = new RelpMemory();
  return async (wish) => {
    // RELP answers each message, so nothing is lost with a server that says no after the handshake.
    const opened = await dialSecure(options, wish, false);
    if (!opened.ok) return opened;
    const connection = new RelpConnection(opened.socket, opened.wire, wish.partsFor(opened.peer), memory);
    opened.socket.on('data', (chunk: Buffer) => connection.receive(chunk));
    return { ok: true, connection };
  };
}

/** What sockets read: all of them one after the other, in one thread. */
const received = Buffer.alloc(64 * 1024);

function openRelp({ timeoutMs }: TransportOptions): Open {
  const memory = new RelpMemory();
  return async ({ target, addresses, signal, partsFor }: OpenWish): Promise<Opened> => {
    const link: { connection: RelpConnection | undefined } = { connection: undefined };
    const onread = {
      buffer: received,
      callback: (count: number, bytes: Uint8Array) => {
        link.connection?.receive(bytes.subarray(0, count));
        return true;
      },
    };
    const dialed = await dial({ addresses, port: target.port, timeoutMs, signal, onread });
    if (!dialed.ok) return dialed;
    const { socket, peer } = dialed;
    link.connection = new RelpConnection(socket, socket, partsFor(peer), memory);
    return { ok: true, connection: link.connection };
  };
}
