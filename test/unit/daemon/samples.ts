// Values that the tests of the daemon share: a configuration, a status, a log that remembers, a folder that
// goes away. Each test changes what it is about and leaves the rest.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Fault } from '../../../base/fault.ts';
import { parseRange, type Range } from '../../../base/ip.ts';
import type { Facts, Log } from '../../../base/log.ts';
import type { FileTarget, Match, Rule, ServerConfig } from '../../../config/server.ts';
import { parseTemplate, placeTemplate } from '../../../config/template.ts';
import { CLOSINGS, RELP_ENDS } from '../../../daemon/intake/counts.ts';
import type { ServerStatus } from '../../../daemon/status.ts';
import type { NtpStatus } from '../../../daemon/time/status.ts';
import { REASONS } from '../../../ntp/shape.ts';

/** A folder of the test's own. */
export function useFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'belfry-unit-'));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

export function range(text: string): Range {
  const found = parseRange(text);
  if (!found) throw new Error(`${text} is no range`);
  return found;
}

export function target(path: string, root: string, changes: Partial<FileTarget> = {}): FileTarget {
  const template = parseTemplate(path);
  if (template.problems[0]) throw new Error(template.problems[0].what);
  return {
    ...placeTemplate(template, root),
    format: 'traditional',
    mode: 0o640,
    directoryMode: 0o750,
    uid: undefined,
    gid: undefined,
    sync: 'none',
    rotate: undefined,
    ...changes,
  };
}

export interface RuleWish {
  readonly match?: Match;
  readonly file?: FileTarget;
  readonly stop?: boolean;
  readonly discard?: boolean;
}

export function rule(at: number, wish: RuleWish): Rule {
  const discard = wish.discard ?? false;
  return {
    name: `rule ${at}`,
    place: { file: '/etc/belfry/server.json', line: at + 1, column: 1, key: `rules[${at}]` },
    match: wish.match,
    file: wish.file,
    discard,
    stop: discard || (wish.stop ?? false),
  };
}

export function config(root: string, wishes: readonly RuleWish[]): ServerConfig {
  return {
    path: '/etc/belfry/server.json',
    syslog: {
      listen: [],
      allow: [range('0.0.0.0/0'), range('::/0')],
      maxMessageBytes: 65_536,
      lanes: 1,
      receiveBufferBytes: 1_048_576,
      maxConnections: 100,
      maxConnectionsPerSource: 0,
      handshakeTimeoutMs: 10_000,
      proxyProtocol: [],
      tls: undefined,
      idleTimeoutMs: 0,
      timeZone: { default: 'local', ranges: [] },
    },
    files: { ...target('x', root), maxOpen: 1000 },
    rules: wishes.map((wish, at) => rule(at, wish)),
    http: undefined,
    ntp: undefined,
    control: { socket: join(root, 'control.sock'), mode: 0o660 },
    senders: { silentAfterMs: 900_000 },
    log: { level: 'info', format: 'text' },
  };
}

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'fault';
  readonly text: string;
  readonly facts: Facts;
}

/** A log that keeps what it is told. */
export class KeptLog implements Log {
  readonly entries: LogEntry[] = [];

  #keep(level: LogEntry['level'], text: string, facts: Facts = {}): void {
    this.entries.push({ level, text, facts });
  }

  debug(sentence: string, facts?: Facts): void {
    this.#keep('debug', sentence, facts);
  }

  info(sentence: string, facts?: Facts): void {
    this.#keep('info', sentence, facts);
  }

  warn(sentence: string, facts?: Facts): void {
    this.#keep('warn', sentence, facts);
  }

  error(sentence: string, facts?: Facts): void {
    this.#keep('error', sentence, facts);
  }

  fault(fault: Fault): void {
    this.#keep('fault', fault.text.what);
  }

  setLevel(): void {
    // It keeps everything.
  }

  get texts(): string[] {
    return this.entries.map(({ text }) => text);
  }
}

export function sampleStatus(changes: Partial<ServerStatus> = {}): ServerStatus {
  return {
    program: 'belfry serve',
    version: '0.1.0',
    pid: 4711,
    state: 'running',
    startedAt: '2026-11-20T12:00:00.000Z',
    uptimeS: 61,
    config: {
      path: '/etc/belfry/server.json',
      loadedAt: '2026-11-20T12:00:00.000Z',
      rules: 3,
      failedReloads: 0,
    },
    listeners: [
      {
        name: 'udp://0.0.0.0:514',
        open: true,
        passed: false,
        messages: 1234,
        bytes: 98_765,
        oversized: 1,
        connections: 0,
        kernelDrops: 7,
        receiveBufferBytes: 134_217_728,
        refused: {
          not_allowed: 2,
          too_many_connections: 0,
          too_many_from_source: 0,
          too_many_open_files: 0,
          bad_proxy_header: 0,
        },
      },
    ],
    messages: {
      received: 1234,
      bytes: 98_765,
      discarded: 0,
      unrouted: 0,
      unparsed: { empty: 0, no_header: 3, bad_pri: 0, bad_time: 0, bad_header: 0, bad_structured_data: 0 },
      dropped: {
        disk_full: 0,
        permission: 0,
        read_only: 0,
        not_a_file: 0,
        too_many_open: 0,
        busy: 0,
        io_error: 0,
        stopped: 0,
        kernel: 7,
      },
    },
    connections: {
      open: 0,
      held: 0,
      partialFrames: 0,
      closed: Object.fromEntries(CLOSINGS.map((why) => [why, 0])) as ServerStatus['connections']['closed'],
    },
    relp: {
      sessions: 0,
      unanswered: 0,
      answers: 0,
      orphans: 0,
      unknownCommands: 0,
      skippedBytes: 0,
      ended: Object.fromEntries(RELP_ENDS.map((end) => [end, 0])) as ServerStatus['relp']['ended'],
    },
    tls: null,
    files: {
      open: 3,
      lines: 1234,
      bytes: 90_000,
      writes: 12,
      evicted: 0,
      rotated: 0,
      jobsWaiting: 0,
      jobsFailed: 0,
      troubled: [],
      troubledCount: 0,
    },
    routing: { decisions: 5, decisionsForgotten: 0 },
    senders: { known: 2, silent: 0, silences: 0, untracked: 0 },
    ntp: null,
    process: { residentBytes: 100_000_000, cpuS: 1.25 },
    ...changes,
  };
}

/** A time server that has answered. */
export const SAMPLE_NTP: NtpStatus = {
  listeners: [{ name: 'ntp://0.0.0.0:123', passed: false }],
  synchronised: true,
  stratum: 3,
  leap: 0,
  referenceId: '192.0.2.1',
  precision: -23,
  rootDispersionS: 0.012,
  kernel: { synchronised: true, maxErrorS: 0.01, steps: 0 },
  requests: 100,
  answers: 97,
  interleaved: 2,
  dropped: Object.fromEntries(REASONS.map((reason, at) => [reason, at])) as NtpStatus['dropped'],
  unsent: 0,
  kernelDrops: 0,
  unstamped: 0,
  clientsForgotten: 0,
};
