// TLS over a TCP connection that stands. Promises: nothing is sent before the server's certificate has been
// found good, by an authority that is trusted and by its name; certificates and keys are read anew each time,
// so that renewed ones are used without a restart; what is wrong is said in words.
//
// Why a wait after the handshake: in TLS 1.3 a client has finished before the server has judged the client's
// certificate. What was written by then to a server that says no would be lost. A session ticket says yes.

import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { codeOf } from '../../base/fault.ts';
import { printSpan } from '../../base/units.ts';
import { certificateTrouble } from './tls-words.ts';
import type { TransportTls } from './transport.ts';
import { connectionTrouble, type Trouble } from './trouble.ts';

/** Where distributions keep what the system trusts: Debian and Arch, Red Hat, SUSE. */
const SYSTEM_TRUST = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];
/** Not all servers give tickets. */
const TICKET_WAIT_MS = 500;

export type Secured =
  | { readonly ok: true; readonly socket: TLSSocket }
  | { readonly ok: false; readonly trouble: Trouble };

export interface SecureWish {
  readonly wire: Socket;
  readonly peer: string;
  /** Of the target. */
  readonly host: string;
  readonly tls: TransportTls;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Wait until the server has accepted this host's certificate. */
  readonly waitsForServer: boolean;
}

/** On failure the connection is gone. */
export async function secure(wish: SecureWish): Promise<Secured> {
  const { wire, peer, signal } = wish;
  const material = readMaterial(wish.tls);
  if (!material.ok) {
    wire.destroy();
    return material;
  }
  let socket: TLSSocket;
  try {
    socket = connect({ socket: wire, ...identity(wish), ...material.options });
  } catch (error) {
    wire.destroy();
    return { ok: false, trouble: ownTrouble(wish.tls, error) };
  }
  const trouble = await new Handshake(socket, wish).result;
  if (trouble === undefined && !signal.aborted) return { ok: true, socket };
  socket.destroy();
  wire.destroy();
  return { ok: false, trouble: trouble ?? { why: `${peer} was left`, mend: undefined } };
}

function identity({ host, tls }: SecureWish): ConnectionOptions {
  const name = tls.serverName ?? host;
  // RFC 6066 section 3: an address is no server name.
  const servername = isIP(name) === 0 ? { servername: name } : {};
  // The handshake is judged below, where the certificate can still be looked at and told of.
  return { host: name, ...servername, minVersion: 'TLSv1.2', rejectUnauthorized: false };
}

// ---- files

type Material =
  | { readonly ok: true; readonly options: ConnectionOptions }
  | { readonly ok: false; readonly trouble: Trouble };

function readMaterial({ ca, cert, key }: TransportTls): Material {
  const options: ConnectionOptions = {};
  for (const [name, path] of [
    ['ca', ca],
    ['cert', cert],
    ['key', key],
  ] as const) {
    if (path === undefined) continue;
    try {
      options[name] = readFileSync(path);
    } catch (error) {
      const why = `tls.${name} cannot be read: ${path} (${codeOf(error) ?? String(error)})`;
      return {
        ok: false,
        trouble: { why, mend: 'Look at the file, and whether the user that Belfry runs as may read it.' },
      };
    }
  }
  const system = ca === undefined ? readSystemTrust() : undefined;
  return { ok: true, options: { ...options, ...(system !== undefined && { ca: system }) } };
}

/** Undefined: none is there; then Node's own list serves. */
function readSystemTrust(): Buffer | undefined {
  for (const path of SYSTEM_TRUST) {
    try {
      return readFileSync(path);
    } catch {
      // Another distribution.
    }
  }
  return undefined;
}

function ownTrouble({ ca, cert, key }: TransportTls, error: unknown): Trouble {
  const files = [ca, cert, key].filter((path) => path !== undefined).join(', ');
  const code = codeOf(error) ?? '';
  const why = `TLS cannot be set up with ${files === '' ? 'what the system trusts' : files}`;
  if (code.includes('KEY_VALUES_MISMATCH'))
    return {
      why: `${why}: the key does not belong to the certificate`,
      mend: 'Look at tls.cert and tls.key.',
    };
  if (
    code.includes('PASSPHRASE') ||
    code.includes('BAD_PASSWORD') ||
    code.includes('INTERRUPTED_OR_CANCELLED')
  )
    return {
      why: `${why}: the key is encrypted`,
      mend: 'Store it without a passphrase, readable for its owner alone.',
    };
  const mend = 'The files must be PEM; look at them with openssl x509 and openssl pkey.';
  return { why: `${why}: ${error instanceof Error ? error.message : String(error)}`, mend };
}

// ---- the handshake

class Handshake {
  /** Undefined: the server is who it should be. */
  readonly result: Promise<Trouble | undefined>;
  readonly #socket: TLSSocket;
  readonly #wish: SecureWish;
  #done: (trouble: Trouble | undefined) => void = () => undefined;
  #timer: NodeJS.Timeout;
  #isSecure = false;

  constructor(socket: TLSSocket, wish: SecureWish) {
    this.#socket = socket;
    this.#wish = wish;
    const { timeoutMs, peer, signal } = wish;
    const why = `${peer} did not finish the TLS handshake within ${printSpan(timeoutMs)}`;
    const late = { why, mend: 'Look whether the server speaks TLS on this port.' };
    this.#timer = setTimeout(() => this.#done(late), timeoutMs);
    const onAbort = () => this.#done(undefined);
    const onError = (error: Error) => this.#done(connectionTrouble(error, peer));
    const onClose = () => this.#done(this.#broken());
    const onSession = () => this.#accepted();
    signal.addEventListener('abort', onAbort);
    socket.on('error', onError).once('close', onClose).once('end', onClose).on('session', onSession);
    socket.once('secureConnect', () => this.#judge());
    this.result = new Promise<Trouble | undefined>((resolve) => {
      this.#done = resolve;
    }).finally(() => {
      clearTimeout(this.#timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('close', onClose).off('end', onClose).off('session', onSession);
      // onError stays: an error that comes late must not be an exception.
    });
  }

  #judge(): void {
    const { peer, host, tls, waitsForServer } = this.#wish;
    const socket = this.#socket;
    if (!socket.authorized) {
      const code = String(codeOf(socket.authorizationError) ?? socket.authorizationError);
      const name = tls.serverName ?? host;
      const trusts = tls.ca ?? 'this system';
      this.#done(certificateTrouble({ peer, name, code, trusts, certificate: socket.getPeerCertificate() }));
      return;
    }
    this.#isSecure = true;
    clearTimeout(this.#timer);
    if (!waitsForServer || socket.getProtocol() !== 'TLSv1.3') this.#done(undefined);
    else this.#timer = setTimeout(() => this.#done(undefined), TICKET_WAIT_MS);
  }

  #accepted(): void {
    if (this.#isSecure) this.#done(undefined);
  }

  #broken(): Trouble {
    const { peer } = this.#wish;
    const mend = 'Look whether the server speaks TLS on this port, and at what its log says.';
    if (this.#isSecure) return { why: `${peer} ended the connection after the TLS handshake`, mend };
    return { why: `${peer} ended the connection during the TLS handshake`, mend };
  }
}
