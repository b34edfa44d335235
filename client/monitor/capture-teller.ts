// What happens to connections, as facts in batches: which turns are told, what is over the rate, whose RST or FIN it was.
// Facts are read within the flow table's turn.
//
// Promises: memory stays bounded if nobody hears: what has no room is counted (`unheard`), by kind with what the rate
// held back. Refuses: words, and owners.

import { randomInt } from 'node:crypto';
import type { PacketRing } from '../../kernel/packet-ring.ts';
import { type FlowFacts, readFacts } from '../../traffic/events/facts.ts';
import { EventRate } from '../../traffic/events/rate.ts';
import { CLIENT, type FlowColumns, MARK, SERVER } from '../../traffic/flow/columns.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import { type Packet, TCP_FLAG } from '../../traffic/packet/packet.ts';
import type { CaptureSettings, SeenFacts, SnapshotRow } from './capture.port.ts';
import { CAPTURE_SLOT } from './capture-counts.ts';
import type { InterfaceWatch } from './capture-interfaces.ts';

/** Facts that cross in one message, and that may be under way: each is about 1 KiB. */
const BATCH_MAX = 256;
export const UNHEARD_MAX = 16_384;
const TURNS: readonly Turn[] = [
  ...(['opened', 'update', 'closed', 'reset', 'refused', 'noAnswer', 'timeout', 'halfClosed'] as const),
];
/** Who sent the first FIN or RST, as far as its packet said. */
const SENT = { unknown: 0, byOther: 1, byUs: 2 } as const;

export interface TellerParts {
  readonly settings: CaptureSettings;
  readonly counts: Float64Array;
  readonly runId: string;
  readonly packet: Packet;
  readonly watch: InterfaceWatch;
  send(events: readonly SeenFacts[]): void;
}

/** Eight letters and digits. */
export function makeRunId(): string {
  return (randomInt(2 ** 40) + 2 ** 40).toString(36).slice(-8);
}

export class Teller {
  /** Whose packet is being booked; undefined: it is silence that tells. */
  ring: PacketRing | undefined;
  loopback = -1;
  /** At the end facts may wait until there is room: whether it makes sense to look again. */
  waitForRoom: () => boolean = () => false;
  readonly #parts: TellerParts;
  readonly #turns: ReadonlySet<Turn>;
  readonly #rate: EventRate | undefined;
  readonly #sentBy: Uint8Array;
  readonly #lastTurn: Int8Array;
  #unheard = new Map<Turn, number>();
  #batch: SeenFacts[] = [];

  constructor(parts: TellerParts, flowsMax: number) {
    this.#parts = parts;
    this.#turns = new Set(parts.settings.turns);
    this.#rate = parts.settings.rate && new EventRate(parts.settings.rate);
    this.#sentBy = new Uint8Array(flowsMax);
    this.#lastTurn = new Int8Array(flowsMax).fill(-1);
  }

  /** To be called for each packet with FIN or RST when it has been booked. */
  noteEnd(slot: number): void {
    if (this.#sentBy[slot] === SENT.unknown) this.#sentBy[slot] = this.#senderAtHand();
  }

  #senderAtHand(): number {
    const { ring } = this;
    if (!ring || ring.interfaceIndex === this.loopback) return SENT.unknown;
    return ring.isOutgoing ? SENT.byUs : SENT.byOther;
  }

  onTurn(flows: FlowColumns, turn: Turn, slot: number, nowUs: number): void {
    this.#lastTurn[slot] = TURNS.indexOf(turn);
    if (!this.#turns.has(turn)) return;
    const { settings } = this.#parts;
    const client = slot * 8 + CLIENT * 4;
    const [w2, w3] = [flows.addresses[client + 2] as number, flows.addresses[client + 3] as number];
    const isHeldBack = this.#rate !== undefined && !this.#rate.allows(turn, w2, w3, nowUs);
    if (isHeldBack) this.#count(CAPTURE_SLOT.heldBack);
    if (isHeldBack && !settings.tellsHeldBack) return;
    if (!this.#hasRoom()) {
      this.#count(CAPTURE_SLOT.unheard);
      if (!isHeldBack) this.#unheard.set(turn, (this.#unheard.get(turn) ?? 0) + 1);
      return;
    }
    this.#count(CAPTURE_SLOT.told);
    if (!isHeldBack) this.#count(CAPTURE_SLOT.events);
    this.#batch.push({ ...this.#read(flows, slot, turn, nowUs), isHeldBack });
    if (this.#batch.length >= BATCH_MAX) this.flush();
  }

  #hasRoom(): boolean {
    const { counts } = this.#parts;
    const hasRoom = () =>
      (counts[CAPTURE_SLOT.told] as number) - (counts[CAPTURE_SLOT.heard] as number) < UNHEARD_MAX;
    while (!hasRoom()) if (!this.waitForRoom()) return false;
    return true;
  }

  #count(slot: number): void {
    this.#parts.counts[slot] = (this.#parts.counts[slot] as number) + 1;
  }

  /** All that is known of a flow, as the turn at hand or the last one. */
  #read(flows: FlowColumns, slot: number, turn: Turn, nowUs: number): Omit<SeenFacts, 'isHeldBack'> {
    const { watch, runId } = this.#parts;
    const facts = readFacts(flows, slot, turn, nowUs, runId);
    const [out, back] = facts.interfaces;
    return {
      ...facts,
      interfaceName: watch.nameOf(out >= 0 ? out : back),
      isClientOwn: watch.isOwn(facts.clientAddress),
      isServerOwn: watch.isOwn(facts.serverAddress),
      isEndOwn: this.#isEndOwn(facts, slot),
    };
  }

  #isEndOwn({ turn, by }: FlowFacts, slot: number): boolean | undefined {
    if (by === undefined) return undefined;
    // Of a reset the packet is at hand; of all else it was the first FIN.
    const isReset = (turn === 'reset' || turn === 'refused') && this.ring !== undefined;
    const isAtHand =
      isReset && this.#parts.packet.hasTcp && (this.#parts.packet.tcpFlags & TCP_FLAG.rst) !== 0;
    if (isReset && !isAtHand) return undefined;
    const sender = isAtHand ? this.#senderAtHand() : (this.#sentBy[slot] as number);
    return sender === SENT.unknown ? undefined : sender === SENT.byUs;
  }

  row(flows: FlowColumns, slot: number, nowUs: number, rates: readonly [number, number]): SnapshotRow {
    const lastTurn = TURNS[this.#lastTurn[slot] as number];
    const atHand = this.ring;
    this.ring = undefined;
    const facts = this.#read(flows, slot, lastTurn ?? 'update', nowUs);
    this.ring = atHand;
    return {
      ...facts,
      isHeldBack: false,
      bitsPerSecond: rates,
      flags: [flows.flags[slot * 2 + CLIENT] as number, flows.flags[slot * 2 + SERVER] as number],
      isEnded: flows.has(slot, MARK.ended),
      lastTurn,
    };
  }

  forget(slot: number): void {
    this.#sentBy[slot] = SENT.unknown;
    this.#lastTurn[slot] = -1;
  }

  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#parts.send(batch);
  }

  /** What was held back, by the rate or since nobody heard, since the last time. */
  takeHeldBack(): Partial<Record<Turn, number>> {
    const held = new Map(this.#rate?.take());
    for (const [turn, count] of this.#unheard) held.set(turn, (held.get(turn) ?? 0) + count);
    this.#unheard = new Map();
    return Object.fromEntries(held);
  }
}
