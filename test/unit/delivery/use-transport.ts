// A queue with numbered records, a transport that empties it, and a RELP server that does what a test wants.

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Server as TlsServer } from 'node:tls';
import { openTransport } from '../../../delivery/transport/open.ts';
import type {
  Transport,
  TransportOptions,
  TransportParts,
  TransportState,
  TransportTarget,
} from '../../../delivery/transport/transport.ts';
import { RelpFrame, relpHeadroom } from '../../../syslog/relp/frame.ts';
import { RelpServerSession } from '../../../syslog/relp/server.ts';
import type { Spool } from '../../../delivery/spool/spool.ts';
import { batchOf, lines, type SpoolLog, World } from './use-spool.ts';

export function targetOf(
  scheme: TransportTarget['scheme'],
  port: number,
  host = '127.0.0.1',
): TransportTarget {
  return { scheme, host, port, text: `${scheme}://${host}:${port}` };
}

export const NO_TLS = { ca: undefined, cert: undefined, key: undefined, serverName: undefined };

export interface Sending {
  readonly transport: Transport;
  readonly spool: Spool;
  readonly log: SpoolLog;
  append(from: number, to: number, size?: number): void;
  appendTexts(texts: readonly string[]): void;
  waiting(): number;
  /** The sentence's middle, when it waits. */
  why(): string;
}

/** With a queue of its own, started, and stopped after the test. */
export function startSending(
  t: TestContext,
  to: readonly TransportTarget[],
  options: Partial<TransportOptions> = {},
  parts: Partial<TransportParts> = {},
): Sending {
  const world = new World(t);
  const spool = world.open({
    maxDiskSpaceBytes: 64 * 1024 ** 2,
    segmentBytes: 1024 ** 2,
    recordBytesMax: 65_536,
  });
  const reader = spool.reader('fwdRule1');
  const transport = openTransport(
    {
      name: 'fwdRule1',
      to,
      framing: 'octet-counted',
      window: 64,
      timeoutMs: 5000,
      retry: { minMs: 5, maxMs: 20 },
      tls: NO_TLS,
      ...options,
    },
    { reader, log: world.log, ...parts },
  );
  transport.start();
  t.after(async () => {
    await transport.stop(Date.now());
    spool.stop(world.nowMs);
  });
  return {
    transport,
    spool,
    log: world.log,
    append(from, to, size = 0) {
      this.appendTexts(lines(from, to, size));
    },
    appendTexts(texts) {
      spool.append(batchOf(texts));
      transport.wake();
    },
    waiting: () => reader.counts().waiting.records,
    why() {
      const state: TransportState = transport.state();
      return state.kind === 'waiting' ? state.why : state.kind;
    },
  };
}

/** A server of TLS has its connections when they are secure. */
function arrival(server: Server): string {
  return server instanceof TlsServer ? 'secureConnection' : 'connection';
}

const MESSAGE_MAX = 65_536;
const CHUNK_MAX = 65_536;

/** What to do with a message: answer it, say no, say nothing, or end the connection in some way. */
export type Verdict = 'ok' | 'no' | 'silent' | 'end' | 'reset' | 'garbage' | 'unknown' | 'close' | 'abort';

/** Judged by its text, and by how many messages have come, on how many connections. */
export type Judge = (text: string, message: number, connection: number) => Verdict;

export class RelpReceiver {
  readonly port: number;
  /** Answered with yes, in the order in which they came. */
  readonly taken: string[] = [];
  /** All that came. */
  readonly seen: string[] = [];
  readonly ends: (string | undefined)[] = [];
  connections = 0;
  /** Answers leave for as many messages at once, the newest first. */
  turned = false;
  readonly #server: Server;
  readonly #judge: Judge;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server, judge: Judge) {
    this.#server = server;
    this.#judge = judge;
    this.port = (server.address() as AddressInfo).port;
    server.on(arrival(server), (socket: Socket) => this.#serve(socket));
  }

  /** All connections, and the port. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    const connection = this.connections;
    const session = new RelpServerSession({
      messageBytesMax: MESSAGE_MAX,
      windowMax: 4096,
      software: 'test',
    });
    const headroom = relpHeadroom(MESSAGE_MAX);
    const arena = Buffer.alloc(headroom + CHUNK_MAX);
    const frame = new RelpFrame();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.ends.push(session.ending);
    });
    let isBroken = false;
    const answer = (good: number[]) => {
      if (this.turned) good.reverse();
      for (const txnr of good.splice(0)) session.written(txnr);
      const output = session.takeOutput();
      if (output.length > 0 && socket.writable) socket.write(output, () => session.sent(output.length));
    };
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length && !isBroken; at += CHUNK_MAX) {
        const piece = chunk.subarray(at, at + CHUNK_MAX);
        session.feed(arena, headroom, headroom + piece.copy(arena, headroom));
        const good: number[] = [];
        while (!isBroken && session.next(frame)) {
          const text = arena.toString('utf8', frame.start, frame.end);
          this.seen.push(text);
          const verdict = this.#judge(text, this.seen.length, connection);
          if (verdict === 'ok') {
            this.taken.push(text);
            good.push(frame.txnr);
          } else if (verdict !== 'silent') {
            answer(good);
            isBroken = verdict !== 'no';
            if (verdict === 'no') leaveOut(session, frame.txnr);
            obey(verdict, frame.txnr, socket);
          }
        }
        session.keepRest();
        if (!isBroken) answer(good);
        if (session.ending !== undefined) socket.end();
      }
    });
  }
}

/** The session must not wait for it: its own answer is thrown away. */
function leaveOut(session: RelpServerSession, txnr: number): void {
  session.written(txnr);
  session.sent(session.takeOutput().length);
}

function obey(verdict: Verdict, txnr: number, socket: Socket): void {
  if (verdict === 'no') socket.write(`${txnr} rsp 10 500 no way\n`);
  else if (verdict === 'garbage') socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
  else if (verdict === 'unknown') socket.write('98765 rsp 6 200 OK\n');
  else if (verdict === 'close') socket.end('0 serverclose 9 I go home\n');
  else if (verdict === 'abort') socket.end('0 abort 0\n');
  else if (verdict === 'end') socket.end();
  else if (verdict === 'reset') socket.resetAndDestroy();
}

export async function listenOn(t: TestContext, port = 0): Promise<Server> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  t.after(() => server.close());
  return server;
}

/** Answers everything, unless told otherwise. */
export async function receiveRelp(
  t: TestContext,
  judge: Judge = () => 'ok',
  port = 0,
): Promise<RelpReceiver> {
  const receiver = new RelpReceiver(await listenOn(t, port), judge);
  t.after(() => receiver.close());
  return receiver;
}

/** Takes a stream of frames, and forgets what was cut at the end of a connection. */
export class StreamReceiver {
  readonly port: number;
  connections = 0;
  /** Of each connection, all bytes. */
  readonly streams: Buffer[][] = [];
  readonly sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(server: Server, onConnection: (socket: Socket, connection: number) => void = () => undefined) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on(arrival(server), (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      const chunks: Buffer[] = [];
      this.streams.push(chunks);
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      onConnection(socket, this.connections);
    });
  }

  get bytes(): number {
    return this.streams.flat().reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Whole messages, connection by connection. */
  messages(framing: 'octet-counted' | 'lf' = 'octet-counted'): string[] {
    const split = framing === 'lf' ? splitLines : splitCounted;
    return this.streams.flatMap((chunks) => split(Buffer.concat(chunks)));
  }

  distinct(): string[] {
    return [...new Set(this.messages())];
  }

  close(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

function splitLines(bytes: Buffer): string[] {
  return bytes.toString().split('\n').slice(0, -1);
}

function splitCounted(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; ; ) {
    const space = bytes.indexOf(' ', at);
    const end = space + 1 + Number(bytes.toString('latin1', at, space));
    if (space < 0 || !(end <= bytes.length)) return messages;
    messages.push(bytes.toString('utf8', space + 1, end));
    at = end;
  }
}
