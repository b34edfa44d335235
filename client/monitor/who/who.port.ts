// What crosses between the thread that finds owners and whoever asks it: questions by tuple, answers, orders, reports.
// Loaded by both sides. What was counted lies in shared memory (counts.ts).
// Refuses: packets. The thread sees SYNs with a socket of its own, so that nobody has to hand them on.

import type { Owners } from '../../../traffic/events/owner.ts';
import type { Listener } from '../capture.port.ts';

export interface WhoSettings {
  /** In the language of docs/traffic.md, checked: connections that it does not want are not looked up beforehand. */
  readonly filter: string | undefined;
}

/** Addresses as text and ports as in FlowFacts. */
export interface WhoQuestion {
  /** IANA number. */
  readonly protocol: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly isClientOwn: boolean;
  readonly isServerOwn: boolean;
  /** Of the first packet, microseconds since 1970: tells connections apart that had the same ends. */
  readonly startUs: number;
  /** The connection has ended: what the kernel counted (SocketTotals) is waited for, a moment. */
  readonly isEnd?: boolean;
}

export const WHO_WAYS = ['sockets', 'syn', 'processes', 'ends', 'starts'] as const;
export type WhoWay = (typeof WHO_WAYS)[number];

/** One of the ways in which owners are found, and what its absence costs. */
export interface WayState {
  readonly way: WhoWay;
  readonly works: boolean;
  /** What it gives, or what is missing and what that would give: one or two sentences. */
  readonly sentence: string;
}

export interface NumberedQuestion extends WhoQuestion {
  readonly number: number;
}

export type WhoOrder =
  | { readonly kind: 'ask'; readonly questions: readonly NumberedQuestion[] }
  | { readonly kind: 'stop' };

export type WhoReport =
  /** With the bell to ring when an order was sent (kernel/bell.ts). */
  | { readonly kind: 'started'; readonly bell: number; readonly ways: readonly WayState[] }
  | { readonly kind: 'answers'; readonly answers: readonly NumberedAnswer[] }
  | { readonly kind: 'ways'; readonly ways: readonly WayState[] }
  /** All of them, at start and whenever they have changed. */
  | { readonly kind: 'listeners'; readonly listeners: readonly Listener[] }
  | { readonly kind: 'stopped' };

export interface NumberedAnswer {
  readonly number: number;
  readonly owners: Owners;
}
