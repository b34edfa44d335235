// The sources of a crash test, each a stream of numbers, and what each can promise of them:
//
//   file     every number that stands in the log file must arrive: the file is its own memory.
//   tcp      a program that speaks syslog over TCP. What it wrote into a connection that broke is nobody's: so it
//            asks the agent how many messages it has taken, and sends everything behind that again. Then every
//            number must arrive.
//   devlog   a program that logs with syslog(3). It cannot know, nor send again: of each life of the agent as many
//            different numbers must arrive as the agent said it had taken.

import { appendFileSync, renameSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { sendUnixDatagram } from '../../kernel/unix-datagram.ts';
import { LOOPBACK } from './world.ts';

/** Between 0 and 1. */
export type Chance = () => number;

function between(chance: Chance, low: number, high: number): number {
  return low + Math.floor(chance() * (high - low + 1));
}

function body(number: number): string {
  return `n=${number};${'.'.repeat(number % 97)}`;
}

/** How far a file was read, by its number. */
export interface ReadTo {
  readonly ino: string;
  readonly offset: number;
}

/** One log file, under whatever name: its first line's number, and where each of its lines ends. */
interface Generation {
  readonly first: number;
  readonly ends: number[];
  ino: string;
}

/** A program that writes its log file in pieces that end anywhere, and is rotated by rename. */
export class FileSource {
  readonly name = 'filesource';
  /** The next number. All below stand in the file, but for `kept`. */
  next = 0;
  rotations = 0;
  readonly path: string;
  readonly #chance: Chance;
  readonly #generations: Generation[] = [];
  #kept = '';

  constructor(folder: string, chance: Chance) {
    this.path = join(folder, 'app.log');
    this.#chance = chance;
    this.#begin();
  }

  #begin(): void {
    appendFileSync(this.path, '');
    this.#generations.push({ first: this.next, ends: [], ino: String(statSync(this.path).ino) });
  }

  #line(): string {
    const { ends } = this.#generations.at(-1) as Generation;
    const text = `${body(this.next)}\n`;
    ends.push((ends.at(-1) ?? 0) + text.length);
    this.next += 1;
    return text;
  }

  /** Of its files, the oldest first. */
  get inodes(): readonly string[] {
    return this.#generations.map(({ ino }) => ino);
  }

  /** The first line that was not read, if all files were read so far. */
  numberAt(read: readonly ReadTo[]): number {
    for (const { first, ends, ino } of this.#generations) {
      const offset = read.find((one) => one.ino === ino)?.offset ?? 0;
      const unread = ends.findIndex((end) => end > offset);
      if (unread >= 0) return first + unread;
    }
    return this.next;
  }

  write(): void {
    const count = between(this.#chance, 0, 30);
    let text = this.#kept;
    for (let i = 0; i < count; i += 1) text += this.#line();
    const cut = between(this.#chance, Math.max(0, text.length - 60), text.length);
    appendFileSync(this.path, text.slice(0, cut));
    this.#kept = text.slice(cut);
  }

  /** Ends the line that was begun. */
  finish(): void {
    appendFileSync(this.path, this.#kept);
    this.#kept = '';
  }

  rotate(): void {
    this.finish();
    this.rotations += 1;
    renameSync(this.path, `${this.path}.${this.rotations}`);
    this.#begin();
  }
}

/** Sends again from the first number of which the agent has not said that it took it. */
export class TcpSource {
  readonly name = 'tcpsource';
  /** All below were taken. */
  safe = 0;
  /** Above it nothing was ever written. */
  highest = 0;
  connections = 0;
  /** The most that had to be sent again. */
  unsure = 0;
  readonly #port: number;
  readonly #chance: Chance;
  #socket: Socket | undefined;
  #isOpen = false;
  #next = 0;
  /** The first number of this connection. */
  #first = 0;
  /** What the agent had taken from this input before it. */
  #before = 0;

  constructor(port: number, chance: Chance) {
    this.#port = port;
    this.#chance = chance;
  }

  /** `taken`: what this life of the agent has taken from its input so far; 0 when it has just started. */
  connect(taken: number): void {
    const socket = connect({ port: this.#port, host: LOOPBACK, noDelay: true });
    this.#socket = socket;
    this.#next = this.safe;
    this.#first = this.safe;
    this.#before = taken;
    socket.on('connect', () => {
      this.#isOpen = true;
      this.connections += 1;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.disconnect();
    });
    socket.resume();
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  disconnect(): void {
    if (this.#isOpen) this.unsure = Math.max(this.unsure, this.#next - this.safe);
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#isOpen = false;
  }

  write(): void {
    this.#send(between(this.#chance, 0, 20));
  }

  /** No new numbers; what was written once and may be lost is sent to its end. */
  finish(): void {
    this.#send(this.highest - this.#next);
  }

  #send(count: number): void {
    if (!this.#isOpen || this.#socket === undefined || this.#socket.writableNeedDrain) return;
    let text = '';
    for (let i = 0; i < count; i += 1) text += `<13>1 - host ${this.name} - - - ${body(this.#next++)}\n`;
    if (text !== '') this.#socket.write(text);
    this.highest = Math.max(this.highest, this.#next);
  }

  /** The agent says how many it has taken. All of them were ours, and came in order. */
  learn(taken: number): void {
    if (!this.#isOpen) return;
    this.safe = Math.max(this.safe, this.#first + taken - this.#before);
  }

  /** Everything that was ever written was taken. */
  get isSafe(): boolean {
    return this.safe >= this.highest;
  }
}

interface Life {
  readonly from: number;
  to: number;
  taken: number;
}

/** One datagram after the other; what finds nobody is sent again, since the kernel says so. */
export class DevlogSource {
  readonly name = 'devsource';
  readonly path: string;
  readonly lives: Life[] = [];
  readonly #chance: Chance;
  #next = 0;

  constructor(path: string, chance: Chance) {
    this.path = path;
    this.#chance = chance;
  }

  begin(): void {
    this.lives.push({ from: this.#next, to: this.#next, taken: 0 });
  }

  write(): void {
    const life = this.lives.at(-1);
    if (life === undefined) return;
    for (let count = between(this.#chance, 0, 5); count > 0; count -= 1) {
      const text = `<13>Nov 20 12:34:15 ${this.name}: ${body(this.#next)}`;
      if (!sendUnixDatagram(this.path, Buffer.from(text)).ok) return;
      this.#next += 1;
      life.to = this.#next;
    }
  }

  learn(taken: number): void {
    const life = this.lives.at(-1);
    if (life !== undefined) life.taken = Math.max(life.taken, taken);
  }

  get sent(): number {
    return this.#next;
  }

  /** Lives of the agent in which less arrived than it said it had taken, in words. */
  shortLives(arrivals: readonly number[]): string[] {
    const seen = new Set(arrivals);
    return this.lives.flatMap(({ from, to, taken }) => {
      let arrived = 0;
      for (let number = from; number < to; number += 1) if (seen.has(number)) arrived += 1;
      return arrived < taken ? [`of ${from} to ${to - 1} ${taken} were taken, ${arrived} arrived`] : [];
    });
  }
}
