// The live view at work: looks at the source now and then, keeps what came, and has a frame drawn when something changed,
// at once for a key, else at most so often. While it is paused what is shown stands still; all else goes on.
// Promises: memory does not grow with what is seen or with a terminal that is slow.
// Refuses: to know the terminal; it is handed a place to draw.

import type {
  InterfaceState,
  SeenFacts,
  Snapshot,
  SnapshotOrder,
} from '../../client/monitor/capture.port.ts';
import type { Losses } from '../../client/monitor/monitor.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import { type Frame, type Look, makeFrame } from './frame.ts';
import type { Key } from './keys.ts';
import { OwnerLookups } from './owner-lookups.ts';
import { press } from './press.ts';
import type { Source, SourceCounts } from './source.ts';
import type { Line } from './text.ts';
import { EventRing, toldEvent, toldInterface, toldLosses } from './told.ts';
import { type Connection, firstView, type Model, type Sort, type ToldEvent, type ViewState } from './view.ts';

/** Rows that a snapshot may have: more than anybody scrolls through, and few enough for a look each second. */
const ROWS_MAX = 1000;
/** For sums by host, port and process every row counts. */
const PIVOT_ROWS_MAX = 4000;
/** Between two looks; a large one costs more and comes less often. */
const LOOK_MS = 500;
const LARGE_LOOK_MS = 1000;
const LARGE_ROWS = 400;
/** Events may come by the thousand: frames do not. */
const FRAME_MS = 100;
const NOTE_MS = 4000;

const ORDERS: Readonly<Record<Sort, SnapshotOrder>> = {
  bytes: 'bytes',
  packets: 'packets',
  rate: 'rate',
  last: 'last',
  start: 'start',
  roundTrip: 'last',
  name: 'last',
};

export interface Stage {
  draw(lines: readonly Line[]): boolean;
  look(): Look;
  /** Another picture: all of it is drawn anew. */
  redraw(): void;
  suspend(): void;
  /** The person leaves. */
  quit(): void;
}

export interface ScreenSettings {
  readonly filter: string | undefined;
  readonly watched: string;
  readonly log: string | undefined;
}

interface Rate {
  atUs: number;
  bytes: number;
  bitsPerSecond: number;
}

const nowUs = (): number => Date.now() * 1000;

export class LiveScreen {
  readonly #source: Source;
  readonly #stage: Stage;
  readonly #settings: ScreenSettings;
  readonly #owners: OwnerLookups;
  readonly #events = new EventRing();
  #state: ViewState;
  #snapshot: Snapshot | undefined;
  #remembered: Connection | undefined;
  #rate: Rate = { atUs: 0, bytes: 0, bitsPerSecond: 0 };
  /** What stands still while it is paused. */
  #paused: Model | undefined;
  #shown: Frame | undefined;
  #look: NodeJS.Timeout | undefined;
  #frame: NodeJS.Timeout | undefined;
  #noteUntilUs = 0;
  #isLooking = false;
  #isStopped = false;

  constructor(source: Source, stage: Stage, settings: ScreenSettings) {
    this.#source = source;
    this.#stage = stage;
    this.#settings = settings;
    this.#state = firstView(settings.filter);
    this.#owners = new OwnerLookups((question) => source.ownersOf(question));
  }

  start(): void {
    const missing = this.#source.ownersTrouble();
    if (missing !== undefined) this.#tell('warn', `Processes: ${missing}`);
    this.#drawNow();
    void this.#lookAgain();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#look);
    clearTimeout(this.#frame);
  }

  // ---- what is seen

  event(facts: SeenFacts, owners: Owners): void {
    this.#owners.learn(facts.flow, owners);
    if (facts.isHeldBack) return;
    this.#events.add(toldEvent(facts, owners));
    this.#drawSoon();
  }

  interface(state: InterfaceState): void {
    this.#events.add(toldInterface(state, nowUs()));
    this.#drawSoon();
  }

  losses(losses: Losses): void {
    const told = toldLosses(losses);
    if (told) this.#events.add(told);
    this.#drawSoon();
  }

  /** Of the watching itself, such as a log that cannot be written. */
  trouble(text: string): void {
    this.#tell('bad', text);
    this.#drawSoon();
  }

  #tell(tone: ToldEvent['tone'], text: string): void {
    this.#events.add({ timeUs: nowUs(), flow: undefined, tone, text });
  }

  async #lookAgain(): Promise<void> {
    clearTimeout(this.#look);
    if (this.#isLooking || this.#isStopped) return;
    this.#isLooking = true;
    const { sort, pivot } = this.#state;
    const rowsMax = pivot === 'connections' && !this.#state.narrowing ? ROWS_MAX : PIVOT_ROWS_MAX;
    const snapshot = await this.#source.snapshot(ORDERS[sort], rowsMax);
    this.#isLooking = false;
    if (this.#isStopped) return;
    this.#snapshot = snapshot;
    this.#measure(this.#source.counts());
    void this.#owners.look(snapshot.rows, nowUs()).then(() => this.#drawSoon());
    this.#drawNow();
    const pause = snapshot.rows.length > LARGE_ROWS ? LARGE_LOOK_MS : LOOK_MS;
    this.#look = setTimeout(() => void this.#lookAgain(), pause);
  }

  /** What went by between two looks that are a second apart, or nearly. */
  #measure({ bytes }: SourceCounts): void {
    const atUs = nowUs();
    const sinceUs = atUs - this.#rate.atUs;
    if (sinceUs < 900_000) return;
    const isFirst = this.#rate.atUs === 0;
    const bitsPerSecond = isFirst ? 0 : (Math.max(0, bytes - this.#rate.bytes) * 8e6) / sinceUs;
    this.#rate = { atUs, bytes, bitsPerSecond };
  }

  // ---- what is shown

  #model(): Model {
    const { rows = [] } = this.#snapshot ?? {};
    const counts = this.#source.counts();
    return {
      snapshot: this.#snapshot,
      connections: rows.map((row) => ({ row, owners: this.#owners.of(row.flow) })),
      remembered: this.#remembered,
      totals: {
        ...counts,
        flows: this.#snapshot?.flows ?? 0,
        bitsPerSecond: this.#rate.bitsPerSecond,
      },
      events: this.#events.list(),
      eventsTotal: this.#events.total,
      interfaces: this.#source.interfaces(),
      nowUs: nowUs(),
      watched: this.#settings.watched,
      log: this.#settings.log,
      ownersTrouble: this.#source.ownersTrouble(),
    };
  }

  #remember(model: Model): void {
    const { mode } = this.#state;
    if (mode.kind !== 'detail') return;
    this.#remembered = model.connections.find(({ row }) => row.flow === mode.flow) ?? this.#remembered;
  }

  #drawSoon(): void {
    if (this.#isStopped || this.#state.isPaused) return;
    this.#frame ??= setTimeout(() => this.#drawNow(), FRAME_MS);
  }

  #drawNow(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#frame);
    this.#frame = undefined;
    if (this.#state.note !== undefined && nowUs() > this.#noteUntilUs)
      this.#state = { ...this.#state, note: undefined };
    const model = this.#paused ?? this.#model();
    this.#remember(model);
    const frame = makeFrame({ ...model, remembered: this.#remembered }, this.#state, this.#stage.look());
    this.#state = frame.state;
    this.#shown = frame;
    // A terminal that has not taken the frame before loses this one; a later one shows what there is then.
    if (!this.#stage.draw(frame.lines)) this.#frame = setTimeout(() => this.#drawNow(), FRAME_MS);
  }

  /** The size is another, or the terminal was somebody else's meanwhile. */
  redraw(): void {
    this.#drawNow();
  }

  // ---- what a person does

  key(key: Key): void {
    if (this.#isStopped) return;
    const { rows = [], page = 1 } = this.#shown ?? {};
    const seen = { rows, page, eventsKept: this.#events.list().length, nowUs: nowUs() };
    const { state, order } = press(this.#state, key, seen);
    if (state.note !== undefined && state.note !== this.#state.note)
      this.#noteUntilUs = nowUs() + NOTE_MS * 1000;
    if (state.isPaused !== this.#state.isPaused) this.#paused = state.isPaused ? this.#model() : undefined;
    this.#state = state;
    switch (order?.kind) {
      case 'quit':
        this.#stage.quit();
        return;
      case 'suspend':
        this.#stage.suspend();
        return;
      case 'redraw':
        this.#stage.redraw();
        return;
      case 'filter':
        this.#setFilter(order.filter);
        break;
      case 'look':
        void this.#lookAgain();
        break;
      case undefined:
        break;
    }
    this.#drawNow();
  }

  /** Connections that it does not want are gone at once; what was seen of the others stays. */
  #setFilter(filter: string | undefined): void {
    this.#source.setFilter(filter);
    const text = filter === undefined ? 'No filter any more: everything is shown' : `Filter: ${filter}`;
    this.#tell('plain', text);
    void this.#lookAgain();
  }
}
