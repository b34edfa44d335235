// Why a destination cannot be reached, in words: a part of a sentence ("connection refused by 10.0.0.1:2514")
// and what an operator can do about it. Errors of the kernel, of DNS and of TLS; tls-words.ts has certificates.

import { isIPv6 } from 'node:net';
import { codeOf } from '../../base/fault.ts';
import { printSpan } from '../../base/units.ts';

export interface Trouble {
  readonly why: string;
  readonly mend: string | undefined;
}

/** `10.0.0.1:514`, `[::1]:514`. */
export function printPeer(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

const OWN_CERTIFICATE = 'Look at tls.cert and tls.key, and at what authorities the server trusts.';
const LOOK_AT_TLS = 'Look whether the server speaks TLS on this port, and at what its log says.';
const LOOK_AT_VERSIONS = 'Belfry speaks TLS 1.2 and 1.3; look at what the server allows.';
const LOOK_AT_ROUTE = 'Look at the network and its routes between the two hosts.';

/** By the kernel's name of the error, with the peer's address in place of `@`. */
const BY_ERROR: Readonly<Record<string, readonly [why: string, mend: string | undefined]>> = {
  ECONNREFUSED: [
    'connection refused by @',
    'Look whether the server runs and listens on this port; a firewall may refuse as well.',
  ],
  ECONNRESET: ['connection reset by @', undefined],
  EPIPE: ['connection ended by @', undefined],
  ETIMEDOUT: ['@ no longer answers', LOOK_AT_ROUTE],
  EHOSTUNREACH: ['no route to @', LOOK_AT_ROUTE],
  EHOSTDOWN: ['the host of @ is down', LOOK_AT_ROUTE],
  ENETUNREACH: ['the network of @ cannot be reached', LOOK_AT_ROUTE],
  ENETDOWN: ['the network of @ is down', LOOK_AT_ROUTE],
  EADDRNOTAVAIL: ['no address or port of this host is free to reach @', undefined],
  EACCES: [
    'this host does not let it connect to @',
    'Look at its firewall, and at IPAddressDeny of the unit.',
  ],
  EPERM: [
    'this host does not let it connect to @',
    'Look at its firewall, and at IPAddressDeny of the unit.',
  ],
  EMFILE: ['too many files are open to connect to @', 'Raise LimitNOFILE of the service.'],
  ENFILE: ['too many files are open on this host to connect to @', 'Raise fs.file-max.'],
  ENOBUFS: ['the kernel has no memory left to send to @', undefined],
  ENOMEM: ['the kernel has no memory left to send to @', undefined],
};

/** The same for OpenSSL's errors: alerts that the server has sent, and what is no TLS. */
const BY_TLS_ERROR: Readonly<Record<string, readonly [why: string, mend: string]>> = {
  TLSV13_ALERT_CERTIFICATE_REQUIRED: [
    '@ wants a certificate of this host, and there is none',
    'Set tls.cert and tls.key.',
  ],
  SSLV3_ALERT_BAD_CERTIFICATE: ['@ does not accept the certificate of this host', OWN_CERTIFICATE],
  SSLV3_ALERT_CERTIFICATE_UNKNOWN: ['@ does not accept the certificate of this host', OWN_CERTIFICATE],
  SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: ['@ does not accept the certificate of this host', OWN_CERTIFICATE],
  SSLV3_ALERT_CERTIFICATE_EXPIRED: ['@ says that the certificate of this host has expired', OWN_CERTIFICATE],
  SSLV3_ALERT_CERTIFICATE_REVOKED: ['@ says that the certificate of this host is revoked', OWN_CERTIFICATE],
  TLSV1_ALERT_UNKNOWN_CA: [
    '@ does not trust the authority that signed the certificate of this host',
    OWN_CERTIFICATE,
  ],
  TLSV1_ALERT_ACCESS_DENIED: ['@ denies access to the certificate of this host', OWN_CERTIFICATE],
  TLSV1_UNRECOGNIZED_NAME: ['@ does not know the name that it was asked for', 'Look at tls.serverName.'],
  SSLV3_ALERT_HANDSHAKE_FAILURE: [
    '@ broke the TLS handshake off: it wants a certificate of this host, or other ciphers',
    'Look at tls.cert and tls.key, and at what the log of the server says.',
  ],
  TLSV1_ALERT_PROTOCOL_VERSION: ['@ speaks no version of TLS that is safe', LOOK_AT_VERSIONS],
  UNSUPPORTED_PROTOCOL: ['@ speaks no version of TLS that is safe', LOOK_AT_VERSIONS],
  WRONG_VERSION_NUMBER: ['@ does not speak TLS', LOOK_AT_TLS],
  PACKET_LENGTH_TOO_LONG: ['@ does not speak TLS', LOOK_AT_TLS],
  HTTP_REQUEST: ['@ does not speak TLS', LOOK_AT_TLS],
};

const TLS_PREFIX = 'ERR_SSL_';

/** What a failed system call says of the connection to `peer`. */
export function connectionTrouble(error: unknown, peer: string): Trouble {
  const code = codeOf(error) ?? String(error);
  const [why, mend] = code.startsWith(TLS_PREFIX)
    ? (BY_TLS_ERROR[code.slice(TLS_PREFIX.length)] ?? [`TLS with @ failed (${code})`, LOOK_AT_TLS])
    : (BY_ERROR[code] ?? [`${code} from @`, undefined]);
  return { why: why.replace('@', () => peer), mend };
}

export function connectTimeout(peer: string, timeoutMs: number): Trouble {
  return {
    why: `no answer from ${peer} within ${printSpan(timeoutMs)}`,
    mend: 'Look whether the host is up, and whether a firewall between drops what goes to this port.',
  };
}

/** `undefined`: the answer did not come in time. */
export function nameTrouble(host: string, error: Error | undefined, timeoutMs: number): Trouble {
  const mend = 'Look at the name, and at the name servers in /etc/resolv.conf.';
  if (error === undefined)
    return { why: `DNS did not answer for ${host} within ${printSpan(timeoutMs)}`, mend };
  const code = codeOf(error) ?? error.message;
  if (code === 'ENOTFOUND' || code === 'ENODATA') return { why: `DNS knows no address of ${host}`, mend };
  if (code === 'EAI_AGAIN' || code === 'ETIMEOUT') return { why: `DNS does not answer for ${host}`, mend };
  return { why: `DNS has no answer for ${host} (${code})`, mend };
}
