// What the hosts of a connection said around its end, in all of the files, on one timeline; and when a host spoke last
// before a time, from which follows whether it had fallen silent. One reading more, of all lines, most of which are passed
// over by their stamp. Promises: a window holds so many lines and the count of the others; the nearest in time stay.
// Refuses: to show twice what stands in two files.

import type { ZoneOffset } from '../../syslog/time.ts';
import type { LifeSigns } from '../../traffic/pair/ruling.ts';
import { type LogFile, readBlocks } from './files.ts';
import { readHeader, readStamp, stampStart } from './header.ts';

export interface ContextLine {
  readonly timeUs: number;
  readonly isCoarse: boolean;
  readonly host: string;
  readonly text: string;
}

const LF = 0x0a;
const MINUTE_US = 60e6;
const STAMP_BYTES_MAX = 40;
/** `2026-11-20T21:53:03` */
const ISO_SECOND_BYTES = 19;
const DOT = 0x2e;

/** A span of time of which the lines of some hosts matter. */
interface Watch {
  readonly fromUs: number;
  readonly toUs: number;
  see(line: ContextLine): void;
}

/** The lines around one moment. */
export class Window implements Watch {
  readonly fromUs: number;
  readonly toUs: number;
  readonly #atUs: number;
  readonly #hosts: ReadonlySet<string>;
  readonly #linesMax: number;
  readonly #isOwn: (text: string) => boolean;
  readonly #seen = new Set<string>();
  #lines: ContextLine[] = [];
  more = 0;

  constructor(
    atUs: number,
    aroundUs: number,
    hosts: ReadonlySet<string>,
    linesMax: number,
    isOwn: (text: string) => boolean,
  ) {
    this.#atUs = atUs;
    this.fromUs = atUs - aroundUs;
    this.toUs = atUs + aroundUs;
    this.#hosts = hosts;
    this.#linesMax = linesMax;
    this.#isOwn = isOwn;
  }

  see(line: ContextLine): void {
    if (!this.#hosts.has(line.host) || this.#isOwn(line.text)) return;
    const key = `${Math.floor(line.timeUs / 1e6)} ${line.host} ${line.text}`;
    // The same message twice in one second and one file is shown once as well.
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#lines.push(line);
    if (this.#lines.length >= 4 * this.#linesMax) this.#trim();
  }

  #trim(): void {
    const away = ({ timeUs }: ContextLine) => Math.abs(timeUs - this.#atUs);
    this.#lines.sort((a, b) => away(a) - away(b));
    this.more += Math.max(0, this.#lines.length - this.#linesMax);
    this.#lines = this.#lines.slice(0, this.#linesMax);
    if (this.#seen.size > 64 * this.#linesMax) this.#seen.clear();
  }

  /** In order of time. */
  get lines(): readonly ContextLine[] {
    this.#trim();
    return [...this.#lines].sort(
      (a, b) => a.timeUs - b.timeUs || (a.host < b.host ? -1 : a.host > b.host ? 1 : 0),
    );
  }
}

/** Whether a host was heard: from an hour before a time until ten minutes after it. */
export class LifeWatch implements Watch, LifeSigns {
  readonly fromUs: number;
  readonly toUs: number;
  readonly #atUs: number;
  readonly #host: string;
  #firstUs = Number.POSITIVE_INFINITY;
  #count = 0;
  lastUs: number | undefined;
  nextUs: number | undefined;

  constructor(host: string, atUs: number) {
    this.#host = host;
    this.#atUs = atUs;
    this.fromUs = atUs - 60 * MINUTE_US;
    this.toUs = atUs + 10 * MINUTE_US;
  }

  see({ host, timeUs }: ContextLine): void {
    if (host !== this.#host) return;
    if (timeUs > this.#atUs) this.nextUs = Math.min(this.nextUs ?? timeUs, timeUs);
    else {
      this.lastUs = Math.max(this.lastUs ?? timeUs, timeUs);
      this.#firstUs = Math.min(this.#firstUs, timeUs);
      this.#count += 1;
    }
  }

  get usualGapUs(): number {
    return this.#count < 2
      ? Number.POSITIVE_INFINITY
      : ((this.lastUs ?? 0) - this.#firstUs) / (this.#count - 1);
  }
}

/** Watches by the minutes that they touch. */
class Watches {
  readonly #byMinute = new Map<number, Watch[]>();
  readonly firstUs: number;

  constructor(watches: readonly Watch[]) {
    this.firstUs = Math.min(...watches.map(({ fromUs }) => fromUs));
    for (const watch of watches) {
      const last = Math.floor(watch.toUs / MINUTE_US);
      for (let minute = Math.floor(watch.fromUs / MINUTE_US); minute <= last; minute += 1) {
        const others = this.#byMinute.get(minute);
        if (others) others.push(watch);
        else this.#byMinute.set(minute, [watch]);
      }
    }
  }

  at(timeUs: number): readonly Watch[] {
    return this.#byMinute.get(Math.floor(timeUs / MINUTE_US)) ?? [];
  }
}

/** Reads lines only where a watch is near; the last stamp's answer serves while the stamp stays the same second. */
class LineFilter {
  readonly #watches: Watches;
  readonly #zone: ZoneOffset;
  readonly #stamp = Buffer.alloc(STAMP_BYTES_MAX);
  #stampLength = 0;
  #zoneLength = 0;
  #isNear = false;

  constructor(watches: Watches, zone: ZoneOffset) {
    this.#watches = watches;
    this.#zone = zone;
  }

  read(bytes: Buffer, start: number, end: number): void {
    const at = stampStart(bytes, start, end);
    if (at < 0) return;
    if (!this.#isSameSecond(bytes, at)) this.#look(bytes, at, end);
    if (!this.#isNear) return;
    const line = readHeader(bytes.toString('utf8', start, end), this.#zone, this.#watches.firstUs);
    if (!line) return;
    for (const watch of this.#watches.at(line.timeUs)) {
      if (line.timeUs >= watch.fromUs && line.timeUs <= watch.toUs) watch.see(line);
    }
  }

  #isSameSecond(bytes: Buffer, at: number): boolean {
    const length = this.#stampLength;
    if (length === 0) return false;
    for (let i = 0; i < length; i += 1) if (bytes[at + i] !== this.#stamp[i]) return false;
    let to = at + length;
    if (bytes[to] === DOT) for (to += 1; isDigit(bytes[to]); ) to += 1;
    for (let i = 0; i < this.#zoneLength; i += 1) {
      if (bytes[to + i] !== this.#stamp[length + i]) return false;
    }
    return true;
  }

  /** Keeps the stamp without its fraction, and the zone behind it with the byte that ends it. */
  #look(bytes: Buffer, at: number, end: number): void {
    const text = bytes.toString('latin1', at, Math.min(end, at + STAMP_BYTES_MAX));
    const stamp = readStamp(text, this.#zone, this.#watches.firstUs);
    this.#isNear = stamp !== undefined && this.#watches.at(stamp.timeUs).length > 0;
    this.#stampLength = stamp === undefined ? 0 : isDigit(bytes[at]) ? ISO_SECOND_BYTES : stamp.length;
    let to = at + this.#stampLength;
    if (bytes[to] === DOT) for (to += 1; isDigit(bytes[to]); ) to += 1;
    this.#zoneLength = Math.max(0, Math.min(at + (stamp?.length ?? 0) + 1, end) - to);
    bytes.copy(this.#stamp, 0, at, at + this.#stampLength);
    bytes.copy(this.#stamp, this.#stampLength, to, to + this.#zoneLength);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

export async function readContext(
  files: readonly LogFile[],
  watches: readonly Watch[],
  zoneOf: (file: LogFile) => ZoneOffset,
  onBytes: (count: number) => void,
): Promise<void> {
  if (watches.length === 0) return;
  const near = new Watches(watches);
  for (const file of files) {
    const filter = new LineFilter(near, zoneOf(file));
    await readBlocks(
      file,
      (bytes, start, end) => {
        for (let at = start; at < end; ) {
          const found = bytes.indexOf(LF, at);
          const to = found < 0 || found > end ? end : found;
          if (to > at) filter.read(bytes, at, to);
          at = to + 1;
        }
      },
      onBytes,
    );
  }
}
