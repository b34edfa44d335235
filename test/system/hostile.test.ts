// A hundred megabytes of noise into TCP and a flood of noise into UDP, while an honest sender's messages arrive
// as if nothing were. The server stands, its memory is bounded, and every message is one line without control bytes,
// and, as JSON, valid UTF-8.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { useBelfry } from './belfry.ts';
import { countLines } from './programs.ts';
import {
  assertWhole,
  eventually,
  mebibytes,
  memoryOf,
  message,
  numbered,
  openSender,
  readText,
  sendUdp,
  statusOf,
} from './world.ts';

const MEGABYTE = 1024 * 1024;
const SEED = 20261120;

/** xorshift32: the same noise in each run. */
function noise(seed: number, size: number): Buffer {
  const words = new Uint32Array(size / 4);
  let state = seed;
  for (let i = 0; i < words.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer);
}

/** Noise that looks like messages: priorities, counts, dates, structured data and hosts in any order. */
function mockery(seed: number, size: number): Buffer {
  const dice = noise(seed, 65_536);
  const pieces = [
    '<13>',
    '<191>1 ',
    '99999 ',
    '12 ',
    'Nov 20 12:34:15 ',
    '2026-11-20T12:34:15Z ',
    '[a b="c"]',
    '- ',
  ];
  const more = [
    '[x y="',
    '\n',
    '\0',
    ' ',
    ':',
    'a'.repeat(300),
    '\u001b[2J',
    '%',
    '1 ',
    'CEF:0|',
    'date=',
    '\xff\xfe',
    '😀',
  ];
  const all = [...pieces, ...more].map((text) => Buffer.from(text));
  const parts: Buffer[] = [];
  for (let at = 0, bytes = 0; bytes < size; at += 1) {
    const piece = all[(dice[at % dice.length] ?? 0) % all.length] ?? Buffer.alloc(0);
    parts.push(piece);
    bytes += piece.length;
    if (at % 7 === 0) parts.push(dice.subarray(at % 60_000, (at % 60_000) + 9));
  }
  return Buffer.concat(parts);
}

test('100 MB of noise beside an honest sender', async (t) => {
  const belfry = await useBelfry(t, {
    rules: [
      { match: { program: 'honest' }, file: 'honest.log', stop: true },
      { match: { contains: 'zzz', regex: '(a+)+zzz' }, file: 'never.log' },
      { file: '{host}/{program}.log' },
      { file: { path: 'all.log', format: 'rfc5424' } },
      { file: { path: 'all.json', format: 'json' } },
    ],
    files: { maxOpen: 200 },
  });
  const noisy = async (block: Buffer) => {
    let sender = await openSender(belfry.port);
    for (let sent = 0; sent < 25; sent += 1) {
      if (sender.socket.destroyed) sender = await openSender(belfry.port);
      await sender.write(block);
    }
    await sender.end();
  };
  const honest = (async () => {
    const sender = await openSender(belfry.port);
    for (let from = 0; from < 20_000; from += 100) await sender.write(numbered('host', 'honest', from, 100));
    await sender.end();
  })();
  const datagrams = Array.from({ length: 20_000 }, (_, i) => {
    return (i % 2 === 0 ? noise : mockery)(SEED + i, 4 + ((i * 37) % 1400) * 4).subarray(0, 1400);
  });
  const blocks = [
    noise(SEED, MEGABYTE),
    mockery(SEED, MEGABYTE),
    noise(SEED + 1, MEGABYTE),
    mockery(SEED + 2, MEGABYTE),
  ];
  await Promise.all([...blocks.map(noisy), honest, sendUdp(belfry.port, datagrams)]);
  await sendUdp(belfry.port, [message('host', 'honest', 20_000)]);
  await eventually('the last', () => readText(belfry.file('honest.log')).includes(' n=20000;'));
  assertWhole(readText(belfry.file('honest.log')), 'honest', 20_001);

  const peak = memoryOf(belfry.program.pid, 'VmHWM');
  const { messages, files } = await statusOf(belfry);
  t.diagnostic(`${messages.received} messages, ${files.lines} lines, at most ${mebibytes(peak)}`);
  assert.ok(peak < 300 * MEGABYTE, mebibytes(peak));
  assert.equal(files.troubled.length, 0);
  const lines = messages.received - 20_001;
  for (const name of ['all.log', 'all.json']) {
    await eventually(`every message is one line of ${name}`, () => countLines(belfry.file(name)) === lines);
    assert.doesNotMatch(
      readFileSync(belfry.file(name), 'latin1'),
      /[\u0000-\u0009\u000b-\u001f\u007f]/,
      name,
    );
  }
  new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(belfry.file('all.json')));
  const json = readText(belfry.file('all.json')).trimEnd().split('\n');
  for (let at = 0; at < json.length; at += 101) JSON.parse(json[at] ?? '');
});
