// What tests of watching connections put around it: facts of events, and the two threads as objects that a test leads.

import type { TrafficConfig } from '../../../config/agent.ts';
import type {
  CaptureSettings,
  InterfaceState,
  Listener,
  SeenFacts,
  Snapshot,
} from '../../../client/monitor/capture.port.ts';
import type { CaptureListener } from '../../../client/monitor/capture.ts';
import type { MonitorDoors } from '../../../client/monitor/monitor.ts';
import { makeCaptureCounts, readCaptureCounts } from '../../../client/monitor/capture-counts.ts';
import { WHO_COUNTS } from '../../../client/monitor/who/counts.ts';
import type { WhoListener, WhoStatus } from '../../../client/monitor/who/who.ts';
import type { WhoQuestion } from '../../../client/monitor/who/who.port.ts';
import type { Owners } from '../../../traffic/events/owner.ts';
import { PLACE } from './input-parts.ts';

/** 2026-11-20T21:53:03.123456Z. */
export const TIME_US = 1_795_211_583_123_456;

export function seen(changes: Partial<SeenFacts> = {}): SeenFacts {
  return {
    turn: 'opened',
    timeUs: TIME_US,
    flow: 1,
    id: `run-${(changes.flow ?? 1).toString(36)}`,
    protocol: 6,
    clientAddress: '10.0.0.2',
    serverAddress: '10.0.0.1',
    clientPort: 41_234,
    serverPort: 2525,
    state: 'S1',
    dirHow: 'syn',
    by: undefined,
    startUs: TIME_US - 1_000_000,
    lastUs: TIME_US,
    packets: [3, 2],
    ipBytes: [180, 80],
    payloadBytes: [60, 0],
    retransmitted: [0, 0],
    outOfOrder: [0, 0],
    zeroWindows: [0, 0],
    outstanding: [0, 0],
    synCount: 1,
    rttUs: 400,
    ackRttUs: 20,
    updates: 0,
    isMidstream: false,
    unreachable: undefined,
    interfaces: [0, 0],
    interfaceName: 'eth0',
    isClientOwn: true,
    isServerOwn: false,
    isHeldBack: false,
    isEndOwn: undefined,
    ...changes,
  };
}

export const TRAFFIC: TrafficConfig = {
  name: 'traffic',
  type: 'traffic',
  place: PLACE,
  interfaces: ['eth0'],
  filter: 'port 2525',
  events: ['opened', 'update', 'closed', 'reset', 'refused', 'no-answer', 'timeout', 'half-closed'],
  updateIntervalMs: 600_000,
  flowIntervalMs: 60_000,
  recordFields: ['version', 'srcaddr'],
  maxRecords: 3,
  account: '-',
  log: undefined,
  owners: true,
  facility: 3,
  timeouts: { noAnswerMs: 1, silentMs: 2, halfClosedMs: 3, udpIdleMs: 4, tcpIdleMs: 5 },
  rateLimit: { perSecond: 200, burst: 1000, clientPerSecond: 10, clientBurst: 100 },
  maxFlows: 1024,
  promiscuous: false,
  snapBytes: 256,
  ringBytes: 1 << 20,
};

interface Asked {
  readonly question: WhoQuestion;
  answer(owners: Owners): void;
}

/** Both threads. `capture.onEvents(…)` is what the thread would say; `asked` is what it asks. */
export class FakeDoors implements MonitorDoors {
  capture!: CaptureListener;
  captureSettings: CaptureSettings | undefined;
  who!: WhoListener;
  readonly asked: Asked[] = [];
  /** Undefined: questions wait in `asked`. */
  owners: Owners | undefined = {};
  listeners: readonly Listener[] = [];
  states: InterfaceState[] = [{ name: 'eth0', state: 'captured', trouble: undefined }];
  refusal: Error | undefined;
  whoStatus: WhoStatus = {
    ways: [],
    counts: Object.fromEntries(WHO_COUNTS.map((name) => [name, 0])) as WhoStatus['counts'],
  };
  /** What the capture still tells while it stops. */
  last: readonly SeenFacts[] = [];
  readonly order: string[] = [];

  openCapture(settings: CaptureSettings, listener: CaptureListener) {
    this.capture = listener;
    this.captureSettings = settings;
    return {
      start: async () => {
        this.order.push('capture starts');
        if (this.refusal) throw this.refusal;
      },
      counts: () => readCaptureCounts(makeCaptureCounts()),
      interfaces: () => this.states,
      snapshot: async (): Promise<Snapshot> => ({ timeUs: 0, rows: [], flows: 0 }),
      setFilter: () => undefined,
      setListeners: (listeners: readonly Listener[]) => {
        this.listeners = listeners;
      },
      stop: async () => {
        this.order.push('capture stops');
        listener.onEvents(this.last);
      },
    };
  }

  openWho(_: unknown, listener: WhoListener) {
    this.who = listener;
    return {
      start: async () => void this.order.push('who starts'),
      ask: (question: WhoQuestion): Promise<Owners> => {
        const { owners } = this;
        if (owners !== undefined) {
          this.asked.push({ question, answer: () => undefined });
          return Promise.resolve(owners);
        }
        return new Promise((answer) => this.asked.push({ question, answer }));
      },
      status: () => this.whoStatus,
      stop: async () => void this.order.push('who stops'),
    };
  }
}
