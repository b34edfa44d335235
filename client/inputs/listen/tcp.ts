// The TCP side of the input `listen`: syslog on streams, framed as RFC 6587 has it. Promises: while the sink is
// full no connection is read, so that senders wait and lose nothing; what was read is kept, one chunk for each
// connection. Refuses: more than CONNECTIONS_MAX at once, and senders that are not allowed; both are counted.

import { createServer, type Server, type Socket } from 'node:net';
import { codeOf, Fault } from '../../../base/fault.ts';
import { type Address, inAny, parseAddress, type Range } from '../../../base/ip.ts';
import type { Listen } from '../../../config/server.ts';
import { Frame, Framer, HEADROOM_EXTRA } from '../../../syslog/framing.ts';
import type { Outflow } from '../outflow.ts';

const CONNECTIONS_MAX = 1024;
/** What Node reads at once (its stream_wrap allocates 64 KiB). */
const CHUNK_BYTES = 64 * 1024;
const KEEPALIVE_MS = 60_000;

export interface TcpParts {
  readonly allow: readonly Range[];
  readonly maxMessageBytes: number;
  readonly outflow: Outflow;
  /** Adds one message to the outflow's batch, which has room. */
  add(bytes: Uint8Array, start: number, end: number, from: Address): void;
  /** A chunk begins: what follows came in now. */
  setTime(): void;
}

export class TcpIntake {
  refused = 0;
  tooMany = 0;
  cut = 0;
  readonly #parts: TcpParts;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  /** Shared by all: a chunk is worked off before the next comes. */
  readonly #arena: Buffer;
  readonly #chunkAt: number;
  readonly #frame = new Frame();
  #flushing: NodeJS.Immediate | undefined;
  /** No connection is read: the sink is full, or there is still something of before. */
  #isHolding = false;

  constructor(parts: TcpParts) {
    this.#parts = parts;
    this.#chunkAt = parts.maxMessageBytes + HEADROOM_EXTRA;
    // A connection that was stopped within a chunk keeps no more than all of this.
    this.#arena = Buffer.alloc(2 * this.#chunkAt + 2 * CHUNK_BYTES);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async listen(listen: Listen, isV6Only: boolean): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#servers.push(server);
    server.maxConnections = CONNECTIONS_MAX;
    server.on('drop', () => {
      this.tooMany += 1;
    });
    await new Promise<void>((done, fail) => {
      server.once('error', (error) => fail(listenFault(listen, codeOf(error) ?? error.message)));
      server.listen(
        { host: listen.host, port: listen.port, ipv6Only: isV6Only, backlog: CONNECTIONS_MAX },
        done,
      );
    });
    server.on('error', () => undefined);
  }

  #accept(socket: Socket): void {
    const address = parseAddress((socket.remoteAddress ?? '').split('%')[0] ?? '');
    if (address === undefined || !inAny(this.#parts.allow, address)) {
      this.refused += 1;
      socket.destroy();
      return;
    }
    const framer = new Framer({ messageBytesMax: this.#parts.maxMessageBytes });
    const connection: Connection = { socket, framer, address, hasEnded: false };
    this.#connections.add(connection);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    if (this.#isHolding) socket.pause();
    socket.on('data', (chunk) => this.#read(connection, chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#end(connection));
  }

  // ---- reading

  #read(connection: Connection, chunk: Buffer): void {
    this.#parts.setTime();
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      const end = Math.min(chunk.length, at + CHUNK_BYTES);
      // Stopped within the piece before: the next one must find room behind what is kept.
      const start = Math.max(this.#chunkAt, connection.framer.kept);
      chunk.copy(this.#arena, start, at, end);
      this.#take(connection, start, start + end - at);
    }
    this.#flushSoon();
  }

  /** Makes messages of the bytes in the arena, until there are no more or the sink is full. */
  #take(connection: Connection, start: number, end: number): void {
    const { outflow } = this.#parts;
    const { framer } = connection;
    framer.feed(this.#arena, start, end);
    while (outflow.makeRoom() && framer.next(this.#frame)) {
      if (this.#frame.cut) this.cut += 1;
      this.#parts.add(this.#arena, this.#frame.start, this.#frame.end, connection.address);
    }
    framer.skippedBytes = 0;
    framer.keepRest();
    if (outflow.isHeld) this.#hold();
  }

  #hold(): void {
    this.#isHolding = true;
    for (const { socket } of this.#connections) socket.pause();
  }

  /** What comes within one round of the event loop is given on together. */
  #flushSoon(): void {
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      if (!this.#parts.outflow.flush()) this.#hold();
      else if (this.#isHolding) this.resume();
    });
  }

  /** The sink has room again: first what was read already, then the connections. */
  resume(): void {
    const { outflow } = this.#parts;
    if (!this.#isHolding || !outflow.flush()) return;
    for (const connection of [...this.#connections]) {
      this.#takeKept(connection);
      if (outflow.isHeld) return;
    }
    if (!outflow.flush()) return;
    this.#isHolding = false;
    for (const { socket } of this.#connections) socket.resume();
  }

  #takeKept(connection: Connection): void {
    const { framer } = connection;
    if (framer.kept > 0) this.#take(connection, this.#chunkAt, this.#chunkAt);
    if (connection.hasEnded && !this.#parts.outflow.isHeld) this.#connections.delete(connection);
  }

  /** The sender has ended: an unfinished message is a message. */
  #end(connection: Connection): void {
    connection.hasEnded = true;
    connection.framer.finish();
    if (this.#parts.outflow.isHeld) return;
    this.#takeKept(connection);
    this.#flushSoon();
  }

  // ---- the end

  /** No more is accepted and read; what was read is given on as far as it goes. How many were left behind. */
  async stop(): Promise<number> {
    const { outflow } = this.#parts;
    const isFull = this.#isHolding && !outflow.flush();
    let left = 0;
    for (const connection of isFull ? this.#connections : []) left += this.#countUnread(connection);
    await Promise.all(this.#servers.map((server) => closeServer(server, this.#connections)));
    clearImmediate(this.#flushing);
    for (const connection of [...this.#connections]) this.#end(connection);
    outflow.flush();
    for (const connection of this.#connections) left += this.#countKept(connection);
    return left + outflow.batch.count;
  }

  /** Messages that nobody will take: of what is kept, and of what the socket has read while it was held. */
  #countUnread(connection: Connection): number {
    const { socket, framer } = connection;
    let count = this.#countKept(connection);
    socket.removeAllListeners('data');
    for (let chunk = readFrom(socket); chunk !== null; chunk = readFrom(socket)) {
      for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
        const start = Math.max(this.#chunkAt, framer.kept);
        const bytes = chunk.copy(this.#arena, start, at, Math.min(chunk.length, at + CHUNK_BYTES));
        framer.feed(this.#arena, start, start + bytes);
        count += this.#countFrames(framer);
      }
    }
    return count;
  }

  #countKept({ framer }: Connection): number {
    if (framer.kept > 0) framer.feed(this.#arena, this.#chunkAt, this.#chunkAt);
    return this.#countFrames(framer);
  }

  #countFrames(framer: Framer): number {
    let count = 0;
    while (framer.next(this.#frame)) count += 1;
    framer.skippedBytes = 0;
    framer.keepRest();
    return count;
  }
}

function readFrom(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}

interface Connection {
  readonly socket: Socket;
  readonly framer: Framer;
  readonly address: Address;
  hasEnded: boolean;
}

function closeServer(server: Server, connections: ReadonlySet<Connection>): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    for (const { socket } of connections) socket.destroy();
  });
}

export function listenFault(listen: Listen, error: string): Fault {
  if (error === 'EADDRINUSE') {
    return new Fault('LISTEN_IN_USE', {
      what: `Another program listens on ${listen.text} already.`,
      where: listen.text,
      mend: `See which: ss -lnp 'sport = :${listen.port}'. Stop it, or choose another port.`,
    });
  }
  if (error === 'EACCES') {
    return new Fault('LISTEN_PERMISSION', {
      what: `Belfry may not listen on ${listen.text}: the port is below 1024.`,
      where: listen.text,
      mend: 'Give it CAP_NET_BIND_SERVICE (AmbientCapabilities= of the unit), or choose a port from 1024 on.',
    });
  }
  return new Fault('LISTEN_FAILED', {
    what: `The kernel does not let Belfry listen on ${listen.text} (${error}).`,
    where: listen.text,
    mend: 'Look whether the address belongs to this host: ip address.',
  });
}
