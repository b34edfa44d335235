// Handshakes as the TLS library makes them: with the certificates of today, each connection held against the CA of
// today, and what the library says of a failure turned into a kind and sentences.
//
// Refuses: to take up an earlier session (it would pass by the CA), to hand on a name that no CA stands for.

import { constants } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type Attempt, keyOf } from './attempt.ts';
import { certificateName, describeCertificate } from './certificate-name.ts';
import { contextOptions, type Credentials } from './credentials.ts';
import { type Said, sayFailure, sayVerdict } from './trouble.ts';

/** Behind the time that we give, so that the library never speaks of it first. */
const LIBRARY_TIMEOUT_EXTRA_MS = 1000;

export interface HandshakeEvents {
  attempt(key: string): Attempt | undefined;
  /** The handshake is good. `certName`: who the peer is, if our CA stands for it. */
  good(attempt: Attempt, tls: TLSSocket, certName: string | undefined): void;
  failed(attempt: Attempt, said: Said): void;
  /** It showed a certificate that is not good, and none is required. */
  unverified(attempt: Attempt, said: Said): void;
}

export class Handshakes {
  readonly #events: HandshakeEvents;
  readonly #attempts = new WeakMap<TLSSocket, Attempt>();
  #server: Server | undefined;

  constructor(events: HandshakeEvents) {
    this.#events = events;
  }

  /** There are certificates to show. */
  get isReady(): boolean {
    return this.#server !== undefined;
  }

  /** For new handshakes; those under way go on with what they began with. */
  configure(credentials: Credentials | undefined, handshakeTimeoutMs: number): void {
    this.#server = credentials && this.#make(credentials, handshakeTimeoutMs);
  }

  /** Takes over the connection, of which `first` has been read. */
  begin({ raw }: Attempt, first: Buffer): void {
    raw.pause();
    raw.unshift(first);
    this.#server?.emit('connection', raw);
  }

  #make(credentials: Credentials, handshakeTimeoutMs: number): Server {
    const { ca, requireClientCert } = credentials.tls;
    const server = createServer({
      ...contextOptions(credentials),
      requestCert: ca !== undefined,
      rejectUnauthorized: ca !== undefined && requireClientCert,
      // No session is taken up again, and nobody asks for a second handshake within the first.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      handshakeTimeout: handshakeTimeoutMs + LIBRARY_TIMEOUT_EXTRA_MS,
    });
    // Of all events of a handshake only this one brings the library's socket before it is judged: there is no
    // other way to know afterwards which certificate was refused. The line with the keys is not looked at.
    server.on('keylog', (_line, tls) => this.#meet(tls));
    server.on('secureConnection', (tls) => this.#pass(tls, credentials));
    server.on('tlsClientError', (error, tls) => this.#fail(error, tls, credentials));
    return server;
  }

  #meet(tls: TLSSocket): void {
    if (this.#attempts.has(tls)) return;
    const attempt = this.#events.attempt(keyOf(tls));
    if (attempt === undefined) return;
    this.#attempts.set(tls, attempt);
    attempt.hasSeenOurs = true;
    tls.prependOnceListener('secure', () => {
      const certificate = tls.getPeerCertificate();
      if (isShown(certificate)) attempt.certificate = describeCertificate(certificate);
    });
  }

  #attemptOf(tls: TLSSocket): Attempt | undefined {
    return this.#attempts.get(tls) ?? this.#events.attempt(keyOf(tls));
  }

  #pass(tls: TLSSocket, { tls: { ca } }: Credentials): void {
    const attempt = this.#attemptOf(tls);
    if (attempt?.state !== 'handshake') {
      tls.destroy();
      return;
    }
    const certificate = tls.getPeerCertificate();
    const isNamed = ca !== undefined && isShown(certificate);
    if (isNamed && !tls.authorized) this.#events.unverified(attempt, sayVerdict(verdictOn(tls) ?? '', ca));
    this.#events.good(attempt, tls, isNamed && tls.authorized ? certificateName(certificate) : undefined);
  }

  #fail(error: Error & { readonly code?: string }, tls: TLSSocket, credentials: Credentials): void {
    const attempt = this.#attemptOf(tls);
    if (attempt === undefined) return;
    const { ca, minVersion } = credentials.tls;
    const { code, message } = error;
    const { hasSeenOurs } = attempt;
    const failure = { code, message, verdict: verdictOn(tls), hasSeenOurs, ca, minVersion };
    this.#events.failed(attempt, sayFailure(failure));
  }
}

/** Why its certificate is not accepted: the name of OpenSSL's reason, whatever the types of Node say. */
function verdictOn(tls: TLSSocket): string | undefined {
  const verdict: unknown = tls.authorizationError;
  return typeof verdict === 'string' ? verdict : undefined;
}

function isShown(certificate: object): boolean {
  return Object.keys(certificate).length > 0;
}
