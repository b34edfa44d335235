// UDP while it lives: a question to a name server is over in a millisecond, so its socket is looked up at the first packet
// that this host sends. Datagrams have no SYN, so the kernel's filter is kept narrow as they come: a port that sends often
// belongs to a socket that stays, and is left out for a minute; in a flood nothing is looked at for a second.
//
// Refuses: to cost more than it is worth. Who is not looked up here is looked up when asked for.

import { HEAD_BYTES, type PacketHeads, stampPackets } from '../../../kernel/packet-heads.ts';
import { attachFilter, openPacketSocket } from '../../../kernel/packet-socket.ts';
import { closeSocket } from '../../../kernel/socket.ts';
import { compileDatagrams, type PacketEnds, readDatagram } from './triggers.ts';

/** Packets of one port within a second, until it is left out. */
const OF_PORT_MAX = 20;
/** The program has a line for each. */
const EXCEPT_MAX = 64;
const EXCEPT_MS = 60_000;
/** Packets within a second, until nothing is looked at. */
const ALL_MAX = 2000;
const SECOND_MS = 1000;
/** No program at all could say so: this one refuses every packet. BPF_RET, 0. */
const REFUSE_ALL = Buffer.from([0x06, 0, 0, 0, 0, 0, 0, 0]);

export class DatagramWatch {
  readonly fd: number;
  readonly #filter: string | undefined;
  readonly #counts = new Map<number, number>();
  /** Until when each port is left out. */
  readonly #except = new Map<number, number>();
  #all = 0;
  #secondAtMs = 0;
  #isPaused = false;

  /** Use `open`. */
  constructor(fd: number, filter: string | undefined) {
    this.fd = fd;
    this.#filter = filter;
  }

  /** Undefined: the right is missing. */
  static open(filter: string | undefined): DatagramWatch | undefined {
    const program = compileDatagrams(filter, HEAD_BYTES, []);
    const opened = openPacketSocket({ interfaceIndex: 0, cooked: true, filter: program });
    if (!opened.ok) return undefined;
    stampPackets(opened.fd);
    return new DatagramWatch(opened.fd, filter);
  }

  /** Visits what has come, one batch. */
  take(
    heads: PacketHeads,
    nowMs: number,
    visit: (ends: PacketEnds, interfaceIndex: number, timeUs: number) => void,
  ): void {
    this.turnSecond(nowMs);
    const count = heads.receive(this.fd);
    for (let i = 0; i < count; i += 1) {
      heads.at(i);
      const ends = readDatagram(heads.bytes, heads.start, heads.end);
      if (!ends) continue;
      const seen = (this.#counts.get(ends.sourcePort) ?? 0) + 1;
      this.#counts.set(ends.sourcePort, seen);
      this.#all += 1;
      if (seen === OF_PORT_MAX) this.#leaveOut(ends.sourcePort, nowMs);
      if (seen <= OF_PORT_MAX) visit(ends, heads.interfaceIndex, heads.timeUs || Date.now() * 1000);
    }
    if (this.#all > ALL_MAX) this.#pause();
  }

  /** Ends a pause, and lets ports in again whose minute is over. Also to be called when nothing comes. */
  turnSecond(nowMs: number): void {
    if (nowMs - this.#secondAtMs < SECOND_MS) return;
    this.#secondAtMs = nowMs;
    this.#counts.clear();
    this.#all = 0;
    const before = this.#except.size;
    for (const [port, untilMs] of this.#except) if (untilMs <= nowMs) this.#except.delete(port);
    const isChanged = this.#isPaused || this.#except.size !== before;
    this.#isPaused = false;
    if (isChanged) this.#attach();
  }

  #leaveOut(port: number, nowMs: number): void {
    if (this.#except.size >= EXCEPT_MAX) this.#pause();
    else {
      this.#except.set(port, nowMs + EXCEPT_MS);
      this.#attach();
    }
  }

  #attach(): void {
    if (!this.#isPaused)
      attachFilter(this.fd, compileDatagrams(this.#filter, HEAD_BYTES, [...this.#except.keys()]));
  }

  #pause(): void {
    this.#isPaused = true;
    attachFilter(this.fd, REFUSE_ALL);
  }

  close(): void {
    closeSocket(this.fd);
  }
}
