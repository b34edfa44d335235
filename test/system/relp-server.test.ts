// RELP listeners of the running server: a message that was acknowledged is in its file, whatever happens to the
// server or the disk; what is not acknowledged is sent again; one dead file holds back its own senders only; and
// whatever a hostile client does, others are served.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Belfry, type BelfryOptions, startBelfry } from './belfry.ts';
import { demandPeer, skipWithout } from './peers.ts';
import {
  countLines,
  freePort,
  isListening,
  makeFolder,
  type Program,
  startProgram,
  waitForLines,
  waitUntil,
} from './programs.ts';
import { RelpSender, type RelpWish } from './relp-sender.ts';
import {
  assertNoTornLine,
  assertWhole,
  eventually,
  LOOPBACK,
  memoryOf,
  NO_DISK,
  numbered,
  numbersOf,
  raiseBelfry,
  readText,
  statusOf,
  useDisk,
} from './world.ts';

const COUNT = 20_000;

interface RelpBelfry extends Belfry {
  readonly relp: number;
}

async function raise(t: TestContext, options: BelfryOptions): Promise<RelpBelfry> {
  const relp = await freePort();
  const listen = [`relp://${LOOPBACK}:${relp}`];
  const belfry = await raiseBelfry(t, { ...options, syslog: { listen, ...options.syslog } });
  return { ...belfry, relp };
}

function open(t: TestContext, wish: RelpWish): RelpSender {
  const sender = new RelpSender(wish);
  t.after(() => sender.socket.destroy());
  return sender;
}

/** Every number once or more, and none of them in pieces. */
function assertAllThere(text: string, name: string, count: number): number {
  const numbers = numbersOf(text, name);
  const distinct = new Set(numbers);
  const missing = Array.from({ length: count }, (_, i) => i).filter((number) => !distinct.has(number));
  assert.deepEqual(missing.slice(0, 5), [], `${missing.length} of ${count} are missing`);
  return numbers.length - count;
}

describe('a RELP listener', () => {
  test('writes first and answers then, in order, and agrees to the close', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
    const sender = open(t, { port: belfry.relp, name: 'app', count: COUNT });
    let looks = 0;
    sender.socket.on('data', () => {
      if (looks++ % 10 !== 0) return;
      const { acknowledged } = sender;
      const lines = countLines(belfry.file('all.log'));
      assert.ok(lines >= acknowledged, `${acknowledged} were acknowledged and ${lines} written`);
    });
    await waitUntil('the session ends', () => sender.session.ending !== undefined);
    assert.equal(sender.session.ending, 'closed', sender.session.told);
    assert.equal(sender.session.told, 'the server agreed to the close');
    assert.equal(sender.acknowledged, COUNT);
    assert.ok(looks > 100, `${looks} looks at the file`);
    const text = readText(belfry.file('all.log'));
    assertNoTornLine(text);
    assertWhole(text, 'app', COUNT);
    assert.equal((await statusOf(belfry)).messages.received, COUNT);
    assert.equal((await belfry.program.stop()).code, 0);
  });

  test('answers a lone message at once, and one that no rule wants or a rule throws away', async (t) => {
    const belfry = await raise(t, {
      rules: [
        { match: { program: 'gone' }, discard: true },
        { match: { program: 'app' }, file: 'app.log' },
      ],
    });
    for (const name of ['app', 'gone', 'unwanted']) {
      const sender = open(t, { port: belfry.relp, name, count: 3, windowMax: 1 });
      await waitUntil(`${name} is answered`, () => sender.session.ending === 'closed');
    }
    assertWhole(readText(belfry.file('app.log')), 'app', 3);
    const { messages } = await statusOf(belfry);
    assert.deepEqual([messages.received, messages.discarded, messages.unrouted], [9, 3, 3]);
  });

  test('a message for several files is in all of them when it is answered', async (t) => {
    const belfry = await raise(t, {
      rules: [{ file: 'one.log' }, { file: { path: 'two.log', sync: 'ack' } }, { file: 'three.log' }],
    });
    const sender = open(t, { port: belfry.relp, name: 'app', count: COUNT, windowMax: 2048 });
    const files = ['one.log', 'two.log', 'three.log'].map(belfry.file);
    let looks = 0;
    sender.socket.on('data', () => {
      if (looks++ % 10 !== 0) return;
      const { acknowledged } = sender;
      for (const file of files) assert.ok(countLines(file) >= acknowledged);
    });
    await waitUntil('the session ends', () => sender.session.ending === 'closed');
    for (const file of files) assertWhole(readText(file), 'app', COUNT);
  });

  test('the way of a message is told, and a line end behind it is no part of it', async (t) => {
    const belfry = await raise(t, { rules: [{ file: { path: 'all.log', format: 'json' } }] });
    const client = await talk(t, belfry.relp);
    const text = '<13>Nov 20 12:34:15 host app: with a line end\n';
    client.write(`${OPEN}2 syslog ${text.length} ${text}\n3 syslog 0\n`);
    await waitUntil('both are answered', () => client.heard.includes('3 rsp 6 200 OK\n'));
    const lines = readText(belfry.file('all.log')).trimEnd().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { message: string; via: string });
    assert.deepEqual(
      records.map(({ message, via }) => [message, via]),
      [
        ['with a line end', 'relp'],
        ['', 'relp'],
      ],
    );
  });
});

// ---- the end of the server

describe('a server that ends', () => {
  test('in order: what it took is answered, and the client is told', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
    const sender = open(t, { port: belfry.relp, name: 'app', count: 1_000_000, windowMax: 2048 });
    const idle = open(t, { port: belfry.relp, name: 'idle', count: 5, stays: true });
    await waitUntil('some are acknowledged', () => sender.acknowledged > 3000 && idle.hasAll);
    assert.equal((await belfry.program.stop()).code, 0);
    await waitUntil('both sessions end', () => sender.hasClosed && idle.hasClosed);
    assert.equal(sender.session.ending, 'server_closed', sender.session.told);
    assert.equal(idle.session.ending, 'server_closed', idle.session.told);
    // Everything that is in the file was answered: nothing comes twice after a stop in order.
    assertWhole(readText(belfry.file('all.log')), 'app', sender.acknowledged);
  });

  test('by kill -9, again and again: what was acknowledged is there, the rest comes again', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
    const windowMax = 256;
    let { program } = belfry;
    t.after(() => program.stop('SIGKILL'));
    let left = Array.from({ length: COUNT }, (_, i) => i);
    let rounds = 0;
    while (left.length > 0) {
      const sender = open(t, { port: belfry.relp, name: 'app', count: 0, numbers: left, windowMax });
      const until = COUNT / 5;
      await waitUntil('some more are acknowledged', () => sender.acknowledged > until || sender.hasAll);
      await program.stop('SIGKILL');
      await waitUntil('the connection ends', () => sender.hasClosed);
      left = sender.unacknowledged;
      const there = new Set(numbersOf(readText(belfry.file('all.log')), 'app'));
      const waits = new Set(left);
      for (let number = 0; number < COUNT; number += 1)
        assert.ok(waits.has(number) || there.has(number), `${number} was acknowledged and is not there`);
      rounds += 1;
      if (left.length > 0) program = await startBelfry(belfry.config);
    }
    const text = readText(belfry.file('all.log'));
    assert.ok(rounds >= 3, `${rounds} rounds`);
    const doubles = assertAllThere(text, 'app', COUNT);
    t.diagnostic(`${rounds} kills, ${doubles} came twice`);
    assert.ok(doubles <= (rounds - 1) * windowMax, `${doubles} are more than the windows`);
  });
});

// ---- files

describe('a RELP client and files', () => {
  test('a full disk: no answer until there is room, and others are answered', {
    skip: NO_DISK,
  }, async (t) => {
    const disk = useDisk(t, 256);
    const full = join(disk.path, 'full.log');
    const belfry = await raise(t, {
      rules: [
        { match: { program: 'well' }, file: 'well.log', stop: true },
        { match: { program: 'both' }, file: 'well.log' },
        { file: full },
      ],
    });
    const dead = open(t, { port: belfry.relp, name: 'dead', count: COUNT, windowMax: 2048 });
    await eventually('the file is in trouble', async () => {
      return (await statusOf(belfry)).files.troubled.length === 1;
    });
    const well = open(t, { port: belfry.relp, name: 'well', count: COUNT, windowMax: 128 });
    await waitUntil('the sender of the other file has all', () => well.session.ending === 'closed');
    const both = open(t, { port: belfry.relp, name: 'both', count: 10 });
    await sleep(500);
    assert.equal(both.acknowledged, 0, 'one of its files does not have it');
    const lines = numbersOf(readText(full), 'dead').length;
    assert.ok(dead.acknowledged <= lines, `${dead.acknowledged} acknowledged, ${lines} written`);
    assert.ok(dead.acknowledged > 0 && dead.acknowledged < COUNT && !dead.hasClosed);
    for (const size of [1, 2, 64]) {
      disk.remount(`size=${size}m`);
      await sleep(300);
    }
    await waitUntil('all are answered', () => dead.session.ending === 'closed');
    await waitUntil('both are answered', () => both.session.ending === 'closed');
    assertWhole(readText(full), 'dead', COUNT);
    assertNoTornLine(readText(full));
    assertWhole(readText(belfry.file('well.log')), 'well', COUNT);
  });

  test('one connection: messages for a healthy file are answered past those for a dead one', {
    skip: NO_DISK,
  }, async (t) => {
    const disk = useDisk(t, 64);
    const belfry = await raise(t, {
      rules: [
        { match: { program: 'well' }, file: 'well.log', stop: true },
        { file: join(disk.path, 'full.log') },
      ],
    });
    disk.fill();
    const client = await talk(t, belfry.relp);
    const messages = Array.from({ length: 10 }, (_, i) => {
      const line = `<13>Nov 20 12:34:15 host ${i % 2 === 0 ? 'dead' : 'well'}: n=${i};`;
      return `${i + 2} syslog ${line.length} ${line}\n`;
    });
    client.write(OPEN + messages.join(''));
    await waitUntil('every other one is answered', () => client.heard.includes('11 rsp 6 200 OK\n'));
    await sleep(300);
    const answered = [...client.heard.matchAll(/(\d+) rsp 6 200 OK\n/g)].map(([, txnr]) => Number(txnr));
    assert.deepEqual(answered, [3, 5, 7, 9, 11]);
    disk.remount('size=1m');
    await waitUntil('all are answered', () => client.heard.includes('10 rsp 6 200 OK\n'));
  });

  test('a disk that stays full: a stop ends in time, and the client keeps what was not written', {
    skip: NO_DISK,
  }, async (t) => {
    const disk = useDisk(t, 256);
    const full = join(disk.path, 'full.log');
    const belfry = await raise(t, { rules: [{ file: full }] });
    const dead = open(t, { port: belfry.relp, name: 'dead', count: COUNT, windowMax: 2048 });
    await eventually('the file is in trouble', async () => {
      return (await statusOf(belfry)).files.troubled.length === 1;
    });
    await belfry.program.stop();
    await waitUntil('the connection ends', () => dead.hasClosed);
    const there = new Set(numbersOf(readText(full), 'dead'));
    const waits = new Set(dead.unacknowledged);
    for (let number = 0; number < COUNT; number += 1)
      assert.ok(waits.has(number) || there.has(number), `${number} was acknowledged and is not there`);
  });
});

// ---- hostile clients

const OFFERS = 'relp_version=0\nrelp_software=test\ncommands=syslog';
const OPEN = `1 open ${OFFERS.length} ${OFFERS}\n`;
const LINE = '<13>Nov 20 12:34:15 host app: hello';
const frame = (txnr: number, line = LINE) => `${txnr} syslog ${line.length} ${line}\n`;

class Talk {
  heard = '';
  hasEnded = false;
  hasClosed = false;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      this.heard += part;
    });
    socket.on('error', () => undefined);
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('close', () => {
      this.hasClosed = true;
    });
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }
}

function talk(t: TestContext, port: number): Promise<Talk> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: LOOPBACK, allowHalfOpen: true });
    socket.once('error', fail);
    t.after(() => socket.destroy());
    socket.once('connect', () => done(new Talk(socket)));
  });
}

describe('hostile RELP clients', () => {
  const CASES: readonly (readonly [string, string, RegExp])[] = [
    ['a syslog line', `${LINE}\n`, /^0 serverclose \d+ this is no RELP frame\n$/],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^0 serverclose \d+ this is no RELP frame\n$/],
    ['noise', '\x16\x03\x01\x02\x00\x01\xff', /^0 serverclose \d+ this is no RELP frame\n$/],
    ['a message before the open', frame(1), /^0 serverclose \d+ the session is not open yet\n$/],
    ['an open without offers', '1 open 0\n', /^1 rsp \d+ 500 [^\n]+\n0 serverclose /],
    [
      'a number out of turn',
      `${OPEN}${frame(2)}${frame(4)}`,
      /\n2 rsp 6 200 OK\n0 serverclose \d+ .*3 is due/,
    ],
    ['a length beyond all limits', `${OPEN}2 syslog 99999999 x`, /\n2 rsp \d+ 500 a frame of 99999999 bytes/],
    ['a length of ten digits', `${OPEN}2 syslog 1000000000 x`, /0 serverclose \d+ this is no RELP frame/],
    ['a frame without its end', `${OPEN}2 syslog 3 abcdef\n`, /0 serverclose \d+ a frame does not end/],
    ['an abort behind a message', `${OPEN}${frame(2)}3 abort 0\n`, /\n2 rsp 6 200 OK\n0 serverclose /],
  ];

  test('each is ended with a word of why, and nobody else notices', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
    const other = open(t, { port: belfry.relp, name: 'other', count: COUNT, windowMax: 64 });
    for (const [what, bytes, answer] of CASES) {
      const client = await talk(t, belfry.relp);
      client.write(Buffer.from(bytes, 'latin1'));
      await waitUntil(`${what} is ended: ${client.heard}`, () => client.hasEnded);
      assert.match(client.heard, answer, what);
      client.socket.end();
    }
    await waitUntil('the other has all', () => other.session.ending === 'closed');
    assertWhole(readText(belfry.file('all.log')), 'other', COUNT);
    await eventually(
      'all connections are closed',
      async () => (await statusOf(belfry)).connections.open === 0,
    );
    const { closed } = (await statusOf(belfry)).connections;
    assert.equal(closed.session_ended, CASES.length + 1, JSON.stringify(closed));
    assert.equal((await belfry.program.stop()).code, 0);
  });

  test('one that stops to send gets its answers; one that resets in mid-frame is forgotten', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
    const polite = await talk(t, belfry.relp);
    polite.socket.end(OPEN + frame(2) + frame(3) + frame(4).slice(0, -4));
    await waitUntil('it is ended', () => polite.hasEnded);
    assert.match(polite.heard, /\n2 rsp 6 200 OK\n3 rsp 6 200 OK\n$/);
    const rude = await talk(t, belfry.relp);
    rude.write(OPEN + frame(2).slice(0, 20));
    await waitUntil('it is open', () => rude.heard.startsWith('1 rsp '));
    rude.socket.resetAndDestroy();
    await eventually('it is forgotten', async () => (await statusOf(belfry)).connections.closed.reset === 1);
    assert.equal(countLines(belfry.file('all.log')), 2);
  });

  test('a message that is too long is cut and answered, and the next is whole', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }], syslog: { maxMessageSize: '1KiB' } });
    const client = await talk(t, belfry.relp);
    client.write(OPEN + frame(2, LINE.padEnd(300_000, '.')) + frame(3));
    await waitUntil('both are answered', () => client.heard.includes('\n2 rsp 6 200 OK\n3 rsp 6 200 OK\n'));
    const lines = readText(belfry.file('all.log')).trimEnd().split('\n');
    assert.deepEqual([lines[0]?.length, lines[1]], [1020, LINE.slice(4)]);
    assert.equal((await statusOf(belfry)).listeners[0]?.oversized, 1);
  });

  test('one that never reads its answers is bounded, and ended when it is idle', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }], syslog: { idleTimeout: '2s' } });
    const client = await talk(t, belfry.relp);
    client.socket.pause();
    client.write(OPEN);
    const before = memoryOf(belfry.program.pid, 'VmRSS');
    let txnr = 2;
    let isFull = false;
    while (!isFull && txnr < 3_000_000) {
      const part = Array.from({ length: 2000 }, () => frame(txnr++)).join('');
      const isTaken = await Promise.race([
        new Promise<boolean>((done) => {
          client.socket.write(part, () => done(true));
        }),
        sleep(1000, false),
      ]);
      isFull = !isTaken;
    }
    assert.ok(isFull, `the server has taken ${txnr} messages without being read`);
    const after = memoryOf(belfry.program.pid, 'VmRSS');
    t.diagnostic(`${countLines(belfry.file('all.log'))} messages, ${(after - before) / 1024} KiB more`);
    assert.ok(after - before < 64 * 1024 * 1024, `${after - before} bytes more`);
    const other = open(t, { port: belfry.relp, name: 'other', count: 1000 });
    await waitUntil('another is served', () => other.session.ending === 'closed');
    await eventually('it is ended', async () => (await statusOf(belfry)).connections.closed.idle === 1);
  });

  test('one that never opens its session is ended in time, one that is open may be silent', async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }], syslog: { handshakeTimeout: '1s' } });
    const [mute, half, quiet] = [
      await talk(t, belfry.relp),
      await talk(t, belfry.relp),
      await talk(t, belfry.relp),
    ];
    half.write(OPEN.slice(0, -5));
    quiet.write(OPEN);
    await waitUntil('both are ended', () => mute.hasEnded && half.hasEnded);
    assert.equal((await statusOf(belfry)).connections.closed.handshake, 2);
    await sleep(1500);
    assert.equal(quiet.hasEnded, false);
    quiet.write(frame(2));
    await waitUntil('it is answered', () => quiet.heard.includes('2 rsp 6 200 OK'));
  });

  test('one source has as many connections as it may, and a place is free when one goes', async (t) => {
    const belfry = await raise(t, {
      rules: [{ file: 'all.log' }],
      syslog: { maxConnectionsPerSource: 2 },
    });
    const first = await talk(t, belfry.relp);
    const second = await talk(t, belfry.relp);
    await eventually('two are in', async () => (await statusOf(belfry)).connections.open === 2);
    const third = await talk(t, belfry.relp);
    await waitUntil('the third is refused', () => third.hasEnded);
    assert.equal((await statusOf(belfry)).listeners[0]?.refused.too_many_from_source, 1);
    first.socket.destroy();
    await eventually('one is gone', async () => (await statusOf(belfry)).connections.open === 1);
    const fourth = open(t, { port: belfry.relp, name: 'app', count: 10 });
    await waitUntil('there is room again', () => fourth.session.ending === 'closed');
    assert.equal(second.hasEnded, false);
  });
});

// ---- rsyslog's omrelp

const skip = skipWithout('rsyslogd-relp');
/** Long enough that two restarts fall into it. */
const STREAM = 100_000;

interface Omrelp {
  readonly program: Program;
  readonly input: number;
}

async function startOmrelp(t: TestContext, to: number, windowSize: number): Promise<Omrelp> {
  const folder = makeFolder('omrelp');
  const input = await freePort();
  const config = join(folder.path, 'rsyslog.conf');
  writeFileSync(
    config,
    [
      `global(workDirectory="${folder.path}" localHostname="relay")`,
      'module(load="imptcp")',
      'module(load="omrelp")',
      'template(name="bare" type="string" string="%rawmsg%")',
      `input(type="imptcp" address="127.0.0.1" port="${input}")`,
      `action(type="omrelp" target="127.0.0.1" port="${to}" template="bare" windowSize="${windowSize}"`,
      '  timeout="5" action.resumeInterval="1" action.resumeRetryCount="-1"',
      '  queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="512")',
      '',
    ].join('\n'),
  );
  const args = ['-n', '-f', config, '-i', join(folder.path, 'pid')];
  const program = startProgram(demandPeer('rsyslogd-relp'), args, { cwd: folder.path });
  t.after(async () => {
    await program.stop();
    folder.remove();
  });
  await waitUntil('rsyslogd listens', () => isListening('tcp', input) || program.hasEnded());
  assert.ok(!program.hasEnded(), `rsyslogd ended: ${program.stdout}${program.stderr}`);
  return { program, input };
}

function sendLines(port: number, bytes: Buffer): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(port, LOOPBACK, () => socket.end(bytes));
    socket.once('error', fail);
    socket.once('close', () => done());
    socket.resume();
  });
}

describe('omrelp', () => {
  test('every message comes once and in order, and the close is answered', { skip }, async (t) => {
    const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
    const { input, program } = await startOmrelp(t, belfry.relp, 512);
    await sendLines(input, numbered('host', 'app', 0, COUNT));
    await waitForLines(belfry.file('all.log'), COUNT);
    assertWhole(readText(belfry.file('all.log')), 'app', COUNT);
    await program.stop();
    await eventually('the session is over', async () => (await statusOf(belfry)).connections.open === 0);
    assert.equal((await statusOf(belfry)).connections.closed.session_ended, 1);
  });

  for (const [how, signal] of [
    ['stopped', 'SIGTERM'],
    ['killed', 'SIGKILL'],
  ] as const) {
    test(`nothing is missing when the server is ${how} and started again in mid-stream`, {
      skip,
    }, async (t) => {
      const windowSize = 512;
      const belfry = await raise(t, { rules: [{ file: 'all.log' }] });
      const { input } = await startOmrelp(t, belfry.relp, windowSize);
      let { program } = belfry;
      t.after(() => program.stop('SIGKILL'));
      const sent = sendLines(input, numbered('host', 'app', 0, STREAM));
      const file = belfry.file('all.log');
      for (const lines of [STREAM / 8, STREAM / 3]) {
        await waitUntil('some are written', () => existsSync(file) && countLines(file) > lines);
        await program.stop(signal);
        const written = countLines(file);
        assert.ok(written < STREAM, 'it ends in mid-stream');
        t.diagnostic(`${how} when ${written} were written`);
        program = await startBelfry(belfry.config);
      }
      await sent;
      const distinct = () => new Set(numbersOf(readText(file), 'app')).size;
      await eventually(`all messages, there are ${distinct()}`, () => distinct() >= STREAM, 60_000);
      const text = readText(file);
      assertNoTornLine(text);
      const doubles = assertAllThere(text, 'app', STREAM);
      t.diagnostic(`${doubles} came twice`);
      // rsyslog sends its whole batch again when a session breaks.
      assert.ok(doubles <= 2 * (windowSize + 512), `${doubles} doubles`);
    });
  }
});
