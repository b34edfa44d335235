// Reads what is new in files, a piece of one after a piece of another, and gives the lines on. Promises: a file is
// never read further than the sink takes; what had a name before is read before what has it now; each place is
// marked, so that a checkpoint follows what is safe; between two pieces others have their turn.
// Refuses: to know why a file is to be read, or when.

import { codeOf } from '../../../base/fault.ts';
import { printSize } from '../../../base/units.ts';
import type { Voice } from '../../../delivery/spool/voice.ts';
import type { Instant } from '../../../syslog/time.ts';
import { Marks } from '../../marks.ts';
import type { Following, LineReader } from '../lines/line-reader.ts';
import type { Outflow } from '../outflow.ts';
import type { FilePlace, FollowedFile } from './followed-file.ts';
import { compressionOf } from './head.ts';

export interface FilePumpParts {
  readonly outflow: Outflow;
  readonly reader: LineReader;
  /** Memory for a piece of a file, with room for two messages. */
  readonly window: Buffer;
  /** APP-NAME for all files; undefined: the file's name. */
  readonly program: Uint8Array | undefined;
  readonly voice: Voice;
  readonly now: () => number;
  readonly readClock: (out: Instant) => void;
  /** It cannot be read (the system's code), or is none to be read. */
  readonly onTrouble: (file: FollowedFile, code: string) => void;
  readonly onCompressed: (file: FollowedFile, format: string) => void;
}

interface Mark {
  readonly file: FollowedFile;
  readonly place: FilePlace;
}

export class FilePump {
  /** Files that were cut or written anew before they were read to their end. */
  truncated = 0;
  readonly #parts: FilePumpParts;
  readonly #ready = new Map<FollowedFile, Following>();
  readonly #marks = new Marks<Mark>();
  /** Of what the sink did not take. */
  #heldMark: Mark | undefined;
  #turn: NodeJS.Immediate | undefined;
  #isStopped = false;

  constructor(parts: FilePumpParts) {
    this.#parts = parts;
  }

  get isHeld(): boolean {
    return this.#parts.outflow.isHeld;
  }

  /** The sink has taken what is not safe yet. */
  get hasUnsafe(): boolean {
    return this.#marks.waiting > 0;
  }

  /** It has something to read. `following`: what is known of bytes behind those that are there. */
  add(file: FollowedFile, following: Following = 'unknown'): void {
    if (this.#isStopped || (following === 'unknown' && this.#ready.has(file))) return;
    file.isReadOut = false;
    this.#ready.set(file, following);
    this.#plan();
  }

  #plan(): void {
    if (this.#turn !== undefined || this.isHeld || this.#ready.size === 0) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#takeTurn();
      this.#plan();
    });
  }

  /** The sink may have room again. */
  resume(): void {
    const { outflow } = this.#parts;
    if (this.#isStopped || !outflow.isHeld || !outflow.flush()) return;
    if (this.#heldMark !== undefined) this.#marks.add(outflow.sink.taken, this.#heldMark);
    this.#heldMark = undefined;
    this.#plan();
  }

  /** True: some files' places became safe. */
  passSafe(): boolean {
    const waiting = this.#marks.waiting;
    if (waiting === 0) return false;
    this.#marks.pass(this.#parts.outflow.sink.safe(), ({ file, place }) => {
      file.safe = place;
    });
    return this.#marks.waiting < waiting;
  }

  #takeTurn(): void {
    const next = this.#ready.entries().next();
    if (next.done === true || this.isHeld || this.#isStopped) return;
    const [file, following] = next.value;
    this.#ready.delete(file);
    if (!file.isOpen) return;
    if (this.#mustWait(file)) {
      this.#ready.set(file, following);
      return;
    }
    try {
      this.#visit(file, following);
    } catch (error) {
      this.#tell(file, error);
    }
  }

  /** Has something to be read first? Then that has the next turn. */
  #mustWait({ before }: FollowedFile): boolean {
    for (const other of before) {
      if (!other.isOpen || !this.#hasMore(other)) {
        before.delete(other);
        continue;
      }
      if (!this.#ready.has(other)) this.add(other);
      return true;
    }
    return false;
  }

  #hasMore(file: FollowedFile): boolean {
    try {
      return !file.isReadOut || file.isChanged();
    } catch (error) {
      this.#tell(file, error);
      return false;
    }
  }

  /** The system's errors are the file's trouble; all others are ours. */
  #tell(file: FollowedFile, error: unknown): void {
    const code = codeOf(error);
    if (code === undefined) throw error;
    file.isReadOut = true;
    this.#parts.onTrouble(file, code);
  }

  #visit(file: FollowedFile, following: Following): void {
    const looked = file.look(this.#parts.now());
    if (looked === 'new_content') this.#restart(file);
    if (file.size <= file.offset) {
      file.isReadOut = true;
      return;
    }
    const compression = file.offset === 0 ? compressionOf(file.head) : undefined;
    if (compression !== undefined) {
      file.isReadOut = true;
      this.#parts.onCompressed(file, compression);
      return;
    }
    this.#readPiece(file, following);
  }

  #restart(file: FollowedFile): void {
    const unread = file.restart();
    this.#marks.add(this.#parts.outflow.sink.taken, { file, place: file.place() });
    if (unread === 0) return;
    this.truncated += 1;
    this.#parts.voice.warn(
      'truncated',
      `${file.path} was cut or written anew before it was read to its end: ${printSize(unread)} that stood there are lost. Rotation by renaming loses nothing ("create" of logrotate instead of "copytruncate").`,
    );
  }

  #readPiece(file: FollowedFile, following: Following): void {
    const { window, reader, outflow, program, readClock } = this.#parts;
    const base = file.offset;
    const count = file.read(window);
    const isAll = base + count >= file.size;
    readClock(reader.at);
    reader.setProgram(program ?? file.program);
    let at = 0;
    let isFull = true;
    while (isFull && !outflow.isHeld) {
      at = reader.read(file.state, window, at, count, isAll ? following : 'unknown');
      isFull = !outflow.batch.hasRoom;
      const isFurther = base + at !== file.offset;
      file.offset = base + at;
      if (isFurther) this.#give(file);
    }
    file.isReadOut = !outflow.isHeld && isAll;
    if (!file.isReadOut) this.#ready.set(file, following);
  }

  #give(file: FollowedFile): void {
    const { outflow } = this.#parts;
    const mark = { file, place: file.place() };
    if (outflow.flush()) this.#marks.add(outflow.sink.taken, mark);
    else this.#heldMark = mark;
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#ready.clear();
  }
}
