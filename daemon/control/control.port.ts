// What `belfry status` and its kin ask a running program over its control socket: one line of JSON each way,
// then the end. Loaded by both sides.

import type { SenderStatus } from '../sender-view.ts';
import type { ServerStatus } from '../status.ts';
import type { ClientStatus } from '../time/status.ts';

export interface Answers {
  readonly status: ServerStatus;
  readonly senders: readonly SenderStatus[];
  readonly clients: readonly ClientStatus[];
}

export type Question = keyof Answers;

export type Answer<Q extends Question> =
  | { readonly ok: true; readonly answer: Answers[Q] }
  | { readonly ok: false; readonly error: string };
