// What this host has to say to agent.json: whether its patterns find files, its directories can be written, its
// socket is free, its journal can be read.

import type { AgentConfig } from './agent.ts';
import type { Add } from './agent-rules.ts';
import type { Document } from './document.ts';

export function noteHost(_document: Document, _config: AgentConfig, _add: Add): void {
  // Filled below.
}
