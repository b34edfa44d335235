// How `belfry logger` hands messages over: UDP, TCP, a local socket, or nowhere with --no-act. Names are looked
// up here, since this is a client. Refuses: to report success before the kernel has taken every byte; a refused
// connection, a full socket or a message that is too long for a datagram is a Fault.

import dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { Fault } from '../../base/fault.ts';
import type { LoggerOptions } from './plan.ts';

export interface Sender {
  send(message: Uint8Array): Promise<void>;
  /** Hands over what waits and closes; may be called twice. */
  stop(): Promise<void>;
}

/** The port of syslog, RFC 5426 section 3.3; TCP has none of its own, every server uses the same. */
const PORT_DEFAULT = 514;
const SOCKET_DEFAULT = '/dev/log';
/** A server that does not answer at all is given up after this. */
const CONNECT_MS_MAX = 10_000;

export async function openSender(options: LoggerOptions): Promise<Sender> {
  if (options.act === false) return { send: async () => {}, stop: async () => {} };
  if (options.server === undefined) return openLocal(options);
  const port = readPort(options.port);
  const where = `${options.server} port ${port}`;
  const { address, family } = await resolveName(options.server, where);
  if (!options.tcp) return openUdp(address, family, port, where, options);
  const connection = net.connect({ host: address, port, noDelay: true });
  return openStream(connection, `tcp ${where}`, options);
}

function readPort(text: string | undefined): number {
  if (text === undefined) return PORT_DEFAULT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 1 && port <= 65_535) return port;
  throw new Fault('CLI_USAGE', { what: `"${text}" is not a port.`, mend: 'Give a number from 1 to 65535.' });
}

async function resolveName(server: string, where: string): Promise<{ address: string; family: number }> {
  try {
    return await lookup(server);
  } catch (error) {
    throw failed(`The name "${server}" could not be resolved: ${codeOf(error)}.`, where);
  }
}

function failed(what: string, where: string, mend = 'See that the receiver runs and listens there.'): Fault {
  return new Fault('SEND_FAILED', { what, where, mend });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

/** RFC 6587 section 3.4.1. */
function counted(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

// ---- UDP

async function openUdp(
  address: string,
  family: number,
  port: number,
  place: string,
  options: LoggerOptions,
): Promise<Sender> {
  const where = `udp ${place}`;
  const socket = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
  // A connected socket hears that nobody listens on the port, if only after the fact.
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) =>
      reject(failed(`The socket could not be opened: ${codeOf(error)}.`, where)),
    );
    socket.connect(port, address, resolve);
  });
  socket.removeAllListeners('error');
  socket.on('error', () => {});
  let isOpen = true;
  return {
    send: async (message) => sendDatagram(socket, options.octetCount ? counted(message) : message, where),
    stop: async () => {
      if (!isOpen) return;
      isOpen = false;
      await new Promise<void>((resolve) => socket.close(resolve));
    },
  };
}

async function sendDatagram(socket: dgram.Socket, datagram: Uint8Array, where: string): Promise<void> {
  const error = await sendOnce(socket, datagram);
  // The complaint about an earlier datagram stands in the way of this one: it goes at the second try.
  const again = error?.code === 'ECONNREFUSED' ? await sendOnce(socket, datagram) : error;
  if (again === null || again.code === 'ECONNREFUSED') return;
  const mend =
    again.code === 'EMSGSIZE' ? 'Make the message shorter with --size, or send it by --tcp.' : undefined;
  throw failed(`A datagram of ${datagram.length} bytes was not sent: ${codeOf(again)}.`, where, mend);
}

function sendOnce(socket: dgram.Socket, datagram: Uint8Array): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => socket.send(datagram, (error) => resolve(error)));
}

// ---- streams

async function openStream(socket: net.Socket, where: string, options: LoggerOptions): Promise<Sender> {
  const trouble: { error?: unknown } = {};
  socket.on('error', (error) => {
    trouble.error ??= error;
  });
  await connected(socket, where);
  socket.resume();
  let isOpen = true;
  return {
    send: (message) => {
      const frame = options.octetCount ? counted(message) : Buffer.concat([message, Buffer.from('\n')]);
      return written(socket, frame, where);
    },
    stop: async () => {
      if (!isOpen) return;
      isOpen = false;
      await ended(socket);
      if (trouble.error !== undefined) throw failed(`The connection broke: ${codeOf(trouble.error)}.`, where);
    },
  };
}

function connected(socket: net.Socket, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) => {
      socket.destroy();
      reject(failed(`The connection could not be opened: ${reason}.`, where));
    };
    socket.setTimeout(CONNECT_MS_MAX, () => refuse('no answer'));
    socket.once('error', (error) => refuse(codeOf(error)));
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve();
    });
  });
}

function written(socket: net.Socket, bytes: Uint8Array, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => {
      if (error) reject(failed(`The message was not sent: ${codeOf(error)}.`, where));
      else resolve();
    });
  });
}

/** Says that all has been sent, and gives the receiver its time to read it. */
function ended(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) {
      resolve();
      return;
    }
    socket.once('close', () => resolve());
    socket.end(() => socket.destroySoon());
  });
}

// ---- local sockets

async function openLocal(options: LoggerOptions): Promise<Sender> {
  const path = options.socket ?? SOCKET_DEFAULT;
  if (options.tcp) return openStream(net.connect({ path }), path, options);
  const { sendUnixDatagram } = await import('../../kernel/unix-datagram.ts');
  let stream: Sender | undefined;
  return {
    send: async (message) => {
      if (stream) return stream.send(message);
      const sent = sendUnixDatagram(path, options.octetCount ? counted(message) : message);
      if (sent.ok) return;
      if (sent.error !== 'EPROTOTYPE' || options.udp)
        throw failed(
          `The message was not taken: ${sent.error}.`,
          path,
          'See that a log daemon owns this socket.',
        );
      stream = await openStream(net.connect({ path }), path, options);
      await stream.send(message);
    },
    stop: async () => stream?.stop(),
  };
}
