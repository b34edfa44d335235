// Queues that no destination reads any more: what a destination left behind that was renamed or taken out while
// the agent did not run. They lie beside the queues that are configured, and nobody would look for them.
//
// Refuses: to touch them, and to look anywhere else.

import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Log } from '../base/log.ts';
import { printCountOf } from '../base/units.ts';
import { inspectSpool } from '../delivery/spool/inspect.ts';
import { lookInto } from '../delivery/spool/look.ts';
import { RECORDS } from './forwarder.ts';

/** A folder with more than this is no folder of queues. */
const NEIGHBOURS_MAX = 256;

export interface Orphan {
  readonly directory: string;
  readonly waiting: number;
}

/** Neighbours of these queues in which messages wait. */
export function findOrphans(directories: readonly string[]): Orphan[] {
  const parents = new Set(directories.map((directory) => dirname(directory)));
  return [...parents].flatMap((parent) =>
    neighboursIn(parent)
      .filter((directory) => !directories.includes(directory))
      .flatMap((directory) => orphanIn(directory) ?? []),
  );
}

function neighboursIn(parent: string): string[] {
  try {
    const entries = readdirSync(parent, { withFileTypes: true });
    if (entries.length > NEIGHBOURS_MAX) return [];
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(parent, name));
  } catch {
    return [];
  }
}

/** What cannot be looked at is none of ours. */
function orphanIn(directory: string): Orphan | undefined {
  try {
    const { cursors } = inspectSpool(lookInto(join(directory, RECORDS)), false);
    const waiting = Math.max(0, ...cursors.map((cursor) => cursor.waiting));
    return waiting > 0 ? { directory, waiting } : undefined;
  } catch {
    return undefined;
  }
}

export function sayOrphans(directories: readonly string[], log: Log): void {
  for (const { directory, waiting } of findOrphans(directories)) {
    log.warn(
      `${printCountOf(waiting, 'message')} wait in ${directory} for no destination of this configuration. They are sent when a destination has that queue again; \`belfry queue\` shows and exports them.`,
      { event: 'queue_without_destination', directory, waiting },
    );
  }
}
