// Messages on real connections, told apart by octet counting and by line feeds, mixed, in pieces of every size;
// connections that fall silent, that go half-way, that vanish. The file is the judge.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { useBelfry } from './belfry.ts';
import { waitForLines } from './programs.ts';
import {
  assertWhole,
  eventually,
  message,
  numbered,
  openSender,
  readText,
  sendTcp,
  statusOf,
} from './world.ts';

const rules = [{ file: 'all.log' }];

/** The same messages by turns octet counted, with LF, with CR LF, and octet counted with LF behind. */
function mixed(sender: string, count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const text = message('host', sender, i, i % 7);
    const counted = `${Buffer.byteLength(text)} ${text}`;
    return [counted, `${text}\n`, `${text}\r\n`, `${counted}\n`][i % 4] ?? '';
  }).join('');
}

test('octet counting and lines mixed on one connection, in pieces of every size', async (t) => {
  const belfry = await useBelfry(t, { rules });
  const sizes = [1, 2, 3, 5, 7, 11, 13, 64, 89, 90, 91, 1000];
  await Promise.all(
    sizes.map(async (size) => {
      const bytes = Buffer.from(mixed(`by${size}`, 40));
      const sender = await openSender(belfry.port);
      sender.socket.setNoDelay(true);
      for (let at = 0; at < bytes.length; at += size) {
        await sender.write(bytes.subarray(at, at + size));
        // Small pieces would be glued again by the kernel if the server were slower than the sender.
        if (size < 20 && at % (size * 8) === 0) await sleep(1);
      }
      await sender.end();
    }),
  );
  const text = await waitForLines(belfry.file('all.log'), sizes.length * 40);
  for (const size of sizes) assertWhole(text, `by${size}`, 40);
  assert.equal(text.split('\n').length - 1, sizes.length * 40);
  assert.doesNotMatch(text, /#015/, 'no CR is left of CR LF');
});

test('every border of two messages', async (t) => {
  const belfry = await useBelfry(t, { rules });
  const bytes = Buffer.from(mixed('cut', 4));
  const sender = await openSender(belfry.port);
  sender.socket.setNoDelay(true);
  for (let border = 1; border < bytes.length; border += 1) {
    await sender.write(bytes.subarray(0, border));
    await sleep(0);
    await sender.write(bytes.subarray(border));
  }
  await sender.end();
  const lines = (bytes.length - 1) * 4;
  const text = await waitForLines(belfry.file('all.log'), lines);
  for (const number of [0, 1, 2, 3]) {
    const found = text.split(
      ` cut: n=${number}; the quick brown fox jumps over the lazy dog${'.'.repeat(number)}\n`,
    );
    assert.equal(found.length - 1, bytes.length - 1, `message ${number}`);
  }
});

test('messages of 64 KiB over many reads, and a line feed within an octet counted one', async (t) => {
  const belfry = await useBelfry(t, { rules });
  const large = Array.from({ length: 50 }, (_, i) => message('host', 'large', i, 60_000));
  const within = '<13>Nov 20 12:34:15 host app: first\nsecond';
  await sendTcp(
    belfry.port,
    large.map((text, i) => (i % 2 === 0 ? `${text}\n` : `${text.length} ${text}`)).join('') +
      `${within.length} ${within}`,
  );
  const text = await waitForLines(belfry.file('all.log'), 51);
  assertWhole(text, 'large', 50);
  assert.match(text, / app: first#012second\n$/);
});

test('a connection that sends nothing for idleTimeout is closed, one that sends is not', async (t) => {
  const belfry = await useBelfry(t, { rules, syslog: { idleTimeout: '3s' } });
  const idle = await openSender(belfry.port);
  const half = await openSender(belfry.port);
  const busy = await openSender(belfry.port);
  await half.write('100 <13>Nov 20 12:34:15 host half: n=0; never');
  let sent = 0;
  await eventually('the silent ones are closed', async () => {
    await busy.write(numbered('host', 'busy', sent, 1));
    sent += 1;
    await sleep(200);
    return idle.hasClosed && half.hasClosed;
  });
  assert.ok(!busy.hasClosed, 'the busy one stands');
  const { connections } = await statusOf(belfry);
  assert.equal(connections.closed.idle, 2);
  assert.equal(connections.partialFrames, 1);
  assertWhole(await waitForLines(belfry.file('all.log'), sent + 1), 'busy', sent);
  assert.match(readText(belfry.file('all.log')), / half: n=0; never\n/);
  await busy.end();
});

test('a sender that ends its half is read to the end; one that resets loses nothing that had arrived', async (t) => {
  const belfry = await useBelfry(t, { rules });
  const ends = await openSender(belfry.port);
  ends.socket.end(numbered('host', 'ends', 0, 5000));
  const resets = await openSender(belfry.port);
  await resets.write(numbered('host', 'resets', 0, 100));
  await eventually('read', () => readText(belfry.file('all.log')).includes('resets: n=99;'));
  resets.socket.resetAndDestroy();
  const text = await waitForLines(belfry.file('all.log'), 5100);
  assertWhole(text, 'ends', 5000);
  assertWhole(text, 'resets', 100);
  await eventually('both are closed', async () => (await statusOf(belfry)).connections.open === 0);
  assert.deepEqual((await statusOf(belfry)).connections.closed.reset, 1);
});

test('half-open connections cost nobody anything: a thousand silent ones, and messages go on', async (t) => {
  const belfry = await useBelfry(t, { rules });
  const silent = await Promise.all(Array.from({ length: 1000 }, () => openSender(belfry.port)));
  await Promise.all(silent.map((sender) => sender.write('<13>Nov 20 12:34:15 host silent: n=')));
  await sendTcp(belfry.port, numbered('host', 'app', 0, 1000));
  assertWhole(await waitForLines(belfry.file('all.log'), 1000), 'app', 1000);
  const isOpen = async (count: number) => (await statusOf(belfry)).connections.open === count;
  // The sender of the messages is gone, once that has been noticed.
  await eventually('the silent ones alone are open', () => isOpen(1000));
  for (const { socket } of silent) socket.resetAndDestroy();
  await eventually('gone', () => isOpen(0));
});
