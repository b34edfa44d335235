// What the tests of trouble and operation do to a running Belfry: senders that number their messages, readers
// that count the numbers again, questions over the control socket, and a small disk of their own.
// Refuses: to guess. A number that is missing, stands twice or stands out of order is shown by name.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Question, Answer, Answers } from '../../daemon/control/control.port.ts';
import type { ServerStatus } from '../../daemon/status.ts';
import { type Belfry, type BelfryOptions, startBelfry, writeConfig } from './belfry.ts';
import { freePort, makeFolder, PATIENCE_MS, type Program, readIfThere } from './programs.ts';

export const LOOPBACK = '127.0.0.1';

// ---- senders

const TIME = 'Nov 20 12:34:15';

/** One message with a number, about 90 bytes and more by `padding`. */
export function message(host: string, sender: string, number: number, padding = 0): string {
  return `<13>${TIME} ${host} ${sender}: n=${number}; the quick brown fox jumps over the lazy dog${'.'.repeat(padding)}`;
}

/** Numbered messages as lines: `from` … `from + count - 1`. */
export function numbered(host: string, sender: string, from: number, count: number, padding = 0): Buffer {
  const lines: string[] = [];
  for (let i = from; i < from + count; i += 1) lines.push(`${message(host, sender, i, padding)}\n`);
  return Buffer.from(lines.join(''));
}

/** One connection of a sender: writes when the other side takes it, and is not surprised when it goes. */
export class Sender {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  error: Error | undefined;
  hasClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.resume();
    this.closed = new Promise((done) => {
      socket.once('close', () => {
        this.hasClosed = true;
        done();
      });
    });
  }

  /** Resolves when the system has taken the bytes, or the connection has ended. */
  write(bytes: Uint8Array | string): Promise<void> {
    if (this.socket.destroyed) return this.closed;
    return new Promise((done) => {
      this.socket.write(bytes, () => done());
    });
  }

  /** Says that no more comes, and waits until the other side has ended too. */
  async end(): Promise<void> {
    this.socket.end();
    await this.closed;
  }
}

export function openSender(port: number, host = LOOPBACK, from?: string): Promise<Sender> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.removeListener('error', fail);
      done(new Sender(socket));
    });
  });
}

/** Opens, writes everything, ends, and waits until the server has ended its side: it has read all. */
export async function sendTcp(port: number, bytes: Uint8Array | string, host = LOOPBACK): Promise<void> {
  const sender = await openSender(port, host);
  const tooLate = new Error(`nobody has read it within ${PATIENCE_MS / 1000} s`);
  const late = setTimeout(() => sender.socket.destroy(tooLate), PATIENCE_MS);
  await sender.write(bytes);
  await sender.end();
  clearTimeout(late);
  if (sender.error) throw sender.error;
}

/** Sends datagrams a few at a time, so that a receive buffer of ordinary size holds them. */
export async function sendUdp(
  port: number,
  datagrams: readonly (Uint8Array | string)[],
  host = LOOPBACK,
  atOnce = 50,
): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const send = (datagram: Uint8Array | string) =>
    new Promise<void>((done, fail) => {
      socket.send(datagram, port, host, (error) => (error ? fail(error) : done()));
    });
  for (let at = 0; at < datagrams.length; at += atOnce) {
    await Promise.all(datagrams.slice(at, at + atOnce).map(send));
  }
  await new Promise<void>((done) => {
    socket.close(done);
  });
}

// ---- readers

/** The numbers that one sender's lines carry, in the order in which they stand. */
export function numbersOf(text: string, sender: string): number[] {
  return [...text.matchAll(new RegExp(` ${sender}: n=(\\d+);`, 'g'))].map(([, number]) => Number(number));
}

/** Every number from 0 to count - 1 exactly once, in order. */
export function assertWhole(text: string, sender: string, count: number): void {
  const numbers = numbersOf(text, sender);
  const wrong = numbers.findIndex((number, at) => number !== at);
  const near = wrong < 0 ? '' : `; at place ${wrong} stands ${numbers.slice(wrong, wrong + 3).join(', ')}`;
  assert.ok(wrong < 0 && numbers.length === count, `${sender}: ${numbers.length} of ${count} numbers${near}`);
}

/** Every line is one of ours, from its time to the end of its text. */
export function assertNoTornLine(text: string): void {
  const lines = text.split('\n');
  assert.equal(lines.pop(), '', 'the file ends with a line feed');
  const whole =
    /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+: n=\d+; the quick brown fox jumps over the lazy dog\.*$/;
  const torn = lines.filter((line) => !whole.test(line));
  assert.deepEqual(torn.slice(0, 3), [], `${torn.length} torn lines`);
}

export function readText(path: string): string {
  return readIfThere(path).toString('utf8');
}

/** Like waitUntil of programs.ts, for conditions that must be asked for. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean> | boolean,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
    await sleep(20);
  }
}

// ---- questions

export function askSocket<Q extends Question>(path: string, question: Q): Promise<Answers[Q]> {
  return new Promise((done, fail) => {
    let text = '';
    const socket = connect(path, () => socket.write(`${JSON.stringify({ ask: question })}\n`));
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.once('error', fail);
    socket.once('end', () => {
      // A program that is killed meanwhile ends in mid-sentence.
      if (!text.endsWith('\n')) {
        fail(new Error(`no whole answer: ${text}`));
        return;
      }
      const answer = JSON.parse(text) as Answer<Q>;
      if (answer.ok) done(answer.answer);
      else fail(new Error(answer.error));
    });
  });
}

export function statusOf(belfry: Belfry): Promise<ServerStatus> {
  return askSocket(join(belfry.folder, 'control.sock'), 'status');
}

export function sum(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}

export function received(belfry: Belfry, count: number): Promise<void> {
  return eventually(`${count} messages were received`, async () => {
    return (await statusOf(belfry)).messages.received >= count;
  });
}

/** A number of /proc/PID/status, such as VmHWM or VmRSS, in bytes. */
export function memoryOf(pid: number, name: 'VmHWM' | 'VmRSS'): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * 1024;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Lines of Belfry's own log that hold these words. */
export function logLines(program: Program, words: string | RegExp): string[] {
  return program.stderr
    .split('\n')
    .filter((line) => (typeof words === 'string' ? line.includes(words) : words.test(line)));
}

// ---- a Belfry that the test stops, kills or starts again itself

/** Like useBelfry, but how it ends is the test's affair; whatever still runs at the end is killed. */
export async function raiseBelfry(t: TestContext, options: BelfryOptions): Promise<Belfry> {
  const folder = makeFolder('system');
  t.after(folder.remove);
  const port = await freePort();
  const config = writeConfig(folder.path, port, options);
  const program = await startBelfry(config);
  t.after(() => program.stop('SIGKILL'));
  return { program, folder: folder.path, config, port, file: (name) => join(folder.path, 'out', name) };
}

/** Changes the configuration file of a running Belfry; SIGHUP makes it read. */
export function rewriteConfig(belfry: Belfry, options: BelfryOptions): void {
  writeConfig(belfry.folder, belfry.port, options);
}

/** Sends SIGHUP and waits for what the log says of it. */
export async function hangUp(
  program: Program,
  says: 'Reloaded' | 'was not taken' = 'Reloaded',
): Promise<void> {
  const before = logLines(program, says).length;
  program.signal('SIGHUP');
  await eventually(`"${says}" in the log: ${program.stderr}`, () => logLines(program, says).length > before);
}

// ---- a disk of our own

export const IS_ROOT = process.getuid?.() === 0;

/** For `skip`: why there is no disk to fill. */
export const NO_DISK = IS_ROOT ? false : 'only root may mount a file system to fill';
export const NO_OTHER_USER = IS_ROOT ? false : 'only root may run the server as somebody else';

export interface Disk {
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): void;
  /** `size=8m` makes room; `ro` and `rw` as in mount(8). */
  remount(options: string): void;
}

/** A test that is ended from outside runs no hooks; its disks must go all the same. */
const mounted = new Set<string>();
process.prependListener('exit', () => {
  for (const path of mounted) spawnSync('umount', ['-l', path], { stdio: 'ignore' });
});

/** A tmpfs of so many KiB; it goes when the test ends. Call it before the server that writes there is started. */
export function useDisk(t: TestContext, kibibytes: number): Disk {
  const folder = makeFolder('disk');
  const { path } = folder;
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=0755`, 'belfry-test', path]);
  mounted.add(path);
  t.after(() => {
    execFileSync('umount', ['-l', path]);
    mounted.delete(path);
    folder.remove();
  });
  const ballast = join(path, 'ballast');
  return {
    path,
    fill: () => {
      const block = Buffer.alloc(4096);
      try {
        for (;;) writeFileSync(ballast, block, { flag: 'a' });
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    },
    remount: (options) => void execFileSync('mount', ['-o', `remount,${options}`, path]),
  };
}
