// What the operator sees: `tail -f` on a host's file while messages arrive, and how soon a lone message is
// there. The times are printed and decide nothing but that the file does not wait for a timer of seconds.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Belfry, useBelfry } from './belfry.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { startProgram, waitUntil } from './programs.ts';

const RULES = [{ name: 'everything', file: '{host}.log' }];

function message(host: string, i: number): string {
  return `<13>Nov 20 12:34:15 ${host} app[1]: message number ${i}`;
}

function line(host: string, i: number): string {
  return `${message(host, i).slice('<13>'.length)}\n`;
}

type Send = (text: string) => void;

async function openUdp(port: number): Promise<{ send: Send; close: () => void }> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return { send: (text) => socket.send(text), close: () => socket.close() };
}

async function openTcp(port: number): Promise<{ send: Send; close: () => void }> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return { send: (text) => socket.write(`${text}\n`), close: () => socket.end() };
}

const WAYS = { udp: openUdp, tcp: openTcp };

describe('tail -f', { skip: skipWithout('tail') }, () => {
  for (const [way, open] of Object.entries(WAYS)) {
    test(`shows messages of ${way} while they arrive`, async (t) => {
      const belfry = await useBelfry(t, { rules: RULES });
      const path = belfry.file('web.log');
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'older\n');
      const tail = startProgram(demandPeer('tail'), ['-n', '+1', '-f', path]);
      t.after(() => tail.stop());
      const { send, close } = await open(belfry.port);
      t.after(close);
      let expected = 'older\n';
      for (let i = 0; i < 20; i++) {
        send(message('web', i));
        send(message('db', i));
        expected += line('web', i);
        await waitUntil(`tail shows message ${i}`, () => tail.stdout.length >= expected.length);
        assert.equal(tail.stdout, expected);
      }
      for (let i = 20; i < 1020; i++) {
        send(message('web', i));
        expected += line('web', i);
        if (i % 50 === 0) await sleep(2);
      }
      await waitUntil('tail shows them all', () => tail.stdout.length >= expected.length);
      assert.equal(tail.stdout, expected);
    });
  }
});

/** Far above what is promised: a busy machine must not make a test red, a forgotten flush must. */
const LONE_MS_MAX = 10_000;
const LONE_COUNT = 30;
/** Long enough for the server to have gone to sleep. */
const PAUSE_MS = 70;

async function loneTimes(belfry: Belfry, send: Send): Promise<number[]> {
  const path = belfry.file('lone.log');
  const size = () => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const times: number[] = [];
  for (let i = 0; i < LONE_COUNT; i++) {
    await sleep(PAUSE_MS);
    const before = size();
    const sentAt = performance.now();
    send(message('lone', i));
    while (size() === before) {
      assert.ok(
        performance.now() - sentAt < LONE_MS_MAX,
        `message ${i} is not in its file after ${LONE_MS_MAX} ms`,
      );
      await new Promise((next) => setImmediate(next));
    }
    times.push(performance.now() - sentAt);
  }
  return times.sort((a, b) => a - b);
}

describe('a lone message', () => {
  for (const [way, open] of Object.entries(WAYS)) {
    test(`of ${way} is in its file at once`, async (t) => {
      const belfry = await useBelfry(t, { rules: RULES });
      const { send, close } = await open(belfry.port);
      t.after(close);
      const times = await loneTimes(belfry, send);
      const median = times[times.length >> 1] as number;
      const slow = times.filter((time) => time > 20).length;
      t.diagnostic(
        `${way}: median ${median.toFixed(1)} ms, worst ${times.at(-1)?.toFixed(1)} ms, ${slow} of ${LONE_COUNT} above 20 ms`,
      );
    });
  }
});
