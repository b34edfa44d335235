// All that is known of one connection, on a screen of its own: ends and owners, how each was found out, what went both
// ways, what troubles there were, and its events.
// Refuses: to leave a reader alone with a letter; each is followed by what it means.

import type { SnapshotRow } from '../../client/monitor/capture.port.ts';
import { printCount } from '../../base/units.ts';
import type { DirectionHow } from '../../traffic/flow/columns.ts';
import type { ConnectionState } from '../../traffic/flow/state.ts';
import { endText, protocolName } from '../../traffic/events/names.ts';
import type { Owner } from '../../traffic/events/owner.ts';
import { PROTOCOL, TCP_FLAG } from '../../traffic/packet/packet.ts';
import { ownerSentence } from './owner-text.ts';
import { clockText, fit, fitLine, type Line, lineText, short, shortMs, shortSpan, span } from './text.ts';
import type { Connection, ToldEvent } from './view.ts';

const STATES: Readonly<Record<ConnectionState, string>> = {
  S0: 'a SYN, no answer yet',
  S1: 'established and open',
  S2: 'open; the client is done, the server is not',
  S3: 'open; the server is done, the client is not',
  SF: 'opened and closed',
  REJ: 'the SYN was answered by a RST',
  RSTO: 'reset by the client',
  RSTR: 'reset by the server',
  RSTOS0: 'a SYN and a RST of the client, no answer seen',
  RSTRH: 'a SYN-ACK and a RST of the server, no SYN seen',
  SH: 'a SYN and a FIN of the client, no answer seen',
  SHR: 'an answer of the server, nothing of the client',
  OTH: 'its beginning was not seen',
};

const HOWS: Readonly<Record<DirectionHow, string>> = {
  syn: 'it sent the SYN',
  synAck: 'it got the SYN-ACK',
  listener: "the other side's port is listened on",
  port: "the other side's port is a service's",
  first: 'it spoke first',
};

const FLAG_NAMES = Object.entries(TCP_FLAG);

function flagNames(flags: number): string {
  const names = FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name.toUpperCase());
  return names.length === 0 ? '-' : names.join(' ');
}

const LABEL = 12;
const fact = (label: string, text: string): Line => [span(` ${fit(label, LABEL)} `, 'accent'), span(text)];

function whose(owner: Owner | undefined, isOwn: boolean): string {
  if (owner) return ownerSentence(owner);
  return isOwn ? 'a process of this host; it has not been looked up' : 'on another host';
}

function stateText(row: SnapshotRow): string {
  if (row.protocol === PROTOCOL.tcp) return `${row.state}: ${STATES[row.state]}`;
  const [out, back] = row.packets;
  if (row.isEnded) return 'ended by silence';
  return out > 0 && back > 0 ? 'both sides were heard' : 'one side alone was heard';
}

function roundTrip(row: SnapshotRow): Line[] {
  if (row.rttUs < 0 && row.ackRttUs < 0) return [];
  const parts = [
    row.rttUs < 0 ? '' : `${shortMs(row.rttUs)} ms SYN to SYN-ACK`,
    row.ackRttUs < 0 ? '' : `${shortMs(row.ackRttUs)} ms SYN-ACK to ACK`,
  ];
  return [fact('Round trip', parts.filter((part) => part !== '').join(', '))];
}

const WAYS: readonly (readonly [title: string, read: (row: SnapshotRow, side: 0 | 1) => string])[] = [
  ['Packets', (row, side) => printCount(row.packets[side])],
  ['Bytes of IP', (row, side) => printCount(row.ipBytes[side])],
  ['Payload', (row, side) => printCount(row.payloadBytes[side])],
  ['Bit/s now', (row, side) => short(row.bitsPerSecond[side])],
  ['Retransmitted', (row, side) => printCount(row.retransmitted[side])],
  ['Out of order', (row, side) => printCount(row.outOfOrder[side])],
  ['Zero windows', (row, side) => printCount(row.zeroWindows[side])],
  ['Unacked bytes', (row, side) => printCount(row.outstanding[side])],
  ['TCP flags', (row, side) => flagNames(row.flags[side])],
];
/** Of what only TCP has. */
const TCP_FROM = 4;

function waysTable(row: SnapshotRow): Line[] {
  const isTcp = row.protocol === PROTOCOL.tcp;
  const shown = isTcp ? WAYS : WAYS.slice(0, TCP_FROM);
  const heading = ` ${fit('', 14)}${fit('to the server', 21, 'right')}${fit('back', 21, 'right')}`;
  return [
    [span(heading, 'accent')],
    ...shown.map(([title, read]) => [
      span(` ${fit(title, 14)}`, 'accent'),
      span(fit(read(row, 0), 21, 'right') + fit(read(row, 1), 21, 'right')),
    ]),
  ];
}

function dateText(us: number): string {
  const at = new Date(us / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const micros = String(Math.floor(us % 1e6)).padStart(6, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockText(us)}.${micros}`;
}

const EVENTS_FIRST = 3;

/** Whole, for scrolling; the first line says which connection it is. */
export function detailLines(
  { row, owners }: Connection,
  events: readonly ToldEvent[],
  isGone: boolean,
): readonly Line[] {
  const client = endText(row.clientAddress, row.clientPort, row.protocol);
  const server = endText(row.serverAddress, row.serverPort, row.protocol);
  const own = events.filter(({ flow }) => flow === row.flow);
  const story: Line[] = [
    [span(own.length === 0 ? ' No event of it is kept.' : ' Events', 'accent')],
    ...own.map((event): Line => [span(` ${clockText(event.timeUs)} ${event.text}`)]),
  ];
  const gone = isGone ? [[span(' It is no longer remembered; this is how it stood last.', 'warn')]] : [];
  return [
    [span(` ${protocolName(row.protocol).toUpperCase()} ${client} -> ${server}`, 'strong')],
    ...gone,
    [],
    fact('State', stateText(row)),
    fact(
      'Began',
      `${dateText(row.startUs)}${row.isMidstream ? ' (first packet seen; it was open before)' : ''}`,
    ),
    fact('Last packet', `${dateText(row.lastUs)}, ${shortSpan(row.lastUs - row.startUs)} after the first`),
    fact('Client', whose(owners.client, row.isClientOwn)),
    fact('Server', whose(owners.server, row.isServerOwn)),
    fact('Direction', `${client} is the client: ${HOWS[row.dirHow]}`),
    ...roundTrip(row),
    ...(row.unreachable ? [fact('ICMP', `unreachable, type ${row.unreachable.join(' code ')}`)] : []),
    fact('Interface', `${row.interfaceName || '-'}; id of its events: ${row.id}`),
    [],
    // What happened is looked for first; of a long story the numbers come before.
    ...(own.length <= EVENTS_FIRST ? [...story, [], ...waysTable(row)] : [...waysTable(row), [], ...story]),
  ];
}

/** Lines that are too long go on in the next one, below the start of their text. */
export function wrapLines(lines: readonly Line[], width: number): readonly Line[] {
  return lines.flatMap((line) => {
    const text = lineText(line);
    if (text.length <= width || line.length === 0) return [fitLine(line, width)];
    const [first, ...rest] = line;
    const isLabelled = rest.length === 1 && first !== undefined;
    const indent = isLabelled ? first.text.length : 1 + (/^ \d\d:\d\d:\d\d /.test(text) ? 9 : 0);
    const style = rest[0]?.style ?? first?.style ?? 'plain';
    const words = isLabelled ? (rest[0]?.text ?? '') : text.slice(indent);
    return wrapWords(words, width - indent).map((part, at) =>
      fitLine(
        at > 0
          ? [span(' '.repeat(indent)), span(part, style)]
          : isLabelled
            ? [first, span(part, style)]
            : [span(text.slice(0, indent) + part, style)],
        width,
      ),
    );
  });
}

function wrapWords(text: string, width: number): string[] {
  const room = Math.max(8, width);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (joined.length <= room) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (line.length > room) {
      lines.push(line.slice(0, room));
      line = line.slice(room);
    }
  }
  return [...lines, line];
}
