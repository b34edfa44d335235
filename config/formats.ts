// The values that are written as text and mean something: sizes, spans, addresses, modes, templates. Each
// `format` of the schema has its check here; config/resolve.ts turns the same text into the value. A check
// says what is wrong and how it should look; it never repairs.

import { isIP } from 'node:net';
import type { FaultCode } from '../base/fault.ts';
import { type Address, parseAddress, parseRange, printRange } from '../base/ip.ts';
import { suggestion } from '../base/nearest.ts';
import { parseSize, parseSpan } from '../base/units.ts';
import type { Accounts } from './accounts.ts';
import { LATER_SCHEMES } from './later.ts';
import type { Listen, Pattern, SocketAddress } from './server.ts';
import { hasControl, parseTemplate, type Problem } from './template.ts';

export interface FormatProblem extends Problem {
  readonly code: FaultCode;
}

export interface TextFormat {
  /** What a value of this kind is, for the fault of a wrong type and for the docs. */
  readonly shape: string;
  readonly check: (text: string) => readonly FormatProblem[];
}

/** `compileSelector` of syslog/selector.ts fits; config/ may not import it, so it is handed in. */
export type SelectorCheck = (
  text: string,
) =>
  | { readonly ok: true }
  | { readonly ok: false; readonly at: number; readonly what: string; readonly mend: string };

export type Formats = Readonly<Record<FormatName, TextFormat>>;

export function makeFormats(accounts: Accounts, checkSelector: SelectorCheck) {
  return {
    size: { shape: 'a size', check: checkSize },
    span: { shape: 'a span of time', check: checkSpan },
    range: { shape: 'an IP address or CIDR range', check: checkRange },
    'zone-sender': { shape: 'an IP address or CIDR range', check: checkZoneSender },
    listen: { shape: 'an address to listen on', check: checkListen },
    'http-listen': { shape: 'an IP address and port', check: checkHttpListen },
    'file-mode': { shape: 'an octal mode', check: (text) => checkMode(text, FILE_MODE_NEEDS) },
    'directory-mode': { shape: 'an octal mode', check: (text) => checkMode(text, DIRECTORY_MODE_NEEDS) },
    user: { shape: 'a user', check: (text) => checkAccount(text, 'user', '/etc/passwd', accounts.users) },
    group: { shape: 'a group', check: (text) => checkAccount(text, 'group', '/etc/group', accounts.groups) },
    zone: { shape: 'a time zone', check: checkZone },
    'file-template': { shape: 'a file path', check: checkTemplate },
    selector: { shape: 'a selector', check: (text) => checkSelectorText(text, checkSelector) },
    regex: { shape: 'a regular expression', check: checkRegex },
    glob: { shape: 'a pattern', check: checkPlainText },
    'plain-text': { shape: 'text', check: checkPlainText },
    path: { shape: 'a path', check: checkPath },
    include: { shape: 'a path or pattern', check: checkInclude },
  } as const satisfies Record<string, TextFormat>;
}

export type FormatName = keyof ReturnType<typeof makeFormats>;

const NO_PROBLEM: readonly FormatProblem[] = [];

function problem(code: FaultCode, what: string, mend: string): readonly FormatProblem[] {
  return [{ code, what, mend }];
}

function checkSize(text: string): readonly FormatProblem[] {
  if (parseSize(text) !== undefined) return NO_PROBLEM;
  return problem(
    'CONFIG_BAD_VALUE',
    `"${text}" is not a size.`,
    'Write a number and B, KiB, MiB or GiB, such as "64KiB".',
  );
}

function checkSpan(text: string): readonly FormatProblem[] {
  if (parseSpan(text) !== undefined) return NO_PROBLEM;
  const mend = 'Write numbers with ms, s, min, h, d or w, such as "30s" or "1h30min".';
  return problem('CONFIG_BAD_VALUE', `"${text}" is not a span of time.`, mend);
}

function checkRange(text: string): readonly FormatProblem[] {
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

function checkZoneSender(text: string): readonly FormatProblem[] {
  if (text === 'default' || parseRange(text) !== undefined) return NO_PROBLEM;
  const [found] = checkRange(text);
  const mend = `${suggestion(text, ['default'])}${found?.mend ?? ''}`;
  return problem(
    'CONFIG_BAD_ADDRESS',
    `"${text}" is not a sender of timeZone: an address, a range, or "default".`,
    mend,
  );
}

const LISTEN_EXAMPLE = '"udp://0.0.0.0:514" or "tcp://[::]:514"';

/** Undefined unless checkListen finds no problem. */
export function parseListen(text: string): Listen | undefined {
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme !== 'udp' && scheme !== 'tcp') return undefined;
  const address = parseSocketAddress(rest);
  return address && { transport: scheme, ...address, text };
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

function checkListen(text: string): readonly FormatProblem[] {
  const [, scheme, rest = ''] = /^([A-Za-z0-9+.-]*):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === undefined) {
    const guess = parseSocketAddress(text)
      ? `Put the transport in front: "udp://${text}" or "tcp://${text}".`
      : `Write ${LISTEN_EXAMPLE}.`;
    return problem('CONFIG_BAD_ADDRESS', `"${text}" names no transport.`, guess);
  }
  if (Object.hasOwn(LATER_SCHEMES, scheme)) {
    const mend = 'Remove it; this version receives "udp://" and "tcp://".';
    return problem(
      'CONFIG_NOT_YET',
      `"${text}": this version of Belfry does not have ${LATER_SCHEMES[scheme]} yet.`,
      mend,
    );
  }
  if (scheme !== 'udp' && scheme !== 'tcp') {
    const mend = `${suggestion(scheme, ['udp', 'tcp'])}Write ${LISTEN_EXAMPLE}.`;
    return problem('CONFIG_BAD_ADDRESS', `"${scheme}" is not a transport.`, mend);
  }
  return checkSocketAddress(text, rest, LISTEN_EXAMPLE);
}

function checkHttpListen(text: string): readonly FormatProblem[] {
  return checkSocketAddress(text, text.replace(/^https?:\/\//, ''), '"127.0.0.1:8514" or "[::1]:8514"', text);
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

/** Belfry itself must be able to write the file again, and to make and reach files in the directory. */
const FILE_MODE_NEEDS = 0o200;
const DIRECTORY_MODE_NEEDS = 0o300;

export function parseMode(text: string): number | undefined {
  return /^[0-7]{3,4}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function checkMode(text: string, needs: number): readonly FormatProblem[] {
  const mode = parseMode(text);
  const example = needs === FILE_MODE_NEEDS ? '"0640"' : '"0750"';
  if (mode === undefined)
    return problem(
      'CONFIG_BAD_VALUE',
      `"${text}" is not a mode.`,
      `Write three or four octal digits, such as ${example}.`,
    );
  if ((mode & needs) === needs) return NO_PROBLEM;
  return problem(
    'CONFIG_BAD_VALUE',
    `With mode "${text}" the owner could not write.`,
    `Give the owner that right, such as ${example}.`,
  );
}

function checkAccount(
  text: string,
  kind: string,
  file: string,
  known: ReadonlyMap<string, number>,
): readonly FormatProblem[] {
  if (known.has(text)) return NO_PROBLEM;
  const mend = `${suggestion(text, [...known.keys()])}A ${kind} that is not in ${file} can be given as a number.`;
  return problem('CONFIG_BAD_VALUE', `There is no ${kind} "${text}" in ${file}.`, mend);
}

/** As RFC 3339 writes an offset; the largest in use is +14:00. */
const OFFSET = /^[+-](0\d|1[0-4]):[0-5]\d$/;

function isZone(text: string): boolean {
  if (text === 'local' || OFFSET.test(text)) return true;
  if (/^[+-]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function checkZone(text: string): readonly FormatProblem[] {
  if (isZone(text)) return NO_PROBLEM;
  const mend = `${suggestion(text, Intl.supportedValuesOf('timeZone'))}Write "local", a name such as "Europe/Berlin", or an offset such as "+02:00".`;
  return problem('CONFIG_BAD_VALUE', `"${text}" is not a time zone.`, mend);
}

function checkTemplate(text: string): readonly FormatProblem[] {
  return parseTemplate(text).problems.map((found) => ({ code: 'CONFIG_BAD_TEMPLATE', ...found }));
}

function checkSelectorText(text: string, checkSelector: SelectorCheck): readonly FormatProblem[] {
  const result = checkSelector(text);
  if (result.ok) return NO_PROBLEM;
  return problem('CONFIG_BAD_SELECTOR', result.what, result.mend);
}

/** `(?i)` in front: letters i, s and m as in JavaScript. */
export function splitPattern(text: string): Pattern {
  const [lead = '', flags = ''] = /^\(\?([ism]+)\)/.exec(text) ?? [];
  return { source: text.slice(lead.length), flags: [...new Set(flags)].join('') };
}

function checkRegex(text: string): readonly FormatProblem[] {
  const { source, flags } = splitPattern(text);
  if (source === '')
    return problem(
      'CONFIG_BAD_REGEX',
      'The regular expression is empty.',
      'Leave out "regex" to match every text.',
    );
  try {
    new RegExp(source, flags);
    return NO_PROBLEM;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*\/[a-z]*: /s, '') : String(error);
    const mend = 'It is a JavaScript regular expression; to look for plain text, use "contains".';
    return problem('CONFIG_BAD_REGEX', `The regular expression "${text}" does not compile: ${reason}.`, mend);
  }
}

function checkPlainText(text: string): readonly FormatProblem[] {
  if (text === '')
    return problem('CONFIG_BAD_VALUE', 'The text is empty.', 'Write some text, or leave out the key.');
  if (!hasControl(text)) return NO_PROBLEM;
  return problem('CONFIG_BAD_VALUE', 'The text holds a control character.', 'Remove it.');
}

function checkPath(text: string): readonly FormatProblem[] {
  if (/[{}]/.test(text)) {
    return problem(
      'CONFIG_BAD_TEMPLATE',
      `"${text}" holds a brace.`,
      'Words such as {host} stand in the "file" of a rule only.',
    );
  }
  return checkPlainText(text);
}

function checkInclude(text: string): readonly FormatProblem[] {
  const directory = text.slice(0, text.lastIndexOf('/') + 1);
  if (/[*?]/.test(directory)) {
    const mend = 'Write each directory as an entry of its own, such as "conf.d/*.json".';
    return problem(
      'CONFIG_BAD_VALUE',
      `"${text}" has a "*" or "?" in a directory; they stand in the last part only.`,
      mend,
    );
  }
  if (text.endsWith('/'))
    return problem('CONFIG_BAD_VALUE', `"${text}" is a directory.`, `Write "${text}*.json".`);
  return checkPlainText(text);
}
