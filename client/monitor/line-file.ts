// A file that grows by whole lines, written beside the data path: lines wait in bounded memory for at most FLUSH_MS, and
// a disk that is slow, full or gone holds up nobody. Promises: a file that was moved away or removed is opened anew
// within a second; a write that was cut goes on where it was, so that no line is torn; what had no room is counted and
// said, in the log at most once a minute and in the file as soon as it can be written again.
//
// Refuses: to throw. What cannot be written may be possible later, and is tried again.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../../base/fault.ts';
import { printCount } from '../../base/units.ts';
import { TROUBLE_TEXT, troubleOf } from '../../delivery/spool/reasons.ts';

const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_NONBLOCK } = constants;
const FLAGS = O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK;

const FLUSH_MS = 100;
const LOOK_MS = 1000;
/** Some 20,000 lines: what a burst may bring while the disk is busy. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** Of a directory that is made for the file. */
const DIRECTORY_MODE = 0o750;
const LINE_FEED = 0x0a;

export interface LineFileParts {
  readonly path: string;
  readonly mode: number;
  /** `kind` comes from a closed set, so that whoever says it can say it once a minute. */
  readonly warn: (kind: string, sentence: string) => void;
  /** The line that tells of so many lines that are missing. */
  readonly gap: (lines: number) => string;
  /** The first line after the path was opened anew. */
  readonly reopened: (why: 'signal' | 'moved') => string;
  /** For a test. */
  readonly waitingBytesMax?: number;
}

export interface LineFileStatus {
  readonly path: string;
  readonly lines: number;
  readonly bytes: number;
  /** Lines that had no room. */
  readonly lost: number;
  readonly trouble: string | null;
}

export class LineFile {
  readonly #parts: LineFileParts;
  readonly #waitingMax: number;
  #handle: FileHandle | undefined;
  /** What was begun to be written and is not on the disk yet. */
  #rest: Buffer = Buffer.alloc(0);
  #waiting: string[] = [];
  #waitingBytes = 0;
  #untold = 0;
  #lines = 0;
  #bytes = 0;
  #lost = 0;
  #trouble: string | undefined;
  #lookedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(parts: LineFileParts) {
    this.#parts = parts;
    this.#waitingMax = parts.waitingBytesMax ?? WAITING_BYTES_MAX;
  }

  async start(): Promise<void> {
    await this.#do(() => this.#openIfNone());
    this.#timer = setInterval(() => this.#work(), FLUSH_MS);
  }

  /** A line without its end. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#waitingBytes + bytes > this.#waitingMax) {
      this.#lost += 1;
      this.#untold += 1;
      this.#parts.warn('lost', `Lines for ${this.#parts.path} are lost: ${this.#why()}.`);
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += bytes;
  }

  #why(): string {
    return this.#trouble ?? 'it is written more slowly than lines come';
  }

  /** At SIGHUP: what was there stays as it is, whoever has moved it; the path is opened anew. */
  async reopen(): Promise<void> {
    await this.#do(async () => {
      await this.#reopen('signal');
      await this.#flush();
    });
  }

  async #reopen(why: 'signal' | 'moved'): Promise<void> {
    await this.#flush();
    await this.#close();
    this.#waiting.unshift(this.#parts.reopened(why));
    await this.#openIfNone();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#do(async () => {
      await this.#openIfNone();
      await this.#flush();
      await this.#close();
    });
    const left = this.#waiting.length + (this.#rest.length > 0 ? 1 : 0);
    if (left === 0) return;
    this.#lost += left;
    this.#parts.warn('left', `${printCount(left)} lines for ${this.#parts.path} are lost: ${this.#why()}.`);
  }

  status(): LineFileStatus {
    const trouble = this.#trouble ?? null;
    return { path: this.#parts.path, lines: this.#lines, bytes: this.#bytes, lost: this.#lost, trouble };
  }

  // ---- at its own pace

  #work(): void {
    if (this.#isBusy) return;
    const isDue = performance.now() - this.#lookedAtMs >= LOOK_MS;
    if (!isDue && (this.#handle === undefined || this.#trouble !== undefined || !this.#hasWaiting)) return;
    void this.#do(async () => {
      if (isDue) await this.#look();
      await this.#openIfNone();
      await this.#flush();
    });
  }

  get #hasWaiting(): boolean {
    return this.#waiting.length > 0 || this.#rest.length > 0 || this.#untold > 0;
  }

  /** One thing after the other. */
  #do(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    const done = this.#busy.then(work).finally(() => {
      if (this.#busy === done) this.#isBusy = false;
    });
    this.#busy = done;
    return done;
  }

  /** Is the file still the one at its path? */
  async #look(): Promise<void> {
    this.#lookedAtMs = performance.now();
    if (this.#handle === undefined) return;
    try {
      const [there, ours] = await Promise.all([stat(this.#parts.path), this.#handle.stat()]);
      if (there.ino === ours.ino && there.dev === ours.dev) return;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') return;
    }
    await this.#reopen('moved');
  }

  async #openIfNone(): Promise<void> {
    if (this.#handle !== undefined) return;
    const { path, mode } = this.#parts;
    this.#lookedAtMs = performance.now();
    try {
      await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
      this.#handle = (await this.#make(path, mode)) ?? (await open(path, FLAGS));
      await this.#endTornLine(path);
      this.#trouble = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** With its mode, whatever the umask of the service; undefined: it is there already, and keeps what it has. */
  async #make(path: string, mode: number): Promise<FileHandle | undefined> {
    try {
      const handle = await open(path, FLAGS | O_CREAT | O_EXCL, mode);
      await handle.chmod(mode).catch(() => undefined);
      return handle;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return undefined;
      throw error;
    }
  }

  /** A run that was killed may have left half a line; ours begins on a line of its own. */
  async #endTornLine(path: string): Promise<void> {
    const { size } = await stat(path);
    if (size === 0 || this.#rest.length > 0) return;
    const reader = await open(path, constants.O_RDONLY | O_NONBLOCK).catch(() => undefined);
    if (reader === undefined) return;
    try {
      const { buffer, bytesRead } = await reader.read(Buffer.alloc(1), 0, 1, size - 1);
      if (bytesRead === 1 && buffer[0] !== LINE_FEED) this.#rest = Buffer.from('\n');
    } finally {
      await reader.close();
    }
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }

  /** Writes what there is, as far as it goes. */
  async #flush(): Promise<void> {
    if (this.#handle === undefined || !this.#hasWaiting) return;
    try {
      while (this.#hasWaiting) {
        if (this.#rest.length === 0) this.#takeWaiting();
        const { bytesWritten } = await this.#handle.write(this.#rest, 0, this.#rest.length, null);
        this.#bytes += bytesWritten;
        this.#rest = this.#rest.subarray(bytesWritten);
      }
      this.#trouble = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Lines in their order; where some are missing it says so. */
  #takeWaiting(): void {
    const lines = this.#waiting;
    if (this.#untold > 0) lines.push(this.#parts.gap(this.#untold));
    this.#untold = 0;
    this.#lines += lines.length;
    this.#rest = Buffer.from(`${lines.join('\n')}\n`);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #fail(error: unknown): void {
    const trouble = troubleOf(error);
    const { what } = TROUBLE_TEXT[trouble];
    const code = codeOf(error) ?? 'unknown';
    this.#trouble = `${what} (${code})`;
    const sentence = `${this.#parts.path} cannot be written: ${this.#trouble}. Lines wait in memory; it is tried again.`;
    this.#parts.warn(trouble, sentence);
  }
}
