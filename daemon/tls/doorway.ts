// The connections of tls:// and relps:// listeners up to a good handshake: who may come (syslog.allow, limits), an
// optional PROXY header, a look at the first bytes, then TLS (handshakes.ts). What comes through is handed on with
// one end of a socket pair; what does not is counted by reason and said at most so often.
//
// Refuses: more than PENDING_MAX handshakes at once. A peer that has not sent a byte makes room for a new one;
// where all have begun, the newcomer goes.

import { createServer, type Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Address, parseAddress } from '../../base/ip.ts';
import type { SyslogConfig } from '../../config/server.ts';
import { openSocketPair } from '../../kernel/socket-pair.ts';
import { ProxyHeader } from '../../syslog/proxy.ts';
import { Admission } from '../intake/admission.ts';
import { listenerSlot, type Refusal } from '../intake/counts.ts';
import { type Peer, Peers } from '../intake/peers.ts';
import { type Attempt, newAttempt, printPeer } from './attempt.ts';
import type { Credentials } from './credentials.ts';
import { notTls } from './first-bytes.ts';
import { Handshakes } from './handshakes.ts';
import { Relay } from './relay.ts';
import type { TlsReport, TlsSocket } from './tls.port.ts';
import type { TlsCounts } from './tls-counts.ts';
import { TroubleVoice } from './trouble-voice.ts';
import { ENDED_EARLY, type Said, sayTimeout } from './trouble.ts';

/** Connections whose handshake is not over; each takes 52 KiB once it has begun (measured, Node 20). */
const PENDING_MAX = 2048;
/** As for listeners of the lanes (kernel/socket.ts); the kernel cuts it to net.core.somaxconn. */
const BACKLOG_MAX = 4096;
/** That descriptors ran out is told no more often than this. */
const EXHAUSTED_TELL_MS = 60_000;

export interface DoorwayParts {
  /** As a lane's, for refusals. */
  readonly counts: Float64Array;
  readonly tlsCounts: TlsCounts;
  tell(report: TlsReport): void;
}

export class Doorway {
  /** Connections behind their handshake. */
  readonly relays = new Set<Relay>();
  readonly #parts: DoorwayParts;
  readonly #handshakes: Handshakes;
  readonly #voice = new TroubleVoice();
  readonly #servers = new Map<number, Server>();
  readonly #attempts = new Map<string, Attempt>();
  /** Those that have not sent a byte, the oldest first. */
  readonly #silent = new Set<Attempt>();
  readonly #peers: Peers;
  readonly #admission: Admission;
  #config: SyslogConfig;
  #exhaustedToldAtMs = -EXHAUSTED_TELL_MS;

  constructor(config: SyslogConfig, credentials: Credentials | undefined, parts: DoorwayParts) {
    this.#parts = parts;
    this.#config = config;
    this.#peers = new Peers(config);
    this.#admission = new Admission(config);
    this.#handshakes = new Handshakes({
      attempt: (key) => this.#attempts.get(key),
      good: (attempt, tls, certName) => this.#letIn(attempt, tls, certName),
      failed: (attempt, said) => this.#fail(attempt, said),
      unverified: (attempt, said) => {
        parts.tlsCounts.add('unverified', 1);
        this.#say(attempt, said, false);
      },
    });
    this.configure(config, credentials);
  }

  /** For new connections; those that stand go on with what they have. */
  configure(config: SyslogConfig, credentials: Credentials | undefined): void {
    this.#config = config;
    this.#peers.configure(config);
    this.#admission.configure(config);
    this.#handshakes.configure(credentials, config.handshakeTimeoutMs);
  }

  // ---- listeners

  open(socket: TlsSocket): Promise<void> {
    const server = createServer((raw) => this.#accept(raw, socket));
    this.#servers.set(socket.fd, server);
    return new Promise((done, fail) => {
      server.once('error', fail);
      server.listen({ fd: socket.fd, backlog: BACKLOG_MAX }, () => {
        server.off('error', fail).on('error', (error) => this.#sayExhausted(error.message));
        done();
      });
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
    if (address === undefined || !this.#handshakes.isReady) {
      // It has gone already.
      raw.destroy();
      return;
    }
    const peer = this.#peerAt(address);
    const isBalancer = this.#admission.isBalancer(address);
    const refusal = this.#crowded() ?? (isBalancer ? undefined : this.#admission.refusal(peer));
    if (refusal !== undefined) {
      this.#refuse(socket, refusal);
      raw.destroy();
      return;
    }
    raw.setNoDelay(true);
    const attempt = newAttempt(raw, socket, peer);
    if (isBalancer) attempt.proxy = new ProxyHeader();
    else attempt.source = this.#admission.enter(peer);
    this.#begin(attempt);
  }

  #begin(attempt: Attempt): void {
    const { raw } = attempt;
    const { handshakeTimeoutMs } = this.#config;
    this.#attempts.set(attempt.key, attempt);
    this.#silent.add(attempt);
    this.#admission.opened();
    this.#parts.tlsCounts.add('underWay', 1);
    attempt.timer = setTimeout(() => {
      if (attempt.isMute) this.#end(attempt);
      else this.#fail(attempt, sayTimeout(handshakeTimeoutMs, attempt.state === 'handshake'));
    }, handshakeTimeoutMs);
    const read = (chunk: Buffer) => {
      const rest = this.#greet(attempt, chunk);
      if (rest === undefined) return;
      raw.off('data', read);
      attempt.state = 'handshake';
      this.#handshakes.begin(attempt, rest);
    };
    raw.on('data', read);
    // The library tells its reason a moment later, if it has one.
    raw.once('close', () => setImmediate(() => this.#hungUp(attempt)));
  }

  #hungUp(attempt: Attempt): void {
    if (attempt.state === 'over') return;
    const isCut = attempt.proxy !== undefined && attempt.proxy.length > 0;
    if (isCut) this.#turnAway(attempt, 'bad_proxy_header');
    else if (attempt.isMute) this.#end(attempt);
    else this.#fail(attempt, ENDED_EARLY);
  }

  /** Makes room if a peer can go that has not sent anything. */
  #crowded(): Refusal | undefined {
    const { crowded } = this.#admission;
    if (crowded !== undefined || this.#attempts.size < PENDING_MAX) return crowded;
    const [oldest] = this.#silent;
    if (oldest === undefined) return 'too_many_connections';
    this.#turnAway(oldest, 'too_many_connections');
    return undefined;
  }

  #peerAt({ w0, w1, w2, w3 }: Address): Peer {
    return this.#peers.find(w0, w1, w2, w3);
  }

  #refuse(socket: TlsSocket, reason: Refusal): void {
    (this.#parts.counts[listenerSlot(socket.listener, `refused:${reason}`)] as number) += 1;
  }

  // ---- before the handshake

  /** The first bytes of TLS; nothing when they are still to come, or the connection is over. */
  #greet(attempt: Attempt, chunk: Buffer): Buffer | undefined {
    if (attempt.state !== 'greeting') return undefined;
    const rest = attempt.proxy ? this.#readProxy(attempt, attempt.proxy, chunk) : chunk;
    if (rest.length === 0) return undefined;
    if (attempt.isMute) {
      this.#turnAway(attempt, 'not_allowed');
      return undefined;
    }
    attempt.hasSent = true;
    this.#silent.delete(attempt);
    const wrong = notTls(rest, attempt.socket.speaks);
    if (wrong === undefined) return rest;
    this.#fail(attempt, wrong);
    return undefined;
  }

  /** What stands behind the header; nothing when the connection is over. */
  #readProxy(attempt: Attempt, proxy: ProxyHeader, chunk: Buffer): Buffer {
    const at = proxy.feed(chunk, 0, chunk.length);
    const rest = chunk.subarray(at);
    if (proxy.state === 'more') return rest;
    attempt.proxy = undefined;
    if (proxy.source) {
      attempt.peer = this.#peerAt(proxy.source.address);
      attempt.port = proxy.source.port;
    }
    const refusal = proxy.state === 'bad' ? 'bad_proxy_header' : this.#admission.refusal(attempt.peer);
    if (refusal === 'not_allowed' && proxy.source === undefined) attempt.isMute = true;
    else if (refusal === undefined) attempt.source = this.#admission.enter(attempt.peer);
    else this.#turnAway(attempt, refusal);
    return attempt.state === 'greeting' ? rest : chunk.subarray(chunk.length);
  }

  // ---- how it goes out

  #letIn(attempt: Attempt, tls: TLSSocket, certName: string | undefined): void {
    const pair = openSocketPair();
    if (!pair.ok) {
      this.#sayExhausted(pair.error);
      this.#turnAway(attempt, 'too_many_open_files');
      return;
    }
    this.#leave(attempt);
    const { peer, socket, source } = attempt;
    const { tlsCounts } = this.#parts;
    tls.allowHalfOpen = true;
    const near = new Socket({ fd: pair.near, allowHalfOpen: true, readable: true, writable: true });
    const relay = new Relay(tls, near, () => {
      this.relays.delete(relay);
      tlsCounts.add('open', -1);
      this.#admission.closed(source);
    });
    this.relays.add(relay);
    tlsCounts.add('handshakes', 1);
    tlsCounts.add('open', 1);
    const { listener, speaks } = socket;
    const connection = { fd: pair.far, listener, address: peer.address, certName, speaks };
    this.#parts.tell({ kind: 'unwrapped', connection });
  }

  #sayExhausted(error: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#exhaustedToldAtMs < EXHAUSTED_TELL_MS) return;
    this.#exhaustedToldAtMs = nowMs;
    this.#parts.tell({ kind: 'exhausted', error });
  }

  /** Its place in the accounts (#admission) is the caller's to give back. */
  #leave(attempt: Attempt): void {
    attempt.state = 'over';
    clearTimeout(attempt.timer);
    // Behind a connection that has just closed there may be another between the same ends.
    if (this.#attempts.get(attempt.key) === attempt) this.#attempts.delete(attempt.key);
    this.#silent.delete(attempt);
    this.#parts.tlsCounts.add('underWay', -1);
  }

  #end(attempt: Attempt): void {
    if (attempt.state === 'over') return;
    this.#leave(attempt);
    this.#admission.closed(attempt.source);
    attempt.raw.destroy();
  }

  #turnAway(attempt: Attempt, reason: Refusal): void {
    this.#refuse(attempt.socket, reason);
    this.#end(attempt);
  }

  #fail(attempt: Attempt, said: Said): void {
    if (attempt.state === 'over') return;
    this.#end(attempt);
    this.#parts.tlsCounts.add(`failed:${said.trouble}`, 1);
    // Health checks and port scans connect and go: that is no news.
    if (said !== ENDED_EARLY || attempt.hasSent) this.#say(attempt, said, true);
  }

  #say(attempt: Attempt, { trouble, what, mend }: Said, isRefused: boolean): void {
    const verdict = this.#voice.ask(trouble, attempt.peer.name, performance.now());
    if (verdict === undefined) return;
    const { certificate, socket } = attempt;
    const facts = { trouble, peer: printPeer(attempt), listener: socket.name, what, mend };
    this.#parts.tell({ kind: 'trouble', said: { ...facts, certificate, isRefused, ...verdict } });
  }
}

/** The event loop has seen to every socket that had something. */
export function aTurn(): Promise<void> {
  return new Promise((done) => {
    setImmediate(done);
  });
}
