// What operators tell of other syslog daemons, told to the whole agent: a server that is away for hours while the
// host is restarted, programs that hang because nobody takes their messages, one dead destination that stops the
// others, a full disk, a hostile server. Smaller parts of these stories are tested where the part is.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sendUnixDatagram } from '../../kernel/unix-datagram.ts';
import { SEED } from '../property/chance.ts';
import { receiveRelp, type Verdict } from '../unit/delivery/use-transport.ts';
import { Hosts, numbersIn } from './agent.ts';
import { chanceFrom } from './crash-history.ts';
import { free } from './crash-hosts.ts';
import { skipWithout, demandPeer } from './peers.ts';
import { freePort, startProgram } from './programs.ts';
import { eventually, LOOPBACK, logLines, memoryOf, NO_DISK, sum, useDisk } from './world.ts';

const COUNT = 20_000;

function allOf(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** The numbers in order, each once. */
function firstTimes(numbers: readonly number[]): number[] {
  return [...new Set(numbers)];
}

function serveOver(hosts: Hosts, scheme: string): void {
  const config = {
    syslog: { listen: [`${scheme}://${LOOPBACK}:${hosts.relpPort}`] },
    files: { root: join(hosts.folder, 'out') },
    rules: [{ file: 'all.log' }],
    control: { socket: join(hosts.folder, 'server.sock') },
    log: { format: 'text' },
  };
  writeFileSync(hosts.serverConfig, JSON.stringify(config));
}

for (const scheme of ['relp', 'tcp']) {
  test(`${scheme}: the server is away, and the agent is stopped, killed and started meanwhile`, async (t) => {
    const hosts = await Hosts.open(t);
    serveOver(hosts, scheme);
    hosts.writeAgent({
      destinations: [hosts.destination('one', { to: `${scheme}://${LOOPBACK}:${hosts.relpPort}` })],
    });
    let count = 0;
    for (const end of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const agent = await hosts.startAgent();
      hosts.writeLines(count, 2000);
      count += 2000;
      await eventually(
        'all are in the queue',
        async () => (await hosts.destinationStatus()).queue.waiting >= count,
      );
      await agent.stop(end);
    }
    await hosts.startServer();
    await hosts.startAgent();
    await hosts.arrived(count);
    assert.deepEqual(firstTimes(numbersIn(hosts.received)), allOf(count));
  });

  test(`${scheme}: the first message after the server's restart is not the one that is lost`, async (t) => {
    const hosts = await Hosts.open(t);
    serveOver(hosts, scheme);
    hosts.writeAgent({
      destinations: [hosts.destination('one', { to: `${scheme}://${LOOPBACK}:${hosts.relpPort}` })],
    });
    await hosts.startAgent();
    for (let number = 0; number < 4; number += 1) {
      const server = await hosts.startServer();
      hosts.writeLines(number, 1);
      await hosts.arrived(number + 1);
      // Nothing is under way: the restart takes place between two messages.
      await eventually('nothing waits', async () => (await hosts.destinationStatus()).queue.waiting === 0);
      await server.stop(number % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
    }
  });
}

/** As many local messages as asked; what the kernel does not take at once is tried again for a while. */
async function logLocally(path: string, from: number, count: number, padding = 0): Promise<void> {
  for (let number = from; number < from + count; number += 1) {
    const text = Buffer.from(`<13>Nov 20 12:34:15 local: n=${number};${'.'.repeat(padding)}`);
    await eventually('the socket takes a message', () => sendUnixDatagram(path, text).ok);
  }
}

test('the server is away and the queue is full: no program that logs ever waits', {
  skip: skipWithout('logger'),
}, async (t) => {
  const hosts = await Hosts.open(t);
  const devlog = join(hosts.folder, 'log.sock');
  const queue = { directory: join(hosts.folder, 'queue/one'), maxDiskSpace: '1MiB', onFull: 'block' };
  hosts.writeAgent({
    inputs: [{ type: 'devlog', name: 'local', path: devlog }],
    destinations: [hosts.destination('one', { queue })],
  });
  const agent = await hosts.startAgent();
  // More than the queue and the agent's memory hold.
  await logLocally(devlog, 0, COUNT, 1500);
  await eventually('the queue is full', async () => sum((await hosts.status()).inputs[0]?.dropped ?? {}) > 0);
  // logger waits for a socket that takes nothing, as every program does that calls syslog(3).
  const program = startProgram(demandPeer('logger'), ['-u', devlog, '-t', 'program', 'still alive']);
  await program.success();
  await hosts.startServer();
  const dropped = async () => (await hosts.status()).inputs[0]?.dropped ?? {};
  await eventually('each message has arrived, or was counted', async () => {
    const arrived = hosts.received.split('\n').length - 1;
    return arrived + sum(await dropped()) === COUNT + 1;
  });
  t.diagnostic(`of ${COUNT + 1}, dropped ${JSON.stringify(await dropped())}`);
  assert.equal((await agent.stop()).code, 0);
  // Nothing was dropped before the queue was full.
  const numbers = numbersIn(hosts.received);
  assert.deepEqual(numbers.slice(0, 500), allOf(500));
});

test('one dead destination of two: the other gets everything, from files and from programs', async (t) => {
  const hosts = await Hosts.open(t);
  const devlog = join(hosts.folder, 'log.sock');
  const dead = { directory: join(hosts.folder, 'queue/dead'), maxDiskSpace: '1MiB', onFull: 'block' };
  hosts.writeAgent({
    inputs: [hosts.fileInput, { type: 'devlog', name: 'local', path: devlog }],
    destinations: [
      hosts.destination('dead', { to: `relp://${LOOPBACK}:${await freePort()}`, queue: dead }),
      hosts.destination('alive'),
    ],
  });
  await hosts.startServer();
  const agent = await hosts.startAgent();
  hosts.writeLines(0, COUNT);
  await logLocally(devlog, COUNT, 5000);
  await hosts.arrived(COUNT + 5000);
  const found = await hosts.destinationStatus('dead');
  assert.ok(found.queue.diskBytes <= found.queue.maxDiskSpaceBytes, `${found.queue.diskBytes} bytes`);
  // What it has taken, what it lost, and what it will read later are all there is.
  const lost = sum(found.dropped);
  const input = (await hosts.status()).inputs.find(
    ({ type, destination }) => type === 'file' && destination === 'dead',
  );
  t.diagnostic(`dead: ${found.sentence}; lost ${JSON.stringify(found.dropped)}`);
  assert.equal(found.queue.waiting + lost, 5000 + (input?.messages ?? 0));
  assert.equal((await agent.stop()).code, 0);
});

type OnFull = 'block' | 'dropOldest' | 'dropNewest';

/** Runs an agent whose queue's disk is full while 20,000 lines are written, and gives its last words. */
async function fillQueueDisk(t: TestContext, onFull: OnFull): Promise<{ hosts: Hosts; dropped: number }> {
  const hosts = await Hosts.open(t);
  const disk = useDisk(t, 8 * 1024);
  const directory = join(disk.path, 'queue');
  mkdirSync(directory, { mode: 0o700 });
  hosts.writeAgent({
    destinations: [hosts.destination('one', { queue: { directory, maxDiskSpace: '64MiB', onFull } })],
  });
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 1000);
  await eventually('some wait', async () => (await hosts.destinationStatus()).queue.waiting === 1000);
  disk.fill();
  hosts.writeLines(1000, COUNT);
  await eventually('it is noticed', async () => {
    return /full/.test((await hosts.destinationStatus()).queue.trouble ?? '');
  });
  if (onFull !== 'block') {
    await eventually('all lines are read', async () => {
      return (await hosts.status()).inputs[0]?.messages === COUNT + 1000;
    });
  }
  await hosts.startServer();
  await eventually('what was taken before is delivered, although the disk is full', async () => {
    const { queue } = await hosts.destinationStatus();
    return onFull === 'block' ? queue.waiting < 1000 : queue.waiting === 0;
  });
  free(disk);
  hosts.writeLines(COUNT + 1000, 1000);
  await eventually('the agent writes again', async () => {
    return (await hosts.destinationStatus()).queue.trouble === null;
  });
  await eventually('the last line arrives', () => numbersIn(hosts.received).includes(COUNT + 1999));
  const { dropped } = await hosts.destinationStatus();
  t.diagnostic(`dropped ${JSON.stringify(dropped)}, ${agent.stderr.split('\n').length - 1} log lines`);
  // A full disk is no reason to fill another one with complaints.
  assert.ok(logLines(agent, /./).length < 40, agent.stderr);
  assert.ok(memoryOf(agent.pid, 'VmHWM') < 200 * 1024 ** 2);
  assert.equal((await agent.stop()).code, 0);
  return { hosts, dropped: sum(dropped) };
}

test('the queue’s disk is full, "block": the log file keeps its own, and nothing is lost', {
  skip: NO_DISK,
}, async (t) => {
  const { hosts, dropped } = await fillQueueDisk(t, 'block');
  await hosts.arrived(COUNT + 2000);
  assert.deepEqual(firstTimes(numbersIn(hosts.received)), allOf(COUNT + 2000));
  assert.equal(dropped, 0);
});

for (const onFull of ['dropNewest', 'dropOldest'] as const) {
  test(`the queue’s disk is full, "${onFull}": what is lost is counted, to the message`, {
    skip: NO_DISK,
  }, async (t) => {
    const { hosts, dropped } = await fillQueueDisk(t, onFull);
    const arrived = firstTimes(numbersIn(hosts.received));
    assert.ok(dropped > 0, 'something was dropped');
    assert.equal(arrived.length + dropped, COUNT + 2000);
    assert.deepEqual(
      arrived,
      arrived.toSorted((a, b) => a - b),
    );
  });
}

const WHIMS: readonly Verdict[] = ['no', 'silent', 'end', 'reset', 'garbage', 'unknown', 'close', 'abort'];

test('a hostile server: whatever it does to a connection, what it did not acknowledge comes again', async (t) => {
  const chance = chanceFrom(SEED);
  const refused = new Set<string>();
  const did = new Map<Verdict, number>();
  const server = await receiveRelp(t, (text) => {
    if (chance() > 1 / 200 || refused.size > 60) return 'ok';
    const whim = WHIMS[Math.floor(chance() * WHIMS.length)] as Verdict;
    // What is refused again and again is given up, and counted; this one only has its moods.
    if (whim === 'no' && refused.has(text)) return 'ok';
    if (whim === 'no') refused.add(text);
    did.set(whim, (did.get(whim) ?? 0) + 1);
    return whim;
  });
  const hosts = await Hosts.open(t);
  const to = `relp://${LOOPBACK}:${server.port}`;
  hosts.writeAgent({ destinations: [hosts.destination('one', { to, window: 64, timeout: '1s' })] });
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 5000);
  const taken = () => new Set(server.taken.flatMap(numbersIn));
  await eventually('all are acknowledged', () => taken().size === 5000, 60_000);
  await eventually('nothing waits', async () => (await hosts.destinationStatus()).queue.waiting === 0);
  const { transport, dropped } = await hosts.destinationStatus();
  t.diagnostic(`${JSON.stringify(Object.fromEntries(did))}: ${JSON.stringify(transport)}`);
  assert.deepEqual(
    [...taken()].sort((a, b) => a - b),
    allOf(5000),
  );
  assert.equal(sum(dropped), 0);
  assert.ok(did.size >= 4, 'the server was hostile');
  assert.equal((await agent.stop()).code, 0);
});
