// A file input in a temporary folder with a queue that a test can hold back and make unsafe, and what logrotate
// does to files. Paces are short, so that a test waits for what happens, not for the clock.

import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Facts, Log } from '../../../base/log.ts';
import type { FileInput } from '../../../config/agent.ts';
import { openCheckpoints } from '../../../client/checkpoints.ts';
import { type FilePace, openFileInput } from '../../../client/inputs/file/file-input.ts';
import type { Input, InputSink } from '../../../client/inputs/input.ts';
import type { MessageSettings } from '../../../client/inputs/message.ts';
import { TimeQuality } from '../../../client/inputs/time-quality.ts';
import type { RecordBatch } from '../../../delivery/spool/layout.ts';
import { UTC } from '../../../syslog/time.ts';

export class TestSink implements InputSink {
  readonly records: Buffer[] = [];
  taken = 0;
  /** Records that it will still take. */
  room = Number.POSITIVE_INFINITY;
  /** Records that stay unsafe until `makeSafe`. */
  isSafe = true;
  #safe = 0;

  put(batch: RecordBatch): number {
    const count = Math.min(batch.count, this.room);
    this.room -= count;
    for (let i = 0; i < count; i += 1)
      this.records.push(Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i])));
    this.taken += count;
    return count;
  }

  safe(): number {
    if (this.isSafe) this.#safe = this.taken;
    return this.#safe;
  }

  makeSafe(count: number): void {
    this.#safe = count;
  }

  /** What stands behind header and structured data. */
  get texts(): string[] {
    return this.records.map(textOf);
  }
}

/** Good enough for the messages of tests: no `] ` in their structured data but at its end. */
export function textOf(record: Buffer): string {
  const parts = /^<\d+>1 \S+ \S+ \S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+)(?: ([^]*))?$/.exec(record.toString());
  return parts?.[1] ?? (parts ? '' : `not RFC 5424: ${record.toString()}`);
}

export class TestLog implements Log {
  readonly warnings: string[] = [];
  debug(): void {}
  info(): void {}
  warn(sentence: string, _facts?: Facts): void {
    this.warnings.push(sentence);
  }
  error(sentence: string): void {
    this.warnings.push(sentence);
  }
  fault(): void {}
  setLevel(): void {}
}

export function messageSettings(maxMessageBytes = 64 * 1024): MessageSettings {
  const clock = { synchronised: true, maxErrorSec: 0.001234, pending: 'none', leaping: false } as const;
  const quality = new TimeQuality(() => clock, Date.now);
  return { host: 'web-1', maxMessageBytes, zone: UTC, quality };
}

const PACE: FilePace = { pollMs: 10, awakeMs: 500, scanMs: 200, quietMs: 50, goneMs: 300 };

export interface World {
  readonly folder: string;
  sink: TestSink;
  readonly log: TestLog;
  input: Input | undefined;
  path(name: string): string;
  write(name: string, text: string): void;
  append(name: string, text: string): void;
  /** Starts an input, as after a start of the agent: with a sink of its own. */
  start(config?: Partial<FileInput>, options?: Options): Promise<Input>;
  stop(): Promise<void>;
}

interface Options {
  readonly pace?: Partial<FilePace>;
  readonly maxMessageBytes?: number;
}

const PLACE = { file: 'agent.json', line: 1, column: 1, key: 'inputs[0]' };

export function makeWorld(t: TestContext): World {
  const root = mkdtempSync(join(tmpdir(), 'belfry-files-'));
  const folder = join(root, 'logs');
  mkdirSync(folder);
  const log = new TestLog();
  const world: World = {
    folder,
    sink: new TestSink(),
    log,
    input: undefined,
    path: (name) => join(folder, name),
    write: (name, text) => writeFileSync(join(folder, name), text, 'latin1'),
    append: (name, text) => appendFileSync(join(folder, name), text, 'latin1'),
    start: async (config, options = {}) => {
      world.sink = new TestSink();
      const checkpoints = openCheckpoints(join(root, 'checkpoints'), 'none', { log, now: () => Date.now() });
      world.input = openFileInput(
        { ...configFor(folder), ...config },
        {
          sink: world.sink,
          checkpoint: checkpoints.of('files'),
          messages: messageSettings(options.maxMessageBytes),
          log,
          pace: { ...PACE, ...options.pace },
        },
      );
      await world.input.start();
      return world.input;
    },
    stop: async () => {
      await world.input?.stop();
      world.input = undefined;
    },
  };
  t.after(async () => {
    await world.stop();
    rmSync(root, { recursive: true, force: true });
  });
  return world;
}

function configFor(folder: string): FileInput {
  return {
    type: 'file',
    name: 'files',
    place: PLACE,
    paths: [join(folder, '*.log')],
    exclude: [],
    from: 'beginning',
    format: 'plain',
    program: undefined,
    facility: 1,
    severity: 5,
    multiline: undefined,
    timeZone: 'UTC',
  };
}

/** `a 1`, `a 2`, … one a line. */
export function numbered(name: string, from: number, to: number): string {
  let text = '';
  for (let i = from; i <= to; i += 1) text += `${name} ${i}\n`;
  return text;
}

export function numbers(name: string, from: number, to: number): string[] {
  return numbered(name, from, to).trimEnd().split('\n');
}
