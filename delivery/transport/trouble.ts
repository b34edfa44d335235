// Why a destination cannot be reached, in words: a part of a sentence ("connection refused by 10.0.0.1:2514")
// and what an operator can do about it. One place for the kernel's and DNS's errors; tls-words.ts has those of TLS.

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

/** What a failed system call says of the connection to `peer`. */
export function connectionTrouble(error: unknown, peer: string): Trouble {
  const code = codeOf(error) ?? String(error);
  const [why, mend] = BY_ERROR[code] ?? [`${code} from @`, undefined];
  return { why: why.replace('@', () => peer), mend };
}

export function connectTimeout(peer: string, timeoutMs: number): Trouble {
  return {
    why: `no answer from ${peer} within ${printSpan(timeoutMs)}`,
    mend: 'Look whether the host is up, and whether a firewall between drops what goes to this port.',
  };
}

/** `undefined`: the answer did not come in time. */
export function nameTrouble(host: string, error: unknown, timeoutMs: number): Trouble {
  const mend = 'Look at the name, and at the name servers in /etc/resolv.conf.';
  if (error === undefined)
    return { why: `DNS did not answer for ${host} within ${printSpan(timeoutMs)}`, mend };
  const code = codeOf(error) ?? String(error);
  if (code === 'ENOTFOUND' || code === 'ENODATA') return { why: `DNS knows no address of ${host}`, mend };
  if (code === 'EAI_AGAIN' || code === 'ETIMEOUT') return { why: `DNS does not answer for ${host}`, mend };
  return { why: `DNS has no answer for ${host} (${code})`, mend };
}
