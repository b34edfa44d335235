// The connections of tls:// and relps:// listeners up to a good handshake: who may come (syslog.allow, limits), an
// optional PROXY header, a look at the first bytes, then TLS. What comes through is handed on with one end of
// a socket pair; what does not is counted by reason and said at most so often.
//
// Refuses: more than PENDING_MAX handshakes at once. A peer that has not sent a byte makes room for a new one;
// where all have begun, the newcomer goes.

import { constants } from 'node:crypto';
import { createServer, type Server as NetServer, Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { type Address, inAny, parseAddress, printAddress } from '../../base/ip.ts';
import type { SyslogConfig } from '../../config/server.ts';
import { openSocketPair } from '../../kernel/socket-pair.ts';
import { ProxyHeader } from '../../syslog/proxy.ts';
import { listenerSlot, type Refusal } from '../intake/counts.ts';
import { certificateName, describeCertificate } from './certificate-name.ts';
import { contextOptions, type Credentials } from './credentials.ts';
import { notTls } from './first-bytes.ts';
import { Relay } from './relay.ts';
import type { TlsReport, TlsSocket } from './tls.port.ts';
import type { TlsCounts } from './tls-counts.ts';
import { TroubleVoice } from './trouble-voice.ts';
import { ENDED_EARLY, type Said, sayFailure, sayTimeout, sayVerdict } from './trouble.ts';

/** Connections whose handshake is not over. */
const PENDING_MAX = 2048;
/** As for listeners of the lanes (kernel/socket.ts); the kernel cuts it to net.core.somaxconn. */
const BACKLOG_MAX = 4096;

/** A connection whose handshake is not over. */
interface Attempt {
  readonly raw: Socket;
  readonly socket: TlsSocket;
  /** How the TLS library's sockets are told apart. */
  readonly key: string;
  /** Of the true sender, once a balancer has named it. */
  address: Address;
  port: number;
  /** Undefined: there is none, or it is over. */
  proxy: ProxyHeader | undefined;
  /** It stands in the account of its source. */
  isCounted: boolean;
  hasSent: boolean;
  state: 'greeting' | 'handshake' | 'over';
  /** Our certificate was on its way. */
  hasSeenOurs: boolean;
  certificate: string | undefined;
  timer: NodeJS.Timeout | undefined;
}

export interface DoorwayParts {
  /** As a lane's, for refusals. */
  readonly counts: Float64Array;
  readonly tlsCounts: TlsCounts;
  tell(report: TlsReport): void;
}

type Named = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;

function keyOf(socket: Named): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

export class Doorway {
  readonly #parts: DoorwayParts;
  readonly #voice = new TroubleVoice();
  readonly #servers = new Map<number, NetServer>();
  readonly #attempts = new Map<string, Attempt>();
  /** Those that have not sent a byte, the oldest first. */
  readonly #silent = new Set<Attempt>();
  readonly #byLibrary = new WeakMap<TLSSocket, Attempt>();
  readonly #perSource = new Map<string, number>();
  readonly relays = new Set<Relay>();
  #config: SyslogConfig;
  #credentials: Credentials | undefined;
  #tls: TlsServer | undefined;

  constructor(config: SyslogConfig, credentials: Credentials | undefined, parts: DoorwayParts) {
    this.#parts = parts;
    this.#config = config;
    this.configure(config, credentials);
  }

  /** For new connections; those that stand go on with what they have. */
  configure(config: SyslogConfig, credentials: Credentials | undefined): void {
    this.#config = config;
    this.#credentials = credentials;
    this.#tls = credentials && this.#makeServer(credentials);
  }

  // ---- listeners

  open(socket: TlsSocket): Promise<void> {
    const server = createServer((raw) => this.#accept(raw, socket));
    this.#servers.set(socket.fd, server);
    server.on('error', (error) => this.#parts.tell({ kind: 'exhausted', error: error.message }));
    return new Promise((done) => {
      server.listen({ fd: socket.fd, backlog: BACKLOG_MAX }, done);
    });
  }

  /** Who waits there was told that it is connected: it is taken first. */
  async close(fd: number): Promise<void> {
    const server = this.#servers.get(fd);
    this.#servers.delete(fd);
    await aTurn();
    await aTurn();
    server?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((fd) => this.close(fd)));
  }

  /** Handshakes that are not over will not be. */
  giveUp(): void {
    for (const attempt of this.#attempts.values()) this.#end(attempt);
  }

  // ---- who comes

  #accept(raw: Socket, socket: TlsSocket): void {
    raw.on('error', () => undefined);
    const address = parseAddress(raw.remoteAddress?.replace(/%.*$/, '') ?? '');
    if (address === undefined || this.#tls === undefined) {
      // It has gone already.
      raw.destroy();
      return;
    }
    const isBalancer = inAny(this.#config.proxyProtocol, address);
    const refusal = this.#isFull() ? 'too_many_connections' : isBalancer ? undefined : this.#refusal(address);
    if (refusal !== undefined) {
      this.#refuse(socket, refusal);
      raw.destroy();
      return;
    }
    raw.setNoDelay(true);
    const attempt: Attempt = {
      raw,
      socket,
      key: keyOf(raw),
      address,
      port: raw.remotePort ?? 0,
      proxy: isBalancer ? new ProxyHeader() : undefined,
      isCounted: false,
      hasSent: false,
      state: 'greeting',
      hasSeenOurs: false,
      certificate: undefined,
      timer: undefined,
    };
    if (!isBalancer) this.#countSource(attempt);
    this.#begin(attempt);
  }

  #begin(attempt: Attempt): void {
    const { raw } = attempt;
    this.#attempts.set(attempt.key, attempt);
    this.#silent.add(attempt);
    this.#parts.tlsCounts.add('underWay', 1);
    attempt.timer = setTimeout(() => {
      this.#fail(attempt, sayTimeout(this.#config.handshakeTimeoutMs, attempt.state === 'handshake'));
    }, this.#config.handshakeTimeoutMs);
    const read = (chunk: Buffer) => {
      const rest = this.#greet(attempt, chunk);
      if (rest === undefined || rest.length === 0) return;
      raw.off('data', read);
      this.#shakeHands(attempt, rest);
    };
    raw.on('data', read);
    raw.once('close', () => {
      // The library tells its reason a moment later, if it has one.
      setImmediate(() => this.#fail(attempt, ENDED_EARLY));
    });
  }

  /** Makes room if a peer can go that has not sent anything. */
  #isFull(): boolean {
    if (this.#attempts.size + this.relays.size >= this.#config.maxConnections) return true;
    if (this.#attempts.size < PENDING_MAX) return false;
    const [oldest] = this.#silent;
    if (oldest === undefined) return true;
    this.#refuse(oldest.socket, 'too_many_connections');
    this.#end(oldest);
    return false;
  }

  #refusal(address: Address): Refusal | undefined {
    if (!inAny(this.#config.allow, address)) return 'not_allowed';
    const { maxConnectionsPerSource } = this.#config;
    if (maxConnectionsPerSource === 0) return undefined;
    const count = this.#perSource.get(printAddress(address)) ?? 0;
    return count >= maxConnectionsPerSource ? 'too_many_from_source' : undefined;
  }

  #refuse(socket: TlsSocket, reason: Refusal): void {
    (this.#parts.counts[listenerSlot(socket.listener, `refused:${reason}`)] as number) += 1;
  }

  #countSource(attempt: Attempt): void {
    const source = printAddress(attempt.address);
    attempt.isCounted = true;
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
  }

  #uncountSource(address: Address): void {
    const source = printAddress(address);
    const count = (this.#perSource.get(source) ?? 1) - 1;
    if (count === 0) this.#perSource.delete(source);
    else this.#perSource.set(source, count);
  }

  // ---- before the handshake

  /** The first bytes of TLS; nothing when they are still to come, or the connection is over. */
  #greet(attempt: Attempt, chunk: Buffer): Buffer | undefined {
    if (attempt.state !== 'greeting') return undefined;
    const rest = attempt.proxy ? this.#readProxy(attempt, attempt.proxy, chunk) : chunk;
    if (rest === undefined || rest.length === 0) return undefined;
    attempt.hasSent = true;
    this.#silent.delete(attempt);
    const wrong = notTls(rest, attempt.socket.speaks);
    if (wrong === undefined) return rest;
    this.#fail(attempt, wrong);
    return undefined;
  }

  #readProxy(attempt: Attempt, proxy: ProxyHeader, chunk: Buffer): Buffer | undefined {
    const at = proxy.feed(chunk, 0, chunk.length);
    if (proxy.state === 'more') return undefined;
    attempt.proxy = undefined;
    if (proxy.source) {
      attempt.address = proxy.source.address;
      attempt.port = proxy.source.port;
    }
    const refusal = proxy.state === 'bad' ? 'bad_proxy_header' : this.#refusal(attempt.address);
    if (refusal !== undefined) {
      this.#refuse(attempt.socket, refusal);
      this.#end(attempt);
      return undefined;
    }
    this.#countSource(attempt);
    return chunk.subarray(at);
  }

  // ---- the handshake

  #makeServer(credentials: Credentials): TlsServer {
    const { tls } = credentials;
    const server = createTlsServer({
      ...contextOptions(credentials),
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: tls.ca !== undefined && tls.requireClientCert,
      // Each connection is held against the CA of today: no session is taken up again. And nobody asks for a
      // second handshake within the first.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      // Our own timer is earlier, since it began with the connection.
      handshakeTimeout: this.#config.handshakeTimeoutMs + 1000,
    });
    // Of all events of a handshake only this one brings the library's socket before it is judged: there is no
    // other way to know afterwards which certificate was refused. The line with the keys is not looked at.
    server.on('keylog', (_line, tls) => this.#meet(tls));
    server.on('secureConnection', (tls) => this.#letIn(tls));
    server.on('tlsClientError', (error, tls) => this.#judge(error, tls));
    return server;
  }

  #shakeHands(attempt: Attempt, first: Buffer): void {
    const { raw } = attempt;
    attempt.state = 'handshake';
    raw.pause();
    raw.unshift(first);
    this.#tls?.emit('connection', raw);
  }

  #meet(tls: TLSSocket): void {
    if (this.#byLibrary.has(tls)) return;
    const attempt = this.#attempts.get(keyOf(tls));
    if (attempt === undefined) return;
    this.#byLibrary.set(tls, attempt);
    attempt.hasSeenOurs = true;
    tls.prependOnceListener('secure', () => {
      const certificate = tls.getPeerCertificate();
      if (hasCertificate(certificate)) attempt.certificate = describeCertificate(certificate);
    });
  }

  #attemptOf(tls: TLSSocket): Attempt | undefined {
    return this.#byLibrary.get(tls) ?? this.#attempts.get(keyOf(tls));
  }

  #judge(error: Error & { code?: string }, tls: TLSSocket): void {
    const attempt = this.#attemptOf(tls);
    if (attempt === undefined) return;
    const verdict: unknown = tls.authorizationError;
    const said = sayFailure({
      code: error.code,
      message: error.message,
      verdict: typeof verdict === 'string' ? verdict : undefined,
      hasSeenOurs: attempt.hasSeenOurs,
      ca: this.#credentials?.tls.ca,
      minVersion: this.#credentials?.tls.minVersion ?? 'TLSv1.2',
    });
    this.#fail(attempt, said);
  }

  // ---- how it goes out

  #letIn(tls: TLSSocket): void {
    const attempt = this.#attemptOf(tls);
    if (attempt === undefined || attempt.state !== 'handshake') {
      tls.destroy();
      return;
    }
    const pair = openSocketPair();
    if (!pair.ok) {
      this.#refuse(attempt.socket, 'too_many_open_files');
      this.#parts.tell({ kind: 'exhausted', error: pair.error });
      this.#end(attempt);
      return;
    }
    const { address } = attempt;
    const certName = this.#nameOf(attempt, tls);
    this.#leave(attempt);
    tls.allowHalfOpen = true;
    const near = new Socket({ fd: pair.near, allowHalfOpen: true, readable: true, writable: true });
    const relay = new Relay(tls, near, () => {
      this.relays.delete(relay);
      this.#parts.tlsCounts.add('open', -1);
      this.#uncountSource(address);
    });
    this.relays.add(relay);
    this.#parts.tlsCounts.add('handshakes', 1);
    this.#parts.tlsCounts.add('open', 1);
    const { listener, speaks } = attempt.socket;
    this.#parts.tell({
      kind: 'unwrapped',
      connection: { fd: pair.far, listener, address, certName, speaks },
    });
  }

  /** Only a name that our CA stands for is a name. */
  #nameOf(attempt: Attempt, tls: TLSSocket): string | undefined {
    if (this.#credentials?.tls.ca === undefined) return undefined;
    const certificate = tls.getPeerCertificate();
    if (!hasCertificate(certificate)) return undefined;
    if (tls.authorized) return certificateName(certificate);
    this.#parts.tlsCounts.add('unverified', 1);
    const verdict: unknown = tls.authorizationError;
    const said = sayVerdict(String(verdict), this.#credentials.tls.ca);
    this.#say(attempt, said, false);
    return undefined;
  }

  /** The account of its source stays: it is the connection's now, or is closed by #end. */
  #leave(attempt: Attempt): void {
    attempt.state = 'over';
    clearTimeout(attempt.timer);
    this.#attempts.delete(attempt.key);
    this.#silent.delete(attempt);
    this.#parts.tlsCounts.add('underWay', -1);
  }

  #end(attempt: Attempt): void {
    if (attempt.state === 'over') return;
    this.#leave(attempt);
    if (attempt.isCounted) this.#uncountSource(attempt.address);
    attempt.raw.destroy();
  }

  #fail(attempt: Attempt, said: Said): void {
    if (attempt.state === 'over') return;
    this.#end(attempt);
    this.#parts.tlsCounts.add(`failed:${said.trouble}`, 1);
    // Health checks and port scans connect and go: that is no news.
    if (said !== ENDED_EARLY || attempt.hasSent) this.#say(attempt, said, true);
  }

  #say(attempt: Attempt, { trouble, what, mend }: Said, isRefused: boolean): void {
    const host = printAddress(attempt.address);
    const verdict = this.#voice.ask(trouble, host, performance.now());
    if (verdict === undefined) return;
    const peer = host.includes(':') ? `[${host}]:${attempt.port}` : `${host}:${attempt.port}`;
    const { certificate, socket } = attempt;
    const facts = { trouble, peer, listener: socket.name, what, mend, certificate, isRefused };
    this.#parts.tell({ kind: 'trouble', said: { ...facts, ...verdict } });
  }
}

function hasCertificate(certificate: object): boolean {
  return Object.keys(certificate).length > 0;
}

/** The event loop has seen to every socket that had something. */
export function aTurn(): Promise<void> {
  return new Promise((done) => {
    setImmediate(done);
  });
}
