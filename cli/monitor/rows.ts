// Which rows the upper window has and in which order: cleared and narrowed, and sorted so that rows that are equal keep
// the order in which they began. So nothing changes places unless its value does.
// Refuses: to know widths and words; that is connection-table.ts and pivot-table.ts.

import { endText } from '../../traffic/events/names.ts';
import { compareNames, pivotRows, portKey, processKeys, type PivotRow } from './pivots.ts';
import { ownerName } from './owner-text.ts';
import type { Connection, Model, Narrowing, Sort, ViewState } from './view.ts';

export type Listed =
  | { readonly kind: 'connection'; readonly key: string; readonly connection: Connection }
  | { readonly kind: 'pivot'; readonly key: string; readonly pivot: PivotRow };

const sum = ([out, back]: readonly [number, number]) => out + back;

export function keyOf({ row }: Connection): string {
  return String(row.flow);
}

function isOf({ row, owners }: Connection, { pivot, key }: Narrowing): boolean {
  switch (pivot) {
    case 'hosts':
      return row.clientAddress === key || row.serverAddress === key;
    case 'ports':
      return portKey(row.protocol, row.serverPort) === key;
    case 'processes':
      return processKeys(owners).includes(key);
    case 'connections':
      return true;
  }
}

/** Connections that are to be seen: not cleared, and of the one host, port or process that was chosen. */
export function shownConnections(model: Model, state: ViewState): readonly Connection[] {
  const { narrowing, clearedUs } = state;
  return model.connections.filter(
    (one) =>
      !(one.row.isEnded && one.row.lastUs <= clearedUs) && (narrowing === undefined || isOf(one, narrowing)),
  );
}

/** Larger comes first; a name does so by the alphabet. */
function compare(sort: Sort): (a: Connection, b: Connection) => number {
  switch (sort) {
    case 'bytes':
      return (a, b) => sum(b.row.ipBytes) - sum(a.row.ipBytes);
    case 'packets':
      return (a, b) => sum(b.row.packets) - sum(a.row.packets);
    case 'rate':
      return (a, b) => sum(b.row.bitsPerSecond) - sum(a.row.bitsPerSecond);
    case 'roundTrip':
      return (a, b) => b.row.rttUs - a.row.rttUs;
    case 'last':
      return (a, b) => b.row.lastUs - a.row.lastUs;
    case 'start':
      return (a, b) => b.row.startUs - a.row.startUs;
    case 'name':
      return (a, b) => compareNames(nameOf(a), nameOf(b));
  }
}

/** The process first, so that those of one program stand together; those without one come last. */
function nameOf({ row, owners }: Connection): string {
  const owner = [owners.client, owners.server].find((one) => one?.process !== undefined);
  return `${owner === undefined ? '\uffff' : ownerName(owner)} ${endText(row.serverAddress, row.serverPort, row.protocol)}`;
}

export function listRows(model: Model, state: ViewState): readonly Listed[] {
  const connections = shownConnections(model, state);
  if (state.pivot !== 'connections') {
    return pivotRows(connections, state.pivot, state.sort, state.isReversed).map((pivot) => ({
      kind: 'pivot',
      key: pivot.key,
      pivot,
    }));
  }
  const by = compare(state.sort);
  const way = state.isReversed ? -1 : 1;
  return connections
    .toSorted((a, b) => way * by(a, b) || a.row.flow - b.row.flow)
    .map((connection) => ({ kind: 'connection', key: keyOf(connection), connection }));
}

/** Where the bar stands and which row is the first to be seen, with the bar always in sight. */
export function settle(state: ViewState, rows: readonly Listed[], visible: number): ViewState {
  const found = state.selected === undefined ? 0 : rows.findIndex(({ key }) => key === state.selected);
  const last = Math.max(0, rows.length - 1);
  const at = Math.min(last, found === -1 ? state.at : found);
  const selected = state.selected === undefined ? undefined : rows[at]?.key;
  const topMax = Math.max(0, rows.length - visible);
  const top = Math.min(topMax, Math.max(Math.min(state.top, at), at - visible + 1));
  return { ...state, at, selected, top };
}
