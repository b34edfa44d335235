// What a running server says of itself: one value, from which `belfry status`, `/status` and the metrics are
// read. Counts are since the start of the process.

import { FILE_TROUBLES, type FileTrouble } from './files/trouble.ts';
import type { TroubledFile } from './files/trouble-book.ts';
import {
  CLOSINGS,
  type Closing,
  type CountReader,
  REFUSALS,
  type Refusal,
  RELP_ENDS,
  type RelpEnd,
} from './intake/counts.ts';
import type { StandingListener } from './intake/intake.ts';
import { TROUBLES, type Trouble } from '../syslog/record.ts';
import type { NtpStatus } from './time/status.ts';
import type { TlsStatus } from './tls/tls-status.ts';

export interface ListenerStatus {
  readonly name: string;
  readonly open: boolean;
  /** The service manager opened it. */
  readonly passed: boolean;
  readonly messages: number;
  readonly bytes: number;
  /** Cut at syslog.maxMessageSize. */
  readonly oversized: number;
  /** All but UDP: connections accepted; with TLS, those whose handshake was good. */
  readonly connections: number;
  /** UDP: datagrams that the kernel dropped for want of room in the receive buffer. */
  readonly kernelDrops: number;
  readonly receiveBufferBytes: number | null;
  readonly refused: Readonly<Record<Refusal, number>>;
}

export interface ServerStatus {
  readonly program: 'belfry serve';
  readonly version: string;
  readonly pid: number;
  readonly state: 'running' | 'stopping';
  readonly startedAt: string;
  readonly uptimeS: number;
  readonly config: {
    readonly path: string;
    readonly loadedAt: string;
    readonly rules: number;
    readonly failedReloads: number;
  };
  readonly listeners: readonly ListenerStatus[];
  readonly messages: {
    readonly received: number;
    readonly bytes: number;
    /** Thrown away by a rule. */
    readonly discarded: number;
    /** That no rule wanted. */
    readonly unrouted: number;
    /** Kept, but not understood, by reason. */
    readonly unparsed: Readonly<Record<Exclude<Trouble, 'none'>, number>>;
    /** Lost, by reason. A message that was to go to two files and reached one counts as one. */
    readonly dropped: Readonly<Record<FileTrouble | 'stopped' | 'kernel', number>>;
  };
  readonly connections: {
    readonly open: number;
    /** How often a sender was held back because a file could not be written. */
    readonly held: number;
    readonly partialFrames: number;
    readonly closed: Readonly<Record<Closing, number>>;
  };
  readonly relp: {
    readonly sessions: number;
    /** Messages that wait for their answer now: until their files have them. */
    readonly unanswered: number;
    readonly answers: number;
    /** Messages that were taken and could not be answered any more: whoever sent them sends them again. */
    readonly orphans: number;
    readonly unknownCommands: number;
    /** Of messages longer than syslog.maxMessageSize. */
    readonly skippedBytes: number;
    readonly ended: Readonly<Record<RelpEnd, number>>;
  };
  /** Null: no certificate is configured. */
  readonly tls: TlsStatus | null;
  readonly files: {
    readonly open: number;
    readonly lines: number;
    readonly bytes: number;
    readonly writes: number;
    readonly evicted: number;
    readonly rotated: number;
    readonly jobsWaiting: number;
    readonly jobsFailed: number;
    /** The first hundred of `troubledCount`. */
    readonly troubled: readonly TroubledFile[];
    readonly troubledCount: number;
  };
  readonly routing: { readonly decisions: number; readonly decisionsForgotten: number };
  readonly senders: {
    readonly known: number;
    readonly silent: number;
    readonly silences: number;
    readonly untracked: number;
  };
  /** Null: time is not served. */
  readonly ntp: NtpStatus | null;
  readonly process: { readonly residentBytes: number; readonly cpuS: number };
}

function table<Name extends string>(
  names: readonly Name[],
  read: (name: Name) => number,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<Name, number>;
}

export function listenerStatus(at: number, listener: StandingListener, counts: CountReader): ListenerStatus {
  const read = (name: 'messages' | 'bytes' | 'oversized' | 'connections' | 'kernelDrops') =>
    counts.listener(at, name);
  return {
    ...listener,
    messages: read('messages'),
    bytes: read('bytes'),
    oversized: read('oversized'),
    connections: read('connections'),
    kernelDrops: read('kernelDrops'),
    refused: table(REFUSALS, (reason) => counts.listener(at, `refused:${reason}`)),
  };
}

const UNPARSED = TROUBLES.filter((trouble) => trouble !== 'none');

export function messageStatus(
  listeners: readonly ListenerStatus[],
  counts: CountReader,
): ServerStatus['messages'] {
  const sum = (read: (listener: ListenerStatus) => number) =>
    listeners.reduce((total, one) => total + read(one), 0);
  return {
    received: sum(({ messages }) => messages),
    bytes: sum(({ bytes }) => bytes),
    discarded: counts.lane('discarded'),
    unrouted: counts.lane('unrouted'),
    unparsed: table(UNPARSED, (trouble) => counts.trouble(trouble)),
    dropped: {
      ...table(FILE_TROUBLES, (trouble) => counts.lane(`dropped:${trouble}`)),
      stopped: counts.lane('dropped:stopped'),
      kernel: sum(({ kernelDrops }) => kernelDrops),
    },
  };
}

export function connectionStatus(counts: CountReader): ServerStatus['connections'] {
  return {
    open: counts.lane('connectionsOpen'),
    held: counts.lane('held'),
    partialFrames: counts.lane('partialFrames'),
    closed: table(CLOSINGS, (why) => counts.lane(`closed:${why}`)),
  };
}

export function relpStatus(counts: CountReader): ServerStatus['relp'] {
  return {
    sessions: counts.lane('relpSessions'),
    unanswered: counts.lane('relpUnanswered'),
    answers: counts.lane('relpAnswers'),
    orphans: counts.lane('relpOrphans'),
    unknownCommands: counts.lane('relpUnknownCommands'),
    skippedBytes: counts.lane('relpSkippedBytes'),
    ended: table(RELP_ENDS, (end) => counts.lane(`relpEnded:${end}`)),
  };
}
