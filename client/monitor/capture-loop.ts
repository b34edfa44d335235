// The loop of the thread that captures: packets are decoded where the kernel put them, filtered, booked; what happens is
// told in batches. One ring serves all interfaces, so that packets come in the order in which they passed, and a
// connection that two interfaces see is counted where it was seen first.
//
// Promises: no system call for a packet, and no walk over the whole flow table while packets wait. It waits until the
// next tick at most, and a bell calls it back. Refuses: owners, words, files.

import { randomInt } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../../base/assert.ts';
import { takeOrders } from '../../base/orders.ts';
import { hushBell, openBell } from '../../kernel/bell.ts';
import { nap } from '../../kernel/datagrams.ts';
import type { PacketRing } from '../../kernel/packet-ring.ts';
import { drainChanges, openChanges } from '../../kernel/rtnetlink.ts';
import { closeSocket } from '../../kernel/socket.ts';
import { Readiness } from '../../kernel/stream.ts';
import { FlowTable, IGNORED } from '../../traffic/flow/table.ts';
import { decodeCooked } from '../../traffic/packet/decode.ts';
import { newPacket, TCP_FLAG } from '../../traffic/packet/packet.ts';
import type { CaptureOrder, CaptureReport, CaptureSettings, CaptureStart } from './capture.port.ts';
import { CAPTURE_SLOT } from './capture-counts.ts';
import { packetOf } from './capture-flow-packet.ts';
import { InterfaceWatch } from './capture-interfaces.ts';
import { ListenerBook } from './capture-listeners.ts';
import { Recorder } from './capture-records.ts';
import { Sight } from './capture-sight.ts';
import { chooseSlots, SnapshotRates } from './capture-snapshot.ts';
import { Teller } from './capture-teller.ts';

const TICK_MS = 1000;
/** Losses are told at most so often. */
const LOSSES_MS = 10_000;
/** Blocks that are read before orders and time have their turn. */
const ROUND_BLOCKS = 16;
/** The table is looked through once a second, in so many pieces. */
const PIECES = 16;
/** Interfaces of containers come in crowds; so long it is waited for the next. */
const SETTLE_MS = 50;
/** The wall clock and the steady one differ by more than this: it was set. */
const STEP_MS = 500;
/** At a stop it is waited for so long until what was told has been taken. */
const LAST_WORDS_MS = 2000;
const FIN_OR_RST = TCP_FLAG.fin | TCP_FLAG.rst;

function nowUs(): number {
  return Date.now() * 1000;
}

export class CaptureLoop {
  readonly #port: MessagePort;
  readonly #settings: CaptureSettings;
  readonly #counts: Float64Array;
  readonly #packet = newPacket();
  readonly #readiness = new Readiness();
  readonly #bell = openBell();
  readonly #changes = openChanges();
  readonly #listeners = new ListenerBook();
  readonly #watch: InterfaceWatch;
  readonly #sight: Sight;
  readonly #table: FlowTable;
  readonly #teller: Teller;
  readonly #records: Recorder | undefined;
  readonly #rates = new SnapshotRates();
  /** Packets of each interface in this interval. */
  readonly #seen = new Map<number, number>();
  #nextTickMs = 0;
  #nextPieceMs = 0;
  #nextLossesMs = LOSSES_MS;
  #nextLookMs = Number.POSITIVE_INFINITY;
  #clockMs = Date.now() - performance.now();
  #told = { dropped: 0, evicted: 0 };
  #isStopping = false;

  constructor({ settings, counts, runId }: CaptureStart, port: MessagePort) {
    this.#port = port;
    this.#settings = settings;
    this.#counts = new Float64Array(counts);
    this.#watch = new InterfaceWatch(settings.interfaces, (state) =>
      this.#tell({ kind: 'interface', interface: state }),
    );
    this.#sight = new Sight(settings, this.#watch);
    this.#table = this.#makeTable();
    const shared = { counts: this.#counts, watch: this.#watch };
    const send = (events: Extract<CaptureReport, { kind: 'events' }>['events']) =>
      this.#tell({ kind: 'events', events });
    const parts = { settings, runId, packet: this.#packet, send, ...shared };
    this.#teller = new Teller(parts, this.#table.flows.capacity);
    this.#records = settings.records && this.#makeRecorder(settings.records);
  }

  #makeTable(): FlowTable {
    const options = {
      limits: this.#settings.limits,
      salt: randomInt(2 ** 32),
      isListening: (...end: Parameters<ListenerBook['has']>) => this.#listeners.has(...end),
    };
    const listener = {
      onTurn: (turn: Parameters<Teller['onTurn']>[1], slot: number, atUs: number) =>
        this.#teller.onTurn(this.#table.flows, turn, slot, atUs),
      onRemove: (slot: number) => {
        this.#records?.take(this.#table.flows, slot);
        this.#teller.forget(slot);
      },
    };
    return new FlowTable(listener, options);
  }

  #makeRecorder(settings: NonNullable<CaptureSettings['records']>): Recorder {
    const parts = {
      settings,
      interfaces: this.#settings.interfaces,
      counts: this.#counts,
      watch: this.#watch,
      takeQuiet: () => this.#takeQuiet(),
      send: (lines: readonly string[], endUs: number) => this.#tell({ kind: 'records', lines, endUs }),
    };
    return new Recorder(parts, nowUs());
  }

  #tell(report: CaptureReport): void {
    this.#port.postMessage(report);
  }

  #add(slot: number, count: number): void {
    this.#counts[slot] = (this.#counts[slot] as number) + count;
  }

  // ---- the loop

  run(): void {
    const error = this.#sight.open();
    if (error === undefined) {
      this.#begin();
      while (!this.#isStopping) this.#turn();
      this.#end();
    } else {
      this.#tell({ kind: 'refused', error });
      closeSocket(this.#bell);
    }
    this.#sight.close();
    this.#readiness.close();
    if (this.#changes >= 0) closeSocket(this.#changes);
    this.#tell({ kind: 'stopped' });
    this.#port.close();
  }

  #begin(): void {
    const { fd } = this.#sight.ring;
    for (const watched of [fd, this.#bell, this.#changes]) {
      if (watched >= 0) this.#readiness.watch(watched, watched);
    }
    this.#teller.loopback = this.#sight.loopback;
    this.#tell({ kind: 'started', bell: this.#bell });
  }

  #turn(): void {
    const isBusy = this.#readBlocks();
    const isWalking = this.#passTime();
    this.#teller.flush();
    this.#wait(isBusy || isWalking ? 0 : this.#pauseMs());
  }

  /** Until the next thing that time brings. */
  #pauseMs(): number {
    const nextMs = Math.min(this.#nextTickMs, this.#nextPieceMs, this.#nextLookMs);
    return Math.max(1, Math.ceil(nextMs - performance.now()));
  }

  #wait(timeoutMs: number): void {
    const ready = this.#readiness.wait(timeoutMs);
    for (let i = 0; i < ready; i += 1) {
      const fd = this.#readiness.token(i);
      if (fd === this.#bell) {
        hushBell(fd);
        this.#obey();
      } else if (fd === this.#changes) {
        drainChanges(fd);
        this.#nextLookMs = Math.min(this.#nextLookMs, performance.now() + SETTLE_MS);
      } else if (this.#readiness.hasEnded(i)) {
        this.#sight.ring.takeError();
      }
    }
  }

  /** Whether there may be more at once. */
  #readBlocks(): boolean {
    const { ring } = this.#sight;
    for (let blocks = 0; blocks < ROUND_BLOCKS; blocks += 1) {
      const packets = ring.takeBlock();
      if (packets === 0) return false;
      this.#teller.ring = ring;
      this.#readPackets(ring, packets);
      this.#teller.ring = undefined;
      ring.giveBlock();
    }
    return true;
  }

  #readPackets(ring: PacketRing, packets: number): void {
    const packet = this.#packet;
    const table = this.#table;
    const { filter } = this.#sight;
    const { bytes } = ring;
    let [wanted, ipBytes, run, runIndex] = [0, 0, 0, -1];
    for (let i = 0; i < packets; i += 1) {
      ring.next();
      decodeCooked(bytes, ring.start, ring.end, ring.length, ring.etherType, ring.vlan, packet);
      if (filter !== undefined && !filter(packet)) continue;
      wanted += 1;
      if (ring.interfaceIndex !== runIndex) {
        this.#noteSeen(runIndex, run);
        runIndex = ring.interfaceIndex;
        run = 0;
      }
      run += 1;
      const slot = table.add(packet, ring.timeUs, runIndex);
      if (slot < 0) continue;
      ipBytes += packet.ipBytes;
      if ((packet.tcpFlags & FIN_OR_RST) !== 0 && packet.hasTcp) this.#teller.noteEnd(slot);
    }
    this.#noteSeen(runIndex, run);
    this.#add(CAPTURE_SLOT.packets, wanted);
    this.#add(CAPTURE_SLOT.filtered, packets - wanted);
    this.#add(CAPTURE_SLOT.ipBytes, ipBytes);
  }

  #noteSeen(index: number, packets: number): void {
    if (packets > 0) this.#seen.set(index, (this.#seen.get(index) ?? 0) + packets);
  }

  /** At the end of an interval, for which the counts must be those of now. */
  #takeQuiet(): string[] {
    this.#publish();
    const quiet = this.#watch.captured.filter(({ index }) => !this.#seen.has(index)).map(({ name }) => name);
    this.#seen.clear();
    return quiet;
  }

  // ---- what time brings

  /** Whether there is more to do at once. */
  #passTime(): boolean {
    const nowMs = performance.now();
    if (nowMs >= this.#nextLookMs) this.#look(nowMs);
    if (nowMs >= this.#nextTickMs) this.#tick(nowMs);
    if (nowMs >= this.#nextPieceMs) this.#advance(nowMs);
    return this.#records?.step(this.#table.flows, nowUs()) ?? false;
  }

  #look(nowMs: number): void {
    this.#nextLookMs = this.#sight.look() ? Number.POSITIVE_INFINITY : nowMs + SETTLE_MS;
    this.#teller.loopback = this.#sight.loopback;
  }

  /** Few flows are looked through in one go, many in pieces. */
  #advance(nowMs: number): void {
    const { capacity } = this.#table.flows;
    const isFew = this.#table.count < capacity / PIECES;
    this.#table.advanceSome(nowUs(), isFew ? capacity : Math.ceil(capacity / PIECES));
    this.#nextPieceMs = nowMs + (isFew ? TICK_MS : TICK_MS / PIECES);
  }

  #tick(nowMs: number): void {
    this.#nextTickMs = nowMs + TICK_MS;
    this.#followClock();
    if (this.#changes < 0) this.#look(nowMs);
    this.#rates.tick(this.#table.flows, nowUs());
    this.#publish();
    if (nowMs >= this.#nextLossesMs) this.#tellLosses(nowMs);
  }

  /** Somebody set the clock: what is remembered moves with it, and no silence seems longer or shorter than it is. */
  #followClock(): void {
    const clockMs = Date.now() - performance.now();
    const stepMs = clockMs - this.#clockMs;
    this.#clockMs = clockMs;
    if (Math.abs(stepMs) < STEP_MS) return;
    this.#table.flows.shift(stepMs * 1000);
    this.#records?.shift(stepMs * 1000, nowUs());
    this.#rates.forget();
    this.#add(CAPTURE_SLOT.clockSteps, 1);
  }

  #publish(): void {
    const counts = this.#counts;
    const table = this.#table;
    const { ring } = this.#sight;
    ring.count();
    counts[CAPTURE_SLOT.dropped] = ring.dropped;
    counts[CAPTURE_SLOT.flows] = table.count;
    counts[CAPTURE_SLOT.begun] = table.begun;
    counts[CAPTURE_SLOT.booked] = table.booked;
    counts[CAPTURE_SLOT.evicted] = table.removed.evicted;
    for (const reason of IGNORED) counts[CAPTURE_SLOT[reason]] = table.ignored[reason] as number;
    this.#add(CAPTURE_SLOT.beats, 1);
  }

  #tellLosses(nowMs: number): void {
    this.#nextLossesMs = nowMs + LOSSES_MS;
    const heldBack = this.#teller.takeHeldBack();
    const { dropped, evicted } = this.#told;
    this.#told = {
      dropped: this.#counts[CAPTURE_SLOT.dropped] as number,
      evicted: this.#counts[CAPTURE_SLOT.evicted] as number,
    };
    const lost = { dropped: this.#told.dropped - dropped, evicted: this.#told.evicted - evicted };
    if (lost.dropped + lost.evicted === 0 && Object.keys(heldBack).length === 0) return;
    this.#tell({ kind: 'losses', heldBack, ...lost, timeUs: nowUs() });
  }

  // ---- orders

  #obey(): void {
    takeOrders<CaptureOrder>(this.#port, (order) => this.#obeyOne(order));
  }

  #obeyOne(order: CaptureOrder): void {
    switch (order.kind) {
      case 'listeners':
        this.#listeners.set(order.listeners);
        return;
      case 'snapshot':
        this.#tellSnapshot(order);
        return;
      case 'filter':
        this.#sight.setFilter(order.filter);
        this.#forgetUnwanted();
        return;
      case 'stop':
        this.#isStopping = true;
        return;
      default:
        unreachable(order);
    }
  }

  #tellSnapshot({ order, rowsMax }: Extract<CaptureOrder, { kind: 'snapshot' }>): void {
    const { flows } = this.#table;
    const now = nowUs();
    this.#rates.look(flows, now);
    const rateOf = (slot: number) => this.#rates.of(flows, slot, now);
    const slots = chooseSlots(flows, order, rowsMax, (slot) => rateOf(slot)[0] + rateOf(slot)[1]);
    const rows = slots.map((slot) => this.#teller.row(flows, slot, now, rateOf(slot)));
    this.#publish();
    this.#tell({ kind: 'snapshot', snapshot: { timeUs: now, rows, flows: this.#table.count } });
  }

  #forgetUnwanted(): void {
    const { flows } = this.#table;
    const { filter } = this.#sight;
    if (!filter) return;
    for (let slot = 0; slot < flows.capacity; slot += 1) {
      if (flows.used[slot] && !filter(packetOf(flows, slot))) this.#table.forget(slot, nowUs());
    }
  }

  // ---- the end

  /** What has come is read, open connections are told once more, and the last records. */
  #end(): void {
    const deadlineMs = performance.now() + LAST_WORDS_MS;
    while (this.#readBlocks() && performance.now() < deadlineMs) this.#teller.flush();
    this.#teller.waitForRoom = () => {
      this.#teller.flush();
      if (performance.now() < deadlineMs) nap(5);
      return performance.now() < deadlineMs;
    };
    this.#table.tellOpen(nowUs());
    this.#table.stop(nowUs());
    this.#records?.stop(nowUs());
    this.#teller.flush();
    this.#publish();
    this.#tellLosses(performance.now());
  }
}
