// The input `file`: follows files that grow by lines, for one destination. Promises: each line that is written to
// a file with a name that its patterns match arrives at least once, in order, over renames, restarts and a queue
// that is full; a lone line is read within a fraction of a second, and files in which nothing happens cost
// nothing. What was cut off before it could be read is counted, not hidden (docs/inputs.md).
// Refuses: to read what is no plain file; to skip anything since a checkpoint is damaged.

import { performance } from 'node:perf_hooks';
import { codeOf } from '../../../base/fault.ts';
import type { Log } from '../../../base/log.ts';
import { printCount } from '../../../base/units.ts';
import type { FileInput } from '../../../config/agent.ts';
import { Voice } from '../../../delivery/spool/voice.ts';
import { ClockReader } from '../../../kernel/clock.ts';
import type { Instant } from '../../../syslog/time.ts';
import type { Checkpoint } from '../../checkpoints.ts';
import type { Input, InputSink, InputStatus } from '../input.ts';
import { LineReader } from '../lines/line-reader.ts';
import type { MessageSettings } from '../message.ts';
import { Outflow } from '../outflow.ts';
import { Directories } from './directories.ts';
import { FilePump } from './file-pump.ts';
import { FileTable } from './file-table.ts';
import type { FollowedFile } from './followed-file.ts';
import { parsePosition, type SavedPosition } from './position.ts';
import { obstacleSentence, printPosition } from './sentences.ts';

const PIECE_BYTES = 256 * 1024;

/** How often it looks, in milliseconds. */
export interface FilePace {
  /** At files of directories in which something happens. */
  readonly pollMs: number;
  /** A directory in which nothing happened for so long is left to the kernel to watch. */
  readonly awakeMs: number;
  /** At everything. */
  readonly scanMs: number;
  /** A message of several lines is complete when nothing was added for so long. */
  readonly quietMs: number;
  /** A file that no path leads to any more is closed when it has not grown for so long. */
  readonly goneMs: number;
}

const PACE: FilePace = { pollMs: 150, awakeMs: 2500, scanMs: 10_000, quietMs: 1000, goneMs: 30_000 };

/** Scans take no more than this share of the time, however many files there are. */
const SCAN_SHARE = 0.01;

export interface FileInputParts {
  readonly sink: InputSink;
  readonly checkpoint: Checkpoint;
  readonly messages: MessageSettings;
  readonly log: Log;
  readonly pace?: Partial<FilePace>;
}

export function openFileInput(config: FileInput, parts: FileInputParts): Input {
  return new FileFollower(config, parts);
}

class FileFollower implements Input {
  readonly #config: FileInput;
  readonly #parts: FileInputParts;
  readonly #pace: FilePace;
  readonly #voice: Voice;
  readonly #outflow: Outflow;
  readonly #reader: LineReader;
  readonly #window: Buffer;
  readonly #pump: FilePump;
  readonly #directories: Directories;
  #table: FileTable | undefined;
  /** Obstacles that have been told. */
  #said = new Set<string>();
  #isDirty = false;
  #isStopped = false;
  #scanDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(config: FileInput, parts: FileInputParts) {
    const { messages, sink, log } = parts;
    this.#config = config;
    this.#parts = parts;
    this.#pace = { ...PACE, ...parts.pace };
    this.#voice = new Voice(log, Date.now, { input: config.name });
    this.#outflow = new Outflow(sink, messages);
    this.#reader = new LineReader(config, this.#outflow.batch, messages.maxMessageBytes);
    const bytes = Math.max(PIECE_BYTES, LineReader.windowBytes(messages.maxMessageBytes));
    this.#window = Buffer.from(new ArrayBuffer(bytes));
    this.#directories = new Directories(() => this.#planIn(0), now, this.#pace.awakeMs);
    this.#pump = new FilePump({
      outflow: this.#outflow,
      reader: this.#reader,
      window: this.#window,
      program: config.program === undefined ? undefined : Buffer.from(config.program),
      voice: this.#voice,
      now,
      readClock: clockReader(),
      onTrouble: (file, code) => this.#onTrouble(file, code),
      onCompressed: (file, format) => this.#onCompressed(file, format),
    });
  }

  start(): Promise<void> {
    const { paths, exclude, from } = this.#config;
    this.#table = new FileTable({
      paths,
      exclude,
      from,
      saved: this.#load(),
      voice: this.#voice,
      now,
      wall: Date.now,
      scratch: this.#window,
    });
    this.#scan();
    // So that the next start is not the first, even if nothing is ever written.
    this.#save();
    this.#planIn(this.#pace.pollMs);
    return Promise.resolve();
  }

  #load(): SavedPosition | undefined {
    const loaded = this.#parts.checkpoint.load();
    if (loaded.state === 'fresh') return undefined;
    const saved = loaded.state === 'good' ? parsePosition(loaded.position) : undefined;
    if (saved !== undefined) return saved;
    if (loaded.state === 'good') {
      this.#voice.warn(
        'position',
        `The checkpoint of the input ${this.#config.name} holds no places of files: all files are read from their beginning, and some lines may arrive twice.`,
      );
    }
    return { paths: this.#config.paths, files: [] };
  }

  // ---- when to look

  #planIn(ms: number): void {
    const atMs = now() + ms;
    if (this.#isStopped || atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#tick();
    }, ms);
  }

  #tick(): void {
    if (this.#isStopped) return;
    if (now() >= this.#scanDueMs || this.#directories.haveNewNames()) this.#scan();
    this.#poll();
    if (this.#directories.letSleep()) this.#poll(true);
    this.#saveIfDue();
    const isBusy = this.#directories.hasAwake || this.#pump.hasUnsafe || this.#isDirty;
    this.#planIn(isBusy ? this.#pace.pollMs : Math.max(0, this.#scanDueMs - now()));
  }

  #scan(): void {
    const table = this.#table as FileTable;
    const startMs = now();
    const fresh = table.scan();
    this.#directories.set(new Set(table.directories));
    for (const file of fresh) {
      this.#directories.keepAwake(file.directory);
      this.#pump.add(file);
    }
    this.#isDirty ||= fresh.length > 0;
    this.#sayObstacles(table);
    const tookMs = now() - startMs;
    this.#scanDueMs = now() + Math.max(this.#pace.scanMs, tookMs / SCAN_SHARE);
  }

  /** Each once, for as long as it stands in the way. */
  #sayObstacles(table: FileTable): void {
    const said = this.#said;
    this.#said = new Set();
    for (const { path, kind, code } of table.obstacles()) {
      const id = `${kind} ${path}`;
      if (!said.has(id)) this.#voice.warn(`obstacle ${kind}`, obstacleSentence(path, kind, code));
      this.#said.add(id);
    }
  }

  /** Files of directories that are awake, or all of them. */
  #poll(isAll = false): void {
    const nowMs = now();
    for (const file of (this.#table as FileTable).files) {
      if (!isAll && file.goneMs === undefined && !this.#directories.isAwake(file.directory)) continue;
      try {
        this.#check(file, nowMs);
      } catch (error) {
        const code = codeOf(error);
        if (code === undefined) throw error;
        this.#onTrouble(file, code);
      }
    }
  }

  #check(file: FollowedFile, nowMs: number): void {
    if (file.isChanged()) {
      this.#directories.keepAwake(file.directory);
      this.#pump.add(file);
      return;
    }
    if (!file.isReadOut) return;
    const restMs = nowMs - file.grownMs;
    if (file.goneMs !== undefined && Math.min(restMs, nowMs - file.goneMs) >= this.#pace.goneMs)
      this.#end(file);
    else if (this.#config.multiline !== undefined && restMs >= this.#pace.quietMs) this.#flushQuiet(file);
  }

  #flushQuiet(file: FollowedFile): void {
    if (file.offset >= file.size || file.quietSize === file.size) return;
    file.quietSize = file.size;
    this.#pump.add(file, 'quiet');
  }

  /** It will not grow any more: a last line without its end is a line. */
  #end(file: FollowedFile): void {
    if (file.offset < file.size) {
      this.#pump.add(file, 'end');
      return;
    }
    if (this.#pump.isHeld) return;
    (this.#table as FileTable).finish(file);
    this.#isDirty = true;
  }

  // ---- trouble

  #onTrouble(file: FollowedFile, code: string): void {
    this.#voice.warn(
      `read ${code}`,
      `${file.path} cannot be read (${code}); it is tried again from where it was.`,
    );
    (this.#table as FileTable).letGo(file);
  }

  #onCompressed(file: FollowedFile, format: string): void {
    const table = this.#table as FileTable;
    table.refuse(file, format);
    this.#sayObstacles(table);
  }

  // ---- checkpoints

  resume(): void {
    this.#pump.resume();
    this.#saveIfDue();
  }

  #saveIfDue(): void {
    if (this.#pump.passSafe()) this.#isDirty = true;
    if (this.#isDirty && this.#parts.checkpoint.isDue()) this.#save();
  }

  #save(): void {
    if (this.#table === undefined) return;
    this.#isDirty = !this.#parts.checkpoint.save(this.#table.save());
  }

  stop(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#directories.stop();
    this.#pump.stop();
    this.#pump.passSafe();
    this.#save();
    this.#table?.closeAll();
    return Promise.resolve();
  }

  // ---- what stands in the status

  status(): InputStatus {
    const files = [...(this.#table?.files ?? [])];
    const behind = files.filter(({ size, offset }) => size > offset);
    const bytes = behind.reduce((sum, { size, offset }) => sum + size - offset, 0);
    return {
      name: this.#config.name,
      type: 'file',
      messages: this.#outflow.messages,
      bytes: this.#outflow.bytes,
      dropped: { truncated: this.#pump.truncated },
      noted: { cut: this.#outflow.batch.cut, not_understood: this.#reader.notUnderstood },
      position: printPosition(files, behind),
      lag: { bytes },
      isHeld: this.#pump.isHeld,
      trouble: this.#trouble(),
    };
  }

  #trouble(): string | undefined {
    const [first, ...others] = this.#table?.obstacles() ?? [];
    if (first === undefined) return undefined;
    const sentence = obstacleSentence(first.path, first.kind, first.code);
    return others.length === 0 ? sentence : `${sentence} And ${printCount(others.length)} more like this.`;
  }
}

function now(): number {
  return performance.now();
}

function clockReader(): (out: Instant) => void {
  const clock = new ClockReader('realtime');
  return (out) => {
    clock.read();
    out.sec = clock.sec;
    out.nanos = clock.nanos;
  };
}
