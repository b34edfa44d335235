// The counters of the time server: a table of names, an array of numbers in shared memory. Only its thread
// writes; the main thread reads when somebody asks. The last ones are no counts but the state as it is.

import { REASONS, type Reason } from '../../ntp/shape.ts';

export const NTP_COUNTS = [
  'requests',
  'answers',
  'interleaved',
  /** Answers that the kernel did not take. */
  'unsent',
  'kernelDrops',
  /** Requests without a usable receive time of the kernel's. */
  'unstamped',
  'clientsForgotten',
  'clockSteps',
  /** Grows once a second, as long as the thread lives. */
  'beats',
  ...REASONS.map((reason) => `dropped:${reason}` as const),
  'leap',
  'stratum',
  'referenceId',
  'rootDispersionS',
  'precision',
  /** 1: the kernel's clock is kept by somebody. */
  'kernelSynchronised',
  'kernelMaxErrorS',
] as const;
export type NtpCount = (typeof NTP_COUNTS)[number];

export const NTP_SLOT = Object.fromEntries(NTP_COUNTS.map((name, at) => [name, at])) as Readonly<
  Record<NtpCount, number>
>;

/** Of the first reason; the others follow in the order of REASONS, so verdict 1 has this slot. */
export const DROPPED_SLOT_0 = NTP_SLOT[`dropped:${REASONS[0]}`];

export type NtpCountTable = SharedArrayBuffer;

export function makeNtpCounts(): NtpCountTable {
  return new SharedArrayBuffer(NTP_COUNTS.length * Float64Array.BYTES_PER_ELEMENT);
}

export function readNtpCount(table: NtpCountTable, name: NtpCount): number {
  return new Float64Array(table)[NTP_SLOT[name]] ?? 0;
}

export function readDropped(table: NtpCountTable): Record<Reason, number> {
  const entries = REASONS.map((reason) => [reason, readNtpCount(table, `dropped:${reason}`)]);
  return Object.fromEntries(entries) as Record<Reason, number>;
}
