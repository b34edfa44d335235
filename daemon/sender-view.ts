// Every sending host, as the lanes' tables show it: put together from all lanes, with a rate, and watched for
// silence. A host that was heard of and says nothing for `senders.silentAfter` is an event in the log; that
// it speaks again is another.

import { printSpan } from '../base/units.ts';
import type { Log } from '../base/log.ts';
import { ROW, type SenderNamed, type SenderTable } from './intake/senders.ts';

export interface SenderStatus {
  readonly host: string;
  readonly fromHostIp: string;
  readonly messages: number;
  readonly bytes: number;
  /** Messages that could not be read as what they claim to be. */
  readonly unparsed: number;
  /** Messages a second, over the last ten seconds or so. */
  readonly rate: number;
  readonly lastSeen: string;
  /** How far its time stamps are ahead of their reception, in milliseconds; null where it names no time. */
  readonly skewMs: number | null;
  /** Since when it has been silent, if it is counted as silent. */
  readonly silentSince: string | null;
}

interface Known {
  readonly host: string;
  readonly fromHostIp: string;
  messages: number;
  bytes: number;
  unparsed: number;
  lastSeenMs: number;
  skewMs: number;
  isSilent: boolean;
  rate: number;
  ratedMessages: number;
  ratedAtMs: number;
}

const RATE_EVERY_MS = 10_000;
/** Names in one line of the log. */
const NAMES_MAX = 10;

export class SenderView {
  silences = 0;
  readonly #log: Log;
  #silentAfterMs: number;
  readonly #lanes = new Map<number, { rows: Float64Array; named: Map<number, SenderNamed> }>();
  readonly #known = new Map<string, Known>();

  constructor(log: Log, silentAfterMs: number) {
    this.#log = log;
    this.#silentAfterMs = silentAfterMs;
  }

  configure(silentAfterMs: number): void {
    this.#silentAfterMs = silentAfterMs;
  }

  addLane(lane: number, table: SenderTable): void {
    this.#lanes.set(lane, { rows: new Float64Array(table), named: new Map() });
  }

  named(lane: number, named: SenderNamed): void {
    this.#lanes.get(lane)?.named.set(named.row, named);
  }

  get knownCount(): number {
    return this.#known.size;
  }

  get silentCount(): number {
    let count = 0;
    for (const known of this.#known.values()) if (known.isSilent) count += 1;
    return count;
  }

  /** Adds up the rows of all lanes. A sender whose row went to another is forgotten. */
  refresh(nowMs: number): void {
    const seen = new Set<string>();
    for (const { rows, named } of this.#lanes.values()) {
      for (const sender of named.values()) {
        if (rows[sender.row * ROW.size + ROW.use] !== sender.use) continue;
        this.#addRow(rows, sender, seen, nowMs);
      }
    }
    for (const [name, known] of this.#known) {
      if (!seen.has(name)) this.#known.delete(name);
      else this.#rate(known, nowMs);
    }
  }

  #addRow(rows: Float64Array, sender: SenderNamed, seen: Set<string>, nowMs: number): void {
    // Its first message is held back, or is being counted: it has not been heard yet, so it is not silent either.
    if (rows[sender.row * ROW.size + ROW.lastSeenMs] === 0) return;
    const name = `${sender.fromHostIp} ${sender.host}`;
    const known = this.#known.get(name) ?? newcomer(sender, nowMs);
    this.#known.set(name, known);
    if (!seen.has(name)) Object.assign(known, { messages: 0, bytes: 0, unparsed: 0, lastSeenMs: 0 });
    seen.add(name);
    const read = (column: number) => rows[sender.row * ROW.size + column] ?? 0;
    known.messages += read(ROW.messages);
    known.bytes += read(ROW.bytes);
    known.unparsed += read(ROW.unparsed);
    if (read(ROW.lastSeenMs) <= known.lastSeenMs) return;
    known.lastSeenMs = read(ROW.lastSeenMs);
    known.skewMs = read(ROW.skewMs);
  }

  #rate(known: Known, nowMs: number): void {
    const elapsedMs = nowMs - known.ratedAtMs;
    if (elapsedMs < RATE_EVERY_MS) {
      if (known.ratedMessages === 0 && elapsedMs > 0)
        known.rate = (known.messages * 1000) / Math.max(1000, elapsedMs);
      return;
    }
    known.rate = ((known.messages - known.ratedMessages) * 1000) / elapsedMs;
    known.ratedMessages = known.messages;
    known.ratedAtMs = nowMs;
  }

  /** Looks who fell silent and who speaks again. */
  watch(nowMs: number): void {
    this.refresh(nowMs);
    const fell: Known[] = [];
    const spoke: Known[] = [];
    for (const known of this.#known.values()) {
      const isSilent = nowMs - known.lastSeenMs >= this.#silentAfterMs;
      if (isSilent === known.isSilent) continue;
      known.isSilent = isSilent;
      (isSilent ? fell : spoke).push(known);
    }
    this.silences += fell.length;
    if (fell.length > 0) {
      const span = printSpan(this.#silentAfterMs);
      this.#log.warn(`Silent for more than ${span}: ${names(fell)}.`, {
        event: 'sender_silent',
        senders: fell.length,
      });
    }
    if (spoke.length > 0) {
      this.#log.info(`Heard again: ${names(spoke)}.`, { event: 'sender_heard_again', senders: spoke.length });
    }
  }

  /** All senders, the ones heard last first. */
  list(nowMs: number): SenderStatus[] {
    this.refresh(nowMs);
    return [...this.#known.values()]
      .sort((a, b) => b.lastSeenMs - a.lastSeenMs)
      .map((known) => ({
        host: known.host,
        fromHostIp: known.fromHostIp,
        messages: known.messages,
        bytes: known.bytes,
        unparsed: known.unparsed,
        rate: known.isSilent ? 0 : Math.round(known.rate * 10) / 10,
        lastSeen: new Date(known.lastSeenMs).toISOString(),
        skewMs: Number.isNaN(known.skewMs) ? null : Math.round(known.skewMs),
        silentSince: known.isSilent ? new Date(known.lastSeenMs).toISOString() : null,
      }));
  }
}

function newcomer(sender: SenderNamed, nowMs: number): Known {
  return {
    host: sender.host,
    fromHostIp: sender.fromHostIp,
    messages: 0,
    bytes: 0,
    unparsed: 0,
    lastSeenMs: 0,
    skewMs: Number.NaN,
    isSilent: false,
    rate: 0,
    ratedMessages: 0,
    ratedAtMs: nowMs,
  };
}

function names(list: readonly Known[]): string {
  const some = list
    .slice(0, NAMES_MAX)
    .map(({ host, fromHostIp }) => (host === fromHostIp ? host : `${host} (${fromHostIp})`));
  const more = list.length - some.length;
  return `${some.join(', ')}${more > 0 ? ` and ${more} more` : ''}`.replace(/\p{C}/gu, '?');
}
