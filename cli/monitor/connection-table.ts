// The table of connections: two lines for each, one a direction, joined by a bracket, as iptraf-ng draws them; one line
// where there is no room for two columns of ends, or a person wants more of them on the screen. Wider terminals have
// more columns, narrower ones fewer; a column never changes its width by what stands in it.
// Refuses: to choose rows and their order.

import { endText } from '../../traffic/events/names.ts';
import { flagMark, originMark } from './marks.ts';
import { ownerCell } from './owner-text.ts';
import {
  type Align,
  fit,
  fitLine,
  fitMiddle,
  type Line,
  safe,
  short,
  shortCount,
  shortMs,
  shortSpan,
  type Span,
  span,
  type Style,
  textWidth,
} from './text.ts';
import type { Connection } from './view.ts';

/** Below this one line has to do. */
const TWO_LINES_FROM = 60;
/** "255.255.255.255:65535" has 21. */
const END_MIN = 21;
/** "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535" has 47. */
const END_MAX = 47;
const PROCESS_MIN = 9;

interface Column {
  readonly title: string;
  readonly width: number;
  readonly align: Align;
  /** Shown on terminals of so many columns and more. */
  readonly from: number;
  readonly cell: (connection: Connection, side: 0 | 1) => Span;
}

const packets: Column = {
  title: 'Packets',
  width: 7,
  align: 'right',
  from: 0,
  cell: ({ row }, side) => {
    const count = shortCount(row.packets[side], 5);
    return span(row.protocol === 6 ? `${originMark(row)}${count.padStart(6)}` : count);
  },
};

const COLUMNS: readonly Column[] = [
  packets,
  {
    title: 'Bytes',
    width: 5,
    align: 'right',
    from: 0,
    cell: ({ row }, side) => span(short(row.ipBytes[side])),
  },
  {
    title: 'Flag',
    width: 4,
    align: 'left',
    from: 0,
    cell: ({ row }, side) => {
      const { text, style } = flagMark(row, side);
      return span(text, style);
    },
  },
  {
    title: 'bit/s',
    width: 5,
    align: 'right',
    from: 56,
    cell: ({ row }, side) => span(row.bitsPerSecond[side] < 1 ? '' : short(row.bitsPerSecond[side])),
  },
  {
    title: 'RTT ms',
    width: 6,
    align: 'right',
    from: 64,
    cell: ({ row }, side) => span(shortMs(side === 0 ? row.rttUs : row.ackRttUs)),
  },
  {
    title: 'Retr',
    width: 4,
    align: 'right',
    from: 92,
    cell: ({ row }, side) => {
      const again = row.retransmitted[side];
      return span(again === 0 ? '' : shortCount(again, 4), 'warn');
    },
  },
  {
    title: 'Age',
    width: 6,
    align: 'right',
    from: 92,
    cell: ({ row }, side) =>
      span(side === 1 ? '' : shortSpan((row.isEnded ? row.lastUs : row.timeUs) - row.startUs)),
  },
  {
    title: 'Iface',
    width: 8,
    align: 'left',
    from: 110,
    cell: ({ row }, side) => span(side === 1 ? '' : row.interfaceName),
  },
];

export interface TableLayout {
  readonly isOneLine: boolean;
  readonly end: number;
  readonly process: number;
  readonly columns: readonly Column[];
}

/** Room for both ends is found first, the rest is the process's. */
export function layOut(width: number, isOneLineWanted: boolean): TableLayout {
  const isOneLine = isOneLineWanted || width < TWO_LINES_FROM;
  const columns = COLUMNS.filter(({ from }) => width >= from + (isOneLineWanted ? END_MIN : 0));
  const fixed = columns.reduce((sum, column) => sum + column.width + 1, 0);
  const room = width - 1 - fixed;
  if (isOneLine) {
    const shared = Math.max(END_MIN * 2 + 3, Math.floor(room * 0.65));
    const ends = room < shared + PROCESS_MIN ? Math.max(8, room) : Math.min(END_MAX * 2 + 3, shared);
    return { isOneLine, end: ends, process: Math.max(0, room - ends - 1), columns };
  }
  const process = Math.max(PROCESS_MIN, Math.floor((room - 1) * 0.4));
  const end = Math.min(END_MAX, Math.max(END_MIN, room - 1 - process));
  return { isOneLine, end, process: Math.max(0, room - 1 - end), columns };
}

/** How many connections have room in so many lines. */
export function connectionsIn(lines: number, { isOneLine }: TableLayout): number {
  return isOneLine ? lines : Math.floor(lines / 2);
}

export function headingLine(layout: TableLayout, width: number): Line {
  const first = layout.isOneLine ? 'Client > Server' : 'Source Host:Port';
  const titles = layout.columns.map(({ title, width: wide, align }) => fit(title, wide, align));
  const text = [` ${fit(first, layout.end)}`, ...titles, layout.process > 0 ? 'Process' : ''].join(' ');
  return fitLine([span(text, 'title')], width);
}

export interface Drawn {
  readonly isSelected: boolean;
  /** Letters that draw lines: not every terminal has them. */
  readonly brackets: readonly [upper: string, lower: string, single: string];
}

export function connectionLines(
  connection: Connection,
  layout: TableLayout,
  width: number,
  drawn: Drawn,
): readonly Line[] {
  const lines = layout.isOneLine
    ? [oneLine(connection, layout, drawn)]
    : [direction(connection, 0, layout, drawn), direction(connection, 1, layout, drawn)];
  const { isEnded } = connection.row;
  return lines.map((line) => fitLine(restyle(line, drawn.isSelected, isEnded), width));
}

/** The bar covers all of its row; what has ended stands back. */
function restyle(line: Line, isSelected: boolean, isEnded: boolean): Line {
  if (isSelected) return line.map(({ text }) => ({ text, style: 'bar' }));
  if (!isEnded) return line;
  return line.map(({ text, style }) => ({
    text,
    style: style === 'plain' || style === 'good' ? 'dim' : style,
  }));
}

function cells(connection: Connection, layout: TableLayout, side: 0 | 1): Span[] {
  return layout.columns.flatMap(({ width, align, cell }) => {
    const { text, style } = cell(connection, side);
    return [{ text: ` ${fit(text, width, align)}`, style }];
  });
}

function direction(connection: Connection, side: 0 | 1, layout: TableLayout, { brackets }: Drawn): Line {
  const { row, owners } = connection;
  const end =
    side === 0
      ? endText(row.clientAddress, row.clientPort, row.protocol)
      : endText(row.serverAddress, row.serverPort, row.protocol);
  const owner = side === 0 ? owners.client : owners.server;
  return [
    span(brackets[side], 'accent'),
    span(fitMiddle(safe(end), layout.end)),
    ...cells(connection, layout, side),
    ...processSpan(ownerCell(owner), layout.process),
  ];
}

/** Of a name and a number the number says who it is. */
function fitOwner(name: string, width: number): string {
  const [, word = '', number = ''] = /^(.*)(\[\d+\])$/.exec(name) ?? [];
  if (number === '' || textWidth(name) <= width || number.length + 2 > width) return fit(name, width);
  return fit(word, width - number.length) + number;
}

function processSpan(name: string, width: number): Span[] {
  if (width <= 0) return [];
  const style: Style = name.startsWith('(') ? 'dim' : 'plain';
  return [span(' '), span(fitOwner(safe(name), width), style)];
}

/** Both directions added up, the flags of the side that tells more. */
function oneLine(connection: Connection, layout: TableLayout, { brackets }: Drawn): Line {
  const { row, owners } = connection;
  const client = endText(row.clientAddress, row.clientPort, row.protocol);
  const server = endText(row.serverAddress, row.serverPort, row.protocol);
  const room = Math.max(0, layout.end - 3);
  const serverRoom = Math.min(server.length, Math.max(Math.ceil(room / 2), room - client.length));
  const ends = `${fitMiddle(client, Math.min(client.length, room - serverRoom))} > ${fitMiddle(server, serverRoom)}`;
  const summed: Connection = {
    owners,
    row: {
      ...row,
      packets: [row.packets[0] + row.packets[1], 0],
      ipBytes: [row.ipBytes[0] + row.ipBytes[1], 0],
      bitsPerSecond: [row.bitsPerSecond[0] + row.bitsPerSecond[1], 0],
      retransmitted: [row.retransmitted[0] + row.retransmitted[1], 0],
      flags: [tellingFlags(row.flags), 0],
    },
  };
  const names = [ownerCell(owners.client), ownerCell(owners.server)].filter((name) => name !== '');
  return [
    span(brackets[2], 'accent'),
    span(fit(ends, layout.end)),
    ...cells(summed, layout, 0),
    ...processSpan(names.join(' > '), layout.process),
  ];
}

function tellingFlags([out, back]: readonly [number, number]): number {
  return out | back;
}
