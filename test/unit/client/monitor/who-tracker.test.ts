// The life of a connection as the thread follows it, with a kernel of the test's own: who is found at the SYN, what an end
// brings, and that a tuple which is used again never takes the owner of another connection with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../../base/ip.ts';
import { Answers } from '../../../../client/monitor/who/answers.ts';
import { Budget } from '../../../../client/monitor/who/budget.ts';
import { WhoCounters } from '../../../../client/monitor/who/counts.ts';
import { Tracker } from '../../../../client/monitor/who/tracker.ts';
import type { WhoQuestion } from '../../../../client/monitor/who/who.port.ts';
import type { Ends, Found, InetSocket } from '../../../../kernel/inet-diag.ts';
import type { Owner } from '../../../../traffic/events/owner.ts';

const HERE = parseAddress('10.0.0.1') ?? assert.fail();
const THERE = parseAddress('10.0.0.2') ?? assert.fail();
const PORT = 40_000;
const SERVICE = 2525;
const T0 = 1_700_000_000_000_000;
const INFO = { rttUs: 9, retransmitted: 0, bytesAcked: 7, bytesReceived: 1, segmentsOut: 4, segmentsIn: 3 };

function socketOf(cookie: number, more: Partial<InetSocket> = {}): InetSocket {
  return {
    ...{ state: 1, protocol: 6, isV6: false, interfaceIndex: 0, uid: 1000, inode: cookie, cgroupId: 0 },
    ...{ local: HERE, localPort: PORT, remote: THERE, remotePort: SERVICE },
    ...{ cookie, isV6Only: false, info: undefined },
    ...more,
  };
}

/** A host whose sockets, processes and listeners are what the test says. */
class World {
  /** The socket that has the tuple now. */
  now: InetSocket | undefined;
  listeners: InetSocket[] = [];
  shared: Owner = { how: 'listener', process: 'sshd', pid: 9 };
  hearsEnds = true;
  nowUs = T0;
  asked: Ends[] = [];
  readonly counters = new WhoCounters();
  readonly tracker: Tracker;
  readonly answers: Answers;

  constructor(hearsEnds = true) {
    const diag = {
      find: (ends: Ends): Found => {
        this.asked.push(ends);
        return this.now ? { kind: 'socket', socket: this.now } : { kind: 'none' };
      },
      dump: () => 'whole' as const,
    };
    const finder = {
      ownerOf: (socket: InetSocket): Owner =>
        socket.inode === 0
          ? { how: 'unknown:closed' }
          : { how: 'exact', process: `p${socket.cookie}`, pid: socket.cookie },
    };
    const listening = { at: () => this.listeners, refresh: () => false };
    const listenerOwners = {
      ownerOf: (sockets: readonly InetSocket[]) => (sockets.length > 0 ? this.shared : undefined),
    };
    const { counters } = this;
    const budget = new Budget(performance.now());
    const parts = { diag, finder, listening, listenerOwners, counters, budget };
    this.tracker = new Tracker({ ...parts, nowUs: () => this.nowUs });
    this.answers = new Answers({ ...parts, tracker: this.tracker, hearsEnds });
  }

  /** A SYN of the client here passes at `timeUs`, and is looked at `lateUs` later. */
  syn(timeUs: number, sequence: number, lateUs = 20): void {
    this.nowUs = timeUs + lateUs;
    const ports = { sourcePort: PORT, destinationPort: SERVICE };
    this.tracker.onTrigger(
      { isAnswer: false, sequence, source: HERE, destination: THERE, ...ports },
      true,
      2,
      timeUs,
    );
  }

  synAckOut(timeUs: number, sequence: number): void {
    this.nowUs = timeUs + 20;
    const ports = { sourcePort: PORT, destinationPort: SERVICE };
    this.tracker.onTrigger(
      { isAnswer: true, sequence, source: HERE, destination: THERE, ...ports },
      true,
      2,
      timeUs,
    );
  }

  synAckIn(timeUs: number): void {
    const ports = { sourcePort: SERVICE, destinationPort: PORT };
    const answer = { isAnswer: true, sequence: 1, source: THERE, destination: HERE, ...ports };
    this.tracker.onTrigger(answer, false, 2, timeUs);
  }

  client(startUs: number, more: Partial<WhoQuestion> = {}): Owner | undefined {
    return this.answers.answer({ ...QUESTION, startUs, ...more }).client;
  }
}

const QUESTION: WhoQuestion = {
  protocol: 6,
  clientAddress: '10.0.0.1',
  clientPort: PORT,
  serverAddress: '10.0.0.2',
  serverPort: SERVICE,
  isClientOwn: true,
  isServerOwn: false,
  startUs: T0,
};
const SERVER: WhoQuestion = {
  ...QUESTION,
  ...{ clientAddress: '10.0.0.2', clientPort: SERVICE, serverAddress: '10.0.0.1', serverPort: PORT },
  ...{ isClientOwn: false, isServerOwn: true },
};

test('found at the SYN, told after the end, with what the kernel counted', () => {
  const world = new World();
  world.now = socketOf(1);
  world.syn(T0, 100);
  world.now = undefined;
  world.tracker.onGone(socketOf(1, { inode: 0, info: INFO }), T0 + 5000);
  const owners = world.answers.answer({ ...QUESTION, isEnd: true });
  assert.equal(owners.client?.process, 'p1');
  assert.deepEqual(owners.clientTotals, INFO);
  assert.equal(world.answers.answer(QUESTION).clientTotals, undefined, 'totals are those of an end');
  assert.equal(owners.server, undefined);
  assert.equal(world.asked[0]?.interfaceIndex, 2, 'a socket may be bound to its interface');
});

test('the next connection of the same tuple has its own owner, and so has the one before', () => {
  const world = new World();
  for (const [number, atUs] of [
    [1, T0],
    [2, T0 + 3000],
    [3, T0 + 6000],
  ] as const) {
    world.now = socketOf(number);
    world.syn(atUs, number * 100);
    world.tracker.onGone(socketOf(number, { inode: 0 }), atUs + 1000);
  }
  world.now = undefined;
  assert.deepEqual(
    [T0, T0 + 3000, T0 + 6000].map((startUs) => world.client(startUs, { isEnd: true })?.process),
    ['p1', 'p2', 'p3'],
  );
  assert.equal(world.client(T0 + 3500, { isEnd: true })?.process, undefined, 'none began then');
});

test('a SYN that is sent again is the same connection', () => {
  const world = new World();
  world.now = socketOf(1);
  world.syn(T0, 100);
  world.syn(T0 + 1_000_000, 100);
  assert.equal(world.tracker.table.size, 1);
  assert.equal(world.client(T0)?.process, 'p1');
});

test('who was looked up too late to be sure is not named', () => {
  const world = new World();
  // The first is through already when its SYN is looked at: what is found is the socket of the second.
  world.now = socketOf(2);
  world.syn(T0, 100, 2000);
  world.syn(T0 + 1000, 200, 1500);
  assert.equal(world.client(T0, { isEnd: true })?.how, 'unknown:closed');
  assert.equal(world.client(T0 + 1000, { isEnd: true })?.process, 'p2');
});

test('a socket that was found before its own SYN passed belongs to that SYN', () => {
  const world = new World();
  // Its process stood still between the making of the connection and the SYN.
  world.now = socketOf(2);
  world.syn(T0, 100);
  world.syn(T0 + 20_000, 200);
  assert.equal(world.client(T0, { isEnd: true })?.how, 'unknown:closed');
  assert.equal(world.client(T0 + 20_000)?.process, 'p2');
});

test('of a tuple that others had, only the very SYN counts', () => {
  const world = new World();
  world.now = socketOf(1);
  world.syn(T0, 100);
  assert.equal(world.client(T0 - 1500)?.process, 'p1', 'nobody else had it');
  world.now = socketOf(2);
  world.syn(T0 + 5000, 200);
  world.now = undefined;
  assert.equal(world.client(T0 + 4900)?.process, 'p2');
  assert.equal(world.client(T0 + 3500)?.process, undefined, 'the SYN of that one was not seen');
});

test('so it is where that socket is gone before its SYN is looked at', () => {
  const world = new World();
  world.now = socketOf(2);
  world.syn(T0, 100, 3000);
  world.tracker.onGone(socketOf(2, { inode: 0, info: INFO }), T0 + 3100);
  world.now = undefined;
  world.syn(T0 + 2500, 200, 700);
  const first = world.answers.answer({ ...QUESTION, isEnd: true });
  assert.deepEqual([first.client?.how, first.clientTotals], ['unknown:closed', undefined]);
});

test('an end that is told before its beginning is an end', () => {
  const world = new World();
  world.tracker.onGone(socketOf(1, { inode: 0, info: INFO }), T0 + 900);
  world.syn(T0, 100, 1000);
  const owners = world.answers.answer({ ...QUESTION, isEnd: true });
  assert.equal(owners.client?.how, 'unknown:closed');
  assert.deepEqual(owners.clientTotals, INFO);
  assert.equal(world.tracker.table.size, 1);
});

test('an end whose beginning nobody could look up belongs to the first such', () => {
  const world = new World();
  world.syn(T0, 100);
  world.syn(T0 + 3000, 200);
  world.tracker.onGone(socketOf(1, { inode: 0, info: INFO }), T0 + 3100);
  const totals = (startUs: number) =>
    world.answers.answer({ ...QUESTION, startUs, isEnd: true }).clientTotals;
  assert.deepEqual([totals(T0), totals(T0 + 3000)], [INFO, undefined]);
});

test('the answer to a SYN is a second chance', () => {
  const world = new World();
  world.syn(T0, 100);
  world.now = socketOf(1);
  world.synAckIn(T0 + 400);
  world.now = undefined;
  assert.equal(world.client(T0)?.process, 'p1');
});

test('a connection that was there before is asked for again, and believed only if it is the same', () => {
  const world = new World();
  world.tracker.adopt(socketOf(1));
  world.now = socketOf(1);
  assert.equal(world.client(T0 + 1e9)?.process, 'p1');
  world.now = socketOf(2);
  assert.equal(world.client(T0 + 1e9)?.process, undefined);
  world.now = undefined;
  assert.equal(world.client(T0 + 1e9)?.how, 'unknown:closed');
});

test('nobody, and why', () => {
  const world = new World();
  assert.equal(world.client(T0)?.how, 'unknown:no-socket');
  assert.equal(
    new World(false).client(T0)?.how,
    'unknown:closed',
    'where ends are not told, it may have been there',
  );
  assert.equal(world.client(T0, { protocol: 1 })?.how, 'unknown:kernel');
  const forwarded = { ...QUESTION, isClientOwn: false };
  assert.deepEqual(world.answers.answer(forwarded), { client: { how: 'unknown:forwarded' } });
  world.tracker.onGone(socketOf(1, { inode: 0 }), T0 + 100);
  assert.equal(world.client(T0)?.how, 'unknown:closed');
});

test('at its end, a socket that is wide open is another connection', () => {
  const world = new World();
  world.now = socketOf(1);
  assert.equal(world.client(T0, { isEnd: true })?.process, undefined);
  assert.equal(world.client(T0)?.process, 'p1');
  world.now = socketOf(1, { state: 8 });
  assert.equal(world.client(T0, { isEnd: true })?.process, 'p1');
});

test('a server: who listens at first, who accepted a moment later', () => {
  const world = new World();
  world.listeners = [socketOf(50, { remotePort: 0 })];
  world.now = socketOf(7, { inode: 0 });
  world.synAckOut(T0, 100);
  assert.deepEqual(world.answers.answer(SERVER).server, world.shared);
  const due = world.tracker.dueMs;
  assert.ok(due !== undefined);
  world.now = socketOf(7);
  while (performance.now() < due);
  world.tracker.work();
  world.now = undefined;
  assert.equal(world.answers.answer(SERVER).server?.process, 'p7');
  assert.equal(world.tracker.dueMs, undefined);
});

test('a SYN-ACK that no socket here sent is nobody’s', () => {
  const world = new World();
  world.synAckOut(T0, 100);
  world.now = socketOf(7, { remotePort: 0, state: 10 });
  world.synAckOut(T0, 100);
  assert.equal(world.tracker.table.size, 0);
});

test('a flood: it looks at less and less, and says so', () => {
  const spend = () => {
    const untilMs = performance.now() + 300;
    while (performance.now() < untilMs);
    return undefined;
  };
  const slow = new World();
  // One lookup that takes longer than all that may be spent at once.
  Object.defineProperty(slow, 'now', { get: spend });
  slow.syn(T0, 100);
  for (let i = 1; i <= 4; i += 1) slow.syn(T0 + i * 10_000, i * 200);
  assert.ok(slow.counters.read().busy > 0);
  assert.equal(slow.client(T0 + 40_000, { isEnd: true })?.how, 'unknown:busy');
});

test('ends that were lost: whatever is not there any more is over', () => {
  const world = new World();
  world.now = socketOf(1);
  world.syn(T0, 100);
  world.tracker.reconcile(new Set([1]), T0 + 1000);
  assert.equal(world.tracker.table.byCookie(1)?.untilUs, Number.POSITIVE_INFINITY);
  world.tracker.reconcile(new Set([2]), T0 + 2000);
  assert.equal(world.tracker.table.byCookie(1), undefined);
  world.now = undefined;
  assert.equal(world.client(T0)?.process, 'p1');
});

test('a question about an end waits only while the end may still be told', () => {
  const world = new World();
  world.now = socketOf(1);
  world.syn(T0, 100);
  const atEnd = { ...QUESTION, isEnd: true };
  assert.equal(world.answers.isEarly(QUESTION), false);
  assert.equal(world.answers.isEarly(atEnd), true);
  world.tracker.onGone(socketOf(1, { inode: 0, info: INFO }), T0 + 1000);
  assert.equal(world.answers.isEarly(atEnd), false);
  assert.equal(world.answers.isEarly({ ...atEnd, startUs: T0 + 1e7 }), false);
});

const UDP = { protocol: 17 } as const;
const DATAGRAM = { source: HERE, sourcePort: PORT, destination: THERE, destinationPort: SERVICE };

test('UDP is looked up at its first packet, and a port that several share is asked of all', () => {
  const world = new World();
  world.now = socketOf(1, UDP);
  world.tracker.onDatagram(DATAGRAM, 2, T0);
  world.now = undefined;
  assert.equal(world.client(T0, UDP)?.process, 'p1');
  const shared = new World();
  const free = { ...UDP, state: 7, remotePort: 0 };
  shared.now = socketOf(1, free);
  shared.listeners = [socketOf(1, free), socketOf(2, free)];
  shared.shared = { how: 'unknown:shared' };
  shared.tracker.onDatagram(DATAGRAM, 2, T0);
  assert.equal(shared.client(T0, UDP)?.how, 'unknown:shared');
  shared.listeners = [socketOf(1, free)];
  assert.equal(shared.client(T0, UDP)?.process, 'p1');
});

test('a client of UDP that was silent for a minute may have lost its port to another', () => {
  const world = new World();
  world.now = socketOf(2, UDP);
  assert.equal(world.client(T0, { ...UDP, isEnd: true })?.how, 'unknown:closed');
});

test('the table is bounded, and counts what it forgets', () => {
  const world = new World();
  for (let i = 0; i < 40_000; i += 1) {
    world.now = socketOf(i + 1, { localPort: i });
    const packet = { ...DATAGRAM, sourcePort: i, isAnswer: false, sequence: i };
    world.tracker.onTrigger(packet, true, 2, T0 + i);
  }
  assert.ok(world.tracker.table.size <= 32_768);
  assert.equal(world.tracker.table.takeForgotten(), 40_000 - 32_768);
  for (let i = 0; i < 40_000; i += 1)
    world.tracker.onGone(socketOf(i + 1, { localPort: i, inode: 0 }), T0 + 1e6);
  assert.ok(world.tracker.table.size <= 16_384, `${world.tracker.table.size}`);
});
