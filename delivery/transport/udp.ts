// Delivery as datagrams (RFC 5426), one record each. Nobody answers, and the network may drop any of them:
// whoever cannot afford that takes RELP. Promises what can be had all the same: a record is done when GRACE_MS
// have passed without the other host saying that nobody listens there (ICMP port unreachable, on a connected
// socket), so a server that is down for a while loses little; datagrams leave in bursts with a pause between,
// so that a backlog does not overrun the receiver's buffer.
//
// Refuses: datagrams of more than 65,507 bytes, which IP cannot carry; they are cut, and counted.

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { codeOf } from '../../base/fault.ts';
import type { ReadBatch } from '../spool/batch.ts';
import type { Connection, ConnectionParts, Open, OpenWish, Opened } from './connection.ts';
import { SentBatches } from './sent.ts';
import { connectionTrouble, printPeer, type Trouble } from './trouble.ts';

/** 65,535 less the headers of IPv4 and UDP (RFC 768). */
const DATAGRAM_BYTES_MAX = 65_507;
/** A burst fits into the receive buffer that Linux gives by default: 212,992 bytes, about 280 short datagrams. */
const BURST_RECORDS = 32;
const BURST_BYTES = 64 * 1024;
const PAUSE_MS = 1;
/** By then an ICMP message is here, if there is to be one. */
const GRACE_MS = 100;
/** Bursts that may be sent again when it turns out that nobody listens. */
const UNDONE_BURSTS_MAX = 256;

/** What one connection leaves to the next. */
interface UdpMemory {
  /** Which of several addresses is used. */
  turn: number;
  /** Nobody listened: one record is sent, and only when that is done the others. */
  isCautious: boolean;
}

export function openUdp(): Open {
  const memory: UdpMemory = { turn: 0, isCautious: false };
  return async (wish) => {
    for (let tries = 1; ; tries++) {
      const opened = await openOne(wish, memory);
      if (opened.ok || tries >= wish.addresses.length) return opened;
    }
  };
}

function openOne({ addresses, target, partsFor }: OpenWish, memory: UdpMemory): Promise<Opened> {
  const address = addresses[memory.turn % addresses.length] as string;
  const peer = printPeer(address, target.port);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const fail = (error: Error) => {
      memory.turn += 1;
      socket.close();
      resolve({ ok: false, trouble: connectionTrouble(error, peer) });
    };
    socket.once('error', fail);
    // Node tells a connect that failed to its callback.
    socket.connect(target.port, address, ((error?: Error) => {
      socket.off('error', fail);
      if (error) return fail(error);
      resolve({ ok: true, connection: new UdpConnection(socket, partsFor(peer), memory) });
    }) as () => void);
  });
}

class UdpConnection implements Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #memory: UdpMemory;
  readonly #sent = new SentBatches();
  #batch: ReadBatch | undefined;
  #at = 0;
  #sentCount = 0;
  /** Datagrams that the kernel has not taken yet; the batch must stay as it is. */
  #pending = 0;
  #isPausing = false;
  #isReady = false;
  #isLeaving = false;
  #isOver = false;
  #pauseTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #settling: NodeJS.Immediate | undefined;

  constructor(socket: Socket, parts: ConnectionParts, memory: UdpMemory) {
    this.#socket = socket;
    this.#parts = parts;
    this.#memory = memory;
    socket.on('error', (error) => this.#fail(error));
    setImmediate(() => this.#begin());
  }

  #begin(): void {
    if (this.#isOver) return;
    if (!this.#memory.isCautious) this.#ready();
    this.#pump();
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#memory.isCautious = false;
    this.#parts.listener.ready();
  }

  wake(): void {
    this.#pump();
  }

  tick(): void {
    this.#pump();
  }

  // ---- records out

  #pump(): void {
    if (this.#isOver || this.#isLeaving || this.#isPausing || this.#pending > 0) return;
    const { isCautious } = this.#memory;
    if (this.#sent.count >= (isCautious ? 1 : UNDONE_BURSTS_MAX)) return;
    const batch = this.#nextBatch();
    if (batch === undefined) return;
    this.#burst(batch, isCautious ? 1 : BURST_RECORDS);
    this.#isPausing = true;
    this.#pauseTimer = setTimeout(() => {
      this.#isPausing = false;
      this.#pump();
    }, PAUSE_MS);
  }

  #nextBatch(): ReadBatch | undefined {
    if (this.#batch !== undefined && this.#at < this.#batch.count) return this.#batch;
    this.#at = 0;
    this.#batch = this.#parts.reader.next();
    return this.#batch.count > 0 ? this.#batch : undefined;
  }

  #burst(batch: ReadBatch, recordsMax: number): void {
    let bytes = 0;
    for (let left = recordsMax; left > 0 && this.#at < batch.count && bytes < BURST_BYTES; left--) {
      const i = this.#at++;
      const sequence = batch.sequences[i] as number;
      const start = batch.starts[i] as number;
      const whole = (batch.ends[i] as number) - start;
      const length = Math.min(whole, DATAGRAM_BYTES_MAX);
      if (whole > length) this.#cut(whole);
      this.#pending += 1;
      this.#socket.send(batch.bytes, start, length, (error) => this.#taken(error, sequence));
      this.#parts.tally.sent(sequence, length);
      bytes += length;
      this.#sentCount += 1;
    }
    this.#sent.add(batch.sequences[this.#at - 1] as number, this.#sentCount);
    this.#settleIn(GRACE_MS);
  }

  #cut(bytes: number): void {
    const { tally, voice, options } = this.#parts;
    tally.counts.cutRecords += 1;
    voice.warn(
      'cut',
      `A message of ${bytes} bytes for ${options.name} was cut at ${DATAGRAM_BYTES_MAX}: UDP carries no more. Use TCP or RELP for long messages.`,
    );
  }

  #taken(error: Error | null, sequence: number): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#sent.taken(this.#sentCount, performance.now());
    if (error === null) return;
    if (codeOf(error) === 'EMSGSIZE') this.#refuse(sequence);
    else this.#fail(error);
  }

  /** Too long for this way, and the kernel does not split it. */
  #refuse(sequence: number): void {
    const { tally, voice, peer } = this.#parts;
    tally.counts.refusedRecords += 1;
    voice.warn(
      'refused',
      `Message number ${sequence} of the queue is too long for a datagram to ${peer}. It is given up and counted as refused.`,
    );
  }

  // ---- no news is good news

  /** After a pause of the whole process the timer comes first: the kernel is asked for news before it counts as none. */
  #settleIn(ms: number): void {
    this.#graceTimer ??= setTimeout(() => {
      this.#settling = setImmediate(() => this.#settle());
    }, ms);
  }

  #settle(): void {
    this.#graceTimer = undefined;
    if (this.#isOver) return;
    const sequence = this.#sent.done(performance.now(), GRACE_MS);
    if (sequence !== undefined) {
      this.#parts.reader.acknowledge(sequence);
      this.#parts.listener.proved();
      this.#ready();
    }
    if (!this.#sent.isEmpty) this.#settleIn(GRACE_MS / 4);
    else if (this.#isLeaving) this.#finish(undefined);
    this.#pump();
  }

  #fail(error: Error): void {
    this.#memory.isCautious = true;
    this.#memory.turn += 1;
    this.#finish(connectionTrouble(error, this.#parts.peer));
  }

  leave(): void {
    this.#isLeaving = true;
    if (this.#sent.isEmpty) this.#finish(undefined);
  }

  drop(): void {
    this.#finish(undefined);
  }

  #finish(trouble: Trouble | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#pauseTimer);
    clearTimeout(this.#graceTimer);
    clearImmediate(this.#settling);
    this.#socket.close();
    this.#parts.listener.ended(trouble);
  }
}
