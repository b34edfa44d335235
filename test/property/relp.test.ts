// RELP between two sessions of ours over a wire that cuts anywhere, with a server that writes in any order, holds
// messages back and stops, and connections that break: what the client counts as delivered has been written,
// nothing is lost, and only what was unacknowledged at a break comes twice. And: no bytes do harm to a session.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RelpClientSession } from '../../syslog/relp/client.ts';
import { RelpFrame, relpHeadroom } from '../../syslog/relp/frame.ts';
import { RelpOutput, WORD } from '../../syslog/relp/output.ts';
import { RelpServerSession } from '../../syslog/relp/server.ts';
import { TXNR_MAX } from '../../syslog/relp/txnr.ts';
import { SEED } from './chance.ts';

const HISTORIES = 3000;
const RANDOM_STREAMS = 60_000;

const MAX = 48;
const HEADROOM = relpHeadroom(MAX);
const SOFTWARE = 'belfry,0';

/** A small fast generator (mulberry32): 32 bits of state, good enough to shuffle. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One direction of a connection. */
class Wire {
  private bytes = Buffer.alloc(0);

  put(bytes: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }

  get(count: number): Buffer {
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken;
  }

  get length(): number {
    return this.bytes.length;
  }
}

/** What outlives a connection: the client's queue, and what the server has written. */
class World {
  readonly count: number;
  /** Numbers still to be delivered, in order. */
  readonly queue: number[];
  readonly written: number[] = [];
  /** How often a number was unacknowledged when its connection ended. */
  readonly unsure = new Map<number, number>();
  readonly delivered = new Set<number>();

  constructor(count: number) {
    this.count = count;
    this.queue = Array.from({ length: count }, (_, i) => i);
  }
}

function textOf(ref: number): Buffer {
  return Buffer.from(`<13>message ${ref}${'.'.repeat(ref % 7)}\n${' '.repeat(ref % 3)}`);
}

/** One connection from its beginning to its end. */
class Connection {
  private readonly client: RelpClientSession;
  private readonly server: RelpServerSession;
  private readonly toServer = new Wire();
  private readonly toClient = new Wire();
  private readonly sent: number[] = [];
  /** Given by the server's session and not written yet. */
  private readonly given: { txnr: number; ref: number }[] = [];
  private readonly frame = new RelpFrame();
  private readonly arena = Buffer.alloc(HEADROOM + 4096);
  private readonly world: World;
  private readonly next: (below: number) => number;

  constructor(world: World, next: (below: number) => number) {
    this.world = world;
    this.next = next;
    const firstTxnr = next(3) === 0 ? TXNR_MAX - next(6) : 1;
    const times = { openTimeoutMs: 1000, answerTimeoutMs: 0, closeTimeoutMs: 1000 };
    this.client = new RelpClientSession(
      { windowMax: 1 + next(8), software: SOFTWARE, firstTxnr, ...times },
      0,
    );
    this.server = new RelpServerSession({
      messageBytesMax: MAX,
      windowMax: 1 + next(8),
      software: SOFTWARE,
      firstTxnr,
    });
  }

  /** `steps` of either side in any order, then a break; or, without a limit, until all is delivered and closed. */
  run(steps: number): void {
    for (let step = 0; step < steps && this.client.ending === undefined; step++) this.step();
    if (steps !== Infinity || this.client.ending !== 'closed') this.client.connectionEnded();
    this.account();
  }

  private step(): void {
    const { next } = this;
    const action = next(16);
    if (action < 4) this.clientSends();
    else if (action < 8) this.serverReads(1 + next(next(4) === 0 ? 400 : 20));
    else if (action < 11) this.serverWrites();
    else if (action < 15) this.clientReads(1 + next(next(4) === 0 ? 400 : 20));
    else if (next(60) === 0) this.server.stop();
    this.flush();
    if (this.world.queue.length === 0 && this.client.waiting === 0) this.client.close(0);
    if (this.server.ending !== undefined && this.toClient.length === 0) this.client.connectionEnded();
  }

  private flush(): void {
    for (const [session, wire] of [
      [this.client, this.toServer],
      [this.server, this.toClient],
    ] as const) {
      const bytes = session.takeOutput();
      wire.put(bytes);
      session.sent(bytes.length);
    }
  }

  private clientSends(): void {
    for (let i = this.next(6); i > 0 && this.client.hasRoom && this.world.queue.length > 0; i--) {
      const ref = this.world.queue.shift() as number;
      this.sent.push(ref);
      const bytes = textOf(ref);
      this.client.send(ref, bytes, 0, bytes.length, 0);
    }
  }

  private serverReads(count: number): void {
    const { server, arena, frame } = this;
    const bytes = server.isFull ? Buffer.alloc(0) : this.toServer.get(count);
    server.feed(arena, HEADROOM, HEADROOM + bytes.copy(arena, HEADROOM));
    while (server.next(frame)) {
      if (this.next(5) === 0) {
        server.refuse(frame);
        break;
      }
      const text = arena.toString('latin1', frame.start, frame.end);
      this.given.push({ txnr: frame.txnr, ref: Number(/message (\d+)/.exec(text)?.[1]) });
      assert.equal(text, textOf(this.given.at(-1)?.ref as number).toString('latin1'), 'the message is whole');
    }
    server.keepRest();
    arena.fill(0x37);
    // What waits (refused, or beyond the window) must be taken before more is read.
    while (server.kept > HEADROOM && !server.isFull && server.ending === undefined) this.serverReadsAgain();
  }

  private serverReadsAgain(): void {
    const { server, arena, frame } = this;
    server.feed(arena, HEADROOM, HEADROOM);
    while (server.next(frame)) {
      const text = arena.toString('latin1', frame.start, frame.end);
      this.given.push({ txnr: frame.txnr, ref: Number(/message (\d+)/.exec(text)?.[1]) });
    }
    server.keepRest();
  }

  private serverWrites(): void {
    const { given, next } = this;
    if (given.length === 0) return;
    if (next(3) === 0) {
      const through = next(given.length);
      // `given` keeps the order of taking, since only single ones are taken out of it.
      const first = given.splice(0, through + 1);
      for (const { ref } of first) this.world.written.push(ref);
      this.server.writtenThrough(first.at(-1)?.txnr as number);
      return;
    }
    const [one] = given.splice(next(given.length), 1);
    this.world.written.push(one?.ref as number);
    this.server.written(one?.txnr as number);
  }

  private clientReads(count: number): void {
    this.client.receive(this.toClient.get(count), 0);
    assert.deepEqual(this.client.takeRefusals(), []);
  }

  /** What the client knows at the end goes into the world; what it is not sure of goes back into the queue. */
  private account(): void {
    const { client, world } = this;
    const bad = ['unknown_txnr', 'bad_frame', 'bad_answer', 'open_refused', 'server_aborted'];
    assert.ok(!bad.includes(client.ending as string), `${client.ending}: ${client.told}`);
    assert.equal(client.strayAnswers, 0);
    assert.ok([undefined, 'closed', 'stopped'].includes(this.server.ending), this.server.told);
    const unsure = client.unacknowledged();
    for (const ref of unsure) world.unsure.set(ref, (world.unsure.get(ref) ?? 0) + 1);
    const delivered = this.sent.filter((ref) => !unsure.includes(ref));
    for (const ref of delivered) {
      assert.ok(world.written.includes(ref), `${ref} counts as delivered, and was never written`);
      world.delivered.add(ref);
    }
    const through = client.settledThrough;
    const passed = through === undefined ? [] : this.sent.slice(0, this.sent.indexOf(through) + 1);
    for (const ref of passed) assert.ok(!unsure.includes(ref), `the cursor passed ${ref}`);
    assert.equal(client.acknowledged, delivered.length);
    world.queue.unshift(...unsure);
  }
}

test(`nothing is lost and nothing comes twice without a reason in ${HISTORIES} histories (seed ${SEED})`, () => {
  const next = random(SEED);
  let doubles = 0;
  let breaks = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const world = new World(1 + next(40));
    for (let broken = next(4); broken > 0; broken--) {
      new Connection(world, next).run(next(120));
      breaks++;
    }
    for (let tries = 0; world.delivered.size < world.count; tries++) {
      assert.ok(tries < 200, `seed ${SEED}, history ${history}: it ends`);
      new Connection(world, next).run(Infinity);
    }
    const times = new Map<number, number>();
    for (const ref of world.written) times.set(ref, (times.get(ref) ?? 0) + 1);
    for (let ref = 0; ref < world.count; ref++) {
      const count = times.get(ref) ?? 0;
      assert.ok(count >= 1, `seed ${SEED}, history ${history}: ${ref} is lost`);
      assert.ok(
        count <= 1 + (world.unsure.get(ref) ?? 0),
        `seed ${SEED}, history ${history}: ${ref} ${count} times`,
      );
      doubles += count - 1;
    }
  }
  assert.ok(
    breaks > HISTORIES && doubles > 100,
    `${breaks} breaks and ${doubles} doubles: the test tries enough`,
  );
});

test('what is taken of an output is what was put into it, and stays as it is until it is sent', () => {
  const next = random(SEED + 2);
  const data = Buffer.from('abcdefghij'.repeat(200));
  for (let round = 0; round < 2000; round++) {
    const output = new RelpOutput(1024);
    let flying: { view: Buffer; text: string; end: number }[] = [];
    let sent = 0;
    let put = '';
    let taken = '';
    for (let step = next(40); step >= 0; step--) {
      const action = next(3);
      if (action === 0) {
        const end = next(next(5) === 0 ? 2000 : 40);
        output.frame(step, WORD.syslog, data, 0, end);
        put += `${step} syslog ${end}${end > 0 ? ' ' : ''}${data.toString('latin1', 0, end)}\n`;
      } else if (action === 1) {
        const view = output.take();
        taken += view.toString('latin1');
        flying.push({ view, text: view.toString('latin1'), end: taken.length });
        assert.equal(taken, put, `seed ${SEED}, round ${round}`);
      } else {
        for (const { view, text } of flying)
          assert.equal(view.toString('latin1'), text, 'nothing has changed');
        const count = next(2) === 0 ? taken.length - sent : next(taken.length - sent + 1);
        output.sent(count);
        sent += count;
        flying = flying.filter(({ end }) => end > sent);
      }
      assert.equal(output.unsentBytes, put.length - sent);
    }
  }
});

/** Pieces that the rules turn on, so that random streams meet all of them often. */
const OPEN = `1 open 46 relp_version=0\nrelp_software=x\ncommands=syslog\n`;
const PIECES = [
  OPEN,
  '1 rsp 53 200 OK\nrelp_version=0\nrelp_software=x\ncommands=syslog\n',
  '1 open 15 commands=syslog\n',
  ...'1 |2 |3 |4 |0 |999999999 |syslog |rsp |open |close |serverclose |abort |eventlog '.split('|'),
  ...'0\n|1 a\n|5 |48 |49 |70 |99999999 |16777217 |\n|<34>x\n|6 200 OK\n|8 500 no\n\n|3 200\n| |x'.split('|'),
  '2 syslog 5 <1>ab\n',
  '2 rsp 6 200 OK\n',
  '3 rsp 6 500 no\n',
  '1 close 0\n',
  '2 close 0\n',
  '3 close 0\n',
  '3 syslog 5 <1>ab\n',
  'y'.repeat(70),
  '\xff\0\x16\x03',
].map((piece) => Buffer.from(piece, 'latin1'));

function randomStream(next: (below: number) => number): Buffer {
  const pieces = Array.from({ length: 1 + next(10) }, () => PIECES[next(PIECES.length)] as Buffer);
  if (next(2) === 0) pieces.unshift(PIECES[next(3)] as Buffer);
  const stream = Buffer.concat(pieces);
  if (next(4) === 0) stream[next(stream.length)] = next(256);
  return stream;
}

/** What came of the stream: every message, every answer, and how it ended. */
function serve(source: Buffer, cut: () => number): string {
  const server = new RelpServerSession({
    messageBytesMax: MAX,
    dataBytesMax: 1000,
    windowMax: 4,
    software: SOFTWARE,
  });
  const arena = Buffer.alloc(HEADROOM + 4096);
  const frame = new RelpFrame();
  const found: string[] = [];
  const drain = () => {
    while (server.next(frame)) {
      assert.ok(frame.end - frame.start <= MAX && frame.start >= 0 && frame.end <= arena.length);
      found.push(`${frame.txnr} ${arena.toString('latin1', frame.start, frame.end)}`);
      server.written(frame.txnr);
    }
    assert.ok(server.keepRest() <= HEADROOM, 'the carry fits the headroom');
  };
  for (let at = 0; at < source.length; ) {
    const end = source.copy(arena, HEADROOM, at, at + cut());
    server.feed(arena, HEADROOM, HEADROOM + end);
    drain();
    at += end;
  }
  assert.ok(server.unsentBytes < 10_000);
  return JSON.stringify([found, server.takeOutput().toString('latin1'), server.ending, server.skippedBytes]);
}

function ask(source: Buffer, cut: () => number): string {
  const times = { openTimeoutMs: 1, answerTimeoutMs: 1, closeTimeoutMs: 1 };
  const client = new RelpClientSession({ windowMax: 4, software: SOFTWARE, ...times }, 0);
  const message = Buffer.from('<13>x');
  let ref = 0;
  for (let at = 0; at < source.length; ) {
    const end = Math.min(at + cut(), source.length);
    client.receive(source.subarray(at, end), 0);
    at = end;
    if (client.isReady && ref === 0) while (client.hasRoom) client.send(ref++, message, 0, 5, 0);
  }
  return JSON.stringify([
    client.ending,
    client.told,
    client.settledThrough,
    client.unacknowledged(),
    client.takeRefusals(),
  ]);
}

test(`no bytes do harm, and chunks make no difference, in ${RANDOM_STREAMS} random streams (seed ${SEED})`, () => {
  const next = random(SEED + 1);
  const ends = new Map<string, number>();
  for (let round = 0; round < RANDOM_STREAMS; round++) {
    const source = randomStream(next);
    const seen = `seed ${SEED}, round ${round}: ${JSON.stringify(source.toString('latin1'))}`;
    const size = 1 + next(9);
    const served = serve(source, () => 4096);
    assert.equal(
      serve(source, () => size),
      served,
      seen,
    );
    const end = (JSON.parse(served) as unknown[])[2] as string | null;
    ends.set(end ?? 'none', (ends.get(end ?? 'none') ?? 0) + 1);
    // The client sends when it has been opened, so the first answer comes as a piece of its own.
    const first = Math.max(source.indexOf('=syslog\n') + 8, 1);
    let pieces = 0;
    ask(source, () => (pieces++ === 0 ? first : 4096));
    ask(source, () => size);
  }
  const wanted = [
    'none',
    'closed',
    'aborted',
    'bad_header',
    'bad_trailer',
    'too_long',
    'bad_txnr',
    'not_open',
    'bad_open',
  ];
  assert.deepEqual([...ends.keys()].sort(), wanted.sort(), 'the streams meet every end');
});
