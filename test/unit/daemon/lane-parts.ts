// The inside of a lane for tests: an arena with buffers, a set of files and a pipeline on a folder of the
// test's own, and messages put into it as if they had arrived.

import { readFileSync } from 'node:fs';
import { parseAddress } from '../../../base/ip.ts';
import type { Rotate, ServerConfig, SyslogConfig } from '../../../config/server.ts';
import { BufferPool, poolLayout } from '../../../daemon/files/buffers.ts';
import { FileSet, type FileSetParts } from '../../../daemon/files/file-set.ts';
import { LineLocks, makeLockTable } from '../../../daemon/files/line-locks.ts';
import type { LogFile } from '../../../daemon/files/log-file.ts';
import { Arena } from '../../../daemon/intake/arena.ts';
import { CountReader, makeCountTable } from '../../../daemon/intake/counts.ts';
import { makePeer, type Peer, SERVER_ZONE } from '../../../daemon/intake/peers.ts';
import { Pipeline } from '../../../daemon/intake/pipeline.ts';
import { makeSenderTable, type SenderNamed, SenderRows } from '../../../daemon/intake/senders.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { LinePrinter, lineBytesMax } from '../../../syslog/print.ts';
import { LogRecord } from '../../../syslog/record.ts';
import { zoneFor } from '../../../syslog/time.ts';
import { config } from './samples.ts';

const MESSAGE_BYTES_MAX = 65_536;

export function peerAt(address: string, syslog: SyslogConfig = config('/', []).syslog, id = 1): Peer {
  const found = parseAddress(address);
  if (!found) throw new Error(`${address} is no address`);
  return makePeer(id, found, syslog);
}

/** What a set of files told its lane. */
export class Told {
  readonly troubles: string[] = [];
  readonly recovered: string[] = [];
  readonly grown: { path: string; rotate: Rotate }[] = [];
  evicted = 0;
  wroteBytes = 0;
  writes = 0;
}

export interface LaneParts {
  readonly arena: Arena;
  readonly told: Told;
  readonly parts: FileSetParts;
  /** Where a message is put before it is read. */
  readonly messageAt: number;
  /** Where the region for streams begins, if one was wished. */
  readonly streamAt: number;
}

export interface LaneWish {
  readonly lockTable?: ReturnType<typeof makeLockTable>;
  readonly owner?: number;
  readonly openTotal?: SharedArrayBuffer;
  readonly streamBytes?: number;
}

export function makeLaneParts(wish: LaneWish = {}): LaneParts {
  const pool = poolLayout(lineBytesMax(MESSAGE_BYTES_MAX));
  const streamBytes = wish.streamBytes ?? 0;
  const arena = new Arena(streamBytes + pool.size + MESSAGE_BYTES_MAX + 4096);
  const streamAt = arena.take(streamBytes);
  const messageAt = arena.take(MESSAGE_BYTES_MAX + 64);
  const told = new Told();
  const parts: FileSetParts = {
    bytes: arena.bytes,
    pool: new BufferPool(arena.take(pool.size), pool),
    locks: new LineLocks(wish.lockTable ?? makeLockTable(), wish.owner ?? 1),
    printer: new LinePrinter(zoneFor(SERVER_ZONE), 'udp'),
    openTotal: new Int32Array(wish.openTotal ?? new SharedArrayBuffer(4)),
    events: {
      troubled: ({ path, trouble, troubleError }) => told.troubles.push(`${path} ${trouble} ${troubleError}`),
      recovered: ({ path }) => told.recovered.push(path),
      grown: ({ path }, rotate) => told.grown.push({ path, rotate }),
      wrote: (bytes) => {
        told.wroteBytes += bytes;
        told.writes += 1;
      },
      evicted: (count) => {
        told.evicted += count;
      },
    },
  };
  return { arena, told, parts, messageAt, streamAt };
}

/** A set of files with messages to append. */
export class FileLane {
  readonly files: FileSet;
  readonly told: Told;
  readonly #own: LaneParts;
  readonly #record = new LogRecord();
  readonly #peer = peerAt('192.0.2.7');

  constructor(openMax = 1000, wish: LaneWish = {}) {
    this.#own = makeLaneParts(wish);
    this.told = this.#own.told;
    this.files = new FileSet(this.#own.parts, openMax);
  }

  /** Appends the message's line; the line is the message without its PRI. */
  append(file: LogFile, message: string): boolean {
    const { arena, messageAt } = this.#own;
    const length = arena.bytes.write(message, messageAt);
    parseMessage(this.#record, arena.bytes, messageAt, messageAt + length);
    return this.files.append(file, this.#record, this.#peer, Date.now(), false);
  }
}

/** `Nov 20 12:34:15 web1 app: …`, which the traditional format leaves as it is. */
export function line(text: string): string {
  return `Nov 20 12:34:15 web1 app: ${text}`;
}

export function linesIn(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error(`${path} does not end with a line end`);
  return text.slice(0, -1).split('\n');
}

/** A pipeline with its counters, and messages to give to it. */
export class PipelineLane {
  readonly pipeline: Pipeline;
  readonly counts: CountReader;
  readonly told: Told;
  readonly rows: SenderRows;
  readonly named: SenderNamed[] = [];
  readonly #own: LaneParts;

  constructor(whole: ServerConfig) {
    this.#own = makeLaneParts();
    this.told = this.#own.told;
    const table = makeCountTable();
    this.counts = new CountReader([table]);
    this.rows = new SenderRows(makeSenderTable(), (named) => this.named.push(named));
    this.pipeline = new Pipeline(whole, {
      arena: this.#own.arena,
      counts: new Float64Array(table),
      senders: this.rows,
      files: this.#own.parts,
    });
  }

  #put(message: string | Uint8Array): [number, number] {
    const { arena, messageAt } = this.#own;
    const bytes = Buffer.from(message);
    bytes.copy(arena.bytes, messageAt);
    return [messageAt, messageAt + bytes.length];
  }

  takeOrDrop(message: string | Uint8Array, peer: Peer): void {
    const [start, end] = this.#put(message);
    this.pipeline.takeOrDrop(start, end, peer, 0);
  }

  takeOrHold(message: string | Uint8Array, peer: Peer): boolean {
    const [start, end] = this.#put(message);
    return this.pipeline.takeOrHold(start, end, peer, 0);
  }
}
