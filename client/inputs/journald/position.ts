// A place in the journal, as it stands in a checkpoint: the cursor of an entry, and when journald took it, for
// the day when the cursor cannot be used. Refuses: anything that a checkpoint of ours does not look like.

export interface JournalPosition {
  readonly cursor: string;
  /** Microseconds since 1970. */
  readonly realtimeUs: number;
}

const CURSOR = /^[\x21-\x7e]{1,1024}$/;

export function readPosition(value: unknown): JournalPosition | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { cursor, realtimeUs } = value as Partial<Record<keyof JournalPosition, unknown>>;
  if (typeof cursor !== 'string' || !CURSOR.test(cursor)) return undefined;
  return typeof realtimeUs === 'number' && realtimeUs >= 0 ? { cursor, realtimeUs } : undefined;
}
