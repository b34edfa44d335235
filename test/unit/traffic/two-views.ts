// Views of connections as two hosts' agents would tell them, made by hand: facts become messages, messages become lines by
// the server's own printer. Times are in milliseconds from a moment that all tests share; each host has a clock of its own.
// Refuses: to be a flow table; a test says what each host saw.

import { LogRecord, resetRecord } from '../../../syslog/record.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { type FileFormat, LinePrinter, worstCase } from '../../../syslog/print.ts';
import { zoneFor } from '../../../syslog/time.ts';
import { describe } from '../../../traffic/events/event.ts';
import type { ViewedFacts } from '../../../traffic/events/facts.ts';
import type { Owners } from '../../../traffic/events/owner.ts';
import { printEvent } from '../../../traffic/events/print.ts';
import { type ClockQuality, printTime } from '../../../traffic/events/view.ts';

export const BEGIN_US = Date.UTC(2026, 10, 20, 20, 53, 3) * 1000 + 123_456;

export interface Host {
  readonly name: string;
  readonly end: 'client' | 'server' | 'both' | 'neither';
  /** How far its clock is ahead. */
  readonly aheadMs?: number;
  readonly clock?: ClockQuality;
  readonly owners?: Owners;
}

export const KEPT: ClockQuality = { isSynced: true, accuracyUs: 25 };

export const WEB: Host = { name: 'web1', end: 'client', clock: KEPT };
export const DB: Host = { name: 'db1', end: 'server', clock: KEPT };

export interface Told extends Partial<Omit<ViewedFacts, 'timeUs' | 'startUs' | 'lastUs'>> {
  readonly turn: ViewedFacts['turn'];
  /** Since the moment that all tests share, by a clock that is right. */
  readonly atMs: number;
  readonly startMs?: number;
  readonly lastMs?: number;
}

let runs = 0;
const RUNS = new Map<string, string>();

/** One run of one agent. */
function runOf(name: string): string {
  const run = RUNS.get(name) ?? `r${(runs += 1)}`;
  RUNS.set(name, run);
  return run;
}

export function factsFor(host: Host, told: Told): ViewedFacts {
  const { atMs, startMs = 0, lastMs = atMs, ...rest } = told;
  const us = (ms: number) => BEGIN_US + Math.round((ms + (host.aheadMs ?? 0)) * 1000);
  return {
    flow: 0,
    id: `${runOf(host.name)}-0`,
    protocol: 6,
    clientAddress: '10.0.0.2',
    serverAddress: '10.0.0.1',
    clientPort: 41_234,
    serverPort: 2525,
    state: 'S1',
    dirHow: 'syn',
    by: undefined,
    packets: [8, 6],
    ipBytes: [900, 700],
    payloadBytes: [500, 400],
    retransmitted: [0, 0],
    outOfOrder: [0, 0],
    zeroWindows: [0, 0],
    outstanding: [0, 0],
    synCount: 1,
    rttUs: -1,
    ackRttUs: -1,
    updates: 0,
    isMidstream: false,
    unreachable: undefined,
    interfaces: [0, 0],
    interfaceName: 'eth0',
    isClientOwn: host.end === 'client' || host.end === 'both',
    isServerOwn: host.end === 'server' || host.end === 'both',
    isEndOwn: undefined,
    ...rest,
    timeUs: us(atMs),
    startUs: us(startMs),
    lastUs: us(lastMs),
  };
}

/** The message as the agent sends it. */
export function messageOf(host: Host, told: Told): Buffer {
  const facts = factsFor(host, told);
  const event = describe(facts, host.owners ?? {}, host.clock);
  const header = `<28>1 ${printTime(facts.timeUs)} ${host.name} belfry 77 ${event.name} [timeQuality tzKnown="1" isSynced="1" syncAccuracy="25"]`;
  return Buffer.concat([Buffer.from(header), printEvent(event)]);
}

const ZONE = 'Europe/Berlin';

/** Any message as the server writes it, with its line feed. */
export function lineOf(message: Buffer, format: FileFormat): string {
  const record = new LogRecord();
  resetRecord(record, message, 0, message.length);
  parseMessage(record, message, 0, message.length);
  const peer = { text: Buffer.from('192.0.2.9'), zone: zoneFor(ZONE), printsAsSent: false };
  const printer = new LinePrinter(zoneFor(ZONE), 'relp');
  const out = Buffer.alloc(worstCase(format, record, peer) + 1);
  const end = printer.print(format, record, peer, BEGIN_US / 1000, out, 0, false);
  return out.toString('utf8', 0, end);
}

export function eventLine(host: Host, told: Told, format: FileFormat = 'iso'): string {
  return lineOf(messageOf(host, told), format);
}
