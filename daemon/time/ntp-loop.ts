// The loop of the time server: take a batch of requests with their receive times, let ntp/answer.ts decide,
// stamp the answers as late as possible, send. Once a second it looks at the kernel's clock.
//
// One socket is waited for in the receive call itself, which saves a call for each lone request; several are
// watched together. The answers of a batch leave one after the other, so each is stamped with the time at
// which its own turn comes: the time now, and what the answers before it take (measured as we go).

import { randomInt } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../../base/assert.ts';
import { takeOrders } from '../../base/orders.ts';
import type { NtpConfig } from '../../config/server.ts';
import { hushBell, openBell } from '../../kernel/bell.ts';
import { nap } from '../../kernel/datagrams.ts';
import { closeSocket, DropMeter } from '../../kernel/socket.ts';
import { Readiness } from '../../kernel/stream.ts';
import { ANSWERS_MAX, prepareStamped, REQUESTS_MAX, StampedDatagrams } from '../../kernel/timestamps.ts';
import { Access } from '../../ntp/access.ts';
import { Answerer, KIND, Request } from '../../ntp/answer.ts';
import { ClientRows } from '../../ntp/clients.ts';
import { Dice } from '../../ntp/dice.ts';
import { SentTimes } from '../../ntp/interleave.ts';
import { RateGate } from '../../ntp/rate.ts';
import { VERDICT } from '../../ntp/shape.ts';
import { Served } from '../../ntp/standing.ts';
import { fractionOf, ntpSeconds } from '../../ntp/timestamp.ts';
import { ClockWatch } from './clock-watch.ts';
import { DROPPED_SLOT_0, NTP_SLOT } from './counts.ts';
import type { NtpOrder, NtpReport, NtpSocket, NtpStart } from './ntp.port.ts';

const TICK_MS = 1000;
const WAIT_MS = 100;
/** Without a request for so long, the thread sleeps until one comes, or the next tick is due. */
const QUIET_AFTER_MS = 2000;
const QUIET_WAIT_MS = 1000;
/** When the kernel cannot give us datagrams (no memory, for one), asking at once again would not help. */
const TROUBLE_NAP_MS = 10;
/** Full batches that one socket may take before others have their turn. */
const ROUND_BATCHES = 8;
/** Answers that must leave together for their pace to be worth measuring. */
const PACE_COUNT_MIN = 4;
const PACE_FOLLOW = 1 / 16;
/** Beyond this the thread was interrupted, and the pace says nothing. */
const PACE_NS_MAX = 20_000;

interface ServedSocket {
  readonly socket: NtpSocket;
  readonly meter: DropMeter;
  dropsSeen: number;
}

export class NtpLoop {
  readonly #port: MessagePort;
  readonly #bell: Int32Array;
  readonly #counts: Float64Array;
  readonly #datagrams = new StampedDatagrams();
  readonly #request = new Request(this.#datagrams.view);
  readonly #readiness = new Readiness();
  readonly #sockets = new Map<number, ServedSocket>();
  readonly #clock: ClockWatch;
  readonly #clients: ClientRows;
  readonly #sent = new SentTimes();
  readonly #dice = new Dice([randomInt(2 ** 31), randomInt(2 ** 31), randomInt(2 ** 31), randomInt(2 ** 31)]);
  readonly #served: Served;
  readonly #answerer: Answerer;
  /** Of the answers that are ready: where each lies, and what stamping it means. */
  readonly #places = new Int32Array(ANSWERS_MAX);
  readonly #kinds = new Uint8Array(ANSWERS_MAX);
  /** Nanoseconds from one answer of a batch to the next. */
  readonly #isStamped: boolean;
  readonly #pace = new Float64Array(1);
  #config: NtpConfig;
  /** Milliseconds on a clock that is never stepped: now, and the next tick. */
  readonly #now = new Float64Array(2);
  /** The one socket, if there is one; -1: there are several, or none. */
  #onlyFd = -1;
  readonly #wake = openBell();
  #askedAtMs = 0;
  #isStopping = false;

  constructor(start: NtpStart, port: MessagePort) {
    this.#port = port;
    this.#bell = new Int32Array(start.bell);
    this.#counts = new Float64Array(start.counts);
    this.#config = start.config;
    this.#clock = new ClockWatch();
    this.#clients = new ClientRows(start.clients, randomInt(2 ** 31));
    this.#served = new Served(0, this.#dice);
    const parts = { clients: this.#clients, served: this.#served, dice: this.#dice, sent: this.#sent };
    this.#answerer = new Answerer(new Access([], []), parts);
    this.#configure(start.config);
    this.#isStamped = start.sockets.map((socket) => this.#add(socket)).every(Boolean);
  }

  #tell(report: NtpReport): void {
    this.#port.postMessage(report);
  }

  #count(slot: number, count: number): void {
    (this.#counts[slot] as number) += count;
  }

  // ---- the loop

  run(): void {
    const precision = this.#clock.measurePrecision();
    this.#served.setPrecision(precision);
    this.#tick();
    this.#readiness.watch(this.#wake, this.#wake);
    this.#tell({ kind: 'started', precision, stamped: this.#isStamped, wake: this.#wake });
    while (!this.#isStopping) {
      if (this.#onlyFd >= 0 && !this.#isQuiet()) this.takeBatch(this.#onlyFd, true);
      else this.#takeRound();
      if ((this.#now[0] as number) >= (this.#now[1] as number)) this.#tick();
      if (Atomics.load(this.#bell, 0) !== 0) this.#obey();
    }
    for (const fd of this.#sockets.keys()) closeSocket(fd);
    this.#readiness.close();
    this.#tell({ kind: 'stopped' });
    this.#port.close();
  }

  /** Nobody has asked for a while: then it may sleep for long, and the next request costs one call more. */
  #isQuiet(): boolean {
    return (this.#now[0] as number) - this.#askedAtMs >= QUIET_AFTER_MS;
  }

  #takeRound(): void {
    const ready = this.#readiness.wait(this.#isQuiet() ? QUIET_WAIT_MS : WAIT_MS);
    if (ready === 0) this.#readNow();
    for (let i = 0; i < ready; i += 1) {
      const fd = this.#readiness.token(i);
      if (fd === this.#wake) {
        hushBell(fd);
        continue;
      }
      for (let batches = 0; batches < ROUND_BATCHES; batches += 1) {
        if (this.takeBatch(fd, false) < REQUESTS_MAX) break;
      }
    }
  }

  /** Serves a socket that is not its own with another configuration, while `play` lasts, and forgets all of it. */
  rehearse(socket: NtpSocket, config: NtpConfig, play: () => void): void {
    const own = this.#config;
    this.#configure(config);
    this.#add(socket);
    this.#tick();
    play();
    this.#remove(socket.fd);
    this.#configure(own);
    this.#clients.clear();
    this.#sent.clear();
    this.#counts.fill(0);
  }

  /** Answers what is there; `wait`: or what comes within 100 ms. Returns how many requests it was. */
  takeBatch(fd: number, wait: boolean): number {
    const datagrams = this.#datagrams;
    const count = datagrams.receive(fd, wait);
    if (count <= 0) {
      this.#readNow();
      if (count < 0 && datagrams.trouble() !== undefined) nap(TROUBLE_NAP_MS);
      return 0;
    }
    this.#count(NTP_SLOT.requests, count);
    this.#askedAtMs = this.#now[0] as number;
    let ready = 0;
    for (let i = 0; i < count; i += 1) {
      datagrams.at(i);
      this.#fillRequest();
      if (i === 0) this.#setNow(datagrams.sec, datagrams.nanos);
      const place = datagrams.answerTo(ready);
      if (!this.#answer(place, ready)) continue;
      ready += 1;
      if (ready < ANSWERS_MAX) continue;
      this.#send(fd, ready);
      ready = 0;
    }
    if (ready > 0) this.#send(fd, ready);
    return count;
  }

  #readNow(): void {
    const { real } = this.#clock;
    real.read();
    this.#setNow(real.sec, real.nanos);
  }

  /** For the accounts of clients and the next tick. A batch is as late as its first request came: no reading. */
  #setNow(sec: number, nanos: number): void {
    const nowMs = sec * 1000 + nanos / 1e6 - this.#clock.steppedMs;
    this.#now[0] = nowMs;
    this.#answerer.setTime(nowMs);
  }

  #answer(place: number, ready: number): boolean {
    const { view } = this.#datagrams;
    const verdict = this.#answerer.answer(this.#request, view, place);
    if (verdict !== VERDICT.answer) {
      this.#count(DROPPED_SLOT_0 + verdict - 1, 1);
      return false;
    }
    this.#places[ready] = place;
    this.#kinds[ready] = this.#answerer.kind;
    if (this.#answerer.kind === KIND.interleaved) this.#count(NTP_SLOT.interleaved, 1);
    return true;
  }

  #fillRequest(): void {
    const request = this.#request;
    const datagrams = this.#datagrams;
    request.at = datagrams.start;
    request.length = datagrams.length;
    request.port = datagrams.port;
    request.w0 = datagrams.w0;
    request.w1 = datagrams.w1;
    request.w2 = datagrams.w2;
    request.w3 = datagrams.w3;
    if (!datagrams.isStamped) this.#stampRequest();
    request.receivedSec = ntpSeconds(datagrams.sec);
    request.receivedFraction = fractionOf(datagrams.nanos);
  }

  /** The kernel gave no time: it is our own, somewhat late. */
  #stampRequest(): void {
    const { real } = this.#clock;
    real.read();
    this.#datagrams.sec = real.sec;
    this.#datagrams.nanos = real.nanos;
    this.#count(NTP_SLOT.unstamped, 1);
  }

  /** Nothing stands between the reading of the clock and the sending but the stamps themselves. */
  #send(fd: number, count: number): void {
    const { view } = this.#datagrams;
    const clock = this.#clock.real;
    const paceNs = this.#pace[0] as number;
    clock.read();
    for (let k = 0; k < count; k += 1) {
      const nanos = clock.nanos + k * paceNs;
      const carry = nanos >= 1e9 ? 1 : 0;
      const place = this.#places[k] as number;
      const kind = this.#kinds[k] as 0 | 1 | 2;
      const isSound = this.#answerer.stamp(
        view,
        place,
        kind,
        ntpSeconds(clock.sec + carry),
        fractionOf(nanos - carry * 1e9),
      );
      if (!isSound) this.#count(NTP_SLOT.unstamped, 1);
    }
    const sent = this.#datagrams.send(fd, count);
    this.#count(NTP_SLOT.answers, sent);
    if (sent < count) this.#count(NTP_SLOT.unsent, count - sent);
    if (count >= PACE_COUNT_MIN) this.#followPace(count);
  }

  #followPace(count: number): void {
    const clock = this.#clock.real;
    const { sec, nanos } = clock;
    clock.read();
    const each = ((clock.sec - sec) * 1e9 + clock.nanos - nanos) / count;
    const before = this.#pace[0] as number;
    if (each > 0 && each < PACE_NS_MAX) this.#pace[0] = before + (each - before) * PACE_FOLLOW;
  }

  // ---- once a second

  #tick(): void {
    this.#count(NTP_SLOT.beats, 1);
    const bySec = this.#clock.look();
    if (bySec !== 0) {
      this.#sent.clear();
      this.#count(NTP_SLOT.clockSteps, 1);
      this.#tell({ kind: 'stepped', bySec });
    }
    this.#readNow();
    this.#now[1] = (this.#now[0] as number) + TICK_MS;
    const { real } = this.#clock;
    const standing = this.#clock.standing(this.#config.local);
    this.#served.update(standing, ntpSeconds(real.sec), fractionOf(real.nanos));
    this.#publish();
    for (const served of this.#sockets.values()) {
      const drops = served.meter.read(served.socket.fd);
      this.#count(NTP_SLOT.kernelDrops, (drops - served.dropsSeen) >>> 0);
      served.dropsSeen = drops;
    }
  }

  #publish(): void {
    const counts = this.#counts;
    const served = this.#served;
    counts[NTP_SLOT.clientsForgotten] = this.#clients.forgotten;
    counts[NTP_SLOT.leap] = served.leap;
    counts[NTP_SLOT.stratum] = served.stratum;
    counts[NTP_SLOT.referenceId] = served.referenceId;
    counts[NTP_SLOT.rootDispersionS] = (served.rootDispersion >>> 0) / 65_536;
    counts[NTP_SLOT.precision] = served.precision;
    counts[NTP_SLOT.kernelSynchronised] = this.#clock.kernel.synchronised ? 1 : 0;
    counts[NTP_SLOT.kernelMaxErrorS] = this.#clock.kernel.maxErrorSec;
  }

  // ---- orders

  #obey(): void {
    Atomics.store(this.#bell, 0, 0);
    takeOrders<NtpOrder>(this.#port, (order) => this.#obeyOne(order));
  }

  #obeyOne(order: NtpOrder): void {
    switch (order.kind) {
      case 'configure':
        for (const fd of order.remove) this.#remove(fd);
        for (const socket of order.add) this.#add(socket);
        this.#configure(order.config);
        this.#tick();
        this.#tell({ kind: 'configured' });
        return;
      case 'stop':
        this.#isStopping = true;
        return;
      default:
        unreachable(order);
    }
  }

  #configure(config: NtpConfig): void {
    this.#config = config;
    const { rateLimit } = config;
    const gate = rateLimit && new RateGate(rateLimit, this.#dice);
    const pollMin = rateLimit?.interval ?? Number.NEGATIVE_INFINITY;
    this.#answerer.configure(new Access(config.allow, config.deny), gate, pollMin);
  }

  /** False: the kernel gives no receive times at this socket. */
  #add(socket: NtpSocket): boolean {
    const stamped = prepareStamped(socket.fd, { family: socket.family, asked: socket.wildcard });
    const meter = new DropMeter();
    this.#sockets.set(socket.fd, { socket, meter, dropsSeen: meter.read(socket.fd) });
    this.#readiness.watch(socket.fd, socket.fd);
    this.#lookForOne();
    return stamped;
  }

  #remove(fd: number): void {
    if (!this.#sockets.delete(fd)) return;
    this.#readiness.forget(fd);
    closeSocket(fd);
    this.#lookForOne();
  }

  #lookForOne(): void {
    const [fd = -1] = this.#sockets.keys();
    this.#onlyFd = this.#sockets.size === 1 ? fd : -1;
  }
}
