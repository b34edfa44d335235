// Disconnects as a person reads them: which connection, what happened in a sentence, what each host saw of it, what the
// hosts said around it; at the end how many of which kind there were, and between whom.
// Refuses: to let a host or a process steer the terminal.

import { printCount, printCountOf } from '../../base/units.ts';
import type { ZoneOffset } from '../../syslog/time.ts';
import { EVENT_NAMES, endText } from '../../traffic/events/names.ts';
import type { ToldEvent } from '../../traffic/events/read-sentence.ts';
import { printLogTime } from '../../traffic/log/line.ts';
import type { Connection, HostView } from '../../traffic/pair/connection.ts';
import type { HostBook } from '../../traffic/pair/hosts.ts';
import { shortSpan } from '../../traffic/pair/phrases.ts';
import { VERDICTS, type VerdictCode } from '../../traffic/pair/ruling.ts';
import { plainText } from '../table.ts';
import type { ContextLine } from './context.ts';
import type { Group, Judged } from './group.ts';

export interface Page {
  readonly zone: ZoneOffset;
  readonly columns: number;
  readonly book: HostBook;
}

/** `2026-11-20 21:53:03.123456` */
function moment(timeUs: number, { zone }: Page): string {
  return printLogTime(timeUs, zone).slice(0, 26).replace('T', ' ');
}

function clockTime(timeUs: number, page: Page): string {
  return moment(timeUs, page).slice(11);
}

/** Words in lines of the page's width, each behind the margin. */
export function wrap(text: string, margin: string, columns: number): string[] {
  const width = Math.max(40, columns) - margin.length;
  const lines: string[] = [];
  let line = '';
  for (const word of plainText(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(margin + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, margin + line];
}

function protocolNumber(protocol: string): number {
  return protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp' ? 6 : 0;
}

/** "10.0.0.2:41234 (web1)": the host's name where the reports tell it. */
function namedEnd(side: 'client' | 'server', connection: Connection, book: HostBook): string {
  const [address, port] =
    side === 'client'
      ? [connection.clientAddress, connection.clientPort]
      : [connection.serverAddress, connection.serverPort];
  const host = connection[side]?.host ?? book.ownerOf(address)?.name;
  const end = endText(address, port, protocolNumber(connection.protocol));
  return host === undefined || host === address ? end : `${end} (${host})`;
}

export function title(connection: Connection, book: HostBook): string {
  const ends = [namedEnd('client', connection, book), namedEnd('server', connection, book)];
  return `${connection.protocol.toUpperCase()} ${ends.join(' -> ')}`;
}

/** How long it had been open, by whoever saw it longest. */
function openText({ client, server, others }: Connection, timeUs: number): string {
  const views = [client, server, ...others].flatMap((view) => (view ? [view] : []));
  const longest = Math.max(...views.map(({ outcome, startUs }) => outcome?.afterUs ?? timeUs - startUs));
  const isMiddle = views.every(({ events }) => events[0]?.isMidstream);
  return `${isMiddle ? 'seen for' : 'after'} ${shortSpan(longest)}`;
}

function groupText({ count, firstUs, clientPorts, serverPorts, newest }: Group, page: Page): string[] {
  if (count < 2) return [];
  const list = (values: readonly number[], what: string) =>
    values.length === 1
      ? ''
      : values.length < 5
        ? `, ${what} ports ${values.join(', ')}`
        : `, ${printCount(values.length)} ${what} ports ${values[0]} to ${values.at(-1)}`;
  const isScan = serverPorts.length > 1;
  const where = isScan ? list(serverPorts, 'server') : list(clientPorts, 'client');
  const since = firstUs === newest.verdict.timeUs ? '' : ` since ${moment(firstUs, page)}`;
  return wrap(`The newest of ${printCount(count)} like it${since}${where}.`, '  ', page.columns);
}

// ---- what each host saw

function sawText({ turn, by, isEndOwn, syns, unreachable }: ToldEvent): string {
  const sent = isEndOwn === undefined ? '' : isEndOwn ? ', sent here' : ', received';
  switch (turn) {
    case 'reset':
      return `reset by the ${by ?? 'other side'}${sent}`;
    case 'closed':
      return by ? `closed by the ${by} first` : 'closed';
    case 'halfClosed':
      return `half closed by the ${by ?? 'one side'}`;
    case 'noAnswer':
      return `no answer to ${printCountOf(syns ?? 1, 'SYN')}`;
    case 'refused':
      return unreachable ? `refused, ICMP ${unreachable.join('/')}` : 'refused with RST';
    case 'timeout':
      return 'timed out';
    case 'opened':
    case 'update':
      return EVENT_NAMES[turn] === 'update' ? 'still open' : 'opened';
  }
}

function roleOf(view: HostView, { client, server }: Connection): string {
  if (view === client && view === server) return 'both ends';
  if (view === client) return 'client';
  return view === server ? 'server' : 'between';
}

function viewCells(view: HostView, connection: Connection, page: Page): readonly string[] {
  const event = view.outcome ?? (view.events.at(-1) as ToldEvent);
  const { packets, payloadBytes, retransmitted } = event;
  const amount = (way: 0 | 1) =>
    `${printCountOf(packets?.[way] ?? 0, 'packet')}, ${printCountOf(payloadBytes?.[way] ?? 0, 'byte')}`;
  const again = retransmitted[0] + retransmitted[1];
  const counts = packets
    ? `${amount(0)} to the server; ${amount(1)} back${again > 0 ? `; ${again} sent again` : ''}`
    : '';
  const who = view.events.findLast((one) => one.who !== '')?.who ?? '';
  return [roleOf(view, connection), view.host, clockTime(event.timeUs, page), sawText(event), counts, who];
}

function viewLines({ connection }: Judged, page: Page): string[] {
  const { client, server, others } = connection;
  const views = [...new Set([client, server, ...others])].flatMap((view) => (view ? [view] : []));
  const rows = views.map((view) => viewCells(view, connection, page).map(plainText));
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.flatMap((row) => {
    const line = `    ${row
      .slice(0, 4)
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')}`;
    const rest = [row[4], row[5]].filter((cell) => cell !== '').join('; ');
    if (rest === '') return [line.trimEnd()];
    if (line.length + 2 + rest.length <= page.columns) return [`${line}  ${rest}`];
    return [line.trimEnd(), ...wrap(rest, '      ', page.columns)];
  });
}

// ---- around it

export interface Around {
  readonly spanText: string;
  readonly lines: readonly ContextLine[];
  readonly more: number;
}

function contextLines({ spanText, lines, more }: Around, { verdict }: Judged, page: Page): string[] {
  if (lines.length === 0) return [`  Nothing else was said ${spanText} before and after it.`];
  const width = Math.max(...lines.map(({ host }) => plainText(host).length));
  const margin = `    ${' '.repeat(15)}  ${' '.repeat(width)}  `;
  const print = ({ timeUs, isCoarse, host, text }: ContextLine) => {
    const time = isCoarse ? clockTime(timeUs, page).slice(0, 8).padEnd(15) : clockTime(timeUs, page);
    const [first = '', ...others] = wrap(text, margin, page.columns);
    return [`    ${time}  ${plainText(host).padEnd(width)}  ${first.slice(margin.length)}`, ...others];
  };
  // A stamp of whole seconds may be up to a second before what it says.
  const at = lines.findIndex(({ timeUs }) => timeUs > verdict.timeUs);
  const cut = at < 0 ? lines.length : at;
  return [
    `  What they said ${spanText} before and after it:`,
    ...lines.slice(0, cut).flatMap(print),
    `    ${clockTime(verdict.timeUs, page)}  ${'='.repeat(width)}  ${VERDICTS[verdict.code]}`,
    ...lines.slice(cut).flatMap(print),
    ...(more > 0 ? [`    ${printCountOf(more, 'more line')}, further away, not shown.`] : []),
  ];
}

export function printGroup(group: Group, around: Around | undefined, page: Page): string {
  const { connection, verdict } = group.newest;
  const head = `${moment(verdict.timeUs, page)}  ${title(connection, page.book)}`;
  const after = openText(connection, verdict.timeUs);
  const isRoomy = head.length + 2 + after.length <= page.columns;
  const lines = [
    ...wrap(isRoomy ? `${head}  ${after}` : head, '', page.columns),
    ...(isRoomy ? [] : [`  ${after}`]),
    ...wrap(verdict.sentence, '  ', page.columns),
    ...verdict.notes.flatMap((note) => wrap(note, '  ', page.columns)),
    ...groupText(group, page),
    ...viewLines(group.newest, page),
    ...(around ? contextLines(around, group.newest, page) : []),
  ];
  return `${lines.join('\n')}\n\n`;
}

// ---- at the end

const PAIRS_SHOWN = 5;

function counted<Key>(keys: readonly Key[]): [Key, number][] {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

export function summaryCounts(all: readonly Judged[]): [VerdictCode, number][] {
  return counted(all.map(({ verdict }) => verdict.code));
}

function pairName({ connection }: Judged, book: HostBook): string {
  const name = (address: string) => book.ownerOf(address)?.name ?? address;
  return `${name(connection.clientAddress)} -> ${name(connection.serverAddress)}`;
}

export function printSummary(all: readonly Judged[], page: Page): string {
  const width = String(all.length).length + 2;
  const line = (count: number, text: string) => `${printCount(count).padStart(width)}  ${text}`;
  const pairs = counted(all.map((one) => pairName(one, page.book)));
  const times = all.map(({ verdict }) => verdict.timeUs);
  const span =
    all.length < 2
      ? `at ${moment(times[0] ?? 0, page)}`
      : `between ${moment(Math.min(...times), page)} and ${moment(Math.max(...times), page)}`;
  const lines = [
    `${printCountOf(all.length, 'disconnect')} ${span}:`,
    ...summaryCounts(all).map(([code, count]) => line(count, VERDICTS[code])),
    ...(pairs.length > 1 ? ['Most of them:'] : []),
    ...(pairs.length > 1
      ? pairs.slice(0, PAIRS_SHOWN).map(([pair, count]) => line(count, plainText(pair)))
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
