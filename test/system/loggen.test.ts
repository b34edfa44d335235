// syslog-ng's load generator against a running Belfry: several connections at once, line framing and octet
// counting, datagrams. Every message carries a connection and a number: none may be missing, doubled or torn.
// And netcat, which sends a file as it is.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { useBelfry } from './belfry.ts';
import { assertSameLines } from './lines.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { startProgram, waitForLines } from './programs.ts';

const SIZE = 300;
const RAW = [{ name: 'raw', file: { path: 'all.raw', format: 'raw' } }];

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly connections: number;
  /** Of each connection. */
  readonly messages: number;
  /** Messages a second of each connection: UDP does not wait for the receiver. */
  readonly rate: number;
}

const CASES: readonly Case[] = [
  { name: 'tcp, lines, one connection', args: ['-S'], connections: 1, messages: 20_000, rate: 100_000 },
  { name: 'tcp, lines, ten connections', args: ['-S'], connections: 10, messages: 2_000, rate: 20_000 },
  {
    name: 'tcp, octet count, ten connections',
    args: ['-S', '-P'],
    connections: 10,
    messages: 2_000,
    rate: 20_000,
  },
  { name: 'tcp, RFC 5424 in lines', args: ['-S', '-P', '-F'], connections: 3, messages: 2_000, rate: 20_000 },
  {
    name: 'tcp, structured data',
    args: ['-S', '-P', '-p', '[test name="value"]'],
    connections: 1,
    messages: 2_000,
    rate: 20_000,
  },
  { name: 'udp', args: ['-D'], connections: 1, messages: 5_000, rate: 10_000 },
  { name: 'udp, RFC 5424', args: ['-D', '-P', '-F'], connections: 3, messages: 2_000, rate: 5_000 },
];

/** Every connection's numbers, in the order in which they stand in the file. */
function numbersByThread(lines: readonly string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const line of lines) {
    const match = /seq: (\d+), thread: (\d+), runid: /.exec(line);
    assert.ok(match, `not a whole message: ${line}`);
    const [, number, thread] = match as unknown as [string, string, string];
    const numbers = found.get(thread) ?? [];
    numbers.push(Number(number));
    found.set(thread, numbers);
  }
  return found;
}

describe('loggen', { skip: skipWithout('loggen') }, () => {
  for (const { name, args, connections, messages, rate } of CASES) {
    test(name, async (t) => {
      const belfry = await useBelfry(t, { rules: RAW });
      const amount = ['-s', SIZE, '-n', messages, '-r', rate, `--active-connections=${connections}`].map(
        String,
      );
      const words = ['-i', ...args, ...amount, '-Q', '127.0.0.1', String(belfry.port)];
      await startProgram(demandPeer('loggen'), words).success();
      const total = connections * messages;
      const lines = (await waitForLines(belfry.file('all.raw'), total)).split('\n').slice(0, -1);
      assert.equal(lines.length, total);
      const threads = numbersByThread(lines);
      assert.equal(threads.size, connections);
      for (const numbers of threads.values()) {
        assert.deepEqual(
          numbers,
          Array.from({ length: messages }, (_, i) => i),
        );
      }
    });
  }

  test('a file, line by line', async (t) => {
    const belfry = await useBelfry(t, { rules: RAW });
    const path = join(belfry.folder, 'input.txt');
    const lines = Array.from(
      { length: 1000 },
      (_, i) => `<${i % 192}>Nov 20 12:34:15 host app[${i}]: line ${i} ${'x'.repeat(i)}`,
    );
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    const words = ['-i', '-S', '-Q', '-R', path, '--dont-parse', '-r', '100000', '-I', '5'];
    await startProgram(demandPeer('loggen'), [...words, '127.0.0.1', String(belfry.port)]).success();
    const stored = await waitForLines(belfry.file('all.raw'), lines.length);
    assertSameLines(stored, readFileSync(path, 'utf8'));
  });
});

describe('netcat', { skip: skipWithout('nc') }, () => {
  const text = Array.from({ length: 2000 }, (_, i) => `<13>Nov 20 12:34:15 host app: line ${i}\n`).join('');

  test('a file over tcp', async (t) => {
    const belfry = await useBelfry(t, { rules: RAW });
    await startProgram(demandPeer('nc'), ['-N', '127.0.0.1', String(belfry.port)], { input: text }).success();
    assertSameLines(await waitForLines(belfry.file('all.raw'), 2000), text);
  });

  test('a message over udp, and one without a line feed over tcp', async (t) => {
    const belfry = await useBelfry(t, { rules: RAW });
    const port = String(belfry.port);
    const nc = demandPeer('nc');
    await startProgram(nc, ['-u', '-w1', '127.0.0.1', port], { input: '<13>one\n' }).success();
    assert.equal(await waitForLines(belfry.file('all.raw'), 1), '<13>one\n');
    await startProgram(nc, ['-N', '127.0.0.1', port], { input: '<13>two' }).success();
    assert.equal(await waitForLines(belfry.file('all.raw'), 2), '<13>one\n<13>two\n');
  });
});
