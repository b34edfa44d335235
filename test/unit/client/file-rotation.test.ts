// What rotation, restarts and removal do to files that are read: each story of a reader that lost or doubled lines
// is a test here, with the steps that logrotate makes.

import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { FilePace } from '../../../client/inputs/file/file-input.ts';
import type { SavedPosition } from '../../../client/inputs/file/position.ts';
import { waitUntil } from '../../system/programs.ts';
import { makeWorld, numbered, numbers, type World } from './use-files.ts';

async function worldWith(
  t: TestContext,
  name: string,
  text: string,
  count: number,
  pace: Partial<FilePace> = {},
): Promise<World> {
  const world = makeWorld(t);
  world.write(name, text);
  await world.start({}, { pace });
  await waitUntil(`${count} lines`, () => world.sink.taken === count);
  return world;
}

function checkpointOf(world: World): string {
  return join(world.folder, '..', 'checkpoints', 'files.json');
}

function savedBy(world: World): SavedPosition {
  const { position } = JSON.parse(readFileSync(checkpointOf(world), 'utf8')) as { position: SavedPosition };
  return position;
}

/** Changes what was saved, as if it had been another file. */
function editSaved(world: World, edit: (file: Record<string, unknown>) => void): void {
  const all = JSON.parse(readFileSync(checkpointOf(world), 'utf8')) as {
    position: { files: Record<string, unknown>[] };
  };
  for (const file of all.position.files) edit(file);
  writeFileSync(checkpointOf(world), JSON.stringify(all));
}

test('renamed and made anew: the old is read to its end, then the new from its beginning', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10, { goneMs: 60_000 });
  world.append('a.log', numbered('a', 11, 2000));
  renameSync(world.path('a.log'), world.path('a.log.1'));
  world.write('a.log', numbered('a', 2001, 4000));
  // The program writes on to the file that it holds open, until it is told.
  await waitUntil('both files', () => world.sink.taken === 4000);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 4000));
  world.append('a.log.1', 'late\n');
  await waitUntil('a late line of the old', () => world.sink.taken === 4001);
});

test('renamed to a name that the pattern matches: nothing twice', async (t) => {
  const world = makeWorld(t);
  const paths = [world.path('a.log*')];
  world.write('a.log', numbered('a', 1, 10));
  await world.start({ paths });
  await waitUntil('the first', () => world.sink.taken === 10);
  for (let round = 1; round <= 3; round += 1) {
    for (let old = round; old > 1; old -= 1)
      renameSync(world.path(`a.log.${old - 1}`), world.path(`a.log.${old}`));
    renameSync(world.path('a.log'), world.path('a.log.1'));
    world.write('a.log', numbered('a', round * 10 + 1, round * 10 + 10));
    await waitUntil('the next', () => world.sink.taken >= round * 10 + 10);
  }
  await world.stop();
  assert.deepEqual(world.sink.texts, numbers('a', 1, 40));
  await world.start({ paths });
  world.append('a.log', 'a 41\n');
  await waitUntil('the next', () => world.sink.taken >= 1);
  assert.deepEqual(world.sink.texts, ['a 41']);
});

test('copied and cut: read from the beginning, however soon it has grown past the old place', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 100), 100);
  copyFileSync(world.path('a.log'), world.path('a.log.1'));
  truncateSync(world.path('a.log'));
  world.append('a.log', numbered('a', 101, 110));
  await waitUntil('the lines behind the cut', () => world.sink.taken === 110);
  copyFileSync(world.path('a.log'), world.path('a.log.1'));
  // In one step: nobody sees it shorter than before.
  writeFileSync(world.path('a.log'), numbered('a', 111, 400));
  await waitUntil('a file that only seems to have grown', () => world.sink.taken === 400);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 400));
  assert.deepEqual(world.input?.status().dropped, { truncated: 0 });
});

test('cut while its writer keeps its place: the hole before the next line is no line', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 5000), 5000);
  const { size } = statSync(world.path('a.log'));
  truncateSync(world.path('a.log'));
  truncateSync(world.path('a.log'), size);
  world.append('a.log', numbered('a', 5001, 5010));
  await waitUntil('the lines behind the hole', () => world.sink.taken === 5010);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 5010));
});

test('cut, and written anew with the same beginning: shorter than it was is another file', async (t) => {
  const head = `${'# fields: date time s-ip cs-method\n'.repeat(50)}`;
  const world = await worldWith(t, 'a.log', head + numbered('a', 1, 100), 150);
  writeFileSync(world.path('a.log'), head + numbered('a', 101, 120));
  await waitUntil('all of it', () => world.sink.taken === 220);
  assert.deepEqual(world.sink.texts.slice(-20), numbers('a', 101, 120));
});

/** More than one piece of a file. */
const COUNT = 60_000;

test('rotated three times while the queue was full: read in the order in which it was written', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, COUNT));
  const input = await world.start({ paths: [world.path('a.log*')] });
  world.sink.room = 10;
  await waitUntil('it is held', () => input.status().isHeld);
  for (let round = 1; round <= 3; round += 1) {
    for (let old = round; old > 1; old -= 1)
      renameSync(world.path(`a.log.${old - 1}`), world.path(`a.log.${old}`));
    renameSync(world.path('a.log'), world.path('a.log.1'));
    world.write('a.log', numbered('a', round * COUNT + 1, (round + 1) * COUNT));
  }
  await waitUntil('all are found', () => input.status().position.startsWith('4 files'));
  world.sink.room = Number.POSITIVE_INFINITY;
  input.resume();
  await waitUntil('all lines', () => world.sink.taken === 4 * COUNT);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 4 * COUNT));
});

test('written anew with as many bytes: another file, though it has the same size', async (t) => {
  const world = await worldWith(t, 'a.log', 'a 1\na 2\n', 2);
  world.write('a.log', 'b 1\nb 2\n');
  await waitUntil('the new lines', () => world.sink.taken === 4);
  assert.deepEqual(world.sink.texts.slice(2), ['b 1', 'b 2']);
});

test('a file that the patterns mean no more is left alone, and goes on where it was when they do again', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
  await world.stop();
  world.append('a.log', numbered('a', 11, 20));
  world.write('b.log', 'b 1\n');
  await world.start({ exclude: [world.path('a.log')] });
  await waitUntil('the other one', () => world.sink.texts.includes('b 1'));
  assert.deepEqual(world.sink.texts, ['b 1']);
  await world.stop();
  await world.start();
  await waitUntil('the rest', () => world.sink.taken === 10);
  assert.deepEqual(world.sink.texts, numbers('a', 11, 20));
});

test('cut to less than was read while nobody read: read from its beginning, and said', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 1000), 1000);
  await world.stop();
  world.write('a.log', numbered('a', 1, 400));
  await world.start();
  await waitUntil('all of it', () => world.sink.taken === 400);
  assert.match(world.log.warnings.join(), /shorter than what was read of it before/);
});

test('stopped while the queue took only a part: the rest comes after the restart', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 5000));
  const input = await world.start();
  world.sink.room = 1500;
  await waitUntil('it is held', () => input.status().isHeld);
  await world.stop();
  const first = world.sink.texts;
  await world.start();
  await waitUntil('the rest', () => world.sink.texts.at(-1) === 'a 5000');
  assert.deepEqual(first, numbers('a', 1, 1500));
  const from = Number(world.sink.texts[0]?.slice(2));
  assert.ok(from <= 1501 && from > 1000, `from ${from}`);
  assert.deepEqual(world.sink.texts, numbers('a', from, 5000));
});

test('held at the very end, and let go: what was taken then is not read again', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 1000));
  const input = await world.start();
  world.sink.room = 400;
  await waitUntil('it is held', () => input.status().isHeld);
  world.sink.room = 600;
  input.resume();
  assert.equal(world.sink.taken, 1000);
  await world.stop();
  world.append('a.log', 'a 1001\n');
  await world.start();
  await waitUntil('the next line', () => world.sink.texts.at(-1) === 'a 1001');
  assert.deepEqual(world.sink.texts, ['a 1001']);
});

test('cut before it was read to its end: what is lost is counted and said', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 50_000));
  const input = await world.start();
  world.sink.room = 100;
  await waitUntil('it is held', () => input.status().isHeld);
  truncateSync(world.path('a.log'));
  world.append('a.log', 'after\n');
  world.sink.room = Number.POSITIVE_INFINITY;
  input.resume();
  await waitUntil('the line behind', () => world.sink.texts.includes('after'));
  assert.deepEqual(input.status().dropped, { truncated: 1 });
  assert.match(
    world.log.warnings.join(),
    /before it was read to its end: \d+.* KiB that stood there are lost/,
  );
});

test('an inode that a new file got: it is read from its beginning', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 100), 100);
  await world.stop();
  const { ino } = statSync(world.path('a.log'));
  // What is in it tells it apart, since it keeps its number.
  writeFileSync(world.path('a.log'), numbered('b', 1, 300));
  assert.equal(statSync(world.path('a.log')).ino, ino);
  await world.start();
  await waitUntil('the new file', () => world.sink.taken === 300);
  assert.deepEqual(world.sink.texts, numbers('b', 1, 300));
});

test('an inode that a new file got, which begins like the old one: its birth tells', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 100), 100);
  world.append('a.log', 'a 101\n');
  await waitUntil('one more', () => world.sink.taken === 101);
  await world.stop();
  const [saved] = savedBy(world).files;
  if (saved?.birth === undefined) return t.skip('the file system does not tell when a file was made');
  editSaved(world, (file) => {
    file['birth'] = 1_600_000_000_000;
  });
  await world.start();
  await waitUntil('all of it', () => world.sink.taken === 101);
});

test('a device that has another number after a boot: the same path, inode and content are the same file', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 100), 100);
  await world.stop();
  editSaved(world, (file) => {
    file['dev'] = '999999';
  });
  world.append('a.log', 'a 101\n');
  await world.start();
  await waitUntil('the new line', () => world.sink.taken >= 1);
  assert.deepEqual(world.sink.texts, ['a 101']);
});

test('removed and made anew under its name: the old is read to its end', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
  world.append('a.log', `${numbered('a', 11, 1000)}unfinished`);
  unlinkSync(world.path('a.log'));
  world.write('a.log', 'new 1\n');
  await waitUntil('all, the unfinished line too', () => world.sink.taken === 1002);
  assert.deepEqual(world.sink.texts, [...numbers('a', 1, 1000), 'new 1', 'unfinished']);
});

test('a restart doubles nothing and skips nothing', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 1000), 1000);
  await world.stop();
  world.append('a.log', numbered('a', 1001, 1010));
  await world.start();
  await waitUntil('what came meanwhile', () => world.sink.taken >= 10);
  assert.deepEqual(world.sink.texts, numbers('a', 1001, 1010));
});

test('rotated while nobody read, to a name that no pattern matches: found, and read first', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
  await world.stop();
  world.append('a.log', numbered('a', 11, 500));
  renameSync(world.path('a.log'), world.path('a.log.1'));
  world.write('a.log', numbered('a', 501, 1000));
  await world.start();
  await waitUntil('both', () => world.sink.taken === 990);
  assert.deepEqual(world.sink.texts, numbers('a', 11, 1000));
});

test('rotated and compressed while nobody read: what is lost is said, once', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
  await world.stop();
  writeFileSync(world.path('a.log.1.gz'), gzipSync(readFileSync(world.path('a.log'))));
  unlinkSync(world.path('a.log'));
  world.write('a.log', 'new\n');
  await world.start();
  await waitUntil('the new file', () => world.sink.taken === 1);
  assert.match(
    world.log.warnings.join(),
    /a\.log as it was read last \(to byte 41\) cannot be found any more/,
  );
  await world.stop();
  world.log.warnings.length = 0;
  await world.start();
  assert.deepEqual(world.log.warnings, []);
});

test('rotation under load, while the queue is full most of the time: each line once, in order', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', '');
  const input = await world.start();
  const perFile = 3000;
  for (let round = 0; round < 12; round += 1) {
    for (let part = 0; part < 10; part += 1) {
      const from = round * perFile + part * 300 + 1;
      world.append('a.log', numbered('a', from, from + 299));
      world.sink.room = 250;
      input.resume();
      await setTimeout(2);
    }
    renameSync(world.path('a.log'), world.path(`a.log.${round}`));
    world.write('a.log', '');
    // One is found by its folder's change, another only by the scan.
    await setTimeout(round % 3 === 0 ? 30 : 5);
  }
  // A file that comes and goes between two looks is one that no reader of files can see.
  const seen = () =>
    new Set(world.sink.texts.map((text) => Math.floor((Number(text.slice(2)) - 1) / perFile)));
  world.sink.room = Number.POSITIVE_INFINITY;
  input.resume();
  await waitUntil('the last line', () => world.sink.texts.at(-1) === `a ${12 * perFile}`);
  assert.equal(seen().size, 12);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 12 * perFile));
});

test('only what is safe is saved: the rest is read again', async (t) => {
  const world = makeWorld(t);
  world.write('a.log', numbered('a', 1, 5000));
  const input = await world.start();
  world.sink.isSafe = false;
  await waitUntil('all', () => world.sink.taken === 5000);
  world.sink.makeSafe(3000);
  input.resume();
  await world.stop();
  const [file] = savedBy(world).files;
  assert.ok(file !== undefined && file.offset > 0 && file.offset <= numbered('a', 1, 3000).length);
  await world.start();
  await waitUntil('the rest', () => world.sink.texts.at(-1) === 'a 5000');
  const [first = ''] = world.sink.texts;
  assert.deepEqual(world.sink.texts, numbers('a', Number(first.slice(2)), 5000));
  assert.ok(Number(first.slice(2)) <= 3001);
});

test('nothing is kept for ever: files that were removed are forgotten, others after a day', async (t) => {
  const world = makeWorld(t);
  for (let i = 0; i < 50; i += 1) world.write(`${i}.log`, `line ${i}\n`);
  await world.start();
  await waitUntil('all', () => world.sink.taken === 50);
  for (let i = 0; i < 48; i += 1) unlinkSync(world.path(`${i}.log`));
  renameSync(world.path('48.log'), world.path('48.old'));
  await waitUntil('they are forgotten', () => savedBy(world).files.length === 2);
  await waitUntil('it is closed', () => savedBy(world).files.some(({ goneMs }) => goneMs !== undefined));
  await world.stop();
  assert.deepEqual(readdirSync(join(world.folder, '..', 'checkpoints')), ['files.json']);
  editSaved(world, (file) => {
    if (file['goneMs'] !== undefined) file['goneMs'] = Date.now() - 25 * 3_600_000;
  });
  await world.start();
  await world.stop();
  assert.equal(savedBy(world).files.length, 1);
});

test('a file that comes back under its name within the day goes on where it was', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
  renameSync(world.path('a.log'), world.path('a.old'));
  await waitUntil('it is closed', () => savedBy(world).files.some(({ goneMs }) => goneMs !== undefined));
  appendFileSync(world.path('a.old'), 'a 11\n');
  renameSync(world.path('a.old'), world.path('a.log'));
  await waitUntil('its new line', () => world.sink.taken > 10);
  assert.deepEqual(world.sink.texts, numbers('a', 1, 11));
});

test('a damaged checkpoint: said, and all is read from the beginning', async (t) => {
  for (const damage of [
    '',
    '{"belfry":1,"inp',
    '\0\0\0\0',
    '{"belfry":1,"input":"files","position":{"files":3}}',
    'null',
  ]) {
    const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
    await world.stop();
    writeFileSync(checkpointOf(world), damage);
    // Also with "end": this is no first start.
    await world.start({ from: 'end' });
    await waitUntil('all of it again', () => world.sink.taken === 10);
    assert.match(world.log.warnings.join(), /read from (its|their) beginning/, damage);
    await world.stop();
    assert.ok(existsSync(checkpointOf(world)));
  }
});

test('a checkpoint of another make, or a link in its place, is no checkpoint', async (t) => {
  const world = await worldWith(t, 'a.log', numbered('a', 1, 10), 10);
  await world.stop();
  writeFileSync(checkpointOf(world), '{"belfry":2,"input":"files","position":{}}');
  await world.start();
  await waitUntil('all of it again', () => world.sink.taken === 10);
  assert.match(world.log.warnings.join(), /written by another version \(2\)/);
  await world.stop();
  const target = join(world.folder, 'passwd');
  writeFileSync(target, 'untouched');
  unlinkSync(checkpointOf(world));
  symlinkSync(target, checkpointOf(world));
  await world.start();
  await waitUntil('all of it once more', () => world.sink.taken === 10);
  await world.stop();
  assert.equal(readFileSync(target, 'utf8'), 'untouched');
});
