// Which entries of the journal are our own: they say what becomes of messages, and are none of those that we are asked
// to deliver. Another process may have had our number before, in another boot, or have it on another host.
// Refuses: to guess. What is not surely ours is delivered.

import { readFileSync } from 'node:fs';
import type { EntryReader } from './entry.ts';

/** As journald writes it: without dashes. */
function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
  } catch {
    return undefined;
  }
}

export class OwnEntries {
  readonly #pid = String(process.pid);
  readonly #bootId = bootId();
  /** Since then the number is ours. */
  readonly #sinceUs = performance.timeOrigin * 1000;
  readonly #isPossible: boolean;

  /** `isOwnJournal`: it is this host's. As process 1 of a container we are not process 1 of the host. */
  constructor(isOwnJournal: boolean) {
    this.#isPossible = isOwnJournal && process.pid !== 1;
  }

  has(entry: EntryReader): boolean {
    return (
      this.#isPossible &&
      entry.text('_PID') === this.#pid &&
      entry.text('_BOOT_ID') === this.#bootId &&
      entry.realtimeUs >= this.#sinceUs
    );
  }
}
