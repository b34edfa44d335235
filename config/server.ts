// The configuration of the server after loading: plain, read-only values that can be handed to a thread as
// they are (structured clone). Sizes are bytes, spans milliseconds, addresses numbers, paths absolute, owners
// numeric ids. Regular expressions and selectors stay text; every thread compiles its own.

import type { Place } from '../base/fault.ts';
import type { Range } from '../base/ip.ts';
import type { LINE_FORMATS, SYNC_KINDS } from './rule.schema.ts';
import type { LOG_FORMATS, LOG_LEVELS } from './server.schema.ts';
import type { TemplatePart } from './template.ts';
import type { TLS_VERSIONS } from './tls.schema.ts';

export type LineFormat = (typeof LINE_FORMATS)[number];
export type TlsVersion = (typeof TLS_VERSIONS)[number];
export type Sync = (typeof SYNC_KINDS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface SocketAddress {
  /** An IP address literal without brackets. */
  readonly host: string;
  readonly family: 4 | 6;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

/** What is spoken on an address of `syslog.listen`, the schemes as an operator writes them. */
export type ListenTransport = 'udp' | 'tcp' | 'relp' | 'tls' | 'relps';

export interface Listen extends SocketAddress {
  readonly transport: ListenTransport;
  /** As the operator wrote it; the name of the listener in logs and metrics. */
  readonly text: string;
}

/** The zone of times that name none. */
export interface SenderZones {
  readonly default: string;
  /** Narrowest range first: the first that holds the sender is the one. */
  readonly ranges: readonly { readonly range: Range; readonly zone: string }[];
}

/** What the server shows on `tls://` and `relps://`, and whom it lets in there. Absolute paths of PEM files. */
export interface TlsServerConfig {
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates of senders; undefined: none is asked for. */
  readonly ca: string | undefined;
  /** A sender without a certificate signed by `ca` is turned away in the handshake. */
  readonly requireClientCert: boolean;
  readonly minVersion: TlsVersion;
}

export interface SyslogConfig {
  readonly listen: readonly Listen[];
  readonly allow: readonly Range[];
  readonly maxMessageBytes: number;
  readonly lanes: number;
  readonly receiveBufferBytes: number;
  readonly maxConnections: number;
  /** 0: no limit but maxConnections. */
  readonly maxConnectionsPerSource: number;
  /** 0: connections are never closed for being idle. */
  readonly idleTimeoutMs: number;
  /** What comes before the first message (PROXY header, TLS, the open of RELP) must be done by then. */
  readonly handshakeTimeoutMs: number;
  /** Peers that begin each connection with a PROXY header that names the true sender. */
  readonly proxyProtocol: readonly Range[];
  /** Undefined: there is no tls:// and no relps:// listener. */
  readonly tls: TlsServerConfig | undefined;
  readonly timeZone: SenderZones;
}

export interface NtpConfig {
  readonly listen: readonly SocketAddress[];
  readonly allow: readonly Range[];
  readonly deny: readonly Range[];
  /** Undefined: not served as synchronised. */
  readonly local: { readonly stratum: number } | undefined;
  /** Undefined: no limit. Logarithms to base 2 but the burst. */
  readonly rateLimit:
    | { readonly interval: number; readonly burst: number; readonly leak: number }
    | undefined;
  readonly maxClients: number;
}

export interface Rotate {
  readonly sizeBytes: number;
  readonly keep: number;
  readonly compress: boolean;
}

/** Where a rule writes, with the settings of `files` already in it. */
export interface FileTarget {
  /** Absolute directory that no message can leave. */
  readonly root: string;
  /** Below root, without a leading slash. */
  readonly parts: readonly TemplatePart[];
  /** Root and path as one text, for people; also the identity of the target. */
  readonly template: string;
  readonly format: LineFormat;
  readonly mode: number;
  readonly directoryMode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly sync: Sync;
  readonly rotate: Rotate | undefined;
}

export interface Pattern {
  readonly source: string;
  readonly flags: string;
}

/** All keys that are present must hold; a list means any of. */
export interface Match {
  readonly fromHostIp?: readonly Range[];
  readonly host?: readonly string[];
  readonly program?: readonly string[];
  readonly select?: readonly string[];
  readonly contains?: readonly string[];
  readonly regex?: readonly Pattern[];
  /** Globs; a message that came without a client certificate matches none. */
  readonly certName?: readonly string[];
}

export interface Rule {
  /** The operator's name for it, or its key path; unique within the configuration. */
  readonly name: string;
  readonly place: Place;
  /** Undefined: every message. */
  readonly match: Match | undefined;
  readonly file: FileTarget | undefined;
  readonly discard: boolean;
  /** True for `discard` too. */
  readonly stop: boolean;
}

export interface FilesConfig {
  readonly root: string;
  readonly format: LineFormat;
  readonly mode: number;
  readonly directoryMode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly sync: Sync;
  readonly rotate: Rotate | undefined;
  readonly maxOpen: number;
}

export interface ServerConfig {
  /** The main file, absolute. */
  readonly path: string;
  readonly syslog: SyslogConfig;
  readonly files: FilesConfig;
  /** In the order in which they run. */
  readonly rules: readonly Rule[];
  readonly ntp: NtpConfig | undefined;
  readonly http: { readonly listen: SocketAddress } | undefined;
  readonly control: { readonly socket: string; readonly mode: number };
  readonly senders: { readonly silentAfterMs: number };
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
}
