// Turns a configuration without faults into values: sizes to bytes, spans to milliseconds, addresses to
// numbers, names of users to ids, relative paths to absolute ones. Everything here was checked before, so
// what cannot be resolved is our own mistake.

import { dirname, resolve } from 'node:path';
import { assert } from '../base/assert.ts';
import { parseRange, type Range } from '../base/ip.ts';
import { parseSize, parseSpan } from '../base/units.ts';
import type { Accounts } from './accounts.ts';
import { type Document, placeInDocument } from './document.ts';
import { parseListen, parseSocketAddress } from './address-formats.ts';
import { parseMode, splitPattern } from './formats.ts';
import { accountId } from './permissions.ts';
import { type RuleSource, targetOf, textList } from './rules.ts';
import type {
  FilesConfig,
  FileTarget,
  Match,
  NtpConfig,
  Rotate,
  Rule,
  SenderZones,
  ServerConfig,
  SyslogConfig,
  TlsServerConfig,
} from './server.ts';
import type { MatchText, RuleText } from './rule.schema.ts';
import type { ServerFile } from './server.schema.ts';

export function resolveServer(
  document: Document,
  file: ServerFile,
  sources: readonly RuleSource[],
  accounts: Accounts,
): ServerConfig {
  const beside = (path: string) => resolve(dirname(document.file), path);
  const files = resolveFiles(file.files, beside, accounts);
  return {
    path: document.file,
    syslog: resolveSyslog(file.syslog, beside),
    files,
    rules: sources.map((source) => resolveRule(source, files, accounts)),
    ntp: file.ntp && resolveNtp(file.ntp),
    http: file.http && { listen: sure(parseSocketAddress(file.http.listen)) },
    control: { socket: beside(file.control.socket), mode: sure(parseMode(file.control.mode)) },
    senders: { silentAfterMs: sure(parseSpan(file.senders.silentAfter)) },
    log: file.log,
  };
}

function sure<T>(value: T | undefined): T {
  assert(value !== undefined, 'what passed the check of the configuration can be resolved');
  return value;
}

function resolveTls(
  text: NonNullable<ServerFile['syslog']['tls']>,
  beside: (path: string) => string,
): TlsServerConfig {
  return {
    cert: beside(text.cert),
    key: beside(text.key),
    ca: text.ca === undefined ? undefined : beside(text.ca),
    requireClientCert: text.requireClientCert,
    minVersion: text.minVersion,
  };
}

function resolveSyslog(text: ServerFile['syslog'], beside: (path: string) => string): SyslogConfig {
  return {
    listen: text.listen.map((listen) => sure(parseListen(listen))),
    allow: text.allow.map((range) => sure(parseRange(range))),
    maxMessageBytes: sure(parseSize(text.maxMessageSize)),
    lanes: text.lanes,
    receiveBufferBytes: sure(parseSize(text.receiveBuffer)),
    maxConnections: text.maxConnections,
    maxConnectionsPerSource: text.maxConnectionsPerSource,
    idleTimeoutMs: sure(parseSpan(text.idleTimeout)),
    handshakeTimeoutMs: sure(parseSpan(text.handshakeTimeout)),
    proxyProtocol: text.proxyProtocol.map((range) => sure(parseRange(range))),
    tls: text.tls && resolveTls(text.tls, beside),
    timeZone: resolveZones(text.timeZone),
  };
}

function resolveNtp(text: NonNullable<ServerFile['ntp']>): NtpConfig {
  return {
    listen: text.listen.map((listen) => sure(parseSocketAddress(listen))),
    allow: text.allow.map((range) => sure(parseRange(range))),
    deny: text.deny.map((range) => sure(parseRange(range))),
    local: text.local,
    rateLimit: typeof text.rateLimit === 'boolean' ? undefined : text.rateLimit,
    maxClients: text.maxClients,
  };
}

function resolveZones(text: ServerFile['syslog']['timeZone']): SenderZones {
  if (typeof text === 'string') return { default: text, ranges: [] };
  const ranges: { range: Range; zone: string }[] = [];
  for (const [sender, zone] of Object.entries(text)) {
    if (sender !== 'default') ranges.push({ range: sure(parseRange(sender)), zone: String(zone) });
  }
  ranges.sort((a, b) => b.range.bits - a.range.bits);
  return { default: text.default, ranges };
}

function resolveRotate(text: ServerFile['files']['rotate']): Rotate | undefined {
  if (typeof text === 'boolean') return undefined;
  return { sizeBytes: sure(parseSize(text.size)), keep: text.keep, compress: text.compress };
}

function resolveFiles(
  text: ServerFile['files'],
  beside: (path: string) => string,
  accounts: Accounts,
): FilesConfig {
  return {
    root: beside(text.root),
    format: text.format,
    mode: sure(parseMode(text.mode)),
    directoryMode: sure(parseMode(text.directoryMode)),
    uid: accountId(text.owner, accounts.users),
    gid: accountId(text.group, accounts.groups),
    sync: text.sync,
    rotate: resolveRotate(text.rotate),
    maxOpen: text.maxOpen,
  };
}

function resolveRule(source: RuleSource, files: FilesConfig, accounts: Accounts): Rule {
  const text = source.value as RuleText;
  const match = text.match === undefined ? undefined : resolveMatch(text.match);
  return {
    name: source.name,
    place: placeInDocument(source.document, source.path, 'value'),
    match: match === undefined || Object.keys(match).length === 0 ? undefined : match,
    file: text.file === undefined ? undefined : resolveTarget(source, text.file, files, accounts),
    discard: text.discard,
    stop: text.stop || text.discard,
  };
}

function resolveMatch(text: MatchText): Match {
  return {
    ...(text.fromHostIp === undefined
      ? {}
      : { fromHostIp: textList(text.fromHostIp).map((range) => sure(parseRange(range))) }),
    ...(text.host === undefined ? {} : { host: textList(text.host) }),
    ...(text.program === undefined ? {} : { program: textList(text.program) }),
    ...(text.select === undefined ? {} : { select: textList(text.select) }),
    ...(text.contains === undefined ? {} : { contains: textList(text.contains) }),
    ...(text.regex === undefined ? {} : { regex: textList(text.regex).map(splitPattern) }),
    ...(text.certName === undefined ? {} : { certName: textList(text.certName) }),
  };
}

function resolveTarget(
  source: RuleSource,
  text: NonNullable<RuleText['file']>,
  files: FilesConfig,
  accounts: Accounts,
): FileTarget {
  const own = typeof text === 'string' ? { path: text } : text;
  const { root, parts, template } = sure(targetOf(source, files.root));
  return {
    root,
    parts,
    template,
    format: own.format ?? files.format,
    mode: own.mode === undefined ? files.mode : sure(parseMode(own.mode)),
    directoryMode: files.directoryMode,
    uid: own.owner === undefined ? files.uid : accountId(own.owner, accounts.users),
    gid: own.group === undefined ? files.gid : accountId(own.group, accounts.groups),
    sync: own.sync ?? files.sync,
    rotate: own.rotate === undefined ? files.rotate : resolveRotate(own.rotate),
  };
}
