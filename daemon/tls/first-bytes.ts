// What the first bytes of a connection are, before anything is made of them: the beginning of TLS, or something
// that a person should hear about in words. Pure; looks at what came in the first read and asks for no more.

import type { TlsTrouble } from './tls-counts.ts';

/** TLS record of content type handshake (RFC 8446 section 5.1). */
const HANDSHAKE = 0x16;
/** The hello of SSL 2: a length with its high bit set, then message type 1. */
const SSL2_LENGTH = 0x80;
const SSL2_CLIENT_HELLO = 1;
/** Longer beginnings say no more. */
const LOOKED_AT_MAX = 64;

export interface NotTls {
  readonly trouble: TlsTrouble;
  readonly what: string;
  readonly mend: string;
}

/** Undefined: let TLS judge. */
export function notTls(bytes: Uint8Array, speaks: 'syslog' | 'relp'): NotTls | undefined {
  if (bytes[0] === HANDSHAKE) return undefined;
  const text = Buffer.from(bytes.subarray(0, LOOKED_AT_MAX)).toString('latin1');
  if ((bytes[0] ?? 0) >= SSL2_LENGTH && bytes[2] === SSL2_CLIENT_HELLO) return SSL2;
  if (/^\d{1,9} (?:open|syslog) /.test(text)) return plain('RELP', 'relp');
  if (/^(?:\d{1,9} ?)?<\d{0,3}>?/.test(text) && /^[\d<]/.test(text) && text.includes('<'))
    return plain('syslog', 'tcp');
  if (/^(?:GET|HEAD|POST|PUT|OPTIONS|CONNECT|PRI) /.test(text)) return HTTP;
  if (/^(?:PROXY |\r\n\r\n\0)/.test(text)) return PROXY;
  if (/^[\t\r\n\x20-\x7e]+$/.test(text)) return plain('text', speaks === 'relp' ? 'relp' : 'tcp');
  return OTHER;
}

function plain(what: 'syslog' | 'RELP' | 'text', scheme: 'tcp' | 'relp'): NotTls {
  return {
    trouble: 'plain_text',
    what: what === 'text' ? 'it sends plain text instead of TLS' : `it speaks plain ${what}, without TLS`,
    mend: `Turn on TLS at the sender, or add a ${scheme}:// listener and send there.`,
  };
}

const SSL2: NotTls = {
  trouble: 'old_version',
  what: 'it offers SSL 2, which has been forbidden since 2011 (RFC 6176)',
  mend: 'Update the TLS library of the sender.',
};

const HTTP: NotTls = {
  trouble: 'plain_text',
  what: 'it speaks HTTP: a browser, or a scanner',
  mend: 'Nothing need be done; syslog.allow keeps strangers out.',
};

const PROXY: NotTls = {
  trouble: 'not_tls',
  what: 'it begins with a PROXY header, and its address is not in syslog.proxyProtocol',
  mend: 'If it is your load balancer, add its address to syslog.proxyProtocol.',
};

const OTHER: NotTls = {
  trouble: 'not_tls',
  what: 'what it sends is neither TLS nor syslog',
  mend: 'Look at what runs there; syslog.allow keeps strangers out.',
};
