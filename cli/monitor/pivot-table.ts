// The table of hosts, of ports or of processes: one line each, what was sent beside what was received.
// Refuses: to add up what may stand in two rows.

import type { PivotRow } from './pivots.ts';
import { fit, fitLine, type Line, safe, short, shortCount, span } from './text.ts';
import type { Pivot } from './view.ts';

interface Column {
  readonly title: (pivot: Pivot) => string;
  readonly width: number;
  readonly from: number;
  readonly text: (row: PivotRow) => string;
}

const isPort = (pivot: Pivot) => pivot === 'ports';

const COLUMNS: readonly Column[] = [
  { title: () => 'Conns', width: 6, from: 0, text: (row) => shortCount(row.connections, 6) },
  { title: () => 'Open', width: 6, from: 56, text: (row) => shortCount(row.open, 6) },
  {
    title: (pivot) => (isPort(pivot) ? 'Clients' : 'Peers'),
    width: 7,
    from: 66,
    text: (row) => shortCount(row.peers.size, 6),
  },
  { title: () => 'Packets', width: 7, from: 60, text: (row) => shortCount(row.packets, 6) },
  {
    title: (pivot) => (isPort(pivot) ? 'To' : 'Sent'),
    width: 5,
    from: 0,
    text: (row) => short(row.bytesOut),
  },
  {
    title: (pivot) => (isPort(pivot) ? 'Back' : 'Recvd'),
    width: 5,
    from: 0,
    text: (row) => short(row.bytesIn),
  },
  { title: () => '>bit/s', width: 6, from: 48, text: (row) => (row.bitsOut < 1 ? '' : short(row.bitsOut)) },
  { title: () => '<bit/s', width: 6, from: 48, text: (row) => (row.bitsIn < 1 ? '' : short(row.bitsIn)) },
];

const NAMES: Readonly<Record<Pivot, string>> = {
  connections: 'Connection',
  hosts: 'Host',
  ports: 'Port',
  processes: 'Process',
};
const NAME_MIN = 12;

function columnsFor(width: number): { columns: readonly Column[]; name: number } {
  const columns = COLUMNS.filter(({ from }) => width >= from);
  const fixed = columns.reduce((sum, column) => sum + column.width + 1, 0);
  return { columns, name: Math.max(NAME_MIN, Math.min(48, width - 1 - fixed)) };
}

export function pivotHeading(pivot: Pivot, width: number): Line {
  const { columns, name } = columnsFor(width);
  const titles = columns.map(({ title, width: wide }) => fit(title(pivot), wide, 'right'));
  return fitLine([span([` ${fit(NAMES[pivot], name)}`, ...titles].join(' '), 'title')], width);
}

export function pivotLine(row: PivotRow, isSelected: boolean, width: number): Line {
  const { columns, name } = columnsFor(width);
  const cells = columns.map(({ text, width: wide }) => fit(text(row), wide, 'right'));
  const text = [` ${fit(safe(row.key), name)}`, ...cells].join(' ');
  const style = isSelected ? 'bar' : row.open === 0 ? 'dim' : 'plain';
  return fitLine([span(text, style)], width);
}
