// Where the inputs of a destination are: one small file for each input, JSON with a version, replaced whole.
//
//   <queue.directory>/checkpoints/nginx.json    { "belfry": 1, "input": "nginx", "position": … }
//
// Promises: a checkpoint is seen whole or not at all, also after a power cut if the queue syncs; one that cannot
// be read is said, kept beside as `….damaged`, and never taken for a first start. Refuses: to touch files that
// it did not make, to follow a symbolic link, to use a directory that others may write.

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import type { DestinationConfig } from '../config/agent.ts';
import { Voice } from '../delivery/spool/voice.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_DIRECTORY } = constants;
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o022;

const VERSION = 1;
const SUFFIX = '.json';
/** Written first, renamed then. One that is found was never a checkpoint. */
const NEW_SUFFIX = '.new';
const DAMAGED_SUFFIX = '.damaged';
/** A checkpoint is a few hundred bytes, or that for each of some thousand files; more is none of ours. */
const FILE_BYTES_MAX = 64 * 1024 ** 2;
const SAVE_EVERY_MS = 1000;

/** 'fresh': there was none. 'lost': there is one, and it cannot be used: begin with all that is there. */
export type Loaded =
  | { readonly state: 'fresh' }
  | { readonly state: 'good'; readonly position: unknown }
  | { readonly state: 'lost'; readonly why: string };

export interface CheckpointDeps {
  readonly log: Log;
  /** Milliseconds. */
  readonly now: () => number;
}

export interface Checkpoints {
  of(input: string): Checkpoint;
  /** Names of inputs that have a checkpoint. */
  inputs(): string[];
}

/** Of one input of one destination. */
export interface Checkpoint {
  /** What was there at the start; asked once. */
  load(): Loaded;
  /** A second has passed since the last save. */
  isDue(): boolean;
  /** Saves a JSON value. False when the disk refuses: said, and to be tried again. */
  save(position: unknown): boolean;
}

/** Of one destination: makes the directory. Throws a Fault when it is unsafe or cannot be made. */
export function openCheckpoints(
  directory: string,
  sync: DestinationConfig['queue']['sync'],
  deps: CheckpointDeps,
): Checkpoints {
  makeDirectory(directory);
  const voice = new Voice(deps.log, deps.now, { checkpoints: directory });
  const folder: Folder = { directory, isSynced: sync !== 'none', voice, now: deps.now };
  return {
    of: (input) => new CheckpointFile(folder, input),
    inputs: () => readdirSync(directory).flatMap((name) => inputOf(name) ?? []),
  };
}

interface Folder {
  readonly directory: string;
  readonly isSynced: boolean;
  readonly voice: Voice;
  readonly now: () => number;
}

function makeDirectory(directory: string): void {
  let stats: Stats;
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    stats = lstatSync(directory);
  } catch (error) {
    throw new Fault('SPOOL_FAILED', {
      what: `The directory of the checkpoints could not be made or opened (${codeOf(error) ?? String(error)}).`,
      where: directory,
      mend: 'Make it, for the user that Belfry runs as: install -d -m 0700 -o USER DIRECTORY',
    });
  }
  const why = unsafety(stats);
  if (why === undefined) return;
  throw new Fault('SPOOL_UNSAFE', {
    what: `The directory of the checkpoints ${why}. Whoever can change it decides which messages are lost.`,
    where: directory,
    mend: 'Give it to the user that Belfry runs as, alone: chown -R USER DIRECTORY; chmod -R go-w DIRECTORY',
  });
}

function unsafety(stats: Stats): string | undefined {
  if (!stats.isDirectory()) return 'is not a directory, or a link to one';
  if (stats.uid !== process.geteuid?.()) return `belongs to another user (uid ${stats.uid})`;
  return (stats.mode & WRITABLE_BY_OTHERS) === 0 ? undefined : 'can be written by other users';
}

/** Everything but letters, digits, "_" and "-" as %XX, so that any name is the name of a file. */
export function checkpointName(input: string): string {
  const bytes = Buffer.from(input).toString('latin1');
  const safe = bytes.replace(/[^A-Za-z0-9_-]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `${safe}${SUFFIX}`;
}

function inputOf(name: string): string | undefined {
  if (!/^(?:[A-Za-z0-9_-]|%[0-9a-f]{2})+\.json$/.test(name)) return undefined;
  const bytes = name.slice(0, -SUFFIX.length).replace(/%([0-9a-f]{2})/g, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return Buffer.from(bytes, 'latin1').toString();
}

/** No damage of the file: it is read again when the input is tried again. */
const PASSING: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EACCES', 'EPERM', 'ESTALE'];

function unreadable(path: string, error: unknown): Fault {
  return new Fault('INPUT_FAILED', {
    what: `Where the input stood cannot be read (${whyOf(error)}). Nothing is read until it can be, so that nothing comes twice.`,
    where: path,
    mend: 'Give the file to the user that Belfry runs as, or remove it: then everything that is there is read again.',
  });
}

class CheckpointFile implements Checkpoint {
  readonly #folder: Folder;
  readonly #input: string;
  readonly #path: string;
  #savedMs = Number.NEGATIVE_INFINITY;
  /** What stands on disk, so that nothing is written twice. */
  #text: string | undefined;

  constructor(folder: Folder, input: string) {
    this.#folder = folder;
    this.#input = input;
    this.#path = join(folder.directory, checkpointName(input));
  }

  load(): Loaded {
    let text: string | undefined;
    try {
      text = readPlain(this.#path);
    } catch (error) {
      if (PASSING.includes(codeOf(error) ?? '')) throw unreadable(this.#path, error);
      return this.#lose(`it cannot be read (${whyOf(error)})`);
    }
    if (text === undefined) return { state: 'fresh' };
    const found = unpack(text);
    if (found === undefined) return this.#lose('it is damaged');
    if (found.version !== VERSION)
      return this.#lose(`it was written by another version (${JSON.stringify(found.version)})`);
    if (found.input !== this.#input) return this.#lose('it belongs to another input');
    this.#text = text;
    return { state: 'good', position: found.position };
  }

  #lose(why: string): Loaded {
    this.#folder.voice.warn(
      'lost',
      `The checkpoint of the input ${this.#input} cannot be used: ${why}. All that is there is read from its beginning, so that nothing is skipped; some of it may arrive twice. The file is kept as ${this.#path}${DAMAGED_SUFFIX}.`,
    );
    try {
      renameSync(this.#path, `${this.#path}${DAMAGED_SUFFIX}`);
    } catch {
      // It is replaced by the next save.
    }
    return { state: 'lost', why };
  }

  isDue(): boolean {
    return Math.abs(this.#folder.now() - this.#savedMs) >= SAVE_EVERY_MS;
  }

  save(position: unknown): boolean {
    const text = `${JSON.stringify({ belfry: VERSION, input: this.#input, position })}\n`;
    this.#savedMs = this.#folder.now();
    if (text === this.#text) return true;
    try {
      replace(this.#path, text, this.#folder);
      this.#text = text;
      return true;
    } catch (error) {
      this.#folder.voice.warn(
        'save',
        `A checkpoint cannot be saved (${whyOf(error)}): ${this.#path}. Reading goes on; after a restart, messages since the last checkpoint would arrive twice.`,
      );
      return false;
    }
  }
}

function whyOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}

interface Unpacked {
  readonly version: unknown;
  readonly input: unknown;
  readonly position: unknown;
}

function unpack(text: string): Unpacked | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('belfry' in value)) return undefined;
  const { belfry, input, position } = value as Record<string, unknown>;
  return { version: belfry, input, position };
}

/** Undefined when there is none. Throws for what is no plain file of ours. */
function readPlain(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error('it is no plain file');
    if (stats.uid !== process.geteuid?.()) throw new Error(`it belongs to another user, uid ${stats.uid}`);
    if (stats.size > FILE_BYTES_MAX) throw new Error('it is too large');
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function replace(path: string, text: string, { directory, isSynced }: Folder): void {
  const fresh = `${path}${NEW_SUFFIX}`;
  const fd = create(fresh);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    if (isSynced) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, path);
  if (isSynced) syncDirectory(directory);
}

/** One that a killed process left behind goes; a link that somebody else put there is not followed. */
function create(path: string): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
  try {
    return openSync(path, flags, FILE_MODE);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    unlinkSync(path);
    return openSync(path, flags, FILE_MODE);
  }
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, O_RDONLY | O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
