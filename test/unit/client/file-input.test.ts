// The file input by example: what is read, how it becomes a message, and what stands in the status.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { waitUntil } from '../../system/programs.ts';
import { makeWorld, numbered, numbers } from './use-files.ts';

test('lines become messages of RFC 5424, with the program by the name of the file', async (t) => {
  const world = makeWorld(t);
  world.write('access.log', 'GET /\nPOST /x\n');
  await world.start({ facility: 16, severity: 6 });
  await waitUntil('two messages', () => world.sink.taken === 2);
  const [first = ''] = world.sink.records.map(String);
  assert.match(
    first,
    /^<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 web-1 access - - \[timeQuality tzKnown="1" isSynced="1" syncAccuracy="1234"\] GET \/$/,
  );
  assert.deepEqual(world.sink.texts, ['GET /', 'POST /x']);
  const said = Date.parse(first.split(' ')[1] as string);
  assert.ok(Math.abs(said - Date.now()) < 60_000, 'the time is when it was read');
});

test('what is appended is read soon, and a line without its end waits', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 3));
  await world.start();
  await waitUntil('three messages', () => world.sink.taken === 3);
  world.append('a.log', 'a 4\na ');
  await waitUntil('the fourth', () => world.sink.taken === 4);
  world.append('a.log', '5\n');
  await waitUntil('the fifth', () => world.sink.taken === 5);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 5));
});

test('the kernel wakes a reader of files that have been quiet, and a scan finds what it does not tell', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', '');
  mkdirSync(world.path('elsewhere'));
  world.write('elsewhere/real', 'x 1\n');
  symlinkSync(world.path('elsewhere/real'), world.path('link.log'));
  // No scan within the time of the test: only a hint can bring the line.
  await world.start({}, { pace: { scanMs: 600_000, awakeMs: 20 } });
  await waitUntil('the first', () => world.sink.taken === 1);
  // It looks often until its first checkpoint is saved, a second after the start.
  await setTimeout(1500);
  world.append('a.log', 'a 1\n');
  await waitUntil('a line of a quiet file', () => world.sink.taken === 2);
  world.append('elsewhere/real', 'x 2\n');
  await waitUntil('a line behind a link', () => world.sink.taken === 3);
  world.write('new.log', 'new 1\n');
  await waitUntil('a new file', () => world.sink.taken === 4);
  assert.deepEqual(world.sink.texts, ['x 1', 'a 1', 'x 2', 'new 1']);
});

test('what is written by a name that nobody watches, as on a network file system, is found by the scan', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', 'a 1\n');
  mkdirSync(join(world.folder, '..', 'elsewhere'));
  const other = join(world.folder, '..', 'elsewhere', 'other');
  linkSync(world.path('a.log'), other);
  await world.start({}, { pace: { scanMs: 300, awakeMs: 20 } });
  await waitUntil('the first', () => world.sink.taken === 1);
  await setTimeout(1500);
  appendFileSync(other, 'a 2\n');
  await waitUntil('the second', () => world.sink.taken === 2);
});

test('patterns: one name, sets, any directories, exclusions; hidden names only by hidden patterns', async (t) => {
  const world = makeWorld(t);
  for (const name of ['deep/er', '.hidden', 'x']) mkdirSync(world.path(name), { recursive: true });
  for (const name of [
    'a1.log',
    'a2.log',
    'b1.log',
    'deep/d.log',
    'deep/er/e.log',
    'deep/er/skip.log',
    '.hidden/h.log',
    '.h.log',
    'x/y.txt',
    'x/.y.txt',
    '.hidden/y.txt',
  ])
    world.write(name, `${name}\n`);
  const paths = ['a[12].log', 'deep/**/*.log', '.h.log', '*/*.txt', 'none/*.log', 'a1.log'];
  await world.start({
    paths: paths.map((path) => world.path(path)),
    exclude: [world.path('**/skip.*')],
  });
  const expected = ['.h.log', 'a1.log', 'a2.log', 'deep/d.log', 'deep/er/e.log', 'x/y.txt'];
  await waitUntil('all files', () => world.sink.taken >= expected.length);
  assert.deepEqual(world.sink.texts.toSorted(), expected);
  world.append('b1.log', 'not meant\n');
  mkdirSync(world.path('deep/new'));
  world.write('deep/new/n.log', 'in a new directory\n');
  await waitUntil('a file in a new directory', () => world.sink.texts.includes('in a new directory'));
  assert.equal(world.sink.taken, expected.length + 1);
});

test('one file by two names is read once', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 2));
  symlinkSync(world.path('a.log'), world.path('b.log'));
  await world.start();
  await waitUntil('both lines', () => world.sink.taken >= 2);
  world.append('a.log', 'a 3\n');
  await waitUntil('the third', () => world.sink.taken >= 3);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 3));
});

test('CR LF, empty lines, holes, NULs, bytes that are no UTF-8', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', '\0\0\0first\r\n\r\n\n\xff\xfe bytes\n with space \n in\0side\n\0\n');
  await world.start();
  await waitUntil('four messages', () => world.sink.taken === 4);
  const texts = world.sink.records.map((record) => record.toString('latin1').split('] ').at(-1));
  assert.deepEqual(texts, ['first', '\xff\xfe bytes', ' with space ', ' in\0side']);
});

test('a line over the limit is cut at a character, the rest passed over, also over a restart', async (t) => {
  const world = makeWorld(t);
  const long = 'ä'.repeat(100_000);
  writeFileSync(world.path('a.log'), `one\n${long}`);
  await world.start({}, { maxMessageBytes: 4096 });
  await waitUntil('the cut line', () => world.sink.taken === 2);
  const record = world.sink.records[1] as Buffer;
  assert.ok(record.length <= 4096 && record.length > 4090, `${record.length} bytes`);
  assert.ok(record.toString().endsWith('ä') && !record.toString().includes('\ufffd'));
  assert.equal(world.input?.status().noted?.['cut'], 1);
  await world.stop();
  await world.start({}, { maxMessageBytes: 4096 });
  world.append('a.log', 'and its end\ntwo\n');
  await waitUntil('the line behind', () => world.sink.taken === 1);
  assert.deepEqual(world.sink.texts, ['two']);
});

test('messages of several lines: up to the next start, or until nothing comes any more', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', '2026 boom\n  at x\n\n  at y\n2026 next\r\n');
  await world.start({ multiline: { source: '^\\d{4} ', flags: '' } });
  await waitUntil('both', () => world.sink.taken === 2);
  assert.deepEqual(world.sink.texts, ['2026 boom\n  at x\n\n  at y', '2026 next']);
  world.append('a.log', '2026 third\n  more\n  half');
  await waitUntil('the third, though a line is unfinished', () => world.sink.taken === 3);
  assert.equal(world.sink.texts[2], '2026 third\n  more');
});

test('the format bsd: host, program and pid of the line, the nearest year, the zone of the setting', async (t) => {
  const world = makeWorld(t);
  const now = new Date();
  const month = now.toLocaleString('en', { month: 'short', timeZone: 'UTC' });
  const stamp = `${month} ${String(now.getUTCDate()).padStart(2)} 01:02:03`;
  world.write('syslog.log', `${stamp} db-1 sshd[42]:  two spaces \n<38>${stamp} db-1 su: x\nno header\n`);
  await world.start({ format: 'bsd', timeZone: '+02:00', facility: 3, severity: 6 });
  await waitUntil('three messages', () => world.sink.taken === 3);
  const [first = '', second = '', third = ''] = world.sink.records.map(String);
  const day = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  const time = new Date(day + ((1 * 60 + 2) * 60 + 3 - 7200) * 1000).toISOString().slice(0, 19);
  assert.equal(first, `<30>1 ${time}.000000+00:00 db-1 sshd 42 - -  two spaces `);
  assert.equal(second, `<38>1 ${time}.000000+00:00 db-1 su - - - x`);
  assert.match(third, /^<30>1 \S+ web-1 syslog - - \[timeQuality [^\]]*\] no header$/);
  assert.equal(world.input?.status().noted?.['not_understood'], 1);
});

test('the format rfc5424: taken as it is, with no word of ours about its time', async (t) => {
  const world = makeWorld(t);
  const good = '<165>1 2026-01-02T03:04:05.678901+01:00 a.example app 7 ID [x@1 a="b"] text';
  world.write('a.log', `${good}\n<13>1 broken\nplain\n`);
  await world.start({ format: 'rfc5424' });
  await waitUntil('three messages', () => world.sink.taken === 3);
  assert.equal(String(world.sink.records[0]), good);
  assert.deepEqual(world.sink.texts.slice(1), ['<13>1 broken', 'plain']);
  assert.equal(world.input?.status().noted?.['not_understood'], 2);
});

test('"from": what was there before the first start, and what came later', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', 'old 1\nold 2\nhal');
  await world.start({ from: 'end' });
  world.append('a.log', 'f\nnew 1\n');
  await waitUntil('the end of the old', () => world.sink.taken === 2);
  world.write('b.log', 'b 1\n');
  await waitUntil('a new file', () => world.sink.taken === 3);
  assert.deepEqual(world.sink.texts, ['half', 'new 1', 'b 1']);
  await world.stop();
  world.write('c.log', 'c 1\n');
  world.write('d.txt', 'old\n');
  // A pattern that was not there at the first start brings in files that were.
  await world.start({ from: 'end', paths: [world.path('*.log'), world.path('*.txt')] });
  await waitUntil('a file of the pause', () => world.sink.taken === 1);
  world.append('d.txt', 'd 1\n');
  await waitUntil('a line of the new pattern', () => world.sink.taken === 2);
  assert.deepEqual(world.sink.texts, ['c 1', 'd 1']);
});

test('pipes, compressed files and what cannot be opened are said, with what to do', async (t) => {
  const world = makeWorld(t);
  world.write('good.log', 'g 1\n');
  writeFileSync(world.path('old.log'), gzipSync('x\n'.repeat(100)));
  spawnSync('mkfifo', [world.path('pipe.log')]);
  symlinkSync('circle.log', world.path('circle.log'));
  await world.start();
  await waitUntil('the good one', () => world.sink.taken === 1);
  await waitUntil('all are said', () => world.log.warnings.length === 3);
  const said = world.log.warnings.join('\n');
  assert.match(said, /circle\.log cannot be read \(ELOOP\)/);
  assert.match(said, /pipe\.log is a pipe, .*"exclude"/);
  assert.match(said, /old\.log is compressed \(gzip\).*"exclude"/);
  assert.match(world.input?.status().trouble ?? '', /And 2 more like this/);
  assert.deepEqual(world.sink.texts, ['g 1']);
});

test('a queue that is full holds the reader back: nothing is lost, and other files have their turn', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 5000));
  world.write('b.log', numbered('b', 1, 5000));
  const input = await world.start();
  world.sink.room = 700;
  await waitUntil('it is held', () => input.status().isHeld);
  assert.match(input.status().position, /2 files, \d behind: .*log at [\d,]+ of [\d,]+ bytes/);
  assert.ok((input.status().lag.bytes ?? 0) > 0);
  while (world.sink.taken < 10_000) {
    world.sink.room = 777;
    input.resume();
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const name of ['a', 'b'])
    assert.deepEqual(
      world.sink.texts.filter((text) => text.startsWith(name)),
      numbers(name, 1, 5000),
    );
  await waitUntil('no lag', () => input.status().lag.bytes === 0 && !input.status().isHeld);
  assert.equal(input.status().messages, 10_000);
});

test('a large file does not keep a small one waiting', async (t) => {
  const world = makeWorld(t);
  world.write('a-large.log', numbered('large', 1, 200_000));
  world.write('z-small.log', 'small\n');
  await world.start();
  await waitUntil('the small one', () => world.sink.texts.includes('small'));
  assert.ok(world.sink.taken < 100_000, `after ${world.sink.taken} lines of the large one`);
});

test('a folder that appears later is found', async (t) => {
  const world = makeWorld(t);
  await world.start({ paths: [join(world.folder, 'later', '*.log')] });
  assert.equal(world.input?.status().position, 'no file yet');
  mkdirSync(world.path('later'));
  world.write('later/a.log', 'a 1\n');
  await waitUntil('its file', () => world.sink.taken === 1);
});
