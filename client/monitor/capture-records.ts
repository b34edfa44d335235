// Interval records of all flows: at the end of each interval the table is walked in pieces, so that no packet waits for
// it, and a flow that leaves the table gives its records as it goes. Each packet is in exactly one line, or the interval
// has a line that says SKIPDATA.
//
// Intervals are cut where the clock shows a multiple of them, so that those of two hosts are the same.

import { printGap, type RecordContext, takeRecords } from '../../traffic/events/record.ts';
import type { FlowColumns } from '../../traffic/flow/columns.ts';
import type { CaptureSettings } from './capture.port.ts';
import { CAPTURE_SLOT } from './capture-counts.ts';
import type { InterfaceWatch } from './capture-interfaces.ts';
import { UNHEARD_MAX } from './capture-teller.ts';

const BATCH_MAX = 512;
/** Places of the table that are looked at in one step. */
const STEP = 1024;

export interface RecordParts {
  readonly settings: NonNullable<CaptureSettings['records']>;
  /** As the settings say: the names that stand in lines of gaps. */
  readonly interfaces: readonly string[];
  readonly counts: Float64Array;
  readonly watch: InterfaceWatch;
  /** Interfaces that have shown no packet since this was asked last. */
  takeQuiet(): readonly string[];
  send(lines: readonly string[], endUs: number): void;
}

export class Recorder {
  readonly #parts: RecordParts;
  readonly #context: RecordContext;
  #startUs: number;
  #endUs: number;
  /** The next place to look at; -1: no walk is under way. */
  #at = -1;
  /** Of the interval that is being walked. */
  #closing = { startUs: 0, endUs: 0 };
  #lines: string[] = [];
  #droppedBefore = 0;
  #lostBefore = 0;

  constructor(parts: RecordParts, nowUs: number) {
    this.#parts = parts;
    this.#context = {
      account: parts.settings.account,
      fields: parts.settings.fields,
      interfaceName: (index) => parts.watch.nameOf(index),
      isOwn: (address) => parts.watch.isOwn(address),
    };
    this.#startUs = nowUs;
    this.#endUs = this.#boundaryAfter(nowUs);
  }

  #boundaryAfter(nowUs: number): number {
    const { intervalUs } = this.#parts.settings;
    return (Math.floor(nowUs / intervalUs) + 1) * intervalUs;
  }

  /** The flow leaves the table. */
  take(flows: FlowColumns, slot: number): void {
    const { counts } = this.#parts;
    if ((counts[CAPTURE_SLOT.told] as number) - (counts[CAPTURE_SLOT.heard] as number) >= UNHEARD_MAX) {
      this.#count(CAPTURE_SLOT.recordsLost);
      return;
    }
    for (const line of takeRecords(flows, slot, this.#context)) {
      this.#count(CAPTURE_SLOT.told);
      this.#count(CAPTURE_SLOT.records);
      this.#lines.push(line);
    }
    if (this.#lines.length >= BATCH_MAX) this.#flush(this.#at < 0 ? this.#endUs : this.#closing.endUs);
  }

  #count(slot: number): void {
    this.#parts.counts[slot] = (this.#parts.counts[slot] as number) + 1;
  }

  /** Begins a walk when an interval is over, and goes on with it. Whether there is more to do at once. */
  step(flows: FlowColumns, nowUs: number): boolean {
    if (this.#at < 0 && nowUs < this.#endUs) return false;
    if (this.#at < 0) this.#begin(nowUs);
    const end = Math.min(flows.capacity, this.#at + STEP);
    for (; this.#at < end; this.#at += 1) if (flows.used[this.#at]) this.take(flows, this.#at);
    if (this.#at < flows.capacity) return true;
    this.#finish();
    return false;
  }

  #begin(nowUs: number): void {
    this.#at = 0;
    this.#closing = { startUs: this.#startUs, endUs: this.#endUs };
    this.#startUs = this.#endUs;
    this.#endUs = this.#boundaryAfter(nowUs);
  }

  #finish(): void {
    this.#at = -1;
    const { startUs, endUs } = this.#closing;
    for (const name of this.#parts.takeQuiet()) this.#gap('NODATA', name, startUs, endUs);
    const { counts, interfaces } = this.#parts;
    const [dropped, lost] = [
      counts[CAPTURE_SLOT.dropped] as number,
      counts[CAPTURE_SLOT.recordsLost] as number,
    ];
    // One ring serves all interfaces: whose packets were dropped is not known, if there are several.
    const name = interfaces.length === 1 ? (interfaces[0] as string) : 'any';
    if (dropped > this.#droppedBefore || lost > this.#lostBefore) this.#gap('SKIPDATA', name, startUs, endUs);
    this.#droppedBefore = dropped;
    this.#lostBefore = lost;
    this.#flush(endUs);
  }

  #gap(status: 'NODATA' | 'SKIPDATA', name: string, startUs: number, endUs: number): void {
    this.#count(CAPTURE_SLOT.told);
    this.#count(CAPTURE_SLOT.records);
    this.#lines.push(printGap(status, name, startUs, endUs, this.#context));
  }

  #flush(endUs: number): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    this.#lines = [];
    this.#parts.send(lines, endUs);
  }

  /** The clock was set. */
  shift(deltaUs: number, nowUs: number): void {
    this.#startUs += deltaUs;
    this.#endUs = this.#boundaryAfter(nowUs);
  }

  /** All flows have gone; what was counted since the last end is told. */
  stop(nowUs: number): void {
    this.#closing = { startUs: this.#startUs, endUs: nowUs };
    this.#finish();
  }
}
