// What an input and its surroundings know of each other. An input reads a source of messages, makes each an RFC
// 5424 message, and puts them into a sink; the sink belongs to one destination, or to all of them.
//
// Promises of a sink: it takes records from the start of a batch and says how many; what it does not want, or
// drops by its policy, counts as taken. Of an input: its checkpoint moves only over what `safe` covers.

import type { RecordBatch } from '../../delivery/spool/layout.ts';
import type { TrafficStatus } from '../monitor/traffic-status.ts';

export interface InputSink {
  /**
   * Takes records, RFC 5424 messages without framing, and says how many, from the start. Fewer than all: the
   * rest is offered again after the input's `resume`.
   */
  put(batch: RecordBatch): number;
  /** Records taken so far, in this run. */
  readonly taken: number;
  /** Of those, the first so many survive what `queue.sync` promises. */
  safe(): number;
}

/** What stands in the status of the agent. */
export interface InputStatus {
  readonly name: string;
  readonly type: 'journald' | 'file' | 'devlog' | 'listen' | 'stdin' | 'traffic';
  /** Messages given on, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Lost before a sink could take them, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Given on, but not as its sender meant it (cut, not understood), by reason. */
  readonly noted?: Readonly<Record<string, number>>;
  /** Where it is, in a few words: "/var/log/a.log at 1,234 of 5,678 bytes". */
  readonly position: string;
  /** How far behind its source it is, where that can be known. */
  readonly lag: { readonly bytes?: number; readonly seconds?: number };
  /** Waits for room in a queue. */
  readonly isHeld: boolean;
  /** Why it does not read at the moment, in a sentence, and how to mend it. */
  readonly trouble: string | undefined;
}

export interface Input {
  /** Throws a Fault when it can never work; what may mend itself is tried again. */
  start(): Promise<void>;
  /** The sink has room again, or something is safe now. Cheap, called often. */
  resume(): void;
  /** Saves its checkpoint as far as `safe` allows, and reads no more. */
  stop(): Promise<void>;
  status(): InputStatus;
  /** Its source has ended, and the sink has all of it. Absent: it never ends. */
  isDone?(): boolean;
  /** At SIGHUP: files that it writes are opened anew. Absent: it writes none. */
  reopen?(): Promise<void>;
  /** What it says beside its status. Absent: it watches no connections. */
  traffic?(): TrafficStatus;
}
