// A file that cannot be written: the disk is full, the file system read-only, the permission gone, a directory
// in its place. What came over TCP arrives once, whole and in order when the trouble is over; what came over
// UDP is stored or counted; the log says it in a line or two; other files do not notice.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BELFRY, writeConfig } from './belfry.ts';
import { countLines, freePort, makeFolder, startProgram, waitForLines, waitUntil } from './programs.ts';
import {
  assertNoTornLine,
  assertWhole,
  eventually,
  hangUp,
  logLines,
  mebibytes,
  memoryOf,
  message,
  NO_DISK,
  NO_OTHER_USER,
  numbered,
  numbersOf,
  openSender,
  raiseBelfry,
  readText,
  sendTcp,
  sendUdp,
  statusOf,
  sum,
  useDisk,
} from './world.ts';

const DISK_KIB = 512;
/** With the padding much more than the disk, the buffers of the server and those of the kernel hold (20 MB). */
const FLOOD = 60_000;
const PADDING = 260;

const TROUBLE = /event=file_trouble\b/;
const OVER = /event=file_trouble_over\b/;

async function health(port: number): Promise<{ status: number; body: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  return { status: answer.status, body: await answer.text() };
}

describe('a full disk', { skip: NO_DISK }, () => {
  test('holds TCP senders back, loses nothing, tears nothing, and is over when there is room', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const http = await freePort();
    const belfry = await raiseBelfry(t, {
      rules: [
        { match: { program: 'well' }, file: 'well.log', stop: true },
        { file: join(disk.path, 'full.log') },
      ],
      more: { http: { listen: `127.0.0.1:${http}` } },
    });
    const senders = await Promise.all(['a', 'b', 'c'].map(() => openSender(belfry.port)));
    const writes = senders.map((sender, at) =>
      sender.write(numbered('host', `s${at}`, 0, FLOOD, PADDING)).then(() => sender.end()),
    );
    await eventually('the file is in trouble', async () => {
      return (await statusOf(belfry)).files.troubled.length === 1;
    });
    assert.equal((await health(http)).status, 503);
    assert.match((await health(http)).body, /disk_full/);

    // Others do not notice.
    await sendTcp(belfry.port, numbered('host', 'well', 0, 1000));
    await waitForLines(belfry.file('well.log'), 1000);

    await sleep(1500);
    const held = await statusOf(belfry);
    assert.ok(held.connections.held >= 3, `${held.connections.held} connections were held`);
    assert.ok(
      senders.every((sender) => sender.socket.writableLength > 0 && sender.error === undefined),
      'the senders wait, and their connections stand',
    );
    assert.equal(logLines(belfry.program, TROUBLE).length, 1);

    // Room comes in steps, so that the disk fills up several times more.
    for (const size of [1, 2, 3, 8, 256]) {
      disk.remount(`size=${size}m`);
      await sleep(400);
    }
    await Promise.all(writes);
    await waitForLines(join(disk.path, 'full.log'), 3 * FLOOD);
    await eventually('healthy again', async () => (await health(http)).status === 200);
    const text = readText(join(disk.path, 'full.log'));
    assertNoTornLine(text);
    for (const at of [0, 1, 2]) assertWhole(text, `s${at}`, FLOOD);
    const after = await statusOf(belfry);
    assert.equal(after.messages.received, 3 * FLOOD + 1000);
    assert.equal(after.messages.dropped.disk_full, 0);
    assert.equal(logLines(belfry.program, TROUBLE).length, 1, logLines(belfry.program, TROUBLE).join('\n'));
    assert.equal((await belfry.program.stop()).code, 0);
  });

  test('with UDP beside TCP on one file: TCP loses nothing, UDP is stored or counted, no line is glued', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const file = join(disk.path, 'both.log');
    const belfry = await raiseBelfry(t, { rules: [{ file }], syslog: {} });
    const sender = await openSender(belfry.port);
    const tcp = sender.write(numbered('host', 'tcp', 0, FLOOD)).then(() => sender.end());
    const datagrams = Array.from({ length: FLOOD }, (_, i) => message('host', 'udp', i));
    const udp = (async () => {
      for (let at = 0; at < FLOOD; at += 1000) {
        await sendUdp(belfry.port, datagrams.slice(at, at + 1000));
        await sleep(20);
      }
    })();
    await eventually('the file is in trouble', async () => {
      return (await statusOf(belfry)).files.troubled.length === 1;
    });
    await udp;
    for (const size of [1, 2, 3, 64]) {
      disk.remount(`size=${size}m`);
      await sleep(400);
    }
    await tcp;
    await eventually('all is written', async () => {
      const { messages, files } = await statusOf(belfry);
      return messages.received >= 2 * FLOOD - messages.dropped.kernel && files.troubled.length === 0;
    });
    const { messages, listeners } = await statusOf(belfry);
    const { code } = await belfry.program.stop();
    assert.equal(code, 0);
    const text = readText(file);
    assertNoTornLine(text);
    assertWhole(text, 'tcp', FLOOD);
    const { kernel, ...dropped } = messages.dropped;
    assert.equal(numbersOf(text, 'udp').length + sum(dropped), listeners[0]?.messages, 'stored and dropped');
    assert.equal((listeners[0]?.messages ?? 0) + kernel, FLOOD, 'received and dropped by the kernel');
    t.diagnostic(
      `dropped: ${dropped.disk_full} disk full, ${dropped.busy} behind a torn line of the other lane`,
    );
    assert.doesNotMatch(belfry.program.stderr, /event=unwritten_at_stop/);
    const stored = numbersOf(text, 'udp');
    assert.deepEqual(
      stored,
      [...new Set(stored)].sort((a, b) => a - b),
      'UDP lines stand once each, in order',
    );
    t.diagnostic(`${stored.length} of ${FLOOD} datagrams were stored`);
    assert.ok(stored.length < FLOOD, 'the disk was full for UDP too');
  });

  test('every datagram is stored or counted with its reason', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const file = join(disk.path, 'udp.log');
    const belfry = await raiseBelfry(t, { rules: [{ file }] });
    disk.fill();
    const count = 20_000;
    await sendUdp(
      belfry.port,
      Array.from({ length: count }, (_, i) => message('host', 'udp', i)),
    );
    await eventually('all are received', async () => {
      const { messages } = await statusOf(belfry);
      return messages.received + messages.dropped.kernel >= count;
    });
    disk.remount('size=8m');
    await eventually('over', async () => (await statusOf(belfry)).files.troubled.length === 0);
    await sendUdp(belfry.port, [message('host', 'udp', count)]);
    await eventually('the last', () => readText(file).includes(` n=${count};`));
    const { messages } = await statusOf(belfry);
    const text = readText(file);
    assertNoTornLine(text);
    assert.ok(messages.dropped.disk_full > 0, 'some were dropped');
    assert.equal(numbersOf(text, 'udp').length + messages.dropped.disk_full, messages.received);
    assert.equal(messages.received + messages.dropped.kernel, count + 1);
  });

  test('SIGHUP and logrotate in the middle of it tear and double nothing', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const file = join(disk.path, 'full.log');
    const belfry = await raiseBelfry(t, { rules: [{ file }] });
    const sender = await openSender(belfry.port);
    const count = 30_000;
    const sending = sender.write(numbered('host', 'tcp', 0, count)).then(() => sender.end());
    await eventually('the file is in trouble', async () => {
      return (await statusOf(belfry)).files.troubled.length === 1;
    });
    await hangUp(belfry.program);
    await sleep(300);
    renameSync(file, `${file}.1`);
    await hangUp(belfry.program);
    await sleep(300);
    disk.remount('size=64m');
    await sending;
    await eventually('all is written', () => countLines(file) + countLines(`${file}.1`) >= count);
    assert.equal((await belfry.program.stop()).code, 0);
    const text = readText(`${file}.1`) + readText(file);
    assertNoTornLine(readText(`${file}.1`));
    assertNoTornLine(text);
    assertWhole(text, 'tcp', count);
  });

  test('thousands of files on it leave room for the files on other disks', async (t) => {
    const disk = useDisk(t, 4096);
    const belfry = await raiseBelfry(t, {
      rules: [
        { match: { program: 'well' }, file: 'well.log', stop: true },
        { file: join(disk.path, '{host}.log') },
      ],
    });
    disk.fill();
    const hosts = 4000;
    const senders = await Promise.all(Array.from({ length: 40 }, () => openSender(belfry.port)));
    const writes = senders.map((sender, at) => {
      const own = Array.from({ length: hosts / 40 }, (_, i) => (at * hosts) / 40 + i);
      const lines = own.map((host) => `${message(`host-${host}`, 'app', 0)}\n`);
      return sender.write(lines.join('')).then(() => sender.end());
    });
    await eventually('many are in trouble', async () => {
      return (await statusOf(belfry)).files.troubledCount > 1000;
    });
    await sendTcp(belfry.port, numbered('host', 'well', 0, 5000));
    assertWhole(await waitForLines(belfry.file('well.log'), 5000), 'well', 5000);
    disk.remount('size=64m');
    await Promise.all(writes);
    const stored = () => readdirSync(disk.path).filter((name) => name.startsWith('host-'));
    await eventually('all are written', async () => {
      return stored().length === hosts && (await statusOf(belfry)).files.troubledCount === 0;
    });
    for (const name of stored()) assertWhole(readText(join(disk.path, name)), 'app', 1);
    assert.equal(logLines(belfry.program, TROUBLE).length, 1);
    assert.equal((await belfry.program.stop()).code, 0);
  });

  test('hundreds of held senders cost little memory, and the others are still read', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const belfry = await raiseBelfry(t, {
      rules: [
        { match: { program: 'well' }, file: 'well.log', stop: true },
        { file: join(disk.path, 'full.log') },
      ],
    });
    disk.fill();
    const count = 800;
    const block = numbered('host', 'app', 0, 2000, PADDING);
    const senders = await Promise.all(Array.from({ length: count }, () => openSender(belfry.port)));
    for (const sender of senders) void sender.write(block);
    await eventually('all are held', async () => (await statusOf(belfry)).connections.held >= count);
    await sendTcp(belfry.port, numbered('host', 'well', 0, 5000));
    assertWhole(await waitForLines(belfry.file('well.log'), 5000), 'well', 5000);
    const peak = memoryOf(belfry.program.pid, 'VmHWM');
    t.diagnostic(`${mebibytes(peak)} with ${count} held senders`);
    assert.ok(peak < 200 * 1024 ** 2, mebibytes(peak));
    for (const sender of senders) sender.socket.destroy();
  });

  test('a message for three files, one of them in trouble, is in each of them once', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const belfry = await raiseBelfry(t, {
      rules: [
        { file: 'before.log' },
        { file: join(disk.path, 'full.log') },
        { match: { contains: 'quick' }, file: 'after.log' },
      ],
    });
    const count = 30_000;
    const sender = await openSender(belfry.port);
    const sending = sender.write(numbered('host', 'app', 0, count)).then(() => sender.end());
    await eventually('in trouble', async () => (await statusOf(belfry)).files.troubledCount === 1);
    for (const size of ['1m', '2m', '64m']) {
      await sleep(300);
      disk.remount(`size=${size}`);
    }
    await sending;
    for (const file of [belfry.file('before.log'), join(disk.path, 'full.log'), belfry.file('after.log')]) {
      const text = await waitForLines(file, count);
      assertNoTornLine(text);
      assertWhole(text, 'app', count);
    }
  });

  test('SIGTERM in the middle of it ends within 5 s and says what was lost', async (t) => {
    const disk = useDisk(t, DISK_KIB);
    const file = join(disk.path, 'full.log');
    const belfry = await raiseBelfry(t, { rules: [{ file }] });
    const sender = await openSender(belfry.port);
    void sender.write(numbered('host', 'tcp', 0, FLOOD, PADDING));
    await eventually('the file is in trouble', async () => {
      return (await statusOf(belfry)).files.troubled.length === 1;
    });
    const began = performance.now();
    const { code } = await belfry.program.stop();
    const tookMs = performance.now() - began;
    assert.equal(code, 0);
    assert.ok(tookMs < 10_000, `it took ${Math.round(tookMs)} ms`);
    assert.match(belfry.program.stderr, /could not be written before the end and are lost/);
    const text = readText(file);
    assertNoTornLine(text);
    const stored = numbersOf(text, 'tcp');
    assertWhole(text, 'tcp', stored.length);
  });
});

describe('a file that cannot be opened', () => {
  test('a directory in its place', async (t) => {
    const belfry = await raiseBelfry(t, {
      rules: [{ match: { program: 'well' }, file: 'well.log', stop: true }, { file: 'taken.log' }],
    });
    mkdirSync(belfry.file('taken.log'), { recursive: true });
    const count = 20_000;
    const sender = await openSender(belfry.port);
    const sending = sender.write(numbered('host', 'tcp', 0, count)).then(() => sender.end());
    await eventually('in trouble', async () => {
      return (await statusOf(belfry)).files.troubled[0]?.trouble === 'not_a_file';
    });
    await sendTcp(belfry.port, numbered('host', 'well', 0, 100));
    await waitForLines(belfry.file('well.log'), 100);
    await sleep(500);
    rmdirSync(belfry.file('taken.log'));
    await sending;
    assertWhole(await waitForLines(belfry.file('taken.log'), count), 'tcp', count);
    await eventually('over', async () => (await statusOf(belfry)).files.troubled.length === 0);
    await eventually('the log says that it is over', () => logLines(belfry.program, OVER).length === 1);
    assert.equal(logLines(belfry.program, TROUBLE).length, 1, 'one line when it began');
  });

  test('replaced by a directory while it is open', async (t) => {
    const belfry = await raiseBelfry(t, { rules: [{ file: 'a.log' }] });
    await sendTcp(belfry.port, numbered('host', 'tcp', 0, 10));
    await waitForLines(belfry.file('a.log'), 10);
    renameSync(belfry.file('a.log'), belfry.file('old.log'));
    mkdirSync(belfry.file('a.log'));
    await sleep(1200);
    const sender = await openSender(belfry.port);
    const sending = sender.write(numbered('host', 'tcp', 10, 20_000)).then(() => sender.end());
    await eventually('in trouble', async () => (await statusOf(belfry)).files.troubled.length === 1);
    rmdirSync(belfry.file('a.log'));
    await sending;
    const lines = () => countLines(belfry.file('a.log')) + countLines(belfry.file('old.log'));
    await eventually('all lines', () => lines() >= 20_010);
    assertWhole(readText(belfry.file('old.log')) + readText(belfry.file('a.log')), 'tcp', 20_010);
  });

  test('a read-only file system', { skip: NO_DISK }, async (t) => {
    const disk = useDisk(t, 8192);
    const file = join(disk.path, 'ro.log');
    const belfry = await raiseBelfry(t, { rules: [{ file }] });
    await sendTcp(belfry.port, numbered('host', 'tcp', 0, 100));
    await waitForLines(file, 100);
    await hangUp(belfry.program);
    disk.remount('ro');
    const count = 20_000;
    const sender = await openSender(belfry.port);
    const sending = sender.write(numbered('host', 'tcp', 100, count)).then(() => sender.end());
    await eventually('in trouble', async () => {
      return (await statusOf(belfry)).files.troubled[0]?.trouble === 'read_only';
    });
    disk.remount('rw');
    await sending;
    assertWhole(await waitForLines(file, count + 100), 'tcp', count + 100);
  });

  test('a permission that is lost and given back', { skip: NO_OTHER_USER }, async (t) => {
    const folder = makeFolder('system');
    t.after(folder.remove);
    const port = await freePort();
    const config = writeConfig(folder.path, port, { rules: [{ file: 'a.log' }] });
    const out = join(folder.path, 'out');
    mkdirSync(out);
    for (const path of [folder.path, out, config]) chownSync(path, 65534, 65534);
    const args = ['--reuid', '65534', '--regid', '65534', '--clear-groups', BELFRY.path, ...BELFRY.args];
    const program = startProgram({ path: 'setpriv', args, env: {} }, ['serve', '-c', config]);
    t.after(() => program.stop('SIGKILL'));
    await waitUntil('ready', () => /\bready\b/.test(program.stderr) || program.hasEnded());
    assert.ok(!program.hasEnded(), program.stderr);
    chmodSync(out, 0o500);
    const count = 20_000;
    const sender = await openSender(port);
    const sending = sender.write(numbered('host', 'tcp', 0, count)).then(() => sender.end());
    await waitUntil('trouble in the log', () => logLines(program, 'trouble=permission').length > 0);
    assert.match(program.stderr, /Give the user that Belfry runs as the right to write there/);
    chmodSync(out, 0o700);
    await sending;
    assertWhole(await waitForLines(join(out, 'a.log'), count), 'tcp', count);
    assert.equal((await program.stop()).code, 0);
  });
});
