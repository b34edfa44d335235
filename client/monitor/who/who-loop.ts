// The loop of the thread that finds owners: SYNs first, since each is worth something only now; then what the kernel
// tells of ends and of new processes; then questions. Between them it looks after the list of listening sockets.
//
// Promises: orders are heard at once, whatever it waits for; nothing that is missing (a right, a kernel option) ends it.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { unreachable } from '../../../base/assert.ts';
import { hushBell, openBell } from '../../../kernel/bell.ts';
import { ClockReader } from '../../../kernel/clock.ts';
import { InetDiag, openSocketEnds, readSocket } from '../../../kernel/inet-diag.ts';
import { type NetlinkSocket, walkMessages } from '../../../kernel/netlink.ts';
import { HEAD_BYTES, HEADS_MAX, PacketHeads, stampPackets } from '../../../kernel/packet-heads.ts';
import { openPacketSocket } from '../../../kernel/packet-socket.ts';
import { openProcessEvents, takeStarts } from '../../../kernel/process-events.ts';
import { closeSocket, DropMeter, growReceiveBuffer } from '../../../kernel/socket.ts';
import { Readiness } from '../../../kernel/stream.ts';
import { Answers } from './answers.ts';
import { Budget } from './budget.ts';
import { WhoCounters } from './counts.ts';
import { DatagramWatch } from './datagram-watch.ts';
import { Finder } from './finder.ts';
import { Holders } from './holders.ts';
import { ListenerOwners } from './listener-owners.ts';
import { Listening } from './listening.ts';
import { rehearseLookups } from './rehearsal.ts';
import { CONNECTED_STATES, Tracker } from './tracker.ts';
import { compileTriggers, readTrigger } from './triggers.ts';
import { Groups } from './units.ts';
import { Users } from './users.ts';
import { wayState, whyNotAllProcesses } from './ways.ts';
import type { NumberedQuestion, WayState, WhoOrder, WhoReport, WhoSettings } from './who.port.ts';

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
/** A question about an end waits so long for the kernel to tell of it. */
const EARLY_MS = 60;
const EARLY_MAX = 4096;
const ENDS_RECEIVE_BYTES = 1024 * 1024;
const TOKEN = { bell: 0, packets: 1, ends: 2, starts: 3, datagrams: 4 } as const;
/** SYNs that wait while the thread looks somebody up: at some 1.5 KiB of the kernel's memory each, a thousand. */
const PACKETS_RECEIVE_BYTES = 1024 * 1024;

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
  readonly #ways: WayState[] = [];
  readonly #early: Early[] = [];
  #answered: { number: number; owners: ReturnType<Answers['answer']> }[] = [];
  #diag: InetDiag | undefined;
  #finder: Finder | undefined;
  #tracker: Tracker | undefined;
  #answers: Answers | undefined;
  #listenerOwners: ListenerOwners | undefined;
  #packets = -1;
  #datagrams: DatagramWatch | undefined;
  #ends: NetlinkSocket | undefined;
  #starts: NetlinkSocket | undefined;
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
    this.#openDiag();
    if (this.#diag) this.#openSources(settings);
  }

  #tell(report: WhoReport): void {
    this.#port.postMessage(report);
  }

  // ---- opening

  #openDiag(): void {
    const opened = InetDiag.open();
    this.#ways.push(wayState('sockets', opened.ok ? undefined : opened.error));
    if (opened.ok) this.#diag = opened.diag;
  }

  /** The sockets that hear come first: what happens while the rest is looked at waits in them. */
  #openSources(settings: WhoSettings): void {
    const filter = compileTriggers(settings.filter, HEAD_BYTES);
    const packets = openPacketSocket({ interfaceIndex: 0, cooked: true, filter });
    this.#ways.push(wayState('syn', packets.ok ? undefined : packets.error));
    if (packets.ok) {
      this.#packets = packets.fd;
      stampPackets(packets.fd);
      growReceiveBuffer(packets.fd, PACKETS_RECEIVE_BYTES);
      this.#readiness.watch(packets.fd, TOKEN.packets);
    }
    this.#datagrams = DatagramWatch.open(settings.filter);
    if (this.#datagrams) this.#readiness.watch(this.#datagrams.fd, TOKEN.datagrams);
    const hidden = whyNotAllProcesses();
    this.#ways.push(wayState('processes', hidden));
    const ends = openSocketEnds(ENDS_RECEIVE_BYTES);
    this.#ways.push(wayState('ends', ends.ok ? undefined : ends.error));
    this.#ends = this.#watch(ends, TOKEN.ends);
    const starts = openProcessEvents();
    this.#ways.push(wayState('starts', starts.ok ? undefined : starts.error));
    this.#starts = this.#watch(starts, TOKEN.starts);
    this.#assemble(hidden === undefined, ends.ok);
  }

  #nowUs(): number {
    this.#clock.read();
    return this.#clock.sec * 1e6 + this.#clock.nanos / 1000;
  }

  #watch(
    opened: { readonly ok: true; readonly socket: NetlinkSocket } | { readonly ok: false },
    token: number,
  ): NetlinkSocket | undefined {
    if (!opened.ok) return undefined;
    this.#readiness.watch(opened.socket.fd, token);
    return opened.socket;
  }

  #assemble(seesAll: boolean, hearsEnds: boolean): void {
    const diag = this.#diag as InetDiag;
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
    if (this.#diag && this.#finder) rehearseLookups(this.#diag, this.#finder, this.#holders);
    const untilMs = performance.now() + ADOPT_START_MS;
    for (const protocol of [6, 17])
      for (const family of [4, 6] as const)
        this.#diag?.dump(protocol, family, CONNECTED_STATES, (socket) => {
          if (performance.now() < untilMs && socket.remotePort !== 0) this.#tracker?.adopt(socket, protocol);
        });
  }

  // ---- the loop

  run(): void {
    if (this.#diag) this.#takeStock();
    this.#budget.refill(performance.now());
    this.#counters.clear();
    this.#tell({ kind: 'started', bell: this.#bell, ways: this.#ways });
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
      const count = heads.receive(this.#packets);
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
    this.#datagrams?.take(this.#heads, performance.now(), (ends, interfaceIndex, timeUs) => {
      this.#tracker?.onDatagram(ends, interfaceIndex, timeUs);
    });
  }

  #takeEnds(): void {
    const ends = this.#ends;
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
    if (!this.#starts) return;
    const lost = takeStarts(this.#starts, ROUND_MESSAGES, (pid) => this.#holders.begun(pid));
    this.#counters.add('overruns', lost);
  }

  // ---- questions

  #obey(): void {
    hushBell(this.#bell);
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: WhoOrder } | undefined;
      if (!received) return;
      this.#obeyOne(received.message);
    }
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
    this.#datagrams?.turnSecond(nowMs);
    if (this.#isIncomplete) this.#reconcile();
    if (nowMs - this.#listedAtMs >= LISTENERS_EVERY_MS) this.#relist(nowMs);
  }

  #countDrops(): void {
    if (this.#packets < 0) return;
    const now = this.#meter.read(this.#packets);
    this.#counters.add('kernelDrops', (now - this.#dropsSeen) >>> 0);
    this.#dropsSeen = now;
    const forgotten = this.#tracker?.table.takeForgotten() ?? 0;
    this.#counters.add('forgotten', forgotten);
  }

  #reconcile(): void {
    this.#isIncomplete = false;
    const cookies = new Set<number>();
    for (const protocol of [6, 17])
      for (const family of [4, 6] as const) {
        const dumped = this.#diag?.dump(protocol, family, CONNECTED_STATES, ({ cookie }) =>
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
    if (!this.#diag || !this.#listening.refresh(this.#diag) || !this.#listening.takeChanged()) return false;
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
    this.#datagrams?.close();
    this.#ends?.close();
    this.#starts?.close();
    this.#diag?.close();
    if (this.#packets >= 0) closeSocket(this.#packets);
    closeSocket(this.#bell);
  }
}

/** The kernel cannot be asked at all. */
function unanswerable({ isClientOwn, isServerOwn }: NumberedQuestion): ReturnType<Answers['answer']> {
  const owner = { how: 'unknown:no-permission' } as const;
  return { client: isClientOwn ? owner : undefined, server: isServerOwn ? owner : undefined };
}
