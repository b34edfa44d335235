// Many files and large ones: rotation by size while messages pour in, modes and directories, a hundred thousand
// host names with few descriptors, names that try to leave the root, and the three kinds of sync.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type Belfry, useBelfry } from './belfry.ts';
import { waitForLines } from './programs.ts';
import {
  assertNoTornLine,
  assertWhole,
  descriptorsOf,
  eventually,
  mebibytes,
  memoryOf,
  message,
  numbered,
  openSender,
  readText,
  received,
  sendTcp,
  sendUdp,
  statusOf,
} from './world.ts';

/** The generations of a file, oldest first, the file itself last. */
function generations(belfry: Belfry, name: string): string[] {
  const age = (file: string) => Number(/\.(\d+)(?:\.gz)?$/.exec(file)?.[1] ?? 0);
  return readdirSync(join(belfry.folder, 'out'))
    .filter((file) => file === name || file.startsWith(`${name}.`))
    .sort((a, b) => age(b) - age(a));
}

function readGeneration(belfry: Belfry, file: string): string {
  const bytes = readFileSync(belfry.file(file));
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** All generations, once no rotation is under way and so many lines are written. */
async function readAll(belfry: Belfry, lines: number): Promise<string[]> {
  let texts: string[] = [];
  await eventually(`${lines} lines in all generations`, () => {
    const found = generations(belfry, 'all.log');
    if (found.some((file) => /\.part$|\.\d+$/.test(file))) return false;
    try {
      texts = found.map((file) => readGeneration(belfry, file));
    } catch {
      // It was moved up just now.
      return false;
    }
    return texts.join('').split('\n').length - 1 === lines;
  });
  return texts;
}

test('rotation by size under load: all generations together hold every line once, in order', async (t) => {
  const belfry = await useBelfry(t, {
    rules: [{ file: { path: 'all.log', rotate: { size: '256KiB', keep: 500, compress: true } } }],
  });
  const count = 30_000;
  const senders = await Promise.all([0, 1].map(() => openSender(belfry.port)));
  const writing = senders.map(async (sender, at) => {
    for (let from = 0; from < count; from += 1000) {
      await sender.write(numbered('host', `s${at}`, from, 1000));
      await sleep(20);
    }
    await sender.end();
  });
  const datagrams = Array.from({ length: 10_000 }, (_, i) => message('host', 'udp', i));
  await Promise.all([...writing, sendUdp(belfry.port, datagrams)]);
  await received(belfry, 2 * count + datagrams.length);
  assert.equal((await statusOf(belfry)).messages.dropped.kernel, 0);
  const texts = await readAll(belfry, 2 * count + datagrams.length);
  const { files } = await statusOf(belfry);
  assert.equal(files.jobsFailed, 0, belfry.program.stderr);
  t.diagnostic(`${files.rotated} rotations, ${texts.length} generations`);
  assert.ok(texts.length >= 3);
  texts.forEach(assertNoTornLine);
  for (const sender of ['s0', 's1']) assertWhole(texts.join(''), sender, count);
  assertWhole(texts.join(''), 'udp', datagrams.length);
});

test('no more generations are kept than asked for', async (t) => {
  const belfry = await useBelfry(t, {
    rules: [{ file: { path: 'all.log', mode: '0604', rotate: { size: '64KiB', keep: 2, compress: true } } }],
  });
  const rotated = async () => (await statusOf(belfry)).files.rotated;
  for (let from = 0; from < 6; from += 1) {
    const before = await rotated();
    await sendTcp(belfry.port, numbered('host', 'app', from * 2000, 2000));
    await eventually('rotated', async () => (await rotated()) > before);
  }
  await sendTcp(belfry.port, numbered('host', 'app', 12_000, 1));
  await waitForLines(belfry.file('all.log'), 1);
  let found: string[] = [];
  await eventually('two generations and the file', () => {
    found = generations(belfry, 'all.log');
    return found.join(' ') === 'all.log.2.gz all.log.1.gz all.log';
  });
  for (const file of found) assert.equal(statSync(belfry.file(file)).mode & 0o777, 0o604, file);
});

test('modes and directories are as asked for, whatever the umask', async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const belfry = await useBelfry(t, {
    rules: [{ file: '{host}/{program}/{severity}.log' }],
    files: { mode: '0664', directoryMode: '0775', sync: 'ack' },
  });
  await sendTcp(belfry.port, numbered('alpha', 'app', 0, 10));
  await waitForLines(belfry.file('alpha/app/notice.log'), 10);
  assert.equal(statSync(belfry.file('alpha/app/notice.log')).mode & 0o777, 0o664);
  for (const path of ['.', 'alpha', 'alpha/app']) {
    assert.equal(statSync(belfry.file(path)).mode & 0o777, 0o775, path);
  }
});

for (const sync of ['none', '1s', 'ack']) {
  test(`sync "${sync}" writes every line once`, async (t) => {
    const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }], files: { sync } });
    await sendTcp(belfry.port, numbered('host', 'tcp', 0, 2000));
    await sendUdp(
      belfry.port,
      Array.from({ length: 100 }, (_, i) => message('host', 'udp', i)),
    );
    const text = await waitForLines(belfry.file('all.log'), 2100);
    assertWhole(text, 'tcp', 2000);
    assertWhole(text, 'udp', 100);
    if (sync === '1s') await sleep(1500);
    assert.equal((await statusOf(belfry)).files.jobsFailed, 0);
  });
}

test('100,000 host names need no more descriptors and little memory', async (t) => {
  const hosts = 100_000;
  const belfry = await useBelfry(t, {
    rules: [{ file: '{host}.log' }],
    files: { maxOpen: 1000 },
  });
  const state = { most: 0, isOver: false };
  const watching = (async () => {
    while (!state.isOver) {
      state.most = Math.max(state.most, descriptorsOf(belfry.program.pid));
      await sleep(50);
    }
  })();
  // All hosts once, then some of them again, when their files were closed long since.
  const sender = await openSender(belfry.port);
  for (let from = 0; from < hosts; from += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, i) => `${message(`host-${from + i}`, 'app', 0)}\n`);
    await sender.write(lines.join(''));
  }
  const again = Array.from({ length: hosts / 100 }, (_, i) => i * 100);
  await sender.write(again.map((i) => `${message(`host-${i}`, 'app', 1)}\n`).join(''));
  await sender.end();
  await received(belfry, hosts + again.length);
  await eventually('written', () => readText(belfry.file(`host-${again.at(-1)}.log`)).includes('n=1;'));
  state.isOver = true;
  await watching;
  const { files, senders } = await statusOf(belfry);
  t.diagnostic(
    `at most ${state.most} descriptors, ${mebibytes(memoryOf(belfry.program.pid, 'VmHWM'))}, ${files.evicted} files closed for others`,
  );
  assert.ok(state.most < 1100, `${state.most} descriptors were open`);
  assert.ok(files.open <= 1000);
  assert.ok(senders.known <= 10_000);
  assert.equal(readdirSync(join(belfry.folder, 'out')).length, hosts);
  for (const host of again) assertWhole(readText(belfry.file(`host-${host}.log`)), 'app', 2);
  for (let host = 1; host < hosts; host += 1000)
    assertWhole(readText(belfry.file(`host-${host}.log`)), 'app', 1);
});

test('host names that try to leave the root, hide, break lines or steer a terminal stay one line inside it', async (t) => {
  const belfry = await useBelfry(t, { rules: [{ file: 'hosts/{host}/{program}.log' }, { file: 'all.log' }] });
  const hosts = [
    '../../etc/passwd',
    '..',
    '.',
    '/etc/passwd',
    'x'.repeat(4096),
    'é'.repeat(2048),
    'nul\0byte',
    'line\nfeed',
    '\u001b[31mred\u001b[0m',
    'a\u202eb',
    '%s%n',
    '~root',
    '-rf',
    '',
  ];
  const programs = ['../../../x', '\u001b]0;title\u0007', '..', 'p'.repeat(300)];
  for (const host of hosts) {
    for (const program of programs) {
      const text = `<13>1 2026-11-20T12:34:15Z ${host} ${program} - - - n=1; text`;
      await sendUdp(belfry.port, [text]);
      await sendTcp(belfry.port, `${Buffer.byteLength(text)} ${text}`);
    }
  }
  const sent = hosts.length * programs.length * 2;
  await received(belfry, sent);
  const text = await waitForLines(belfry.file('all.log'), sent);
  assert.equal(text.split('\n').length - 1, sent, 'one line a message');
  const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
  assert.doesNotMatch(text, control);
  let out: string[] = [];
  await eventually('every message is in a file of its host', () => {
    out = readdirSync(join(belfry.folder, 'out'), { recursive: true, encoding: 'utf8' });
    const stored = out.filter((path) => statSync(belfry.file(path)).isFile() && path !== 'all.log');
    const lines = stored.reduce((sum, path) => sum + readText(belfry.file(path)).split('\n').length - 1, 0);
    return lines === sent;
  });
  for (const path of out) {
    assert.doesNotMatch(path, /[\p{Cc}\p{Cf}]/u, JSON.stringify(path));
    assert.ok(
      path.split('/').every((part) => !part.startsWith('.')),
      path,
    );
  }
  assert.deepEqual(readdirSync(join(belfry.folder, 'out')).sort(), ['all.log', 'hosts']);
  assert.deepEqual(readdirSync(belfry.folder).sort(), ['control.sock', 'out', 'server.json']);
});
