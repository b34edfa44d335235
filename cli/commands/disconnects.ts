// `belfry disconnects FILE…`: who hung up, when, and what both hosts said around it. Reads the central log files, pairs the
// two hosts' views of each connection that ended, and says what happened in a sentence. Exit 1: nothing was found.
// Refuses: to need the server or an agent; files are enough, also on another machine.

import type { Command } from 'commander';
import { EXIT, Fault } from '../../base/fault.ts';
import { parseSpan, printCount, printCountOf, printSize, printSpan } from '../../base/units.ts';
import { findZone, type ZoneOffset } from '../../syslog/time.ts';
import { LifeWatch, readContext, Window } from '../disconnects/context.ts';
import { findLogFiles, type LogFile } from '../disconnects/files.ts';
import { type Found, findConnections } from '../disconnects/find.ts';
import { byTime, type Group, groupsOf, type Judged } from '../disconnects/group.ts';
import { printJson } from '../disconnects/json.ts';
import { type Around, type Page, printGroup, printSummary } from '../disconnects/print.ts';
import { type Selection, selectionOf, type Wishes } from '../disconnects/select.ts';
import { Progress } from '../disconnects/progress.ts';
import { type CliCommand, examples, type Run } from '../command.ts';
import type { Io } from '../io.ts';
import { type Connection } from '../../traffic/pair/connection.ts';
import { translationNotes } from '../../traffic/pair/translation.ts';
import type { LifeSigns } from '../../traffic/pair/ruling.ts';
import { MARK } from '../../traffic/events/view.ts';
import { judge, turnOfConnection, type Verdict } from '../../traffic/pair/verdict.ts';

interface Options extends Wishes {
  readonly context?: string;
  readonly contextLines: string;
  readonly zone: string;
  readonly each?: boolean;
  readonly json?: boolean;
}

/** Hosts that are looked after for signs of life; more would be a site that is down. */
const LIVES_MAX = 1000;
/** Groups that get their context. */
const WINDOWS_MAX = 1000;
const CONTEXT_MS_MAX = 3_600_000;

function usage(what: string, where: string, mend: string): Fault {
  return new Fault('CLI_USAGE', { what, where, mend });
}

function zoneOf(name: string): ZoneOffset {
  const zone = findZone(name);
  if (zone) return zone;
  throw usage(`"${name}" is no time zone.`, '--zone', 'Write "local", "UTC", "+02:00" or "Europe/Berlin".');
}

function contextUs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseSpan(text);
  if (ms !== undefined && ms > 0 && ms <= CONTEXT_MS_MAX) return ms * 1000;
  throw usage(
    `"${text}" is no span for --context.`,
    '--context',
    'Write a span such as "5s" or "2min", at most an hour.',
  );
}

function linesMaxOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0 && count <= 10_000) return count;
  throw usage(`"${text}" is no number of lines.`, '--context-lines', 'Write a number from 1 to 10000.');
}

// ---- the work

/** For each host at an end that did not tell how it ended: was it heard at all at that time? */
function lifeWatches(connections: readonly Connection[], found: Found): Map<string, LifeWatch> {
  const watches = new Map<string, LifeWatch>();
  const watch = (host: string, atUs: number) => {
    const key = `${host} ${atUs}`;
    if (watches.size < LIVES_MAX && !watches.has(key)) watches.set(key, new LifeWatch(host, atUs));
  };
  for (const { client, server, others, clientAddress, serverAddress } of connections) {
    const ends = [
      [client, server, serverAddress],
      [server, client, clientAddress],
    ] as const;
    for (const [view, other, address] of ends) {
      const host = other?.host ?? found.book.ownerOf(address)?.name;
      const seen = view ?? others[0];
      if (!seen || host === undefined) continue;
      if (seen.outcome?.turn === 'timeout') watch(host, seen.outcome.timeUs);
      if (!other) watch(host, seen.endUs);
    }
  }
  return watches;
}

function isSelected(connection: Connection, selection: Selection, found: Found): boolean {
  return selection.turns.has(turnOfConnection(connection)) && selection.wantsHosts(connection, found.book);
}

async function judgeAll(
  found: Found,
  selection: Selection,
  zone: ZoneOffset,
  progress: Progress,
): Promise<Judged[]> {
  const chosen = found.connections.filter((connection) => isSelected(connection, selection, found));
  const lives = lifeWatches(chosen, found);
  progress.begin(found.files, 1, 'Looking for signs of life');
  await readContext(
    found.files,
    [...lives.values()],
    (file) => found.zones.get(file) ?? zone,
    progress.onBytes,
  );
  const life = (host: string, aroundUs: number): LifeSigns | undefined => lives.get(`${host} ${aroundUs}`);
  const translations = translationNotes(found.connections);
  const judgeOne = (connection: Connection): Verdict => {
    const verdict = judge(connection, found.book, life);
    const note = translations.get(connection);
    return note === undefined ? verdict : { ...verdict, notes: [...verdict.notes, note] };
  };
  return chosen
    .map((connection) => ({ connection, verdict: judgeOne(connection) }))
    .filter(({ verdict }) => verdict.timeUs >= selection.sinceUs && verdict.timeUs <= selection.untilUs)
    .sort(byTime);
}

function windowOf({ newest }: Group, aroundUs: number, linesMax: number, found: Found): Window {
  const { client, server, others, clientAddress, serverAddress } = newest.connection;
  const views = [client, server, ...others].flatMap((view) => (view ? [view] : []));
  const owners = [clientAddress, serverAddress].flatMap((address) => found.book.ownerOf(address)?.name ?? []);
  const hosts = new Set([...views.map(({ host }) => host), ...owners]);
  // Events stand in the verdicts already; here is what the hosts said besides.
  const isOwn = (text: string) => text.includes(MARK);
  return new Window(newest.verdict.timeUs, aroundUs, hosts, linesMax, isOwn);
}

async function aroundOf(
  groups: readonly Group[],
  options: Options,
  found: Found,
  zone: ZoneOffset,
  progress: Progress,
): Promise<Map<Group, Around>> {
  const aroundUs = contextUs(options.context);
  if (aroundUs === undefined) return new Map();
  const linesMax = linesMaxOf(options.contextLines);
  const windows = groups
    .slice(-WINDOWS_MAX)
    .map((group) => [group, windowOf(group, aroundUs, linesMax, found)] as const);
  progress.begin(found.files, 1, 'Looking around them');
  await readContext(
    found.files,
    windows.map(([, window]) => window),
    (file) => found.zones.get(file) ?? zone,
    progress.onBytes,
  );
  return new Map(
    windows.map(([group, window]) => {
      const { lines } = window;
      return [group, { spanText: printSpan(aroundUs / 1000), lines, more: window.more }];
    }),
  );
}

function nothingText(found: Found): string {
  const read = `${printCountOf(found.files.length, 'file')} (${printSize(sizeOf(found.files))})`;
  if (found.events === 0) {
    return `No event of a connection stands in ${read}. Agents report them when their configuration has a "traffic" section.\n`;
  }
  const hosts = found.book.hosts.map(({ name }) => name).sort();
  const names = hosts.length > 10 ? `${printCount(hosts.length)} hosts` : hosts.join(', ');
  return `No such disconnect among the ${printCountOf(found.events, 'event')} of ${names} in ${read}.\n`;
}

function sizeOf(files: readonly LogFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function remarks(found: Found): string[] {
  if (found.leftOut === 0) return [...found.troubles];
  return [
    ...found.troubles,
    `There were more than fit: ${printCountOf(found.leftOut, 'event')} had no room. Ask for less with --since, --host or --kind.`,
  ];
}

async function runDisconnects(paths: readonly string[], options: Options, io: Io): Promise<number> {
  const zone = zoneOf(options.zone);
  const selection = selectionOf(options, zone, Date.now());
  // Words that are wrong are said before hours of reading.
  contextUs(options.context);
  linesMaxOf(options.contextLines);
  const progress = new Progress(io);
  const files = findLogFiles(paths);
  progress.begin(files, 2, 'Looking for disconnects');
  const found = await findConnections(files, selection.wants, progress.onBytes);
  const all = await judgeAll(found, selection, zone, progress);
  const groups = groupsOf(all, options.each ?? false);
  const around = await aroundOf(groups, options, found, zone, progress);
  progress.end();
  for (const remark of remarks(found)) io.stderr(`${remark}\n`);
  const page: Page = { zone, columns: io.columns, book: found.book };
  if (options.json) io.stdout(printJson(all, groups, around, found));
  else if (all.length === 0) io.stdout(nothingText(found));
  else {
    for (const group of groups) io.stdout(printGroup(group, around.get(group), page));
    io.stdout(printSummary(all, page));
  }
  return all.length > 0 ? EXIT.ok : EXIT.nothing;
}

export const disconnectsCommand: CliCommand = {
  name: 'disconnects',
  define(program: Command, io: Io, run: Run): void {
    program
      .command('disconnects')
      .summary('who hung up: both hosts’ views of each connection that broke')
      .description(
        'Reads log files of the server, pairs what both hosts reported of each connection that was reset, refused, not answered, timed out or left half closed, and says what happened, the newest last. The files may be of any format that the server writes, packed with gzip or not; of a directory all files below it are read. Exits 1 when there is nothing to show.',
      )
      .argument('<file...>', 'log files, or directories of them')
      .option('--context <span>', 'add what both hosts said so long before and after')
      .option('--context-lines <number>', 'at most so many of these lines, the nearest', '40')
      .option('--since <time>', '"2026-11-20T21:53:03", "21:53" (today), or "2h" (ago)')
      .option('--until <time>', 'as --since')
      .option('--host <host>', 'one end has this address, or this name in the logs ("web*")')
      .option('--port <number>', 'one end has this port')
      .option('--kind <kinds>', 'only reset, refused, no-answer, timeout, half-closed, closed (with commas)')
      .option('--all', 'also connections that were closed in good order')
      .option('--each', 'each by itself, not those that are alike together')
      .option('--zone <zone>', 'the zone of times that name none, and of those shown', 'local')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        examples(
          'belfry disconnects /var/log/belfry',
          'belfry disconnects web1.log db1.log --context 5s',
          'belfry disconnects /var/log/belfry --since 2h --host 10.0.0.2 --port 2525',
          'belfry disconnects /var/log/belfry --kind reset,timeout --each',
          "belfry disconnects /var/log/belfry --json | jq -r '.disconnects[].sentence'",
        ),
      )
      .action((paths: string[], options: Options) => run(() => runDisconnects(paths, options, io)));
  },
};
