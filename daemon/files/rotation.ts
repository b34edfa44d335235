// Rotation by size, on the main thread: `app.log` becomes `app.log.1`, the lanes open a new `app.log`, and
// when none of them writes to the old one any more it is compressed to `app.log.1.gz`. Older ones move up by
// one; those beyond `keep` are removed. Jobs go through a bounded queue, one at a time for a path, so that a
// thousand files that grow at once do not become a thousand compressors.

import { constants, createReadStream, createWriteStream } from 'node:fs';
import { chmod, chown, open, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import fastq from 'fastq';
import { codeOf } from '../../base/fault.ts';
import type { Rotate } from '../../config/server.ts';

/** Jobs at once; further ones wait. */
const JOBS_AT_ONCE = 2;
/** Waiting jobs; beyond them a file simply grows until it is asked about again. */
const JOBS_WAITING_MAX = 10_000;
/** What a compressor needs to tidy up when it is told to end. */
const GIVE_UP_MS = 100;

export interface FileJobEvents {
  /** Every lane must let go of the file, and open what its path leads to for the next line. */
  reopen(path: string): Promise<void>;
  done(job: 'rotate' | 'sync', path: string): void;
  failed(job: 'rotate' | 'sync', path: string, error: Error): void;
}

type Job =
  | { readonly kind: 'rotate'; readonly path: string; readonly rotate: Rotate }
  | { readonly kind: 'sync'; readonly path: string };

export class FileJobs {
  readonly #events: FileJobEvents;
  readonly #underWay = new Set<string>();
  /** Asked for while the same was under way: a file may grow too large again before it is compressed. */
  readonly #askedAgain = new Map<string, Job>();
  readonly #queue: fastq.queueAsPromised<Job>;
  readonly #end = new AbortController();
  #isStopping = false;

  constructor(events: FileJobEvents) {
    this.#events = events;
    this.#queue = fastq.promise((job: Job) => this.#run(job), JOBS_AT_ONCE);
  }

  get waitingCount(): number {
    return this.#queue.length();
  }

  /** A file has grown over its limit. Asking twice before it begins is asking once. */
  rotate(path: string, rotate: Rotate): void {
    this.#push(`rotate ${path}`, { kind: 'rotate', path, rotate });
  }

  /** What was written to the file is to be on the disk. */
  sync(path: string): void {
    this.#push(`sync ${path}`, { kind: 'sync', path });
  }

  #push(name: string, job: Job): void {
    if (this.#isStopping || this.#queue.length() >= JOBS_WAITING_MAX) return;
    if (this.#underWay.has(name)) {
      this.#askedAgain.set(name, job);
      return;
    }
    this.#underWay.add(name);
    void this.#queue.push(job).finally(() => this.#hasRun(name));
  }

  #hasRun(name: string): void {
    this.#underWay.delete(name);
    const again = this.#askedAgain.get(name);
    this.#askedAgain.delete(name);
    if (again) this.#push(name, again);
  }

  async #run(job: Job): Promise<void> {
    try {
      if (job.kind === 'rotate') {
        const reopen = (path: string) => this.#events.reopen(path);
        await rotateFile(job.path, job.rotate, { reopen, end: this.#end.signal });
      } else await syncFile(job.path);
      this.#events.done(job.kind, job.path);
    } catch (error) {
      if (!this.#end.signal.aborted) this.#events.failed(job.kind, job.path, error as Error);
    }
  }

  /**
   * Finishes what has begun, until the deadline: then a file that is half compressed stays as it was. What only
   * waited is dropped: the files are whole without it. May be called twice.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    this.#queue.kill();
    // A job that waits for a lane which has ended waits for ever: nothing is left to do in it.
    await this.#idleWithin(deadlineMs - Date.now());
    this.#end.abort();
    await this.#idleWithin(GIVE_UP_MS);
  }

  async #idleWithin(ms: number): Promise<void> {
    if (this.#queue.idle()) return;
    const enough = new AbortController();
    const late = sleep(Math.max(0, ms), undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([this.#queue.drained(), late]);
    enough.abort();
  }
}

async function syncFile(path: string): Promise<void> {
  // Opened for writing as the lane does it: it may not be readable, and it may be a FIFO without a reader.
  const file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK).catch(ifGone);
  if (!file) return;
  try {
    await file.datasync();
  } catch (error) {
    // A FIFO or a terminal has no disk behind it.
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    await file.close();
  }
}

/** A file that is gone is nothing to do, not a failure. */
function ifGone(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
}

const numbered = (path: string, number: number) => `${path}.${number}`;

async function moveIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch(ifGone);
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(ifGone)) !== undefined;
}

/** Removes one generation, in either form. False: there was none. */
async function removeNumber(path: string, number: number): Promise<boolean> {
  const [plain, packed] = [numbered(path, number), `${numbered(path, number)}.gz`];
  const wasThere = (await isThere(plain)) || (await isThere(packed));
  await rm(plain, { force: true });
  await rm(packed, { force: true });
  return wasThere;
}

/** Moves one generation up. Both forms of it are what a crash behind a finished compression leaves. */
async function moveUp(path: string, number: number): Promise<void> {
  const [plain, packed] = [numbered(path, number), `${numbered(path, number)}.gz`];
  if (await isThere(packed)) await rm(plain, { force: true });
  await moveIfThere(plain, numbered(path, number + 1));
  await moveIfThere(packed, `${numbered(path, number + 1)}.gz`);
}

interface RotateParts {
  reopen(path: string): Promise<void>;
  readonly end: AbortSignal;
}

async function rotateFile(path: string, rotate: Rotate, { reopen, end }: RotateParts): Promise<void> {
  const now = await stat(path).catch(ifGone);
  if (!now || now.size < rotate.sizeBytes) {
    await reopen(path);
    return;
  }
  const { keep } = rotate;
  await removeNumber(path, keep);
  // Those that a larger `keep` has left.
  for (let number = keep + 1; await removeNumber(path, number); number += 1);
  for (let number = keep - 1; number >= 1; number -= 1) await moveUp(path, number);
  await rename(path, numbered(path, 1));
  await reopen(path);
  // What waited for its sync under the old name.
  await syncFile(numbered(path, 1));
  if (rotate.compress) await compress(numbered(path, 1), end);
}

/** The compressed file takes its name only when it is whole, so that a crash leaves the plain one. */
async function compress(path: string, end: AbortSignal): Promise<void> {
  end.throwIfAborted();
  const { mode, uid, gid } = await stat(path);
  const part = `${path}.gz.part`;
  try {
    const to = createWriteStream(part, { mode: 0o600 });
    await pipeline(createReadStream(path), createGzip(), to, { signal: end });
    await chown(part, uid, gid).catch(() => undefined);
    await chmod(part, mode & 0o777);
    await rename(part, `${path}.gz`);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rm(path);
}
