// What `belfry status` asks a running agent over its control socket. Loaded by both sides.

import type { AgentStatus } from './status.ts';

export interface AgentAnswers {
  readonly status: AgentStatus;
}
