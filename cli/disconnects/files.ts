// Which files are read: those named, and of a directory all below it, in order of their paths. What is gzip by its first
// bytes is unpacked on the way. Promises: blocks of whole lines, in memory that does not grow with the file; a line longer
// than a message can be is passed over and counted; a packed file that was cut gives what it has, and says so.
// Refuses: what cannot be read twice (pipes, terminals): a file is read once to find, and once more to complete.

import { closeSync, createReadStream, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { codeOf, Fault } from '../../base/fault.ts';

export interface LogFile {
  readonly path: string;
  /** On disk. */
  readonly bytes: number;
  readonly isPacked: boolean;
}

/** Whole lines: bytes[start … end) ends with a line feed, but for the last block of a file. */
export type OnBlock = (bytes: Buffer, start: number, end: number) => void;

const BLOCK_BYTES = 4 << 20;
/** The server's largest message, printed as JSON, is below it by far. */
const LINE_BYTES_MAX = 1 << 20;

const LF = 0x0a;

function unreadable(path: string, error: unknown): Fault {
  const code = codeOf(error);
  return new Fault('LOG_NOT_READABLE', {
    what:
      code === 'ENOENT'
        ? 'There is no such file or directory.'
        : `It cannot be read: ${code ?? String(error)}.`,
    where: path,
    mend: 'Name the log files of the hosts, or a directory of them; reading those of other users may take sudo.',
  });
}

function isPacked(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(2);
    return readSync(fd, magic, 0, 2, 0) === 2 && magic.readUInt16BE(0) === 0x1f8b;
  } finally {
    closeSync(fd);
  }
}

function addBelow(path: string, isNamed: boolean, found: Map<string, LogFile>): void {
  const stat = statSync(path);
  if (stat.isDirectory()) {
    for (const name of readdirSync(path).sort()) {
      try {
        addBelow(join(path, name), false, found);
      } catch (error) {
        // Gone meanwhile, or a link into nothing.
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  } else if (stat.isFile()) {
    found.set(`${stat.dev}:${stat.ino}`, { path, bytes: stat.size, isPacked: isPacked(path) });
  } else if (isNamed) {
    throw new Fault('LOG_NOT_READABLE', {
      what: 'It is no regular file, and a pipe cannot be read twice.',
      where: path,
      mend: 'Save what comes out of it to a file, and name that.',
    });
  }
}

/** Each file once, however often it is named or linked. */
export function findLogFiles(paths: readonly string[]): LogFile[] {
  const found = new Map<string, LogFile>();
  for (const path of paths) {
    try {
      addBelow(path, true, found);
    } catch (error) {
      throw error instanceof Fault ? error : unreadable(path, error);
    }
  }
  return [...found.values()];
}

/** Cuts what comes at its line feeds. */
class Blocks {
  readonly #memory = Buffer.allocUnsafe(BLOCK_BYTES + LINE_BYTES_MAX);
  readonly #onBlock: OnBlock;
  #kept = 0;
  #isPassing = false;
  longLines = 0;

  constructor(onBlock: OnBlock) {
    this.#onBlock = onBlock;
  }

  /** Where to read to; at least BLOCK_BYTES. */
  get room(): Buffer {
    return this.#memory.subarray(this.#kept, this.#kept + BLOCK_BYTES);
  }

  /** So many bytes have come into `room`. */
  take(count: number): void {
    const end = this.#kept + count;
    const last = this.#memory.lastIndexOf(LF, end - 1);
    const lines = last < 0 || last >= end ? 0 : last + 1;
    let start = 0;
    if (this.#isPassing && lines > 0) {
      start = this.#memory.indexOf(LF) + 1;
      this.#isPassing = false;
    }
    if (start < lines) this.#onBlock(this.#memory, start, lines);
    this.#kept = end - lines;
    this.#memory.copyWithin(0, lines, end);
    if (this.#kept <= LINE_BYTES_MAX) return;
    if (!this.#isPassing) this.longLines += 1;
    this.#isPassing = true;
    this.#kept = 0;
  }

  end(): void {
    if (this.#kept > 0 && !this.#isPassing) this.#onBlock(this.#memory, 0, this.#kept);
  }
}

export interface ReadThrough {
  readonly longLines: number;
  /** Why not all of it could be read. */
  readonly trouble: string | undefined;
}

const nextTurn = () => new Promise<void>((done) => setImmediate(done));

/** `onBytes`: so many more of the file on disk have been read. */
export async function readBlocks(
  file: LogFile,
  onBlock: OnBlock,
  onBytes: (count: number) => void,
): Promise<ReadThrough> {
  const blocks = new Blocks(onBlock);
  let trouble: string | undefined;
  try {
    if (file.isPacked) await readPacked(file, blocks, onBytes);
    else await readPlain(file, blocks, onBytes);
  } catch (error) {
    trouble = codeOf(error) ?? String(error);
  }
  blocks.end();
  return { longLines: blocks.longLines, trouble };
}

async function readPlain(file: LogFile, blocks: Blocks, onBytes: (count: number) => void): Promise<void> {
  const fd = openSync(file.path, 'r');
  try {
    // What is written meanwhile is left for the next time: both readings see the same.
    for (let at = 0; at < file.bytes; ) {
      const { room } = blocks;
      const count = readSync(fd, room, 0, Math.min(room.length, file.bytes - at), at);
      if (count === 0) return;
      at += count;
      blocks.take(count);
      onBytes(count);
      await nextTurn();
    }
  } finally {
    closeSync(fd);
  }
}

async function readPacked(file: LogFile, blocks: Blocks, onBytes: (count: number) => void): Promise<void> {
  const disk = createReadStream(file.path, { end: Math.max(0, file.bytes - 1), highWaterMark: 1 << 20 });
  disk.on('data', (piece) => onBytes(piece.length));
  const unpack = createGunzip({ chunkSize: 1 << 20 });
  disk.on('error', (error) => unpack.destroy(error));
  for await (const piece of disk.pipe(unpack) as AsyncIterable<Buffer>) {
    for (let at = 0; at < piece.length; ) {
      const { room } = blocks;
      const count = piece.copy(room, 0, at);
      at += count;
      blocks.take(count);
    }
  }
}
