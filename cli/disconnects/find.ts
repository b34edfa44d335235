// Finds events in log files: a search for the mark of a sentence over whole blocks, and only lines that hold one are
// decoded. Two readings: the first finds the connections that somebody asks for and who reports at all, the second
// collects everything that any host told of those. So memory follows what is asked for, not the size of the logs.
// Refuses: to go on collecting over its limits; what was left out is counted and said.

import { printCountOf } from '../../base/units.ts';
import { UTC, type ZoneOffset } from '../../syslog/time.ts';
import { MARK } from '../../traffic/events/view.ts';
import { type Connection, connectionsOf, keyOf } from '../../traffic/pair/connection.ts';
import { HostBook } from '../../traffic/pair/hosts.ts';
import { type GapReport, type Report, readReport, type WatchReport } from '../../traffic/pair/line.ts';
import { type LogFile, readBlocks } from './files.ts';
import { readStamp } from './header.ts';

export interface FindLimits {
  /** Ends of connections that are looked at. */
  readonly keysMax: number;
  /** What is kept of them. */
  readonly reportsMax: number;
}

/** About 400 MB at the most. */
const FIND_LIMITS: FindLimits = { keysMax: 100_000, reportsMax: 200_000 };

const LF = 0x0a;
const MARK_BYTES = Buffer.from(MARK);

export interface Found {
  readonly book: HostBook;
  readonly connections: readonly Connection[];
  readonly files: readonly LogFile[];
  /** The zone of the stamps that name none, by file, where its own events tell it. */
  readonly zones: ReadonlyMap<LogFile, ZoneOffset>;
  /** Lines that are events. */
  readonly events: number;
  /** Events that were wanted and had no room. */
  readonly leftOut: number;
  /** Sentences about files that could not be read whole. */
  readonly troubles: readonly string[];
}

/** Lines with the mark, as text. */
export function eachMarkedLine(
  bytes: Buffer,
  start: number,
  end: number,
  onLine: (line: string) => void,
): void {
  const block = bytes.subarray(start, end);
  let at = block.indexOf(MARK_BYTES);
  while (at >= 0) {
    const from = block.lastIndexOf(LF, at) + 1;
    const found = block.indexOf(LF, at);
    const to = found < 0 ? block.length : found;
    onLine(block.toString('utf8', from, to));
    at = block.indexOf(MARK_BYTES, to);
  }
}

const TEXTS_MAX = 65_536;

/** A piece of a line keeps the whole line in memory. What is kept of reports stands for itself, and once. */
class Texts {
  #known = new Map<string, string>();

  detached({ host, event }: Report): Report {
    const { protocol, clientAddress, serverAddress, id, who } = event;
    return {
      host: this.#once(host),
      event: {
        ...event,
        protocol: this.#once(protocol),
        clientAddress: this.#once(clientAddress),
        serverAddress: this.#once(serverAddress),
        who: this.#once(who),
        id: Buffer.from(id).toString(),
      },
    };
  }

  #once(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= TEXTS_MAX) this.#known = new Map();
    const own = Buffer.from(text).toString();
    this.#known.set(own, own);
    return own;
  }
}

const QUARTER_US = 900e6;
/** A stamp of whole seconds is up to one before its event. */
const ROUNDING_US = 2e6;

/**
 * A traditional line of an event has two times: the stamp in the server's zone, and the exact one in its sentence. So a
 * file tells its zone, also on another machine; one that tells two of them (a clock change) tells none.
 */
class Offsets {
  readonly #minutes = new Map<LogFile, number | undefined>();

  learn(file: LogFile, line: string, timeUs: number): void {
    if (!/^[A-Z]/.test(line)) return;
    const stamp = readStamp(line, UTC, timeUs);
    if (!stamp) return;
    const apartUs = stamp.timeUs - timeUs;
    const quarters = Math.round(apartUs / QUARTER_US);
    if (Math.abs(apartUs - quarters * QUARTER_US) > ROUNDING_US) return;
    const minutes = quarters * 15;
    if (!this.#minutes.has(file)) this.#minutes.set(file, minutes);
    else if (this.#minutes.get(file) !== minutes) this.#minutes.set(file, undefined);
  }

  get zones(): ReadonlyMap<LogFile, ZoneOffset> {
    const known = [...this.#minutes].flatMap(([file, minutes]) =>
      minutes === undefined ? [] : [[file, { offsetMin: () => minutes }] as const],
    );
    return new Map(known);
  }
}

async function readAll(
  files: readonly LogFile[],
  onReport: (report: Report | WatchReport | GapReport, line: string, file: LogFile) => void,
  onBytes: (count: number) => void,
): Promise<string[]> {
  const troubles: string[] = [];
  for (const file of files) {
    const { longLines, trouble } = await readBlocks(
      file,
      (bytes, start, end) =>
        eachMarkedLine(bytes, start, end, (line) => {
          const report = readReport(line);
          if (report) onReport(report, line, file);
        }),
      onBytes,
    );
    if (trouble !== undefined) troubles.push(`${file.path} could not be read to its end: ${trouble}.`);
    if (longLines > 0)
      troubles.push(`${file.path}: passed over, for their length: ${printCountOf(longLines, 'line')}.`);
  }
  return troubles;
}

export async function findConnections(
  files: readonly LogFile[],
  isWanted: (report: Report) => boolean,
  onBytes: (count: number) => void,
  limits: FindLimits = FIND_LIMITS,
): Promise<Found> {
  const book = new HostBook();
  // A line may stand in several files: what was told once is kept once.
  const byKey = new Map<string, Map<string, Report>>();
  const offsets = new Offsets();
  let [events, leftOut, kept] = [0, 0, 0];
  const troubles = await readAll(
    files,
    (report, line, file) => {
      if (!('event' in report)) {
        if ('watch' in report) book.addWatch(report.host, report.watch);
        else book.addGap(report.host, report.gap);
        return;
      }
      events += 1;
      book.add(report.host, report.event);
      offsets.learn(file, line, report.event.timeUs);
      if (!isWanted(report)) return;
      const key = keyOf(report.event);
      if (byKey.has(key)) return;
      if (byKey.size < limits.keysMax) byKey.set(key, new Map());
      else leftOut += 1;
    },
    onBytes,
  );
  const texts = new Texts();
  if (byKey.size > 0) {
    await readAll(
      files,
      (report) => {
        if (!('event' in report)) return;
        const key = keyOf(report.event);
        const reports = byKey.get(key);
        const { id, turn, timeUs } = report.event;
        const told = `${report.host} ${id} ${turn} ${timeUs}`;
        if (!reports || reports.has(told)) return;
        kept += 1;
        reports.set(told, texts.detached(report));
        if (kept <= limits.reportsMax) return;
        // All of it or nothing: half of what was told would be another story.
        byKey.delete(key);
        kept -= reports.size;
        leftOut += reports.size;
      },
      onBytes,
    );
  }
  const connections = [...byKey.values()].flatMap((reports) => connectionsOf([...reports.values()], book));
  return { book, connections, files, zones: offsets.zones, events, leftOut, troubles };
}
