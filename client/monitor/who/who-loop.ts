// The loop of the thread that finds owners: SYNs first, since each is worth something only now; then what the kernel
// tells of ends and of new processes; then questions. Between them it looks after the list of listening sockets.
//
// Promises: orders are heard at once, whatever it waits for; nothing that is missing (a right, a kernel option) ends it.

import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../../../base/assert.ts';
import { takeOrders } from '../../../base/orders.ts';
import { hushBell, openBell } from '../../../kernel/bell.ts';
import { ClockReader } from '../../../kernel/clock.ts';
import { type InetDiag, type InetSocket, readSocket } from '../../../kernel/inet-diag.ts';
import { type NetlinkSocket, walkMessages } from '../../../kernel/netlink.ts';
import { HEADS_MAX, PacketHeads } from '../../../kernel/packet-heads.ts';
import { takeStarts } from '../../../kernel/process-events.ts';
import { DropMeter } from '../../../kernel/socket.ts';
import { Readiness } from '../../../kernel/stream.ts';
import { PROTOCOL } from '../../../traffic/packet/packet.ts';
import { Answers } from './answers.ts';
import { Budget } from './budget.ts';
import { WhoCounters } from './counts.ts';
import { Finder } from './finder.ts';
import { Holders } from './holders.ts';
import { ListenerOwners } from './listener-owners.ts';
import { Listening } from './listening.ts';
import { rehearseLookups } from './rehearsal.ts';
import { closeSources, openSources, type Sources } from './sources.ts';
import { CONNECTED_STATES, Tracker } from './tracker.ts';
import { readTrigger } from './triggers.ts';
import { Groups } from './units.ts';
import { Users } from './users.ts';
import type { NumberedQuestion, WhoOrder, WhoReport, WhoSettings } from './who.port.ts';

/** The bell ends a wait at once. */
const WAIT_MS = 1000;
const LISTENERS_EVERY_MS = 5000;
/** The kernel's drops are read, and lost ends looked for, so often at most. */
const TIDY_EVERY_MS = 1000;
/** Batches of SYNs before others have their turn. */
const ROUND_BATCHES = 8;
const ROUND_MESSAGES = 256;
/** What a look through all processes may take of one turn of the loop; at the start, altogether. */
const SWEEP_SLICE_MS = 1;
const SWEEP_START_MS = 300;
const ADOPT_START_MS = 200;
const ADOPT_MAX = 32_768;
/** A question about an end waits so long for the kernel to tell of it. */
const EARLY_MS = 60;
const EARLY_MAX = 4096;
const TOKEN = { bell: 0, packets: 1, ends: 2, starts: 3, datagrams: 4 } as const;

interface Early {
  readonly question: NumberedQuestion;
  readonly dueMs: number;
}

export interface WhoStart {
  readonly settings: WhoSettings;
  readonly counts: SharedArrayBuffer;
}

export class WhoLoop {
  readonly #port: MessagePort;
  readonly #bell = openBell();
  readonly #readiness = new Readiness();
  readonly #clock = new ClockReader('realtime');
  readonly #heads = new PacketHeads();
  readonly #meter = new DropMeter();
  readonly #counters: WhoCounters;
  readonly #budget = new Budget(performance.now());
  readonly #holders = new Holders();
  readonly #listening = new Listening();
  readonly #sources: Sources;
  readonly #early: Early[] = [];
  #answered: { number: number; owners: ReturnType<Answers['answer']> }[] = [];
  #finder: Finder | undefined;
  #tracker: Tracker | undefined;
  #answers: Answers | undefined;
  #listenerOwners: ListenerOwners | undefined;
  #sweep: ReturnType<Holders['sweep']> | undefined;
  #dropsSeen = 0;
  #isIncomplete = false;
  #tidiedAtMs = performance.now();
  #listedAtMs = performance.now();
  #isStopping = false;

  constructor({ settings, counts }: WhoStart, port: MessagePort) {
    this.#port = port;
    this.#counters = new WhoCounters(counts);
    this.#readiness.watch(this.#bell, TOKEN.bell);
    this.#sources = openSources(settings);
    const { diag, packets, datagrams, ends, starts } = this.#sources;
    this.#watch(packets, TOKEN.packets);
    this.#watch(datagrams?.fd ?? -1, TOKEN.datagrams);
    this.#watch(ends?.fd ?? -1, TOKEN.ends);
    this.#watch(starts?.fd ?? -1, TOKEN.starts);
    if (diag) this.#assemble(diag);
  }

  #watch(fd: number, token: number): void {
    if (fd >= 0) this.#readiness.watch(fd, token);
  }

  #tell(report: WhoReport): void {
    this.#port.postMessage(report);
  }

  // ---- opening

  #nowUs(): number {
    this.#clock.read();
    return this.#clock.sec * 1e6 + this.#clock.nanos / 1000;
  }

  #assemble(diag: InetDiag): void {
    const seesAll = this.#sources.seesAllProcesses;
    const hearsEnds = this.#sources.ends !== undefined;
    const counters = this.#counters;
    const budget = this.#budget;
    const listening = this.#listening;
    const parts = {
      diag,
      holders: this.#holders,
      users: new Users(),
      groups: new Groups(),
      counters,
      seesAll,
    };
    const finder = new Finder(parts);
    const listenerOwners = new ListenerOwners(finder, this.#holders);
    const tracker = new Tracker({
      ...{ diag, finder, listening, listenerOwners, counters, budget, nowUs: () => this.#nowUs() },
    });
    this.#finder = finder;
    this.#listenerOwners = listenerOwners;
    this.#tracker = tracker;
    this.#answers = new Answers({
      ...{ diag, finder, listening, listenerOwners, counters, budget, tracker, hearsEnds },
    });
  }

  /** Who listens, and whose the connections are that are there. */
  #takeStock(): void {
    const sweepUntilMs = performance.now() + SWEEP_START_MS;
    this.#lookAtListeners();
    while (this.#sweep && performance.now() < sweepUntilMs) this.#sweepOn(SWEEP_SLICE_MS);
    if (this.#sources.diag && this.#finder) rehearseLookups(this.#sources.diag, this.#finder, this.#holders);
    this.#adopt();
  }

  /** The kernel is asked for each while it is adopted, so its own list is taken first. */
  #adopt(): void {
    const untilMs = performance.now() + ADOPT_START_MS;
    const there: InetSocket[] = [];
    const keep = (protocol: number) => (socket: InetSocket) => {
      if (socket.remotePort !== 0 && there.length < ADOPT_MAX) there.push({ ...socket, protocol });
    };
    for (const protocol of [PROTOCOL.tcp, PROTOCOL.udp])
      for (const family of [4, 6] as const)
        this.#sources.diag?.dump(protocol, family, CONNECTED_STATES, keep(protocol));
    for (const socket of there) if (performance.now() < untilMs) this.#tracker?.adopt(socket);
  }

  // ---- the loop

  run(): void {
    if (this.#sources.diag) this.#takeStock();
    this.#budget.refill(performance.now());
    this.#counters.clear();
    this.#tell({ kind: 'started', bell: this.#bell, ways: this.#sources.ways });
    this.#tell({ kind: 'listeners', listeners: this.#listening.services() });
    while (!this.#isStopping) this.#turn();
    this.#close();
    this.#tell({ kind: 'stopped' });
    this.#port.close();
  }

  #turn(): void {
    const ready = this.#readiness.wait(this.#waitMs());
    let tokens = 0;
    for (let i = 0; i < ready; i += 1) tokens |= 1 << this.#readiness.token(i);
    if (tokens & (1 << TOKEN.starts)) this.#takeStarts();
    if (tokens & (1 << TOKEN.packets)) this.#takePackets();
    if (tokens & (1 << TOKEN.datagrams)) this.#takeDatagrams();
    if (tokens & (1 << TOKEN.ends)) this.#takeEnds();
    if (tokens & (1 << TOKEN.bell)) this.#obey();
    this.#tracker?.work();
    this.#answerEarly();
    this.#tidy();
    if (this.#sweep) this.#sweepOn(SWEEP_SLICE_MS);
    if (this.#answered.length > 0) this.#tell({ kind: 'answers', answers: this.#answered.splice(0) });
  }

  #waitMs(): number {
    if (this.#sweep) return 0;
    const due = Math.min(
      this.#tracker?.dueMs ?? Number.POSITIVE_INFINITY,
      this.#early[0]?.dueMs ?? Number.POSITIVE_INFINITY,
    );
    return Math.max(0, Math.min(WAIT_MS, Math.ceil(due - performance.now())));
  }

  #takePackets(): void {
    const heads = this.#heads;
    for (let batches = 0; batches < ROUND_BATCHES; batches += 1) {
      const count = heads.receive(this.#sources.packets);
      for (let i = 0; i < count; i += 1) {
        heads.at(i);
        const trigger = readTrigger(heads.bytes, heads.start, heads.end);
        const timeUs = heads.timeUs || this.#nowUs();
        if (trigger) this.#tracker?.onTrigger(trigger, heads.isOutgoing, heads.interfaceIndex, timeUs);
      }
      if (count < HEADS_MAX) return;
    }
  }

  #takeDatagrams(): void {
    this.#sources.datagrams?.take(this.#heads, performance.now(), (ends, interfaceIndex, timeUs) => {
      this.#tracker?.onDatagram(ends, interfaceIndex, timeUs);
    });
  }

  #takeEnds(): void {
    const ends = this.#sources.ends;
    if (!ends) return;
    const nowUs = this.#nowUs();
    for (let i = 0; i < ROUND_MESSAGES; i += 1) {
      const received = ends.receive();
      if (received === 'nothing') return;
      if (received === 'overrun') this.#missed();
      else if (received !== 'bytes') this.#counters.add('malformed');
      else this.#readEnds(ends, nowUs);
    }
  }

  #readEnds({ bytes, length }: NetlinkSocket, nowUs: number): void {
    const isWhole = walkMessages(bytes, length, (message) => {
      const socket = readSocket(bytes, message);
      if (socket) this.#tracker?.onGone(socket, nowUs);
      else this.#counters.add('malformed');
    });
    if (!isWhole) this.#counters.add('malformed');
  }

  #missed(): void {
    this.#counters.add('overruns');
    this.#isIncomplete = true;
  }

  #takeStarts(): void {
    if (!this.#sources.starts) return;
    const lost = takeStarts(this.#sources.starts, ROUND_MESSAGES, (pid) => this.#holders.begun(pid));
    this.#counters.add('overruns', lost);
  }

  // ---- questions

  #obey(): void {
    hushBell(this.#bell);
    takeOrders<WhoOrder>(this.#port, (order) => this.#obeyOne(order));
  }

  #obeyOne(order: WhoOrder): void {
    switch (order.kind) {
      case 'ask':
        for (const question of order.questions) this.#take(question);
        return;
      case 'stop':
        this.#isStopping = true;
        return;
      default:
        unreachable(order);
    }
  }

  #take(question: NumberedQuestion): void {
    this.#counters.add('questions');
    const isEarly = this.#early.length < EARLY_MAX && this.#answers?.isEarly(question) === true;
    if (isEarly) this.#early.push({ question, dueMs: performance.now() + EARLY_MS });
    else this.#answer(question);
  }

  #answer(question: NumberedQuestion): void {
    const owners = this.#answers?.answer(question) ?? unanswerable(question);
    this.#answered.push({ number: question.number, owners });
  }

  /** Those whose end was told meanwhile, and those that have waited long enough. */
  #answerEarly(): void {
    if (this.#early.length === 0) return;
    const nowMs = performance.now();
    const waiting = this.#early.splice(0);
    for (const early of waiting) {
      if (early.dueMs > nowMs && this.#answers?.isEarly(early.question)) this.#early.push(early);
      else this.#answer(early.question);
    }
  }

  // ---- now and then

  #tidy(): void {
    const nowMs = performance.now();
    if (nowMs - this.#tidiedAtMs < TIDY_EVERY_MS) return;
    this.#tidiedAtMs = nowMs;
    this.#countDrops();
    this.#sources.datagrams?.turnSecond(nowMs);
    if (this.#isIncomplete) this.#reconcile();
    if (nowMs - this.#listedAtMs >= LISTENERS_EVERY_MS) this.#relist(nowMs);
  }

  #countDrops(): void {
    if (this.#sources.packets < 0) return;
    const now = this.#meter.read(this.#sources.packets);
    this.#counters.add('kernelDrops', (now - this.#dropsSeen) >>> 0);
    this.#dropsSeen = now;
    const forgotten = this.#tracker?.table.takeForgotten() ?? 0;
    this.#counters.add('forgotten', forgotten);
  }

  #reconcile(): void {
    this.#isIncomplete = false;
    const cookies = new Set<number>();
    for (const protocol of [PROTOCOL.tcp, PROTOCOL.udp])
      for (const family of [4, 6] as const) {
        const dumped = this.#sources.diag?.dump(protocol, family, CONNECTED_STATES, ({ cookie }) =>
          cookies.add(cookie),
        );
        if (dumped !== 'whole') this.#isIncomplete = true;
      }
    if (!this.#isIncomplete) this.#tracker?.reconcile(cookies, this.#nowUs());
  }

  #relist(nowMs: number): void {
    this.#listedAtMs = nowMs;
    if (this.#lookAtListeners()) this.#tell({ kind: 'listeners', listeners: this.#listening.services() });
  }

  /** True: they have changed; then it is looked who holds them. */
  #lookAtListeners(): boolean {
    if (!this.#sources.diag || !this.#listening.refresh(this.#sources.diag) || !this.#listening.takeChanged())
      return false;
    const inodes = new Set(this.#listening.sockets().map(({ inode }) => inode));
    inodes.delete(0);
    this.#sweep = this.#holders.sweep(inodes);
    return true;
  }

  #sweepOn(sliceMs: number): void {
    const untilMs = performance.now() + sliceMs;
    while (this.#sweep && performance.now() < untilMs) {
      const next = this.#sweep.next();
      if (!next.done) continue;
      this.#listenerOwners?.know(next.value);
      this.#sweep = undefined;
    }
  }

  #close(): void {
    this.#readiness.close();
    closeSources(this.#sources);
  }
}

/** The kernel cannot be asked at all. */
function unanswerable({ isClientOwn, isServerOwn }: NumberedQuestion): ReturnType<Answers['answer']> {
  const owner = { how: 'unknown:no-permission' } as const;
  return { client: isClientOwn ? owner : undefined, server: isServerOwn ? owner : undefined };
}
