// Loads server.json and the files it includes. Placeholder while the checks are written.

import type { Fault } from '../base/fault.ts';
import type { ServerConfig } from './server.ts';

/** `compileSelector` of syslog/selector.ts fits: config/ may not import it. */
export type SelectorCheck = (
  text: string,
) =>
  | { readonly ok: true }
  | { readonly ok: false; readonly at: number; readonly what: string; readonly mend: string };

export interface LoadOptions {
  readonly checkSelector: SelectorCheck;
  /** Whether the log files could be written by this user is part of the check; default true. */
  readonly checkFiles?: boolean;
}

/** Either a configuration without faults, or all its faults. `sources` are the files that were read. */
export type Loaded =
  | { readonly config: ServerConfig; readonly faults: readonly []; readonly sources: readonly string[] }
  | { readonly config: undefined; readonly faults: readonly Fault[]; readonly sources: readonly string[] };

export function loadServerConfig(path: string, options: LoadOptions): Loaded {
  void options;
  void path;
  return { config: undefined, faults: [], sources: [] };
}
