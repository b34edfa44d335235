// Where a destination sends to: `relp://172.31.100.94:2514`. A name is kept as it is and asked of DNS at each
// connection. What is wrong is said in the words of what was probably meant, rsyslog's `@@host` included.
//
// Refuses: paths, users and anything else of a URL that no transport has a use for.

import { isIP } from 'node:net';
import { suggestion } from '../base/nearest.ts';
import { DEFAULT_PORTS, isTransport } from './address-formats.ts';
import type { Target } from './agent.ts';
import { type FormatProblem, NO_PROBLEM, problem } from './problem.ts';

const EXAMPLE = '"relp://172.31.100.94:2514"';

/** Labels of letters, digits, "-" and, as Windows has them, "_"; a dot at the end stops the search list. */
const NAME = /^(?=.{1,253}\.?$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/;

/** Undefined unless checkTarget finds no problem. */
export function parseTarget(text: string): Target | undefined {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? [];
  if (!isTransport(scheme)) return undefined;
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(rest);
  if (parts === null) return undefined;
  const [, v6, plain = '', portText] = parts;
  const host = v6 ?? plain;
  const port = portText === undefined ? DEFAULT_PORTS[scheme] : Number(portText);
  if (port < 1 || port > 65535 || host.includes('%')) return undefined;
  if (v6 !== undefined) return isIP(v6) === 6 ? { scheme, host, port, text } : undefined;
  return isHost(host) ? { scheme, host, port, text } : undefined;
}

/** What looks like an IPv4 address must be one: 10.0.0.256 is no name. */
function isHost(host: string): boolean {
  return isIP(host) === 4 || (NAME.test(host) && !/^[\d.]+$/.test(host));
}

export function checkTarget(text: string): readonly FormatProblem[] {
  if (parseTarget(text) !== undefined) return NO_PROBLEM;
  const [what, mend] = sayTarget(text);
  return problem('CONFIG_BAD_ADDRESS', what, mend);
}

function sayTarget(text: string): readonly [what: string, mend: string] {
  const [, scheme, rest = ''] = /^([A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) return [`"${text}" names no transport.`, `Write ${withoutScheme(text)}.`];
  if (!isTransport(scheme)) {
    const mend = `${suggestion(scheme, Object.keys(DEFAULT_PORTS))}Write ${EXAMPLE}.`;
    return [`"${scheme}" is not a transport.`, mend];
  }
  if (isIP(rest) === 6)
    return [
      `"${text}": an IPv6 address stands in brackets, so that its end and the port can be told apart.`,
      `Write "${scheme}://[${rest}]:${DEFAULT_PORTS[scheme]}".`,
    ];
  if (/[/?#]/.test(rest))
    return [`"${text}" goes on behind the port.`, `Write "${scheme}://${rest.replace(/[/?#].*$/s, '')}".`];
  const port = /:([^:\]]*)$/.exec(rest)?.[1];
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65535))
    return [`"${port}" in "${text}" is not a port.`, 'Ports go from 1 to 65535.'];
  return [`"${text}" names no host.`, `Write a name or an address, such as ${EXAMPLE}.`];
}

/** `@@host` is rsyslog's TCP, `@host` its UDP. */
function withoutScheme(text: string): string {
  const [, at = '', rest = ''] = /^(@{0,2})(.*)$/s.exec(text) ?? [];
  const scheme = at === '@@' ? 'tcp' : at === '@' ? 'udp' : 'relp';
  const guess = `${scheme}://${rest.replace(/^\([^)]*\)/, '')}`;
  const target = parseTarget(guess);
  if (target === undefined) return EXAMPLE;
  return at === '@@' ? `"${guess}", or better "relp://${target.host}:2514"` : `"${guess}"`;
}
