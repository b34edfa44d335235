// Where the inputs of a destination are: one small file for each input, JSON with a version, replaced whole.
//
//   <queue.directory>/checkpoints/nginx.json    { "belfry": 1, "input": "nginx", "position": … }
//
// Promises: a checkpoint is seen whole or not at all, also after a power cut if the queue syncs; what cannot be
// read is said, and never taken for a first start. Refuses: to touch files that it did not make, and to follow
// a symbolic link.

import type { Log } from '../base/log.ts';
import type { DestinationConfig } from '../config/agent.ts';

/** 'fresh': there was none. 'lost': there is one, and it cannot be used: begin with all that is there. */
export type Loaded =
  | { readonly state: 'fresh' }
  | { readonly state: 'good'; readonly position: unknown }
  | { readonly state: 'lost'; readonly why: string };

export interface CheckpointDeps {
  readonly log: Log;
  /** Milliseconds, monotonic or not. */
  readonly now: () => number;
}

/** Of one destination: makes the directory. Throws a Fault when it is unsafe or cannot be made. */
export declare function openCheckpoints(
  directory: string,
  sync: DestinationConfig['queue']['sync'],
  deps: CheckpointDeps,
): Checkpoints;

export interface Checkpoints {
  of(input: string): Checkpoint;
  /** Names of inputs that have a checkpoint. */
  inputs(): string[];
}

/** Of one input of one destination. */
export interface Checkpoint {
  /** What was there at the start; read once. */
  load(): Loaded;
  /** A second has passed since the last save. */
  isDue(): boolean;
  /** Saves a JSON value. False when the disk refuses: said, and tried again by the next save. */
  save(position: unknown): boolean;
}

/** Positions that become safe one after the other: what the input gave on, and where it then stood. */
export declare class Marks<Position> {
  /** After the sink had `taken` records, the input stood at `position`. */
  add(taken: number, position: Position): void;
  /** Takes out all that `safe` covers, in order. */
  pass(safe: number, visit: (position: Position) => void): void;
  readonly waiting: number;
}
