// Our RELP sessions on a plain socket with the real librelp on the other side: rsyslogd's imrelp takes what our
// client sends, and our server takes what rsyslogd's omrelp sends, across breaks and closes.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { RelpClientSession } from '../../syslog/relp/client.ts';
import { RelpFrame, relpHeadroom } from '../../syslog/relp/frame.ts';
import { RelpServerSession } from '../../syslog/relp/server.ts';
import { demandPeer, skipWithout } from './peers.ts';
import {
  freePort,
  isListening,
  makeFolder,
  type Program,
  readIfThere,
  startProgram,
  waitForLines,
  waitUntil,
} from './programs.ts';

const skip = skipWithout('rsyslogd-relp');
const COUNT = 1000;
const SOFTWARE = 'belfry,test';
const MESSAGE_MAX = 8192;
const CHUNK_MAX = 65_536;
/** omrelp corks its socket during a batch, so that over loopback each full window costs it 200 ms. */
const WINDOW = 256;

function text(number: number): string {
  return `<13>Nov 20 12:34:15 host app: n=${number};${'.'.repeat(number % 90)}`;
}

interface Rsyslogd {
  readonly program: Program;
  readonly port: number;
  readonly file: string;
}

/** `lines` of configuration, given a free port and a file. */
async function startRsyslogd(
  t: TestContext,
  lines: (port: number, file: string) => readonly string[],
): Promise<Rsyslogd> {
  const folder = makeFolder('relp');
  const port = await freePort();
  const file = join(folder.path, 'out.log');
  const config = join(folder.path, 'rsyslog.conf');
  const global = `global(workDirectory="${folder.path}" localHostname="relay")`;
  writeFileSync(
    config,
    `${[global, 'main_queue(queue.workerThreads="1")', ...lines(port, file)].join('\n')}\n`,
  );
  const args = ['-n', '-f', config, '-i', join(folder.path, 'pid')];
  const program = startProgram(demandPeer('rsyslogd-relp'), args, { cwd: folder.path });
  t.after(async () => {
    await program.stop();
    folder.remove();
  });
  await waitUntil('rsyslogd listens', () => isListening('tcp', port) || program.hasEnded());
  assert.ok(!program.hasEnded(), `rsyslogd ended: ${program.stdout}${program.stderr}`);
  return { program, port, file };
}

function startImrelp(t: TestContext): Promise<Rsyslogd> {
  return startRsyslogd(t, (port, file) => [
    'module(load="imrelp")',
    'template(name="bare" type="string" string="<%pri%>%timestamp% %hostname% %syslogtag%%msg%\\n")',
    `input(type="imrelp" address="127.0.0.1" port="${port}" maxDataSize="4k")`,
    `action(type="omfile" file="${file}" template="bare")`,
  ]);
}

function startOmrelp(t: TestContext, to: number): Promise<Rsyslogd> {
  return startRsyslogd(t, (port) => [
    'module(load="imptcp")',
    'module(load="omrelp")',
    'template(name="bare" type="string" string="%rawmsg%")',
    `input(type="imptcp" address="127.0.0.1" port="${port}")`,
    `action(type="omrelp" target="127.0.0.1" port="${to}" template="bare" windowSize="${WINDOW}" timeout="5"`,
    '  action.resumeInterval="1" action.resumeRetryCount="-1")',
  ]);
}

// ---- our client

/** Sends all numbers from `from` to `to` and waits for their answers. Says what was refused. */
class Sender {
  readonly session: RelpClientSession;
  readonly socket: Socket;
  private at: number;
  private readonly to: number;

  constructor(port: number, from: number, to: number) {
    const times = { openTimeoutMs: 5000, answerTimeoutMs: 10_000, closeTimeoutMs: 5000 };
    this.session = new RelpClientSession({ windowMax: 64, software: SOFTWARE, ...times }, Date.now());
    this.at = from;
    this.to = to;
    this.socket = connect(port, '127.0.0.1', () => this.pump());
    this.socket.on('data', (chunk) => {
      this.session.receive(chunk, Date.now());
      this.pump();
    });
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => this.session.connectionEnded());
  }

  private pump(): void {
    const { session, socket } = this;
    for (; this.at < this.to && session.hasRoom; this.at++) {
      const bytes = Buffer.from(text(this.at));
      session.send(this.at, bytes, 0, bytes.length, Date.now());
    }
    if (this.at === this.to && session.waiting === 0) session.close(Date.now());
    const output = session.takeOutput();
    if (output.length > 0) socket.write(output, () => session.sent(output.length));
    if (session.ending !== undefined) socket.end();
  }
}

describe('our client and imrelp', () => {
  test('every message is acknowledged and written, and the close is agreed to', { skip }, async (t) => {
    const { port, file } = await startImrelp(t);
    const sender = new Sender(port, 0, COUNT);
    await waitUntil('the session ends', () => sender.session.ending !== undefined);
    assert.equal(sender.session.ending, 'closed', sender.session.told);
    assert.equal(sender.session.told, 'the server agreed to the close');
    assert.match(sender.session.serverSoftware, /librelp/);
    assert.equal(sender.session.settledThrough, COUNT - 1);
    assert.equal(sender.session.strayAnswers, 0);
    const written = await waitForLines(file, COUNT);
    assert.equal(written, Array.from({ length: COUNT }, (_, i) => `${text(i)}\n`).join(''));
  });

  test('a server that is stopped leaves what is unacknowledged, and nothing that counts is lost', {
    skip,
  }, async (t) => {
    const { port, file, program } = await startImrelp(t);
    const sender = new Sender(port, 0, 1_000_000);
    await waitUntil('some are acknowledged', () => sender.session.acknowledged > 500);
    await program.stop();
    await waitUntil('the session ends', () => sender.session.ending !== undefined);
    assert.match(sender.session.ending ?? '', /^(server_closed|connection_ended)$/);
    const through = sender.session.settledThrough as number;
    assert.ok(sender.session.unacknowledged().every((ref) => ref > through));
    assert.ok(sender.session.unacknowledged().length <= 64);
    const lines = readIfThere(file).toString().split('\n').slice(0, -1);
    const expected = Array.from({ length: through + 1 }, (_, i) => text(i));
    assert.deepEqual(lines.slice(0, through + 1), expected);
  });
});

// ---- our server

interface Plan {
  /** Answers given before the connection is cut without a word. */
  readonly cutAfter?: number;
  /** Answers given before the server stops in order. */
  readonly stopAfter?: number;
}

/** A server with one plan for each connection; the last plan is for all that follow. */
class Receiver {
  readonly written: string[] = [];
  readonly sessions: RelpServerSession[] = [];
  port = 0;
  private readonly plans: readonly Plan[];

  constructor(plans: readonly Plan[]) {
    this.plans = plans;
  }

  async listen(t: TestContext): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      this.serve(socket);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.port = (server.address() as AddressInfo).port;
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
  }

  private serve(socket: Socket): void {
    const session = new RelpServerSession({
      messageBytesMax: MESSAGE_MAX,
      windowMax: 32,
      software: SOFTWARE,
    });
    const plan = this.plans[Math.min(this.sessions.length, this.plans.length - 1)] as Plan;
    this.sessions.push(session);
    const headroom = relpHeadroom(MESSAGE_MAX);
    const arena = Buffer.alloc(headroom + CHUNK_MAX);
    const frame = new RelpFrame();
    let answered = 0;
    const take = (bytes: Buffer) => {
      session.feed(arena, headroom, headroom + bytes.copy(arena, headroom));
      const given: number[] = [];
      while (session.next(frame)) {
        this.written.push(arena.toString('utf8', frame.start, frame.end));
        given.push(frame.txnr);
      }
      session.keepRest();
      // The newest is confirmed first: librelp takes answers in any order.
      for (const txnr of given.reverse()) {
        if (answered++ === plan.cutAfter) socket.destroy();
        if (socket.destroyed) return;
        session.written(txnr);
        if (answered === plan.stopAfter) session.stop();
      }
      const output = session.takeOutput();
      if (output.length > 0) socket.write(output, () => session.sent(output.length));
      if (session.ending !== undefined) socket.end();
      else if (given.length > 0) take(Buffer.alloc(0));
    };
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length && !socket.destroyed; at += CHUNK_MAX)
        take(chunk.subarray(at, at + CHUNK_MAX));
    });
  }
}

function sendLines(port: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines = Array.from({ length: count }, (_, i) => `${text(i)}\n`).join('');
    const socket = connect(port, '127.0.0.1', () => socket.end(lines));
    socket.once('error', reject);
    socket.once('close', () => resolve());
    socket.resume();
  });
}

describe('omrelp and our server', () => {
  test('every message comes once, and the close is answered', { skip }, async (t) => {
    const receiver = new Receiver([{}]);
    await receiver.listen(t);
    const { port, program } = await startOmrelp(t, receiver.port);
    await sendLines(port, COUNT);
    await waitUntil('all messages', () => receiver.written.length >= COUNT);
    assert.deepEqual(
      receiver.written,
      Array.from({ length: COUNT }, (_, i) => text(i)),
    );
    const [session] = receiver.sessions;
    assert.match(session?.clientSoftware ?? '', /librelp/);
    await program.stop();
    await waitUntil('the session ends', () => session?.ending !== undefined);
    assert.equal(session?.ending, 'closed');
  });

  for (const [what, plan] of [
    ['is cut in the middle of the window', { cutAfter: 100 }],
    ['is stopped in order', { stopAfter: 100 }],
  ] as const) {
    test(`nothing is lost when the connection ${what}`, { skip }, async (t) => {
      const receiver = new Receiver([plan, {}]);
      await receiver.listen(t);
      const { port } = await startOmrelp(t, receiver.port);
      await sendLines(port, COUNT);
      const distinct = () => new Set(receiver.written).size;
      await waitUntil(`all messages, there are ${distinct()}`, () => distinct() >= COUNT);
      assert.ok(receiver.sessions.length >= 2, 'it came again');
      assert.equal(distinct(), COUNT);
      const doubles = receiver.written.length - COUNT;
      t.diagnostic(`${doubles} came twice`);
      assert.ok(doubles <= WINDOW, `${doubles} doubles are more than the window`);
    });
  }
});
