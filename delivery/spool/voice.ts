// What the spool says in the log: each kind of thing at once, then at most once a minute, with how often it
// happened in between. A disk that fails a thousand times a second must not fill the log as well.

import type { Facts, Log } from '../../base/log.ts';

const SAY_EVERY_MS = 60_000;

interface Said {
  atMs: number;
  more: number;
}

export class Voice {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #facts: Facts;
  readonly #said = new Map<string, Said>();

  constructor(log: Log, now: () => number, facts: Facts) {
    this.#log = log;
    this.#now = now;
    this.#facts = facts;
  }

  /** For what happens once in a run. */
  info(sentence: string): void {
    this.#log.info(sentence, this.#facts);
  }

  /** `kind` comes from a closed set: what is said once is not said again for a minute. */
  warn(kind: string, sentence: string): void {
    const nowMs = this.#now();
    const said = this.#said.get(kind);
    if (said !== undefined && Math.abs(nowMs - said.atMs) < SAY_EVERY_MS) {
      said.more += 1;
      return;
    }
    const more = said === undefined || said.more === 0 ? undefined : said.more;
    this.#log.warn(sentence, { ...this.#facts, ...(more !== undefined && { notSaid: more }) });
    this.#said.set(kind, { atMs: nowMs, more: 0 });
  }
}
