// An input or a destination of agent.json where it stands, as the checks hand it around.

import type { Path } from './document.ts';

export interface Part {
  readonly path: Path;
  /** As it was written, with defaults, and perhaps wrong. */
  readonly value: unknown;
  /** What it goes by, its own name or the one by default. */
  readonly name: string;
}

/** Says that something contradicts something else. */
export type Conflict = (path: Path, what: string, mend: string) => void;
