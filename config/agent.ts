// The configuration of the agent after loading: plain, read-only values. Sizes are bytes, spans milliseconds,
// addresses numbers, paths absolute. Selectors and regular expressions stay text.

import type { Place } from '../base/fault.ts';
import type { Range } from '../base/ip.ts';
import type { Listen, LogFormat, LogLevel, Pattern } from './server.ts';
import type { TRAFFIC_EVENTS, TRAFFIC_RECORD_FIELDS } from './traffic.schema.ts';

/** What an input is called in logs, status and checkpoints; unique within the configuration. */
interface Named {
  readonly name: string;
  readonly place: Place;
}

export interface JournaldInput extends Named {
  readonly type: 'journald';
  /** A directory with journal files; undefined: those of this host. */
  readonly directory: string | undefined;
  /** As journalctl takes them, such as "_SYSTEMD_UNIT=nginx.service"; empty: everything. */
  readonly matches: readonly string[];
  readonly from: StartPlace;
}

/** Where to begin with what was there before the first start. */
export type StartPlace = 'beginning' | 'end';

/** How lines of a file, or of stdin, are read. */
export interface LineSettings {
  readonly format: 'plain' | 'bsd' | 'rfc5424';
  /** For lines that do not say it themselves. Undefined program: the file's name without its ending. */
  readonly program: string | undefined;
  readonly facility: number;
  readonly severity: number;
  /** A line that it matches begins a message; others belong to the one before. Undefined: each line is one. */
  readonly multiline: Pattern | undefined;
  /** The zone of times that name none, as in `syslog.timeZone`. */
  readonly timeZone: string;
}

export interface FileInput extends Named, LineSettings {
  readonly type: 'file';
  /** Absolute paths with `*`, `?`, `[…]` and `**`. */
  readonly paths: readonly string[];
  readonly exclude: readonly string[];
  readonly from: StartPlace;
}

export interface DevlogInput extends Named {
  readonly type: 'devlog';
  readonly path: string;
  /** Permissions of the socket. */
  readonly mode: number;
  readonly receiveBufferBytes: number;
}

export interface ListenInput extends Named {
  readonly type: 'listen';
  readonly listen: readonly Listen[];
  readonly allow: readonly Range[];
  readonly receiveBufferBytes: number;
}

export interface StdinInput extends Named, LineSettings {
  readonly type: 'stdin';
}

export type InputConfig = JournaldInput | FileInput | DevlogInput | ListenInput | StdinInput;

export type TargetScheme = 'udp' | 'tcp' | 'tls' | 'relp' | 'relps';

/** One address of a destination, as it was written. */
export interface Target {
  readonly scheme: TargetScheme;
  /** A name, asked of DNS at each connection, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly text: string;
}

export interface TlsTrust {
  /** PEM files; undefined `ca`: what the system trusts. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The name that the certificate must have; undefined: the host of the target. */
  readonly serverName: string | undefined;
}

export interface DestinationConfig {
  readonly name: string;
  readonly place: Place;
  /** In the order in which they are tried. All of one scheme. */
  readonly to: readonly Target[];
  /** Selector lines, any of; undefined: every message. */
  readonly select: readonly string[] | undefined;
  /** Globs of program names, any of; undefined: every program. */
  readonly program: readonly string[] | undefined;
  readonly framing: 'octet-counted' | 'lf';
  /** RELP: messages that may wait for their answer. */
  readonly window: number;
  readonly tls: TlsTrust;
  readonly queue: {
    readonly directory: string;
    readonly maxDiskSpaceBytes: number;
    readonly onFull: 'block' | 'dropOldest' | 'dropNewest';
    readonly sync: 'none' | '1s' | 'each';
  };
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  /** A connection that does not come about, or does not answer, for so long is given up. */
  readonly timeoutMs: number;
}

/** Turns of a connection, as an operator names them. */
export type TrafficEvent = (typeof TRAFFIC_EVENTS)[number];
export type TrafficRecordField = (typeof TRAFFIC_RECORD_FIELDS)[number];

/** Watching connections: read like an input, at most once in an agent. */
export interface TrafficConfig extends Named {
  readonly type: 'traffic';
  /** Names, or only "any". */
  readonly interfaces: readonly string[];
  /** In the language of tcpdump, checked; undefined: every packet. */
  readonly filter: string | undefined;
  /** Each once. */
  readonly events: readonly TrafficEvent[];
  readonly updateIntervalMs: number;
  /** Undefined: no interval records. */
  readonly flowIntervalMs: number | undefined;
  readonly recordFields: readonly TrafficRecordField[];
  /** Of one interval; more are counted. */
  readonly maxRecords: number;
  readonly account: string;
  /** A file with a line for each event; undefined: none. */
  readonly log: { readonly path: string; readonly mode: number } | undefined;
  readonly owners: boolean;
  readonly facility: number;
  readonly timeouts: {
    readonly noAnswerMs: number;
    readonly silentMs: number;
    readonly halfClosedMs: number;
    readonly udpIdleMs: number;
    readonly tcpIdleMs: number;
  };
  /** Undefined: every event becomes a message. */
  readonly rateLimit:
    | {
        readonly perSecond: number;
        readonly burst: number;
        readonly clientPerSecond: number;
        readonly clientBurst: number;
      }
    | undefined;
  readonly maxFlows: number;
  readonly promiscuous: boolean;
  readonly snapBytes: number;
  readonly ringBytes: number;
}

/** Whatever the agent makes messages of. */
export type SourceConfig = InputConfig | TrafficConfig;

export interface AgentConfig {
  /** The main file, absolute. */
  readonly path: string;
  /** HOSTNAME of messages that name no host. */
  readonly host: string;
  readonly maxMessageBytes: number;
  readonly inputs: readonly InputConfig[];
  readonly destinations: readonly DestinationConfig[];
  /** Undefined: no connection is watched. */
  readonly traffic: TrafficConfig | undefined;
  readonly control: { readonly socket: string; readonly mode: number };
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
}
