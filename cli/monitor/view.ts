// What the live view is made of: what was seen (handed in, never changed here), and how a person looks at it. The whole
// screen follows from the two and the size of the terminal; a key makes another ViewState and nothing else.
// Refuses: sockets, threads, terminals.

import type { InterfaceState, Snapshot, SnapshotRow } from '../../client/monitor/capture.port.ts';
import type { Owners } from '../../traffic/events/owner.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** An event in the lower window. */
export interface ToldEvent {
  readonly timeUs: number;
  /** Number of the flow; undefined: it concerns no flow. */
  readonly flow: number | undefined;
  readonly tone: 'plain' | 'good' | 'warn' | 'bad';
  readonly text: string;
}

export interface Totals {
  readonly packets: number;
  readonly bytes: number;
  /** Over the last seconds. */
  readonly bitsPerSecond: number;
  /** Packets that the kernel had no room for. */
  readonly dropped: number;
  readonly flows: number;
  /** Flows that were forgotten for want of room. */
  readonly evicted: number;
}

/** A row with what is known of its owners. */
export interface Connection {
  readonly row: SnapshotRow;
  readonly owners: Owners;
}

export interface Model {
  /** Undefined: nothing has come yet. */
  readonly snapshot: Snapshot | undefined;
  readonly connections: readonly Connection[];
  /** The connection whose detail is looked at, as it stood when it was seen last. */
  readonly remembered: Connection | undefined;
  readonly totals: Totals;
  /** Oldest first, at most EVENTS_KEPT. */
  readonly events: readonly ToldEvent[];
  /** Events since the start, also those that are not kept any more. */
  readonly eventsTotal: number;
  readonly interfaces: readonly InterfaceState[];
  readonly nowUs: number;
  /** What the command was told about, for the title: "any", "eth0, lo". */
  readonly watched: string;
  /** Of the log beside the screen. */
  readonly log: string | undefined;
  /** What cannot be said of owners, in a sentence. */
  readonly ownersTrouble: string | undefined;
}

/** iptraf-ng keeps as many. */
export const EVENTS_KEPT = 512;

export type Pivot = 'connections' | 'hosts' | 'ports' | 'processes';
export const PIVOTS: readonly Pivot[] = ['connections', 'hosts', 'ports', 'processes'];

export const SORTS = ['bytes', 'packets', 'rate', 'roundTrip', 'last', 'start', 'name'] as const;
export type Sort = (typeof SORTS)[number];

export type Mode =
  | { readonly kind: 'browse' }
  | { readonly kind: 'sort' }
  | { readonly kind: 'filter'; readonly text: string; readonly cursor: number; readonly error?: Complaint }
  | { readonly kind: 'detail'; readonly flow: number; readonly top: number }
  | { readonly kind: 'help'; readonly top: number };

/** What is wrong with a filter, and where in it, counted from 0. */
export interface Complaint {
  readonly at: number;
  readonly text: string;
}

/** Only the connections of one host, port or process. */
export interface Narrowing {
  readonly pivot: Pivot;
  readonly key: string;
}

export interface ViewState {
  readonly pivot: Pivot;
  readonly sort: Sort;
  readonly isReversed: boolean;
  /** The row that the bar stands on; undefined: the first one, whichever it is. */
  readonly selected: string | undefined;
  /** Where the bar stood, so that it stays there when its row goes. */
  readonly at: number;
  /** The first row that is shown. */
  readonly top: number;
  /** Which window the arrows move in. */
  readonly focus: 'rows' | 'events';
  /** How many of the newest events are below the lower window. */
  readonly eventsBack: number;
  readonly isPaused: boolean;
  /** One line for a connection also where two have room. */
  readonly isOneLine: boolean;
  readonly mode: Mode;
  readonly narrowing: Narrowing | undefined;
  /** Ended connections that were silent since before are not shown. */
  readonly clearedUs: number;
  /** The filter in force. */
  readonly filter: string | undefined;
  /** A short word to the person, until the next key. */
  readonly note: string | undefined;
}

export function firstView(filter: string | undefined): ViewState {
  return {
    pivot: 'connections',
    sort: 'bytes',
    isReversed: false,
    selected: undefined,
    at: 0,
    top: 0,
    focus: 'rows',
    eventsBack: 0,
    isPaused: false,
    isOneLine: false,
    mode: { kind: 'browse' },
    narrowing: undefined,
    clearedUs: 0,
    filter,
    note: undefined,
  };
}
