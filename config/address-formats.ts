// Addresses as an operator writes them: whom to let in, where to listen. What is wrong with one is said in the
// words of what was probably meant: a missing port, IPv6 without brackets, a name, bits behind the range.

import { isIP } from 'node:net';
import { type Address, parseAddress, parseRange, printRange } from '../base/ip.ts';
import { suggestion } from '../base/nearest.ts';
import { type FormatProblem, NO_PROBLEM, problem } from './problem.ts';
import type { Listen, ListenTransport, SocketAddress } from './server.ts';

export function checkRange(text: string): readonly FormatProblem[] {
  if (parseRange(text) !== undefined) return NO_PROBLEM;
  const [address = '', bits = ''] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined)
    return problem(
      'CONFIG_BAD_ADDRESS',
      `"${text}" is not an IP address or CIDR range.`,
      addressMend(address),
    );
  const bitsMax = address.includes(':') ? 128 : 32;
  if (!/^\d+$/.test(bits) || Number(bits) > bitsMax) {
    const mend = `Behind the "/" stands the number of bits, 0 to ${bitsMax}, such as "${address}/${bitsMax}" for this address alone.`;
    return problem('CONFIG_BAD_ADDRESS', `"${text}" is not a CIDR range.`, mend);
  }
  const network = printRange({ ...maskTo(parsed, Number(bits) + (128 - bitsMax)) });
  const mend = `Did you mean the range "${network}", or the one address "${address}"?`;
  return problem(
    'CONFIG_BAD_ADDRESS',
    `"${text}" has bits behind the first ${bits} that are not zero.`,
    mend,
  );
}

function addressMend(text: string): string {
  if (/^(\d+\.){0,3}\d*$/.test(text))
    return 'An IPv4 address has four numbers from 0 to 255, such as "172.31.96.0/20".';
  if (text.includes(':'))
    return 'An IPv6 address looks like "fd00::1" or "fd00::/8", without zone and without port.';
  return 'Names are never looked up: write the address, such as "172.31.101.79", or a range, such as "172.31.96.0/20".';
}

/** The address with all bits behind the first `bits` set to zero. */
function maskTo(address: Address, bits: number): Address & { readonly bits: number } {
  const word = (value: number, at: number) => {
    const own = Math.min(32, Math.max(0, bits - at * 32));
    return own === 0 ? 0 : (value & (0xffffffff << (32 - own))) >>> 0;
  };
  return {
    w0: word(address.w0, 0),
    w1: word(address.w1, 1),
    w2: word(address.w2, 2),
    w3: word(address.w3, 3),
    bits,
  };
}

export function checkZoneSender(text: string): readonly FormatProblem[] {
  if (text === 'default' || parseRange(text) !== undefined) return NO_PROBLEM;
  const [found] = checkRange(text);
  const mend = `${suggestion(text, ['default'])}${found?.mend ?? ''}`;
  return problem(
    'CONFIG_BAD_ADDRESS',
    `"${text}" is not a sender of timeZone: an address, a range, or "default".`,
    mend,
  );
}

/**
 * The port of an address that names none: RFC 5426 and custom for syslog, RFC 5425 for TLS. RELP has no port of
 * its own; 2514 is what its guides use, with TLS as without, since there TLS is a switch of the same input.
 */
export const DEFAULT_PORTS: Readonly<Record<ListenTransport, number>> = {
  udp: 514,
  tcp: 514,
  relp: 2514,
  tls: 6514,
  relps: 2514,
};

const SCHEMES = Object.keys(DEFAULT_PORTS);

export function isTransport(scheme: string): scheme is ListenTransport {
  return Object.hasOwn(DEFAULT_PORTS, scheme);
}

const LISTEN_EXAMPLE = '"udp://0.0.0.0:514" or "tcp://[::]:514"';

/** Undefined unless checkListen finds no problem. */
export function parseListen(text: string): Listen | undefined {
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === undefined || !isTransport(scheme)) return undefined;
  const address = parseSocketAddress(rest) ?? parseSocketAddress(`${rest}:${DEFAULT_PORTS[scheme]}`);
  return address && { transport: scheme, ...address, text };
}

/** What two listeners cannot share: tcp, relp, tls and relps are all sockets of TCP. */
export function listenKey({ transport, host, family, port }: Listen): string {
  const kind = transport === 'udp' ? 'udp' : 'tcp';
  return `${kind} port ${port} of ${family === 6 ? `[${host}]` : host}`;
}

/** `127.0.0.1:8514` or `[::1]:8514`. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const [, v6, v4, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const family = isIP(host);
  const port = Number(portText);
  if (host.includes('%') || port > 65535) return undefined;
  if (family === 4 && v4 !== undefined) return { host, family, port };
  if (family === 6 && v6 !== undefined) return { host, family, port };
  return undefined;
}

export function checkListen(text: string): readonly FormatProblem[] {
  const [, scheme, rest = ''] = /^([A-Za-z0-9+.-]*):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === undefined) {
    const guess = parseSocketAddress(text)
      ? `Put the transport in front: "udp://${text}" or "tcp://${text}".`
      : `Write ${LISTEN_EXAMPLE}.`;
    return problem('CONFIG_BAD_ADDRESS', `"${text}" names no transport.`, guess);
  }
  if (!isTransport(scheme)) {
    const mend = `${suggestion(scheme, SCHEMES)}Write ${LISTEN_EXAMPLE}.`;
    return problem('CONFIG_BAD_ADDRESS', `"${scheme}" is not a transport.`, mend);
  }
  if (parseListen(text) !== undefined) return NO_PROBLEM;
  return checkSocketAddress(text, rest, LISTEN_EXAMPLE);
}

export function checkHttpListen(text: string): readonly FormatProblem[] {
  return checkSocketAddress(text, text.replace(/^https?:\/\//, ''), '"127.0.0.1:8514" or "[::1]:8514"', text);
}

export function checkNtpListen(text: string): readonly FormatProblem[] {
  return checkSocketAddress(text, text.replace(/^(udp|ntp):\/\//, ''), '"0.0.0.0:123" or "[::]:123"', text);
}

/** What is wrong with `rest`, the part of `text` that holds address and port. `exact` must be the whole text. */
function checkSocketAddress(
  text: string,
  rest: string,
  example: string,
  exact = rest,
): readonly FormatProblem[] {
  if (parseSocketAddress(exact)) return NO_PROBLEM;
  if (parseSocketAddress(rest))
    return problem(
      'CONFIG_BAD_ADDRESS',
      `"${text}" must be an address and a port alone.`,
      `Write "${rest}".`,
    );
  const [, bracketed, plain = '', port] = /^(?:\[(.*)\]|(.*?))(?::(\d*))?$/.exec(rest) ?? [];
  const host = bracketed ?? plain;
  if (isIP(rest) === 6 || (bracketed === undefined && isIP(host) === 6)) {
    const what = `"${text}": an IPv6 address stands in brackets, so that its end and the port can be told apart.`;
    return problem('CONFIG_BAD_ADDRESS', what, `Write ${example}.`);
  }
  if (host.includes('%'))
    return problem(
      'CONFIG_BAD_ADDRESS',
      `"${text}" names an interface.`,
      'Listen on "[::]" and let `allow` decide who may send.',
    );
  if (isIP(host) !== 0 && !port)
    return problem('CONFIG_BAD_ADDRESS', `"${text}" names no port.`, `Write ${example}.`);
  if (isIP(host) !== 0 && Number(port) > 65535)
    return problem('CONFIG_BAD_ADDRESS', `${port} is not a port.`, 'Ports go from 1 to 65535.');
  if (host === '' || host === '*')
    return problem(
      'CONFIG_BAD_ADDRESS',
      `"${text}" names no address.`,
      'Write 0.0.0.0 for every IPv4 address of this host, [::] for IPv6 too.',
    );
  const mend = `Names are never looked up: write an address of this host, such as ${example}.`;
  return problem('CONFIG_BAD_ADDRESS', `"${host}" in "${text}" is not an IP address.`, mend);
}
