// The RELP side of a lane with real connections, in steps of the test's own: what is answered when, what holds a
// client back, who it is, and what is left when it goes.

import assert from 'node:assert/strict';
import fs, { mkdirSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAddress } from '../../../base/ip.ts';
import { line, linesIn } from './lane-parts.ts';
import { range, target } from './samples.ts';
import { StreamWorld, type StreamWish } from './stream-world.ts';

const OFFERS = 'relp_version=0\nrelp_software=test\ncommands=syslog';
const OPEN = `1 open ${OFFERS.length} ${OFFERS}\n`;
const OPENED = /^1 rsp \d+ 200 OK\nrelp_version=0\nrelp_software=belfry\ncommands=syslog\n/;

function frame(txnr: number, text = `n ${txnr}`, program = 'app'): string {
  const message = `<13>Nov 20 12:34:15 web1 ${program}: ${text}`;
  return `${txnr} syslog ${message.length} ${message}\n`;
}

const frames = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => frame(from + i)).join('');
const answers = (...txnrs: number[]) => txnrs.map((txnr) => `${txnr} rsp 6 200 OK\n`).join('');

/** A client that keeps what it hears. */
class Client {
  heard = '';
  hasEnded = false;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (part: Buffer) => {
      this.heard += part.toString('latin1');
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
  }

  /** What came since the last question. */
  hear(): string {
    const { heard } = this;
    this.heard = '';
    return heard;
  }
}

function useWorld(t: TestContext, wish: StreamWish = {}): StreamWorld {
  return new StreamWorld(t, { speaks: 'relp', ...wish });
}

/** A client whose session is open. */
async function useClient(world: StreamWorld): Promise<Client> {
  const client = new Client(await world.dial());
  client.socket.write(OPEN);
  await world.turn();
  assert.match(client.hear(), OPENED);
  return client;
}

test('a message is answered behind the flush that wrote it', async (t) => {
  const world = useWorld(t);
  const client = await useClient(world);
  client.socket.write(frame(2) + frame(3));
  await world.turn();
  assert.equal(client.hear(), '');
  assert.deepEqual(world.counted('relpSessions', 'relpUnanswered', 'relpAnswers'), [1, 2, 0]);
  assert.ok(world.streams.isWaitedFor);
  world.flush();
  await world.turn();
  assert.equal(client.hear(), answers(2, 3));
  assert.deepEqual(world.counted('relpSessions', 'relpUnanswered', 'relpAnswers'), [1, 0, 2]);
  assert.ok(!world.streams.isWaitedFor);
  assert.deepEqual(linesIn(world.file), [line('n 2'), line('n 3')]);
});

test('what no rule wants is answered at once', async (t) => {
  const world = useWorld(t, { rules: () => [] });
  const client = await useClient(world);
  client.socket.write(frame(2));
  await world.turn();
  assert.equal(client.hear(), answers(2));
  assert.deepEqual(world.counted('unrouted', 'relpUnanswered'), [1, 0]);
});

test('a client with a larger window than ours waits, and all its messages are taken in turn', async (t) => {
  const world = useWorld(t, { rules: (root) => [{ file: target('all.log', root, { sync: 'ack' }) }] });
  const client = await useClient(world);
  client.socket.write(frames(2, 10_001));
  await world.turn();
  assert.deepEqual(world.counted('relpUnanswered'), [4096]);
  for (let i = 0; i < 3; i += 1) {
    world.flush();
    await world.turn();
  }
  assert.equal(client.hear(), answers(...Array.from({ length: 10_000 }, (_, i) => i + 2)));
  assert.equal(linesIn(world.file).length, 10_000);
  assert.deepEqual(world.counted('relpUnanswered', 'held'), [0, 0]);
});

test('a file that cannot be written holds back its own messages, and those behind them', async (t) => {
  const world = useWorld(t, {
    rules: (root) => [
      { match: { program: ['dead'] }, file: target('dead.log', root) },
      { match: { program: ['app'] }, file: target('all.log', root) },
    ],
  });
  const dead = join(world.root, 'dead.log');
  mkdirSync(dead);
  const client = await useClient(world);
  client.socket.write(frame(2, 'a', 'dead') + frame(3) + frame(4, 'b', 'dead') + frame(5));
  for (let i = 0; i < 3; i += 1) {
    await world.turn();
    world.later();
  }
  await world.turn();
  assert.equal(client.hear(), answers(3, 5));
  rmSync(dead, { recursive: true });
  world.later();
  await world.turn();
  assert.equal(client.hear(), answers(2, 4));
  assert.equal(linesIn(dead).length, 2);
});

test('a refused message waits with its connection, and is answered when there is room', async (t) => {
  const world = useWorld(t);
  mkdirSync(world.file);
  const client = await useClient(world);
  client.socket.write(frames(2, 4001));
  for (let i = 0; i < 5; i += 1) {
    await world.turn();
    world.later();
  }
  assert.equal(world.streams.heldCount, 1);
  assert.equal(client.hear(), '');
  rmSync(world.file, { recursive: true });
  for (let i = 0; i < 5; i += 1) {
    world.later();
    await world.turn();
  }
  assert.equal(client.hear(), answers(...Array.from({ length: 4000 }, (_, i) => i + 2)));
  assert.equal(world.streams.heldCount, 0);
  assert.equal(linesIn(world.file).length, 4000);
});

for (const [how, count] of [
  ['held', 4001],
  ['waiting', 10],
] as const) {
  test(`a client that goes while it is ${how} is forgotten: it will send all again`, async (t) => {
    const world = useWorld(t);
    mkdirSync(world.file);
    const client = await useClient(world);
    client.socket.write(frames(2, count));
    for (let i = 0; i < 3; i += 1) {
      await world.turn();
      world.later();
    }
    assert.deepEqual(world.counted('connectionsOpen'), [1]);
    client.socket.destroy();
    await world.turn();
    // One that is read may have stopped to send only, and has the next flush.
    if (how === 'waiting') world.flush();
    assert.deepEqual(world.counted('connectionsOpen', 'relpSessions', 'relpUnanswered'), [0, 0, 0]);
    assert.equal(world.streams.heldCount, 0);
    const orphans = world.counted('relpOrphans')[0] ?? 0;
    rmSync(world.file, { recursive: true });
    world.later();
    assert.equal(linesIn(world.file).length, orphans);
  });
}

test('an fdatasync that fails: no answer, and the connection ends, so that the client sends again', async (t) => {
  const world = useWorld(t, { rules: (root) => [{ file: target('all.log', root, { sync: 'ack' }) }] });
  const [client, other] = [await useClient(world), await useClient(world)];
  client.socket.write(frame(2));
  await world.turn();
  const real = fs.fdatasyncSync;
  const mend = () => {
    fs.fdatasyncSync = real;
    syncBuiltinESMExports();
  };
  t.after(mend);
  fs.fdatasyncSync = () => {
    throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  syncBuiltinESMExports();
  world.flush();
  await world.turn();
  assert.ok(client.hasEnded && !other.hasEnded);
  assert.equal(client.hear(), '');
  assert.deepEqual(world.counted('closed:not_synced', 'relpOrphans', 'relpUnanswered'), [1, 1, 0]);
  mend();
  other.socket.write(frame(2));
  await world.turn();
  world.later();
  await world.turn();
  assert.equal(other.hear(), answers(2));
});

test('a client that goes before its answer leaves a message that will come again, and it is counted', async (t) => {
  const world = useWorld(t);
  const client = await useClient(world);
  client.socket.write(frame(2) + frame(3));
  await world.turn();
  client.socket.resetAndDestroy();
  await world.turn();
  assert.deepEqual(world.counted('relpOrphans', 'relpUnanswered', 'relpSessions'), [2, 0, 0]);
  assert.deepEqual(world.counted('closed:reset', 'relpEnded:connection_ended'), [1, 1]);
  world.flush();
  assert.equal(linesIn(world.file).length, 2);
  assert.deepEqual(world.counted('relpAnswers'), [0]);
});

test('a client that has only stopped to send gets the answers of the next flush', async (t) => {
  const world = useWorld(t);
  const client = await useClient(world);
  client.socket.end(frame(2) + frame(3) + frame(4).slice(0, 10));
  await world.turn();
  assert.equal(client.hear(), '');
  assert.ok(!client.hasEnded);
  world.flush();
  await world.turn();
  assert.equal(client.hear(), answers(2, 3));
  assert.ok(client.hasEnded);
  assert.deepEqual(world.counted('closed:by_peer', 'relpOrphans', 'relpSessions'), [1, 0, 0]);
});

test('a close is answered behind the last message, and the connection is read to its end', async (t) => {
  const world = useWorld(t);
  const client = await useClient(world);
  client.socket.write(`${frame(2)}3 close 0\n`);
  await world.turn();
  assert.equal(client.hear(), '');
  world.flush();
  await world.turn();
  assert.equal(client.hear(), answers(2, 3));
  assert.ok(client.hasEnded);
  assert.deepEqual(world.counted('connectionsOpen', 'relpEnded:closed'), [1, 1]);
  client.socket.end('more, which nobody wants');
  await world.turn();
  assert.deepEqual(world.counted('connectionsOpen', 'closed:session_ended', 'relpEnded:closed'), [0, 1, 1]);
});

test('who does not end its side is closed in time', async (t) => {
  const world = useWorld(t, { syslog: { handshakeTimeoutMs: 3000 } });
  const client = await useClient(world);
  client.socket.write('2 close 0\n');
  await world.turn();
  world.later(2000);
  assert.deepEqual(world.counted('connectionsOpen'), [1]);
  world.later(2000);
  assert.deepEqual(world.counted('connectionsOpen', 'closed:session_ended'), [0, 1]);
});

test('idle: an open session is told and ended, one that waits for a file is not', async (t) => {
  const world = useWorld(t, { syslog: { idleTimeoutMs: 5000 } });
  const [idle, waiting] = [await useClient(world), await useClient(world)];
  mkdirSync(world.file);
  waiting.socket.write(frame(2));
  await world.turn();
  for (let i = 0; i < 4; i += 1) world.later(2000);
  await world.turn();
  assert.match(idle.hear(), /^0 serverclose 0\n$/);
  assert.ok(idle.hasEnded && !waiting.hasEnded);
  idle.socket.end();
  await world.turn();
  assert.deepEqual(world.counted('connectionsOpen', 'closed:idle', 'relpEnded:stopped'), [1, 1, 1]);
});

test('at a stop: no more is taken, what is written is answered, and the client is told', async (t) => {
  const world = useWorld(t);
  const client = await useClient(world);
  client.socket.write(frame(2));
  await world.turn();
  client.socket.write(frame(3));
  world.streams.stop(Date.now() + 1000);
  world.flush();
  await world.turn();
  assert.equal(client.hear(), `${answers(2)}0 serverclose 0\n`);
  assert.equal(world.streams.sessionCount, 1);
  client.socket.end();
  await world.turn();
  world.streams.stop(Date.now() + 1000);
  assert.equal(world.streams.sessionCount, 0);
  assert.equal(world.streams.abandon(), 0);
  assert.deepEqual(linesIn(world.file), [line('n 2')]);
});

test('at a stop: who does not end is closed soon; what is held is left to the client', async (t) => {
  const world = useWorld(t);
  mkdirSync(world.file);
  const client = await useClient(world);
  client.socket.write(frames(2, 4001));
  for (let i = 0; i < 3; i += 1) {
    await world.turn();
    world.later();
  }
  assert.equal(world.streams.heldCount, 1);
  world.streams.stop(Date.now() + 1000);
  world.flush();
  assert.equal(world.streams.heldCount, 0);
  // Nothing of what it holds counts as lost: the client has it all.
  assert.equal(world.streams.abandon(), 0);
  assert.deepEqual(world.counted('relpSessions', 'relpUnanswered'), [0, 0]);
  assert.ok((world.counted('relpOrphans')[0] ?? 0) > 0);
});

test('an adopted connection is like an accepted one, with the sender and the certificate that were told', async (t) => {
  const address = parseAddress('10.1.2.3');
  assert.ok(address);
  const world = useWorld(t, {
    syslog: { allow: [range('10.0.0.0/8')], maxConnectionsPerSource: 2 },
    rules: (root) => [
      {
        match: { certName: ['WEB*.example.org'] },
        file: target('{fromHostIp}.json', root, { format: 'json' }),
      },
    ],
  });
  const wish = { listener: 3, address, certName: 'web1.example.org' };
  const tls = await world.handOver({ ...wish, speaks: 'syslog' });
  tls.write(`<13>${line('over tls')}\n`);
  const relps = new Client(await world.handOver({ ...wish, speaks: 'relp' }));
  relps.socket.write(OPEN + frame(2));
  await world.turn();
  world.flush();
  await world.turn();
  assert.match(relps.hear(), /2 rsp 6 200 OK\n$/);
  const records = linesIn(join(world.root, '10.1.2.3.json')).map((one) => JSON.parse(one) as { via: string });
  assert.deepEqual(records.map(({ via }) => via).sort(), ['relps', 'tls']);
  assert.equal(world.counts.listener(3, 'connections'), 2);
  const third = new Client(await world.handOver({ ...wish, speaks: 'relp' }));
  await world.turn();
  assert.ok(third.hasEnded);
  assert.equal(world.counts.listener(3, 'refused:too_many_from_source'), 1);
  const stranger = parseAddress('192.0.2.1');
  assert.ok(stranger);
  const refused = new Client(await world.handOver({ ...wish, address: stranger, speaks: 'syslog' }));
  await world.turn();
  assert.ok(refused.hasEnded);
  assert.equal(world.counts.listener(3, 'refused:not_allowed'), 1);
});
