// Rotation by size, on the main thread: `app.log` becomes `app.log.1`, the lanes open a new `app.log`, and
// when none of them writes to the old one any more it is compressed to `app.log.1.gz`. Older ones move up by
// one; those beyond `keep` are removed. Jobs go through a bounded queue, one at a time for a path, so that a
// thousand files that grow at once do not become a thousand compressors.

import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, chown, open, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import fastq from 'fastq';
import { codeOf } from '../../base/fault.ts';
import type { Rotate } from '../../config/server.ts';

/** Jobs at once; further ones wait. */
const JOBS_AT_ONCE = 2;
/** Waiting jobs; beyond them a file simply grows until it is asked about again. */
const JOBS_WAITING_MAX = 10_000;

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
  readonly #queue: fastq.queueAsPromised<Job>;
  #isStopped = false;

  constructor(events: FileJobEvents) {
    this.#events = events;
    this.#queue = fastq.promise((job: Job) => this.#run(job), JOBS_AT_ONCE);
  }

  get waitingCount(): number {
    return this.#queue.length();
  }

  /** A file has grown over its limit. Asking twice is asking once. */
  rotate(path: string, rotate: Rotate): void {
    this.#push(`rotate ${path}`, { kind: 'rotate', path, rotate });
  }

  /** What was written to the file is to be on the disk. */
  sync(path: string): void {
    this.#push(`sync ${path}`, { kind: 'sync', path });
  }

  #push(name: string, job: Job): void {
    if (this.#isStopped || this.#underWay.has(name) || this.#queue.length() >= JOBS_WAITING_MAX) return;
    this.#underWay.add(name);
    void this.#queue.push(job).finally(() => this.#underWay.delete(name));
  }

  async #run(job: Job): Promise<void> {
    try {
      if (job.kind === 'rotate') await rotateFile(job.path, job.rotate, (path) => this.#events.reopen(path));
      else await syncFile(job.path);
      this.#events.done(job.kind, job.path);
    } catch (error) {
      this.#events.failed(job.kind, job.path, error as Error);
    }
  }

  /** Finishes what has begun; what only waited is dropped: the files are whole without it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#queue.kill();
    if (!this.#queue.idle()) await this.#queue.drained();
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: unknown) => ifGone(error));
  if (!file) return;
  try {
    await file.datasync();
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

async function rotateFile(
  path: string,
  rotate: Rotate,
  reopen: (path: string) => Promise<void>,
): Promise<void> {
  const now = await stat(path).catch(ifGone);
  if (!now || now.size < rotate.sizeBytes) {
    await reopen(path);
    return;
  }
  const { keep } = rotate;
  await rm(numbered(path, keep), { force: true });
  await rm(`${numbered(path, keep)}.gz`, { force: true });
  for (let number = keep - 1; number >= 1; number -= 1) {
    await moveIfThere(numbered(path, number), numbered(path, number + 1));
    await moveIfThere(`${numbered(path, number)}.gz`, `${numbered(path, number + 1)}.gz`);
  }
  await rename(path, numbered(path, 1));
  await reopen(path);
  if (keep === 0) await rm(numbered(path, 1), { force: true });
  else if (rotate.compress) await compress(numbered(path, 1));
}

/** The compressed file takes its name only when it is whole, so that a crash leaves the plain one. */
async function compress(path: string): Promise<void> {
  const { mode, uid, gid } = await stat(path);
  const part = `${path}.gz.part`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(part, { mode: 0o600 }));
  await chown(part, uid, gid).catch(() => undefined);
  await chmod(part, mode & 0o777);
  await rename(part, `${path}.gz`);
  await rm(path);
}
