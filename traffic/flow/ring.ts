// The order of flows by their last packet, and the slots that are free: two linked lists in arrays, so that the oldest
// idle flow is found at once and nothing is allocated. Refuses: to know what a flow is.

const NONE = -1;

export class SlotRing {
  private readonly older: Int32Array;
  private readonly newer: Int32Array;
  private oldest = NONE;
  private newest = NONE;
  private free = 0;
  count = 0;

  constructor(capacity: number) {
    this.older = new Int32Array(capacity).fill(NONE);
    // Free slots hang together by `newer`.
    this.newer = Int32Array.from({ length: capacity }, (_, at) => (at + 1 < capacity ? at + 1 : NONE));
  }

  /** The slot whose last packet is longest ago; -1 if there is none. */
  get first(): number {
    return this.oldest;
  }

  /** A free slot, now the newest; -1 if all are in use. */
  take(): number {
    const slot = this.free;
    if (slot === NONE) return NONE;
    this.free = this.newer[slot] as number;
    this.append(slot);
    this.count += 1;
    return slot;
  }

  touch(slot: number): void {
    if (slot === this.newest) return;
    this.unlink(slot);
    this.append(slot);
  }

  give(slot: number): void {
    this.unlink(slot);
    this.newer[slot] = this.free;
    this.free = slot;
    this.count -= 1;
  }

  private append(slot: number): void {
    this.older[slot] = this.newest;
    this.newer[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else this.newer[this.newest] = slot;
    this.newest = slot;
  }

  private unlink(slot: number): void {
    const [older, newer] = [this.older[slot] as number, this.newer[slot] as number];
    if (older === NONE) this.oldest = newer;
    else this.newer[older] = newer;
    if (newer === NONE) this.newest = older;
    else this.older[newer] = older;
  }
}
