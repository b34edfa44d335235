// What tests of inputs put around them: a sink that remembers, and can be full; a log that remembers; settings
// with a clock that is known to be good. Refuses: to sleep; tests wait for what they see.

import type { Facts, Log } from '../../../base/log.ts';
import { parseRange, type Range } from '../../../base/ip.ts';
import type { RecordBatch } from '../../../delivery/spool/layout.ts';
import type { InputSink } from '../../../client/inputs/input.ts';
import type { MessageSettings } from '../../../client/inputs/message.ts';
import { TimeQuality } from '../../../client/inputs/time-quality.ts';
import { zoneFor } from '../../../syslog/time.ts';

export class RememberingSink implements InputSink {
  readonly messages: string[] = [];
  /** So many more are taken. */
  room = Number.POSITIVE_INFINITY;
  /** Takes nothing at each second call, and a part at each third. */
  isMoody = false;
  #calls = 0;
  /** Undefined: everything that was taken is safe at once. */
  safeCount: number | undefined;

  get taken(): number {
    return this.messages.length;
  }

  put(batch: RecordBatch): number {
    const taken = Math.min(batch.count, this.room, this.#mood(batch.count));
    for (let i = 0; i < taken; i += 1) {
      const bytes = Buffer.from(batch.bytes.subarray(batch.starts[i], batch.ends[i]));
      this.messages.push(bytes.toString('latin1'));
    }
    this.room -= taken;
    return taken;
  }

  #mood(count: number): number {
    if (!this.isMoody) return count;
    this.#calls += 1;
    if (this.#calls % 2 === 0) return 0;
    return this.#calls % 3 === 0 ? Math.ceil(count / 2) : count;
  }

  safe(): number {
    return this.safeCount ?? this.taken;
  }

  /** The texts alone, behind header and structured data. */
  texts(): string[] {
    return this.messages.map(
      (message) => /^(?:\S+ ){6}(?:-|\[.*?\](?!\[))(?: ([\s\S]*))?$/.exec(message)?.[1] ?? '',
    );
  }
}

export class RememberingLog implements Log {
  readonly lines: string[] = [];
  readonly #say = (sentence: string, _facts?: Facts): void => void this.lines.push(sentence);
  debug = this.#say;
  info = this.#say;
  warn = this.#say;
  error = this.#say;
  fault = (): void => undefined;
  setLevel = (): void => undefined;

  has(part: string): boolean {
    return this.lines.some((line) => line.includes(part));
  }

  count(part: string): number {
    return this.lines.filter((line) => line.includes(part)).length;
  }
}

export const HOST = 'tower.example.org';

export function makeSettings(maxMessageBytes = 8192): MessageSettings {
  const clock = { synchronised: true, maxErrorSec: 0.001, pending: 'none', leaping: false } as const;
  return {
    host: HOST,
    maxMessageBytes,
    zone: zoneFor('UTC'),
    quality: new TimeQuality(() => clock, Date.now),
  };
}

export function range(text: string): Range {
  const found = parseRange(text);
  if (!found) throw new Error(`${text} is no range`);
  return found;
}

export const PLACE = { file: 'agent.json', line: 1, column: 1, key: '' } as const;
