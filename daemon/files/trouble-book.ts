// Files that cannot be written, as all lanes report them, and what the log says of it: one line at once, then
// one a minute for as long as it lasts, and one when it is over, however many files and lanes are struck.

import type { Log } from '../../base/log.ts';
import { printSpan } from '../../base/units.ts';
import { FILE_TROUBLE_TEXT, FILE_TROUBLES, type FileTrouble } from './trouble.ts';

const SAY_EVERY_MS = 60_000;

export interface TroubledFile {
  readonly path: string;
  readonly trouble: FileTrouble;
  readonly error: string;
  readonly since: string;
}

interface Entry {
  readonly lane: number;
  readonly path: string;
  readonly trouble: FileTrouble;
  readonly error: string;
  readonly sinceMs: number;
}

export class TroubleBook {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  /** What was last said of a kind of trouble: when, and since when it has lasted. */
  readonly #said = new Map<FileTrouble, { atMs: number; sinceMs: number }>();

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  troubled(lane: number, path: string, trouble: FileTrouble, error: string): void {
    const nowMs = this.#now();
    const name = `${lane} ${path}`;
    const sinceMs = this.#entries.get(name)?.sinceMs ?? nowMs;
    this.#entries.set(name, { lane, path, trouble, error, sinceMs });
    // Looking at all files for each that is struck would take for ever when it is all of many.
    if (this.#isDue(trouble, nowMs)) this.tick();
  }

  #isDue(trouble: FileTrouble, nowMs: number): boolean {
    const said = this.#said.get(trouble);
    return said === undefined || nowMs - said.atMs >= SAY_EVERY_MS;
  }

  recovered(lane: number, path: string): void {
    this.#entries.delete(`${lane} ${path}`);
  }

  /** Files in trouble, each once. */
  list(): TroubledFile[] {
    const byPath = new Map<string, Entry>();
    for (const entry of this.#entries.values()) {
      const other = byPath.get(entry.path);
      if (!other || entry.sinceMs < other.sinceMs) byPath.set(entry.path, entry);
    }
    return [...byPath.values()].map(({ path, trouble, error, sinceMs }) => {
      return { path, trouble, error, since: new Date(sinceMs).toISOString() };
    });
  }

  /** Says what is due to be said; called when something happened, and each second. */
  tick(): void {
    const nowMs = this.#now();
    const files = this.list();
    for (const trouble of FILE_TROUBLES) {
      const struck = files.filter((file) => file.trouble === trouble);
      const said = this.#said.get(trouble);
      if (struck.length > 0 && this.#isDue(trouble, nowMs)) this.#say(trouble, struck, nowMs);
      else if (struck.length === 0 && said && said.sinceMs > 0) this.#sayOver(trouble, said, nowMs);
    }
  }

  #say(trouble: FileTrouble, struck: readonly TroubledFile[], nowMs: number): void {
    const said = this.#said.get(trouble);
    const sinceMs = said && said.sinceMs > 0 ? said.sinceMs : nowMs;
    this.#said.set(trouble, { atMs: nowMs, sinceMs });
    const { what, mend } = FILE_TROUBLE_TEXT[trouble];
    const [first] = struck;
    const others = struck.length > 1 ? ` and ${struck.length - 1} more` : '';
    this.#log.error(
      `Cannot write ${first?.path}${others}: ${what} (${first?.error}). ` +
        `TCP senders wait and lose nothing; UDP messages without room are dropped and counted. ${mend}`,
      { event: 'file_trouble', trouble, files: struck.length, lasts: printSpan(nowMs - sinceMs) },
    );
  }

  /** Over for now. Should it come back within the minute, the next line waits for its turn. */
  #sayOver(trouble: FileTrouble, said: { atMs: number; sinceMs: number }, nowMs: number): void {
    const lasted = printSpan(nowMs - said.sinceMs);
    this.#said.set(trouble, { atMs: said.atMs, sinceMs: 0 });
    this.#log.info(`All files can be written again (${trouble.replaceAll('_', ' ')}, after ${lasted}).`, {
      event: 'file_trouble_over',
      trouble,
    });
  }
}
