// A running Belfry with TLS listeners and the peers that come to them: Node's own TLS client, which shows what it is
// told to show and says how it went.

import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { type Belfry, type BelfryOptions, useBelfry, writeConfig } from './belfry.ts';
import { Authority, type Identity } from './certificates.ts';
import { freePort } from './programs.ts';
import { eventually, LOOPBACK, statusOf } from './world.ts';
import type { TlsStatus } from '../../daemon/tls/tls-status.ts';
import type { TlsTrouble } from '../../daemon/tls/tls-counts.ts';

export interface TlsBelfry {
  readonly belfry: Belfry;
  readonly authority: Authority;
  readonly server: Identity;
  /** A client that is let in: its certificate names it web-1.example. */
  readonly client: Identity;
  /** Of the tls:// listener, and of the relps:// one. */
  readonly port: number;
  readonly relpPort: number;
  /** Changes the configuration; SIGHUP makes it read. */
  rewrite(syslog: Readonly<Record<string, unknown>>): void;
}

export interface TlsOptions {
  readonly rules?: BelfryOptions['rules'];
  /** Keys of `syslog` besides `listen` and `tls`. */
  readonly syslog?: Readonly<Record<string, unknown>>;
  /** Keys of `syslog.tls` in place of the usual ones. */
  readonly tls?: Readonly<Record<string, unknown>>;
  readonly files?: BelfryOptions['files'];
  readonly more?: BelfryOptions['more'];
}

export async function useTlsBelfry(t: TestContext, options: TlsOptions = {}): Promise<TlsBelfry> {
  const authority = new Authority(t);
  const server = authority.issue({ name: 'server', names: 'DNS:localhost,IP:127.0.0.1' });
  const client = authority.issue({ name: 'client', names: 'DNS:web-1.example' });
  const [port, relpPort] = [await freePort(), await freePort()];
  const listen = [`tls://${LOOPBACK}:${port}`, `relps://${LOOPBACK}:${relpPort}`];
  const tls = { ...server, ca: authority.ca, requireClientCert: true, ...options.tls };
  const rules = options.rules ?? [{ file: 'all.log' }];
  const rest = { rules, files: options.files ?? {}, more: options.more ?? {} };
  const belfry = await useBelfry(t, { ...rest, syslog: { listen, tls, ...options.syslog } });
  const rewrite = (syslog: Readonly<Record<string, unknown>>) => {
    writeConfig(belfry.folder, belfry.port, {
      ...rest,
      syslog: { listen, tls, ...options.syslog, ...syslog },
    });
  };
  return { belfry, authority, server, client, port, relpPort, rewrite };
}

/** What a client shows: nothing, or an identity. */
export function showing(identity?: Identity): ConnectionOptions {
  if (identity === undefined) return {};
  return { cert: readFileSync(identity.cert), key: readFileSync(identity.key) };
}

export interface Went {
  readonly socket: TLSSocket;
  /** The handshake was good on this side. */
  isSecure: boolean;
  error: NodeJS.ErrnoException | undefined;
  hasClosed: boolean;
}

/** Begins a connection; `raw` is one that stands already. */
export function openTls(
  { authority, port }: Pick<TlsBelfry, 'authority' | 'port'>,
  options: ConnectionOptions = {},
  raw?: Socket,
): Went {
  const ca = readFileSync(authority.ca);
  const where = raw === undefined ? { host: LOOPBACK, port } : { socket: raw };
  const socket = connect({ ca, servername: 'localhost', ...where, ...options });
  const went: Went = { socket, isSecure: false, error: undefined, hasClosed: false };
  socket.once('secureConnect', () => {
    went.isSecure = true;
  });
  socket.on('error', (error) => {
    went.error = error;
  });
  socket.once('close', () => {
    went.hasClosed = true;
  });
  socket.resume();
  return went;
}

/** Sends everything and ends; resolves when the other side has ended too. */
export async function sendTls(
  to: Pick<TlsBelfry, 'authority' | 'port'>,
  bytes: Uint8Array | string,
  options: ConnectionOptions,
): Promise<Went> {
  const went = openTls(to, options);
  went.socket.end(bytes);
  await eventually('the connection ends', () => went.hasClosed);
  return went;
}

/** Writes bytes as they are, without TLS, and waits until the other side closes. */
export async function sendPlain(port: number, bytes: Uint8Array | string): Promise<void> {
  const socket = await openPlain(port);
  let hasClosed = false;
  socket.once('close', () => {
    hasClosed = true;
  });
  socket.write(bytes);
  await eventually('the other side closes', () => hasClosed);
}

export function openPlain(port: number, localAddress = LOOPBACK): Promise<Socket> {
  return new Promise((done, fail) => {
    const socket = connectTcp({ port, host: LOOPBACK, localAddress });
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail).on('error', () => undefined);
      socket.resume();
      done(socket);
    });
  });
}

export async function tlsStatusOf(belfry: Belfry): Promise<TlsStatus> {
  const { tls } = await statusOf(belfry);
  if (tls === null) throw new Error('there is no TLS in the status');
  return tls;
}

export function failures(belfry: Belfry, trouble: TlsTrouble, count: number): Promise<void> {
  return eventually(`${count} handshakes failed with ${trouble}`, async () => {
    return (await tlsStatusOf(belfry)).failed[trouble] >= count;
  });
}
