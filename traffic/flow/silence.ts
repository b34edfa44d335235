// What silence of a flow means: that nobody answered, that it ended, that it waits in vain; and when a long connection is
// told again. Promises: every place of the table is looked at in turn, as many at a time as its caller has time for.
// Refuses: to look at packets.

import { CLIENT, type FlowColumns, MARK, SERVER, type Side } from './columns.ts';
import type { FlowLimits } from './limits.ts';
import type { Removal, Turn } from './turn.ts';

/** What follows from it. */
export interface SilenceDoes {
  tell(turn: Turn, slot: number, nowUs: number): void;
  remove(slot: number, removal: Removal, nowUs: number): void;
}

export class Silence {
  readonly #flows: FlowColumns;
  readonly #limits: FlowLimits;
  readonly #does: SilenceDoes;
  #nextLook = 0;

  constructor(flows: FlowColumns, limits: FlowLimits, does: SilenceDoes) {
    this.#flows = flows;
    this.#limits = limits;
    this.#does = does;
  }

  /** Looks at the next so many places of the table. */
  advanceSome(nowUs: number, slots: number): void {
    const { used, capacity } = this.#flows;
    for (let looked = 0; looked < Math.min(slots, capacity); looked += 1) {
      const slot = this.#nextLook;
      this.#nextLook = slot + 1 === capacity ? 0 : slot + 1;
      if (used[slot]) this.#advanceFlow(slot, nowUs);
    }
  }

  #advanceFlow(slot: number, nowUs: number): void {
    const flows = this.#flows;
    const limits = this.#limits;
    const silentUs = nowUs - (flows.lastUs[slot] as number);
    if (flows.has(slot, MARK.ended)) {
      if (silentUs >= limits.tailUs) this.#does.remove(slot, 'ended', nowUs);
    } else if (!flows.isTcp(slot)) {
      if (silentUs >= limits.otherIdleUs) this.#endIdle('closed', slot, nowUs);
      else this.#tellUpdate(slot, nowUs);
    } else if (silentUs >= limits.tcpIdleUs) {
      this.#endIdle('timeout', slot, nowUs);
    } else {
      this.#advanceTcp(slot, silentUs, nowUs);
    }
  }

  #endIdle(turn: Turn, slot: number, nowUs: number): void {
    if (turn === 'closed' || !this.#flows.has(slot, MARK.timeoutTold)) this.#does.tell(turn, slot, nowUs);
    this.#does.remove(slot, 'idle', nowUs);
  }

  #advanceTcp(slot: number, silentUs: number, nowUs: number): void {
    const flows = this.#flows;
    const limits = this.#limits;
    const fins = Number(flows.has(slot, MARK.clientFin)) + Number(flows.has(slot, MARK.serverFin));
    const isUnanswered = flows.has(slot, MARK.clientSyn) && flows.packets[slot * 2 + SERVER] === 0;
    if (isUnanswered && !flows.has(slot, MARK.opened)) {
      if (silentUs >= limits.noAnswerUs) this.#does.tell('noAnswer', slot, nowUs);
      return;
    }
    if (fins === 2) {
      if (silentUs >= limits.closingUs) this.#does.tell('closed', slot, nowUs);
      return;
    }
    const isHalf = fins === 1 && nowUs - (flows.finUs[slot] as number) >= limits.halfClosedUs;
    if (isHalf && !flows.has(slot, MARK.halfClosedTold)) {
      flows.mark(slot, MARK.halfClosedTold);
      this.#does.tell('halfClosed', slot, nowUs);
    }
    // A SYN-ACK that nobody acknowledges is sent again as a SYN is, and given up like one.
    const isHandshake = flows.has(slot, MARK.serverSynAck) && !flows.has(slot, MARK.opened);
    const waitsInVain =
      (isHandshake && silentUs >= limits.noAnswerUs) ||
      this.#waitsInVain(slot, CLIENT, nowUs) ||
      this.#waitsInVain(slot, SERVER, nowUs);
    if (waitsInVain && !flows.has(slot, MARK.timeoutTold)) {
      flows.mark(slot, MARK.timeoutTold);
      this.#does.tell('timeout', slot, nowUs);
    }
    this.#tellUpdate(slot, nowUs);
  }

  /** Whether this side has sent, perhaps again and again, and nobody acknowledges it. */
  #waitsInVain(slot: number, side: Side, nowUs: number): boolean {
    const flows = this.#flows;
    const limits = this.#limits;
    const waitedUs = nowUs - (flows.waitUs[slot * 2 + side] as number);
    return waitedUs >= limits.timeoutUs && flows.outstanding(slot, side) > 0;
  }

  #tellUpdate(slot: number, nowUs: number): void {
    const flows = this.#flows;
    const isDue = nowUs - (flows.updateUs[slot] as number) >= this.#limits.updateUs;
    if (isDue && flows.has(slot, MARK.opened)) this.#tellAgain(slot, nowUs);
  }

  /** TCP connections that are open still, each told once more. */
  tellOpen(nowUs: number): void {
    const flows = this.#flows;
    for (let slot = 0; slot < flows.capacity; slot += 1) {
      const isOpen = flows.used[slot] && flows.isTcp(slot) && flows.has(slot, MARK.opened);
      if (isOpen && !flows.has(slot, MARK.ended)) this.#tellAgain(slot, nowUs);
    }
  }

  #tellAgain(slot: number, nowUs: number): void {
    const flows = this.#flows;
    flows.updateUs[slot] = nowUs;
    flows.updates[slot] = (flows.updates[slot] as number) + 1;
    this.#does.tell('update', slot, nowUs);
  }
}
