// The counters of a lane: one table of names, one array of numbers in shared memory for each lane. Only the
// lane writes its array; the main thread reads it when somebody asks. 64-bit floats count exactly to 2^53,
// and an aligned one is read whole on the machines that Belfry runs on.

import { FILE_TROUBLES, type FileTrouble } from '../files/trouble.ts';
import { TROUBLES, type Trouble } from '../../syslog/record.ts';
import { RELP_SERVER_ENDS } from '../../syslog/relp/server.ts';

/** Why a message, a datagram or a connection was not taken. */
export const REFUSALS = [
  'not_allowed',
  'too_many_connections',
  'too_many_from_source',
  'too_many_open_files',
  'bad_proxy_header',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Counted for each listener. */
export const LISTENER_COUNTS = [
  'messages',
  'bytes',
  'oversized',
  'connections',
  'kernelDrops',
  ...REFUSALS.map((reason) => `refused:${reason}` as const),
] as const;
export type ListenerCount = (typeof LISTENER_COUNTS)[number];

/** Why a connection ended. */
export const CLOSINGS = [
  'by_peer',
  'idle',
  'reset',
  'memory',
  'not_allowed',
  'stopped',
  /** The true source, behind a balancer, had enough connections. */
  'too_many_from_source',
  'bad_proxy_header',
  /** No PROXY header, or no RELP session, within syslog.handshakeTimeoutMs. */
  'handshake',
  /** RELP: the session ended; how, is counted apart. */
  'session_ended',
  /** RELP: fdatasync failed, so that messages can never be answered. */
  'not_synced',
] as const;
export type Closing = (typeof CLOSINGS)[number];

/** How a RELP session ended: as syslog/relp/server.ts names it, or with the connection, before any word. */
export const RELP_ENDS = [...RELP_SERVER_ENDS, 'connection_ended'] as const;
export type RelpEnd = (typeof RELP_ENDS)[number];

/** Counted for the lane as a whole. */
export const LANE_COUNTS = [
  'lines',
  'fileBytes',
  'fileWrites',
  'filesOpen',
  'filesTroubled',
  'filesEvicted',
  'discarded',
  'unrouted',
  'held',
  'connectionsOpen',
  'decisions',
  'decisionsForgotten',
  'peersForgotten',
  'sendersUntracked',
  'partialFrames',
  /** Sessions open now, and messages that wait for their answer now. */
  'relpSessions',
  'relpUnanswered',
  'relpAnswers',
  /** Messages that were taken and could not be answered any more: whoever sent them sends them again. */
  'relpOrphans',
  'relpUnknownCommands',
  'relpSkippedBytes',
  /** Grows once a second at least, as long as the lane lives. */
  'beats',
  ...RELP_ENDS.map((end) => `relpEnded:${end}` as const),
  ...TROUBLES.map((trouble) => `trouble:${trouble}` as const),
  ...FILE_TROUBLES.map((trouble) => `dropped:${trouble}` as const),
  'dropped:stopped',
  ...CLOSINGS.map((closing) => `closed:${closing}` as const),
] as const;
export type LaneCount = (typeof LANE_COUNTS)[number];

/** Listeners that a lane can count apart; further ones share the last place. */
export const LISTENERS_MAX = 64;

const SLOTS = LANE_COUNTS.length + LISTENERS_MAX * LISTENER_COUNTS.length;

function indexTable<Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, at) => [name, at])) as Record<Name, number>;
}

/** Where a lane's count stands in its array. */
export const LANE_SLOT = indexTable(LANE_COUNTS);
export const LISTENER_SLOT = indexTable(LISTENER_COUNTS);

/** The place of a listener's first count: what is counted for every message is added to it without a look-up. */
export function listenerBase(listener: number): number {
  return LANE_COUNTS.length + Math.min(listener, LISTENERS_MAX - 1) * LISTENER_COUNTS.length;
}

export function listenerSlot(listener: number, name: ListenerCount): number {
  return listenerBase(listener) + LISTENER_SLOT[name];
}

export type CountTable = SharedArrayBuffer;

export function makeCountTable(): CountTable {
  return new SharedArrayBuffer(SLOTS * Float64Array.BYTES_PER_ELEMENT);
}

/** Slots in the order of TROUBLE and FILE_TROUBLES, so that the hot path adds an index and looks up no name. */
export const TROUBLE_SLOT_0 = LANE_SLOT['trouble:none'];

export function droppedSlot(trouble: FileTrouble): number {
  return LANE_SLOT[`dropped:${trouble}`];
}

/** The sum over all lanes, for whoever asks. */
export class CountReader {
  readonly #arrays: readonly Float64Array[];

  constructor(tables: readonly CountTable[]) {
    this.#arrays = tables.map((table) => new Float64Array(table));
  }

  #sum(slot: number): number {
    return this.#arrays.reduce((sum, array) => sum + (array[slot] ?? 0), 0);
  }

  lane(name: LaneCount): number {
    return this.#sum(LANE_SLOT[name]);
  }

  listener(listener: number, name: ListenerCount): number {
    return this.#sum(listenerSlot(listener, name));
  }

  trouble(name: Trouble): number {
    return this.#sum(LANE_SLOT[`trouble:${name}`]);
  }
}
