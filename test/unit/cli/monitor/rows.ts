// Connections, events and models as tests of the live view need them: whole, and each with what is of interest.

import type { SnapshotRow } from '../../../../client/monitor/capture.port.ts';
import { firstView, type Connection, type Model, type ViewState } from '../../../../cli/monitor/view.ts';
import type { Owners } from '../../../../traffic/events/owner.ts';

export const START_US = Date.UTC(2026, 10, 20, 21, 53, 3) * 1000;
export const NOW_US = START_US + 12_300_000;

export function row(flow: number, more: Partial<SnapshotRow> = {}): SnapshotRow {
  return {
    turn: 'update',
    timeUs: NOW_US,
    flow,
    id: `r1-${flow}`,
    protocol: 6,
    clientAddress: '10.0.0.2',
    serverAddress: '10.0.0.1',
    clientPort: 41_000 + flow,
    serverPort: 2525,
    state: 'S1',
    dirHow: 'syn',
    by: undefined,
    startUs: START_US,
    lastUs: NOW_US - 1_000_000,
    packets: [12, 10],
    ipBytes: [1234, 987],
    payloadBytes: [600, 400],
    retransmitted: [0, 0],
    outOfOrder: [0, 0],
    zeroWindows: [0, 0],
    outstanding: [0, 0],
    synCount: 1,
    rttUs: 420,
    ackRttUs: 87,
    updates: 0,
    isMidstream: false,
    unreachable: undefined,
    interfaces: [2, 2],
    interfaceName: 'eth0',
    isClientOwn: true,
    isServerOwn: false,
    isHeldBack: false,
    isEndOwn: undefined,
    bitsPerSecond: [12_000, 8000],
    flags: [2 | 8 | 16, 2 | 8 | 16],
    isEnded: false,
    lastTurn: 'opened',
    ...more,
  };
}

export const NC: Owners = { client: { how: 'exact', process: 'nc', pid: 812, uid: 0, user: 'root' } };

export function connection(flow: number, more: Partial<SnapshotRow> = {}, owners: Owners = NC): Connection {
  return { row: row(flow, more), owners };
}

export function model(connections: readonly Connection[], more: Partial<Model> = {}): Model {
  return {
    snapshot: { timeUs: NOW_US, rows: connections.map((one) => one.row), flows: connections.length },
    connections,
    remembered: undefined,
    totals: {
      packets: 12_345,
      bytes: 3_456_789,
      bitsPerSecond: 20_000,
      dropped: 0,
      flows: connections.length,
      evicted: 0,
    },
    events: [],
    eventsTotal: 0,
    interfaces: [{ name: 'eth0', state: 'captured', trouble: undefined }],
    nowUs: NOW_US,
    watched: 'eth0',
    log: undefined,
    ownersTrouble: undefined,
    ...more,
  };
}

export function view(more: Partial<ViewState> = {}): ViewState {
  return { ...firstView(undefined), ...more };
}
