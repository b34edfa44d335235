// What the time server says of itself, and of everybody who asked it.

import { printAddress } from '../../base/ip.ts';
import { type ClientFacts, type ClientTable, readClients } from '../../ntp/clients.ts';
import { LEAP } from '../../ntp/header.ts';
import { printReferenceId } from '../../ntp/reference.ts';
import type { Reason } from '../../ntp/shape.ts';
import { type NtpCount, type NtpCountTable, readDropped, readNtpCount } from './counts.ts';
import type { NtpListener } from './listeners.ts';

export interface NtpStatus {
  readonly listeners: readonly { readonly name: string; readonly passed: boolean }[];
  /** Answers carry a time that clients may follow. */
  readonly synchronised: boolean;
  readonly stratum: number;
  readonly leap: number;
  readonly referenceId: string;
  /** log2 of seconds, measured at the start. */
  readonly precision: number;
  readonly rootDispersionS: number;
  /** What the kernel says of the clock of this host. */
  readonly kernel: { readonly synchronised: boolean; readonly maxErrorS: number; readonly steps: number };
  readonly requests: number;
  readonly answers: number;
  readonly interleaved: number;
  readonly dropped: Readonly<Record<Reason, number>>;
  /** Answers that the kernel did not take. */
  readonly unsent: number;
  readonly kernelDrops: number;
  /** Requests that the kernel gave no usable receive time for. */
  readonly unstamped: number;
  readonly clientsForgotten: number;
}

export interface ClientStatus {
  readonly address: string;
  readonly requests: number;
  readonly answers: number;
  readonly dropped: Readonly<Record<Reason, number>>;
  /** Average of the last requests, in seconds; null before the second. */
  readonly intervalS: number | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

export function ntpStatus(listeners: readonly NtpListener[], counts: NtpCountTable): NtpStatus {
  const read = (name: NtpCount) => readNtpCount(counts, name);
  const stratum = read('stratum');
  return {
    listeners: listeners.map(({ name, passed }) => ({ name, passed })),
    synchronised: read('leap') !== LEAP.unsynchronised,
    stratum,
    leap: read('leap'),
    referenceId: printReferenceId(stratum, read('referenceId')),
    precision: read('precision'),
    rootDispersionS: read('rootDispersionS'),
    kernel: {
      synchronised: read('kernelSynchronised') === 1,
      maxErrorS: read('kernelMaxErrorS'),
      steps: read('clockSteps'),
    },
    requests: read('requests'),
    answers: read('answers'),
    interleaved: read('interleaved'),
    dropped: readDropped(counts),
    unsent: read('unsent'),
    kernelDrops: read('kernelDrops'),
    unstamped: read('unstamped'),
    clientsForgotten: read('clientsForgotten'),
  };
}

function clientOf(facts: ClientFacts): ClientStatus {
  const dropped = Object.values(facts.dropped).reduce((sum, count) => sum + count, 0);
  return {
    address: printAddress(facts.address),
    requests: facts.requests,
    answers: facts.requests - dropped,
    dropped: facts.dropped,
    intervalS: facts.intervalMs === undefined ? null : Math.round(facts.intervalMs) / 1000,
    firstSeen: new Date(facts.firstMs).toISOString(),
    lastSeen: new Date(facts.lastMs).toISOString(),
  };
}

/** The one seen last first. */
export function clientStatus(table: ClientTable): ClientStatus[] {
  return readClients(table)
    .sort((a, b) => b.lastMs - a.lastMs)
    .map(clientOf);
}
