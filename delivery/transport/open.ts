// The one way to a transport: the scheme of the targets decides how a connection is made.

import type { Open, OpenWish, Opened } from './connection.ts';
import { dial } from './dial.ts';
import { PersistentTransport } from './persistent.ts';
import { RelpConnection } from './relp.ts';
import { RelpMemory } from './relp-memory.ts';
import { StreamConnection } from './stream.ts';
import type { Transport, TransportOptions, TransportParts } from './transport.ts';

/** Does nothing until `start`. */
export function openTransport(options: TransportOptions, parts: TransportParts): Transport {
  return new PersistentTransport(options, parts, openerFor(options));
}

function openerFor(options: TransportOptions): Open {
  const scheme = options.to[0]?.scheme;
  if (scheme === 'tcp') return openTcp(options);
  return openRelp(options);
}

function openTcp({ timeoutMs, framing }: TransportOptions): Open {
  return async ({ target, addresses, signal, partsFor }) => {
    const dialed = await dial({ addresses, port: target.port, timeoutMs, signal });
    if (!dialed.ok) return dialed;
    const { socket, peer } = dialed;
    return { ok: true, connection: new StreamConnection(socket, socket, framing, partsFor(peer)) };
  };
}

/** What sockets read: all of them one after the other, in one thread. */
const received = Buffer.alloc(64 * 1024);

function openRelp({ timeoutMs }: TransportOptions): Open {
  const memory = new RelpMemory();
  return async ({ target, addresses, signal, partsFor }: OpenWish): Promise<Opened> => {
    let connection: RelpConnection | undefined;
    const onread = {
      buffer: received,
      callback: (count: number, bytes: Uint8Array) => {
        connection?.receive(bytes.subarray(0, count));
        return true;
      },
    };
    const dialed = await dial({ addresses, port: target.port, timeoutMs, signal, onread });
    if (!dialed.ok) return dialed;
    connection = new RelpConnection(dialed.socket, partsFor(dialed.peer), memory);
    return { ok: true, connection };
  };
}
