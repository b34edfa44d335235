// What an event knows of its flow, in words: the ground of its sentence. Pairs are client to server, then back.
// Refuses: places in the flow table; a sentence is written after the slot may be another flow's.

import type { Turn } from '../flow/table.ts';

/** What every event knows of its flow, in words. */
export interface FlowFacts {
  readonly turn: Turn;
  readonly id: string;
  readonly proto: string;
  /** With brackets around IPv6, and ports where there are some. */
  readonly client: string;
  readonly server: string;
  readonly durationUs: number;
  readonly by: 'client' | 'server' | undefined;
  readonly packets: readonly [number, number];
  readonly ipBytes: readonly [number, number];
  readonly synCount: number;
  readonly rttUs: number;
  readonly updates: number;
  readonly outstanding: readonly [number, number];
  readonly isMidstream: boolean;
  /** An ICMP type and code that said "unreachable". */
  readonly unreachable: readonly [number, number] | undefined;
  readonly version: 4 | 6;
}
