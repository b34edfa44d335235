// Flows as a person looks at them: those that matter most by packets, bytes, rate or time, and how fast they are. Rates
// come from copies of the byte counts that are made once a second, and only while somebody looks.
// Chosen are places of the table; not one object is made for a flow that is not shown.

import { CLIENT, type FlowColumns, SERVER } from '../../traffic/flow/columns.ts';
import type { SnapshotOrder } from './capture.port.ts';

/** Rates are taken over so many copies: two to three seconds. */
const COPIES = 3;
/** Nobody has looked for so long: no more copies. */
const LOOK_US = 10_000_000;
const SECOND = 1_000_000;

interface Copy {
  readonly timeUs: number;
  readonly ipBytes: Float64Array;
}

export class SnapshotRates {
  #copies: Copy[] = [];
  #lookedUs = -LOOK_US;

  /** Once a second. */
  tick(flows: FlowColumns, nowUs: number): void {
    if (nowUs - this.#lookedUs > LOOK_US) {
      this.#copies = [];
      return;
    }
    // The oldest copy's memory is the newest's.
    const old = this.#copies.length === COPIES ? this.#copies.shift() : undefined;
    const ipBytes = old?.ipBytes ?? new Float64Array(flows.ipBytes.length);
    ipBytes.set(flows.ipBytes);
    this.#copies.push({ timeUs: nowUs, ipBytes });
  }

  /** The clock was set. */
  forget(): void {
    this.#copies = [];
  }

  /** Somebody looks. */
  look(flows: FlowColumns, nowUs: number): void {
    this.#lookedUs = nowUs;
    if (this.#copies.length === 0) this.tick(flows, nowUs);
  }

  /** Bits a second of each direction. */
  of(flows: FlowColumns, slot: number, nowUs: number): readonly [number, number] {
    return [this.#rate(flows, slot, CLIENT, nowUs), this.#rate(flows, slot, SERVER, nowUs)];
  }

  #rate(flows: FlowColumns, slot: number, side: number, nowUs: number): number {
    const [oldest] = this.#copies;
    if (!oldest) return 0;
    const at = slot * 2 + side;
    // The copy may be of a flow that had this place before.
    const isOlder = (flows.startUs[slot] as number) > oldest.timeUs;
    const since = isOlder ? 0 : (oldest.ipBytes[at] as number);
    const spanUs = Math.max(SECOND, nowUs - oldest.timeUs);
    return Math.max(0, (((flows.ipBytes[at] as number) - since) * 8 * SECOND) / spanUs);
  }
}

function keyOf(flows: FlowColumns, slot: number, order: SnapshotOrder): number {
  const [out, back] = [slot * 2 + CLIENT, slot * 2 + SERVER];
  switch (order) {
    case 'packets':
      return (flows.packets[out] as number) + (flows.packets[back] as number);
    case 'last':
      return flows.lastUs[slot] as number;
    case 'start':
      return flows.startUs[slot] as number;
    default:
      return (flows.ipBytes[out] as number) + (flows.ipBytes[back] as number);
  }
}

/** The places of the flows with the largest keys, largest first: a heap of `rowsMax` whose top is the smallest kept. */
export function chooseSlots(
  flows: FlowColumns,
  order: SnapshotOrder,
  rowsMax: number,
  rateOf: (slot: number) => number,
): number[] {
  const heap: { readonly slot: number; readonly key: number }[] = [];
  for (let slot = 0; slot < flows.capacity && rowsMax > 0; slot += 1) {
    if (!flows.used[slot]) continue;
    const key = order === 'rate' ? rateOf(slot) : keyOf(flows, slot, order);
    if (heap.length < rowsMax) {
      heap.push({ slot, key });
      rise(heap, heap.length - 1);
    } else if (key > (heap[0] as { key: number }).key) {
      heap[0] = { slot, key };
      sink(heap);
    }
  }
  return heap.sort((a, b) => b.key - a.key).map(({ slot }) => slot);
}

type Keyed = { readonly slot: number; readonly key: number };

function rise(heap: Keyed[], from: number): void {
  let at = from;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if ((heap[above] as Keyed).key <= (heap[at] as Keyed).key) return;
    [heap[above], heap[at]] = [heap[at] as Keyed, heap[above] as Keyed];
    at = above;
  }
}

function sink(heap: Keyed[]): void {
  let at = 0;
  for (;;) {
    const left = at * 2 + 1;
    if (left >= heap.length) return;
    const right = left + 1;
    const isRight = right < heap.length && (heap[right] as Keyed).key < (heap[left] as Keyed).key;
    const below = isRight ? right : left;
    if ((heap[at] as Keyed).key <= (heap[below] as Keyed).key) return;
    [heap[at], heap[below]] = [heap[below] as Keyed, heap[at] as Keyed];
    at = below;
  }
}
