// What the thread that captures counts: one number for each name, in memory that both sides see. Written by the thread
// alone but for `heard`, read when somebody asks. `packets` are those that the filter wants; of them those are in no
// flow that have a reason of their own.

import { IGNORED } from '../../traffic/flow/table.ts';

export const CAPTURE_COUNTS = [
  /** Read from the kernel, and wanted by the filter; the bytes of their IP packets. */
  'packets',
  'ipBytes',
  /** In a flow. */
  'booked',
  ...IGNORED,
  /** The kernel's part of the filter let them through, ours did not. */
  'filtered',
  /** No room in the ring: the kernel dropped them, and nobody knows whose they were. */
  'dropped',
  /** Connections that are remembered now, those that began, and those that were forgotten for want of room. */
  'flows',
  'begun',
  'evicted',
  /** Events that were told, and those over the rate. */
  'events',
  'heldBack',
  /** Lines of interval records, and those that were not made. */
  'records',
  'recordsLost',
  /** Events that were not told, since nobody came to hear them. */
  'unheard',
  'clockSteps',
  /** Grows once a second, as long as the thread lives. */
  'beats',
  /** Events and lines that crossed, and those that were taken. */
  'told',
  'heard',
] as const;
export type CaptureCount = (typeof CAPTURE_COUNTS)[number];
export type CaptureCounts = Readonly<Record<CaptureCount, number>>;

export const CAPTURE_SLOT = Object.fromEntries(CAPTURE_COUNTS.map((name, at) => [name, at])) as Readonly<
  Record<CaptureCount, number>
>;

export function makeCaptureCounts(): SharedArrayBuffer {
  return new SharedArrayBuffer(CAPTURE_COUNTS.length * Float64Array.BYTES_PER_ELEMENT);
}

export function readCaptureCounts(memory: SharedArrayBuffer): CaptureCounts {
  const numbers = new Float64Array(memory);
  const entries = CAPTURE_COUNTS.map((name, at) => [name, numbers[at] as number] as const);
  return Object.fromEntries(entries) as Record<CaptureCount, number>;
}
